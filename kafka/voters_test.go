package kafka

import (
	"math/bits"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

// quorumOfThree has the voters 1, 2 and 3, led by 1, whose directories are a, b and c.
func quorumOfThree(change func(*VotersInput)) VotersInput {
	in := VotersInput{Wanted: brokerIDs{1, 2, 3}, Running: brokerIDs{1, 2, 3}, Quorum: QuorumState{Leader: 1}}
	for i, directory := range []string{"a", "b", "c"} {
		in.Quorum.Replicas = append(in.Quorum.Replicas, votes(messages.BrokerID(i+1), directory, 0))
	}
	if change != nil {
		change(&in)
	}
	return in
}

func votes(id messages.BrokerID, directory string, behind time.Duration) messages.QuorumReplica {
	return messages.QuorumReplica{ID: id, DirectoryID: directory, Voter: true, LastCaughtUp: noon.Add(-behind)}
}

func observes(id messages.BrokerID, directory string, behind time.Duration) messages.QuorumReplica {
	r := votes(id, directory, behind)
	r.Voter = false
	return r
}

func with(replicas ...messages.QuorumReplica) func(*VotersInput) {
	return func(in *VotersInput) { in.Quorum.Replicas = append(in.Quorum.Replicas, replicas...) }
}

// votersStep is the next step in a quorum of three after a change.
type votersStep struct {
	change func(*VotersInput)
	want   VoterStep
}

func requireVoterSteps(t *testing.T, tests map[string]votersStep) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, PlanVoters(quorumOfThree(test.change))) })
	}
}

func TestAControllerGetsAVoteWhenItHasTheLog(t *testing.T) {
	requireVoterSteps(t, map[string]votersStep{
		"nothing is left to do":           {nil, VoterStep{}},
		"brokers observe, as they should": {with(observes(9, "x", 0)), VoterStep{}},
		"a controller that has the log gets a vote": {
			func(in *VotersInput) {
				in.Wanted, in.Running = brokerIDs{1, 2, 3, 4, 5}, brokerIDs{1, 2, 3, 4, 5}
				with(observes(4, "d", time.Second), observes(5, "e", 0))(in)
			},
			VoterStep{VoterAdd, 4, "d", "controller 4 has all of the metadata log and no vote"},
		},
		"one that lags behind is waited for": {
			func(in *VotersInput) {
				in.Wanted, in.Running = brokerIDs{1, 2, 3, 4}, brokerIDs{1, 2, 3, 4}
				with(observes(4, "d", time.Minute))(in)
			},
			VoterStep{Change: VotersWait, Reason: "controller 4 does not vote yet: controller 4 has not all of the metadata log"},
		},
		"the next one does not wait for it": {
			func(in *VotersInput) {
				in.Wanted, in.Running = brokerIDs{1, 2, 3, 4, 5}, brokerIDs{1, 2, 3, 4, 5}
				with(observes(4, "d", time.Minute), observes(5, "e", 0))(in)
			},
			VoterStep{VoterAdd, 5, "e", "controller 5 has all of the metadata log and no vote"},
		},
		"a broker that is to become a controller is waited for": {
			func(in *VotersInput) { in.Wanted = brokerIDs{1, 2, 3, 4}; with(observes(4, "d", 0))(in) },
			VoterStep{Change: VotersWait, Reason: "controller 4 does not run as one yet"},
		},
		"one that the quorum does not know is waited for": {
			func(in *VotersInput) { in.Wanted, in.Running = brokerIDs{1, 2, 3, 4}, brokerIDs{1, 2, 3, 4} },
			VoterStep{Change: VotersWait, Reason: "the quorum does not know controller 4 yet"},
		},
		"of two directories the one that is there counts": {
			func(in *VotersInput) {
				in.Wanted, in.Running = brokerIDs{1, 2, 3, 4}, brokerIDs{1, 2, 3, 4}
				with(observes(4, "gone", time.Minute), observes(4, "new", 0))(in)
			},
			VoterStep{VoterAdd, 4, "new", "controller 4 has all of the metadata log and no vote"},
		},
	})
}

