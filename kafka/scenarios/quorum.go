package scenarios

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

// Controllers are nodes that are broker and controller, of one dynamic quorum. Node 1 runs and is the only voter.
type Controllers interface {
	// Start runs a node. An empty disk is formatted without voters first.
	Start(id messages.BrokerID)
	// Kill ends it without a word, Wipe empties the disk of one that does not run.
	Kill(id messages.BrokerID)
	Wipe(id messages.BrokerID)
	// Describe is DescribeQuorum, false while nobody answers.
	Describe() (leader messages.BrokerID, replicas []messages.QuorumReplica, answered bool)
	// Add and Remove change the voters and return the name of Kafka's error, "" when they did.
	Add(id messages.BrokerID, directory string) string
	Remove(id messages.BrokerID, directory string) string
	// Eventually waits until something holds.
	Eventually(what string, holds func() bool)
}

// Quorum is the life of a quorum: controllers are added, one loses its disk, votes are taken.
func Quorum(t testing.TB, c Controllers) {
	t.Helper()
	q := quorum{t, c}
	c.Start(2)
	c.Start(3)
	second, third := q.observes(2), q.observes(3)
	require.Equal(t, []messages.BrokerID{1}, q.voters(), "who starts has no vote")

	require.Equal(t, "REQUEST_TIMED_OUT", c.Add(2, third), "a directory that nobody has never catches up")
	q.adds(2, second)
	require.Equal(t, "DUPLICATE_VOTER", c.Add(2, second))
	q.adds(3, third)
	require.Equal(t, []messages.BrokerID{1, 2, 3}, q.voters())

	c.Kill(3)
	c.Wipe(3)
	c.Start(3)
	replaced := q.observes(3)
	require.NotEqual(t, third, replaced, "a new disk is a new directory")
	require.Equal(t, []messages.BrokerID{1, 2, 3}, q.voters(), "the old entry keeps counting")
	require.Equal(t, "DUPLICATE_VOTER", c.Add(3, replaced), "a node has one vote")
	require.Equal(t, "VOTER_NOT_FOUND", c.Remove(3, replaced), "the vote is that of the lost disk")
	q.removes(3, third)
	require.Equal(t, "VOTER_NOT_FOUND", c.Remove(3, third))
	q.adds(3, replaced)
	require.Equal(t, []messages.BrokerID{1, 2, 3}, q.voters())
	require.True(t, q.lists(3, third), "the lost disk is listed for minutes")

	leader, directory := q.leader()
	q.removes(leader, directory)
	c.Eventually("another controller leads", func() bool {
		next, _, answered := c.Describe()
		return answered && next >= 0 && next != leader
	})
	require.Equal(t, directory, q.observes(leader), "it goes on as an observer")
	q.adds(leader, directory)

	c.Kill(2)
	c.Kill(3)
	c.Eventually("without a majority nobody answers", func() bool {
		_, _, answered := c.Describe()
		return !answered
	})
	c.Start(2)
	c.Eventually("two of three are enough", func() bool {
		leader, _, answered := c.Describe()
		return answered && leader >= 0
	})
	q.removes(3, replaced)
	require.Equal(t, []messages.BrokerID{1, 2}, q.voters(), "a vote is taken from a node that is down")
}

type quorum struct {
	t testing.TB
	Controllers
}

// observes waits until a node has the metadata log without a vote, and returns the id of its directory.
func (q quorum) observes(id messages.BrokerID) (directory string) {
	q.t.Helper()
	q.Eventually("node "+id.String()+" observes", func() bool {
		_, replicas, answered := q.Describe()
		at := slices.IndexFunc(replicas, func(r messages.QuorumReplica) bool {
			return r.ID == id && !r.Voter && !r.LastCaughtUp.IsZero()
		})
		if at >= 0 {
			directory = replicas[at].DirectoryID
		}
		return answered && at >= 0
	})
	return directory
}

// lists reports whether a directory is among the observers.
func (q quorum) lists(id messages.BrokerID, directory string) bool {
	q.t.Helper()
	_, replicas, _ := q.Describe()
	return slices.ContainsFunc(replicas, func(r messages.QuorumReplica) bool {
		return r.ID == id && r.DirectoryID == directory && !r.Voter
	})
}

func (q quorum) voters() []messages.BrokerID {
	q.t.Helper()
	var ids []messages.BrokerID
	q.Eventually("the quorum is described", func() bool {
		_, replicas, answered := q.Describe()
		ids = nil
		for _, r := range replicas {
			if r.Voter {
				ids = append(ids, r.ID)
			}
		}
		return answered
	})
	return ids
}

func (q quorum) leader() (id messages.BrokerID, directory string) {
	q.t.Helper()
	q.Eventually("a controller leads", func() bool {
		leader, replicas, answered := q.Describe()
		at := slices.IndexFunc(replicas, func(r messages.QuorumReplica) bool { return r.Voter && r.ID == leader })
		if !answered || at < 0 {
			return false
		}
		id, directory = leader, replicas[at].DirectoryID
		return true
	})
	return id, directory
}

// adds and removes try again what a quorum cannot do at the moment: right after an election it answers so (KIP-853).
func (q quorum) adds(id messages.BrokerID, directory string) {
	q.t.Helper()
	q.Eventually("node "+id.String()+" votes", func() bool { return q.done(q.Add(id, directory), "DUPLICATE_VOTER") })
}

func (q quorum) removes(id messages.BrokerID, directory string) {
	q.t.Helper()
	q.Eventually("the vote of node "+id.String()+" is taken", func() bool { return q.done(q.Remove(id, directory), "VOTER_NOT_FOUND") })
}

// done: the answer to an attempt that worked may have been lost.
func (q quorum) done(failure, already string) bool {
	q.t.Helper()
	transient := []string{"NOT_LEADER_FOR_PARTITION", "REQUEST_TIMED_OUT", "BROKER_NOT_AVAILABLE", "unanswered"}
	if failure != "" && failure != already {
		require.Contains(q.t, transient, failure)
	}
	return failure == "" || failure == already
}
