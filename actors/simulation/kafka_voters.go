package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

const (
	// joining is how long the leader waits for a new voter to have all of the metadata log.
	joining = 5 * time.Second
	// newLeader is how long a leader answers changes of voters as if it were none: until it has committed something.
	newLeader = 300 * time.Millisecond
	// missed is how long nobody can know that a voter has gone.
	missed = 2 * time.Second
)

// DescribeQuorum waits for a controller, as brokers do.
func (a kafkaAdmin) DescribeQuorum(ctx context.Context) (quorum kafkaclient.QuorumState, err error) {
	err = a.do(ctx, "describe quorum", func(c *kafkaState, _ *process) error {
		if !c.active() {
			return errors.New("context deadline exceeded")
		}
		quorum = kafkaclient.QuorumState{Leader: c.quorum.leader, Replicas: c.described(a.kafka)}
		return nil
	})
	return quorum, err
}

// AddVoter is AddRaftVoter.
func (a kafkaAdmin) AddVoter(ctx context.Context, clusterID, _ string, voter messages.Voter) error {
	err := a.do(ctx, "add voter", func(c *kafkaState, _ *process) error {
		next := maps.Clone(c.voters)
		next[voter.ID] = voter.DirectoryID
		return a.kafka.changeVoters(c, clusterID, next, func() error { return c.addVoter(voter.ID, voter.DirectoryID) })
	})
	if errors.Is(err, timedOut) {
		return errors.Join(err, sleep(ctx, joining))
	}
	return err
}

// RemoveVoter is RemoveRaftVoter.
func (a kafkaAdmin) RemoveVoter(ctx context.Context, clusterID string, id messages.BrokerID, directory string) error {
	return a.do(ctx, "remove voter", func(c *kafkaState, _ *process) error {
		next := maps.Clone(c.voters)
		delete(next, id)
		return a.kafka.changeVoters(c, clusterID, next, func() error { return c.removeVoter(a.kafka, id, directory) })
	})
}

// MakeQuorumDynamic raises kraft.version. Every voter has to run a Kafka that can do without the list in its file, and says which
// directory it has.
func (a kafkaAdmin) MakeQuorumDynamic(ctx context.Context) error {
	return a.do(ctx, "dynamic quorum", func(c *kafkaState, _ *process) error {
		switch {
		case !c.active():
			return timedOut
		case !c.static():
			return nil
		}
		voters := map[messages.BrokerID]string{}
		for id := range c.voters {
			p := c.processes[id]
			if p == nil || !p.serves || !kafkaclient.NewerMetadata(p.version, "4.0") {
				return &kafkaclient.ConfigRefused{Code: 95, Message: fmt.Sprintf(
					"Invalid update version 1 for feature kraft.version. Controller %d does not support this feature version.", id)}
			}
			voters[id] = p.directory
		}
		c.voters = voters
		return nil
	})
}

// changeVoters refuses what Kafka refuses whatever the change is, and remembers one that gives up the majority.
func (k *kafka) changeVoters(c *kafkaState, clusterID string, next map[messages.BrokerID]string, change func() error) error {
	switch {
	case clusterID != c.id:
		return refusedVoter(104, "")
	case !c.active():
		return timedOut
	case time.Since(c.quorum.since) < newLeader:
		return notNow("NOT_LEADER_FOR_PARTITION")
	case c.static():
		return refusedVoter(35, "Cluster doesn't support changing voters")
	}
	harm := c.votersHarm(k, next)
	if err := change(); err != nil {
		return err
	}
	if harm != "" {
		k.harm("%s", harm)
	}
	k.evaluate(c)
	return nil
}

func refusedVoter(code int16, message string) error {
	return &kafkaclient.VoterRefused{Code: code, Message: message}
}

// notNow is an answer of Kafka after which it is asked again.
type notNow string

// Error implements error.
func (n notNow) Error() string { return string(n) }

const timedOut = notNow("REQUEST_TIMED_OUT")

// static reports whether the voters are those of a file: nobody knows their directories.
func (c *kafkaState) static() bool {
	return slices.Contains(slices.Collect(maps.Values(c.voters)), "")
}

func (c *kafkaState) addVoter(id messages.BrokerID, directory string) error {
	if _, votes := c.voters[id]; votes {
		return refusedVoter(126, "")
	}
	p := c.processes[id]
	if p == nil || !p.controller || p.refused != "" || p.directory != directory || !p.serves || p.adrift {
		return timedOut // it lags behind, or is no controller that could be asked for what it supports
	}
	c.voters = maps.Clone(c.voters)
	c.voters[id] = directory
	return nil
}

// removeVoter takes the vote of a node whether it runs or not. A leader hands over, and may never hear to whom: the name by which it
// asks for the controllers is its own, too.
func (c *kafkaState) removeVoter(k *kafka, id messages.BrokerID, directory string) error {
	if is, votes := c.voters[id]; !votes || is != directory {
		return refusedVoter(127, "")
	}
	c.voters = maps.Clone(c.voters)
	delete(c.voters, id)
	if c.quorum.leader == id {
		c.resigned(k)
		if p := c.processes[id]; p != nil && c.brokers[id] != nil && (k.stray || digest(k.faults.seed, "adrift "+c.name, c.quorum.terms)%2 == 0) {
			p.adrift, c.brokers[id].sessionEnds = true, time.Now().Add(session)
			k.later(c, session, nil)
		}
	}
	return nil
}

// hasLost reports whether a process runs that has lost the controllers, and that they have given up.
func (k *kafka) hasLost(cluster messages.ClusterKey, id messages.BrokerID, pod types.UID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[cluster]
	if c == nil || c.processes[id] == nil || c.brokers[id] == nil {
		return false
	}
	p := c.processes[id]
	return p.pod == pod && p.adrift && c.brokers[id].fenced
}

// votersHarm says what is wrong with a change of voters that somebody asks for: without a majority of those who will vote nothing
// can be changed any more, not even this. Who went a moment ago cannot be known to be gone.
func (c *kafkaState) votersHarm(k *kafka, next map[messages.BrokerID]string) string {
	voters := make([]voter, 0, len(next))
	for id, directory := range next {
		voters = append(voters, voter{id: id, directory: directory})
	}
	alive := c.running(k, voters, c.id)
	for id, directory := range next {
		if at, gone := c.quorum.seen[quorumKey{id, directory}]; gone && time.Since(at) <= missed+time.Second && !slices.Contains(alive, id) {
			alive = append(alive, id)
		}
	}
	if 2*len(alive) > len(next) {
		return ""
	}
	slices.Sort(alive)
	return fmt.Sprintf("the voters of %s change from %v to %v, of which only %v are there", c.name, c.voters, next, alive)
}