func TestTheVoteOfALostDiskGoesBeforeTheNewOneComes(t *testing.T) {
	requireVoterSteps(t, map[string]votersStep{
		"the vote of a lost disk goes before the new one comes": {
			func(in *VotersInput) {
				in.Quorum.Replicas[2] = votes(3, "c", time.Minute)
				with(observes(3, "new", 0))(in)
			},
			VoterStep{VoterRemove, 3, "c", "controller 3 runs on another disk (directory new) than the one with its vote (c)"},
		},
		"not while the new one has not all of the log": {
			func(in *VotersInput) {
				in.Quorum.Replicas[2] = votes(3, "c", time.Minute)
				with(observes(3, "new", time.Minute))(in)
			},
			VoterStep{},
		},
		"what is listed of a disk that was put away again means nothing": {with(observes(3, "old", 3*time.Second)), VoterStep{}},
		"a node that seems to be there twice is waited for": {
			with(observes(3, "new", time.Second)),
			VoterStep{Change: VotersWait, Reason: "controller 3 observes with directory new and votes with another one"},
		},
	})
}

func TestANodeThatLeftLosesItsVote(t *testing.T) {
	requireVoterSteps(t, map[string]votersStep{
		"a node that left loses its vote": {
			func(in *VotersInput) { in.Wanted = brokerIDs{1, 2} },
			VoterStep{VoterRemove, 3, "c", "node 3 is no controller of the spec any more"},
		},
		"the active controller loses its own last": {
			func(in *VotersInput) { in.Wanted = brokerIDs{3} },
			VoterStep{VoterRemove, 2, "b", "node 2 is no controller of the spec any more"},
		},
		"and then does": {
			func(in *VotersInput) { in.Wanted = brokerIDs{2, 3} },
			VoterStep{VoterRemove, 1, "a", "node 1 is no controller of the spec any more"},
		},
		"who takes its place comes first": {
			func(in *VotersInput) { in.Wanted = brokerIDs{1, 2, 4} },
			VoterStep{Change: VotersWait, Reason: "controller 4 does not run as one yet"},
		},
		"no healthy vote is taken while another controller is away": {
			func(in *VotersInput) {
				in.Wanted, in.Quorum.Replicas[1] = brokerIDs{1, 2}, votes(2, "b", 5*time.Second)
			},
			VoterStep{Change: VotersWait, Reason: "node 3 keeps its vote although it is no controller of the spec: controller 2 has not all of the metadata log"},
		},
		"nor while it has just stopped": {
			func(in *VotersInput) { in.Wanted, in.Running = brokerIDs{1, 2}, brokerIDs{1, 3} },
			VoterStep{Change: VotersWait, Reason: "node 3 keeps its vote although it is no controller of the spec: controller 2 does not run"},
		},
		"that of a node that is down is, before others come": {
			func(in *VotersInput) {
				in.Wanted, in.Running, in.Quorum.Replicas[2] = brokerIDs{1, 2, 4}, brokerIDs{1, 2}, votes(3, "c", time.Minute)
			},
			VoterStep{VoterRemove, 3, "c", "node 3 is no controller of the spec, and controller 3 has not all of the metadata log"},
		},
	})
}

func TestVotersStayWhereChangingThemIsNotSafe(t *testing.T) {
	requireVoterSteps(t, map[string]votersStep{
		"without a majority nothing is changed": {
			func(in *VotersInput) {
				in.Wanted = brokerIDs{1}
				in.Quorum.Replicas[1], in.Quorum.Replicas[2] = votes(2, "b", time.Minute), votes(3, "c", time.Minute)
			},
			VoterStep{Change: VotersWait, Reason: "of the voters {1,2,3} only {1} are there and caught up, 2 are needed to change anything"},
		},
		"without a leader nothing is changed": {
			func(in *VotersInput) { in.Wanted, in.Quorum.Leader = brokerIDs{1}, -1 },
			VoterStep{Change: VotersWait, Reason: "the leader of the metadata quorum is not known"},
		},
		"a leader that lost its vote counts for none": {
			func(in *VotersInput) { in.Quorum.Replicas = in.Quorum.Replicas[1:] },
			VoterStep{Change: VotersWait, Reason: "the leader of the metadata quorum is not known"},
		},
		"the voters of a static quorum are those of the file": {
			func(in *VotersInput) {
				in.Wanted = brokerIDs{1}
				for i := range in.Quorum.Replicas {
					in.Quorum.Replicas[i].DirectoryID = ""
				}
			},
			VoterStep{Change: VotersWait, Reason: "the voters of the metadata quorum are those of controller.quorum.voters"},
		},
	})
}

// Whatever is wanted and whoever is away: after each change a majority of the voters is there, and when all are back the voters
// are those that are wanted.
func TestNoChangeOfVotersGivesUpAMajority(t *testing.T) {
	const nodes = 5
	for state := range 1 << (3 * nodes) {
		voting, wanted, away := state&31, state>>5&31, state>>10&31
		if voting == 0 || wanted == 0 {
			continue
		}
		changes := 0
		for ; changes <= 2*nodes; changes++ {
			in := quorumWhere(nodes, voting, wanted, away)
			step := PlanVoters(in)
			switch step.Change {
			case VoterAdd:
				voting |= 1 << step.ID
			case VoterRemove:
				voting &^= 1 << step.ID
			}
			if step.Change != VoterAdd && step.Change != VoterRemove {
				break
			}
			here := bits.OnesCount(uint(voting &^ away))
			require.Greater(t, 2*here, bits.OnesCount(uint(voting)), "voting %05b wanted %05b away %05b: %v", voting, wanted, away, step)
		}
		require.LessOrEqual(t, changes, 2*nodes, "it comes to an end")
		if away == 0 {
			require.Equal(t, wanted, voting)
		}
	}
}

func quorumWhere(nodes, voting, wanted, away int) VotersInput {
	in := VotersInput{Quorum: QuorumState{Leader: -1}}
	for id := range messages.BrokerID(nodes) {
		behind := time.Duration(0)
		if away>>id&1 == 1 {
			behind = time.Minute
		} else {
			in.Running = append(in.Running, id)
		}
		if wanted>>id&1 == 1 {
			in.Wanted = append(in.Wanted, id)
		}
		if voting>>id&1 == 1 {
			in.Quorum.Replicas = append(in.Quorum.Replicas, votes(id, "directory", behind))
			if behind == 0 {
				in.Quorum.Leader = id
			}
		} else {
			in.Quorum.Replicas = append(in.Quorum.Replicas, observes(id, "directory", behind))
		}
	}
	if 2*bits.OnesCount(uint(voting&^away)) <= bits.OnesCount(uint(voting)) {
		in.Quorum.Leader = -1
	}
	return in
}

func TestANodeMayGoWhenItsVoteHasGone(t *testing.T) {
	for name, test := range map[string]struct {
		observed messages.KafkaObserved
		gone     bool
		why      string
	}{
		"it has one":          {messages.KafkaObserved{Answered: true, Voters: brokerIDs{1, 3}}, false, "node 3 has a vote in the metadata quorum, which is taken first"},
		"it has none":         {messages.KafkaObserved{Answered: true, Voters: brokerIDs{1, 2}}, true, ""},
		"nobody answers":      {messages.KafkaObserved{Voters: brokerIDs{1, 2}}, false, "the voters of the metadata quorum are not known"},
		"nobody knows voters": {messages.KafkaObserved{Answered: true}, false, "the voters of the metadata quorum are not known"},
	} {
		t.Run(name, func(t *testing.T) {
			gone, why := VoterGone(3, test.observed)
			require.Equal(t, test.gone, gone)
			require.Equal(t, test.why, why)
		})
	}
}

func TestVotersDiffer(t *testing.T) {
	for name, test := range map[string]struct {
		observed messages.KafkaObserved
		differ   bool
	}{
		"all have their votes":   {messages.KafkaObserved{Voters: brokerIDs{1, 2}, Observers: brokerIDs{3}}, false},
		"one has none":           {messages.KafkaObserved{Voters: brokerIDs{1}, Observers: brokerIDs{2, 3}}, true},
		"one votes for too many": {messages.KafkaObserved{Voters: brokerIDs{1, 2, 3}}, true},
		"one has another disk":   {messages.KafkaObserved{Voters: brokerIDs{1, 2}, Observers: brokerIDs{2, 3}, Elsewhere: brokerIDs{2}}, true},
		"one had another disk":   {messages.KafkaObserved{Voters: brokerIDs{1, 2}, Observers: brokerIDs{2, 3}}, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.differ, VotersDiffer(brokerIDs{1, 2}, test.observed)) })
	}
}

func TestAVoterIsElsewhereWhenItsNewDiskWasThereLast(t *testing.T) {
	for name, test := range map[string]struct {
		replicas []messages.QuorumReplica
		want     brokerIDs
	}{
		"all have their disks":        {[]messages.QuorumReplica{votes(1, "a", 0), votes(2, "b", 0), observes(3, "c", 0)}, nil},
		"one has another":             {[]messages.QuorumReplica{votes(1, "a", 0), votes(2, "b", time.Minute), observes(2, "new", time.Second)}, brokerIDs{2}},
		"one had another before":      {[]messages.QuorumReplica{votes(1, "a", 0), votes(2, "new", 0), observes(2, "b", time.Minute)}, nil},
		"its old disk was never seen": {[]messages.QuorumReplica{{ID: 2, Voter: true}, observes(2, "new", time.Second), observes(2, "newer", 0)}, brokerIDs{2}},
		"it is seen with neither":     {[]messages.QuorumReplica{{ID: 2, Voter: true}, {ID: 2, DirectoryID: "new"}}, nil},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, Elsewhere(test.replicas)) })
	}
}

func TestTheDirectoryOfAVoteIsKnownWhenItsNodeIsListedOnce(t *testing.T) {
	replicas := []messages.QuorumReplica{
		{ID: 1, Voter: true, DirectoryID: "a"}, {ID: 2, Voter: true, DirectoryID: "b"}, {ID: 2, DirectoryID: "c"},
		{ID: 3, Voter: true}, {ID: 4, DirectoryID: "d"},
	}
	require.Equal(t, map[messages.BrokerID]string{1: "a"}, Directories(replicas))
}

func TestVotesOfControllersOnEmptyDirs(t *testing.T) {
	going := func(id messages.BrokerID) func(*VotersInput) { return func(in *VotersInput) { in.Going = &id } }
	lost := func(ids ...messages.BrokerID) func(*VotersInput) {
		return func(in *VotersInput) {
			in.Lost = ids
			for i, v := range in.Quorum.Replicas {
				for _, id := range ids {
					if v.ID == id {
						in.Quorum.Replicas[i] = votes(id, v.DirectoryID, time.Minute)
					}
				}
			}
			in.Running = nil
			for _, id := range (brokerIDs{1, 2, 3}) {
				if in.behind(in.Quorum.Replicas[id-1]) == "" {
					in.Running = append(in.Running, id)
				}
			}
		}
	}
	all := func(changes ...func(*VotersInput)) func(*VotersInput) {
		return func(in *VotersInput) {
			for _, change := range changes {
				change(in)
			}
		}
	}
	for name, test := range map[string]struct {
		change func(*VotersInput)
		want   VoterChange
		id     messages.BrokerID
		reason string
	}{
		"one that is to be restarted loses its vote":  {going(2), VoterRemove, 2, "is to be restarted"},
		"not the active controller while it is there": {going(1), VotersStand, 0, ""},
		"not while one of the others is not there":    {all(lost(3), func(in *VotersInput) { in.Lost = nil }, going(2)), VotersWait, 0, "without it only {1} of the voters {1,3} are there"},
		"not of two": {all(going(2), func(in *VotersInput) { in.Quorum.Replicas = in.Quorum.Replicas[:2] }), VotersWait, 0, "but only 1 others have a vote, and 2 have to"},
		"it gets no vote back before it is restarted": {all(going(2), func(in *VotersInput) { in.Quorum.Replicas[1] = observes(2, "b", 0) }), VotersStand, 0, ""},
		"it does when its restart is off":             {func(in *VotersInput) { in.Quorum.Replicas[1] = observes(2, "b", 0) }, VoterAdd, 2, "has all of the metadata log"},
		"one whose Pod is gone loses its vote":        {lost(3), VoterRemove, 3, "went with its Pod"},
		"and before another that is to be restarted":  {all(lost(3), going(2)), VoterRemove, 3, "went with its Pod"},
		"not while it seems to be there":              {func(in *VotersInput) { in.Lost = brokerIDs{3} }, VotersStand, 0, ""},
		"none when two of three are gone":             {lost(2, 3), VotersWait, 0, "of the voters {1,2,3} only {1} are there and caught up, 2 are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			is := PlanVoters(quorumOfThree(test.change))
			require.Equal(t, test.want, is.Change, is.Reason)
			require.Equal(t, test.id, is.ID)
			require.Contains(t, is.Reason, test.reason)
		})
	}
}
