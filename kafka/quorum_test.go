package kafka

import (
	"testing"
	"time"

	"github.com/koperator-go/koperator/messages"
)

// withVoters makes a KRaft cluster whose voters are 1…n, led by the last one.
func withVoters(n int, more func(*RestartInput, *messages.Replication)) func(*RestartInput, *messages.Replication) {
	return func(in *RestartInput, r *messages.Replication) {
		in.KRaft = true
		r.Quorum = nil
		for id := range n {
			r.Quorum = append(r.Quorum, caughtUpVoters(messages.BrokerID(id+1))...)
			in.Controllers = append(in.Controllers, messages.BrokerID(id+1))
		}
		r.QuorumLeader = messages.BrokerID(n)
		if more != nil {
			more(in, r)
		}
	}
}

func behind(index int, lag time.Duration) func(*RestartInput, *messages.Replication) {
	return func(_ *RestartInput, r *messages.Replication) { r.Quorum[index].LastCaughtUp = noon.Add(-lag) }
}

func onPods(ids ...messages.BrokerID) func(*RestartInput, *messages.Replication) {
	return func(in *RestartInput, _ *messages.Replication) { in.PodVotes = ids }
}

func TestCanRestartKeepsAMajorityOfTheQuorum(t *testing.T) {
	checkRestart(t, map[string]restartCase{
		"one of three":  {set: brokerIDs{1}, change: withVoters(3, nil)},
		"two of five":   {set: brokerIDs{1, 2}, change: withVoters(5, nil)},
		"a mere broker": {set: brokerIDs{9}, change: withVoters(3, behind(0, time.Hour))},
		"two of three are a majority": {
			set: brokerIDs{1, 2}, change: withVoters(3, nil),
			reasons: []string{"quorum: of the voters {1,2,3} only {3} would be there and caught up without {1,2}, 2 are needed"},
		},
		"one of three while another is down": {
			set: brokerIDs{1}, down: brokerIDs{2}, change: withVoters(3, nil),
			reasons: []string{"quorum: of the voters {1,2,3} only {3} would be there and caught up without {1}, 2 are needed"},
		},
		"one of three while another lags behind": {
			set: brokerIDs{1}, change: withVoters(3, behind(1, 2*time.Second)),
			reasons: []string{"quorum: of the voters {1,2,3} only {3} would be there and caught up without {1}, 2 are needed; controller 2 is 2s behind the leader"},
		},
		"one of four leaves three, two would leave a tie": {
			set: brokerIDs{1, 2}, change: withVoters(4, nil),
			reasons: []string{"quorum: of the voters {1,2,3,4} only {3,4} would be there and caught up without {1,2}, 3 are needed"},
		},
		"a lag below the timeout is none": {set: brokerIDs{1}, change: withVoters(3, behind(1, 1999*time.Millisecond))},
		"only the leader's clock counts": {
			set: brokerIDs{1},
			change: withVoters(3, func(_ *RestartInput, r *messages.Replication) {
				for i := range r.Quorum {
					r.Quorum[i].LastCaughtUp = noon.Add(-time.Hour)
				}
			}),
		},
		"a voter of which nothing is known is not there": {
			set: brokerIDs{1},
			change: withVoters(3, func(_ *RestartInput, r *messages.Replication) {
				r.Quorum[1].LastCaughtUp = time.Time{}
			}),
			reasons: []string{"quorum: of the voters {1,2,3} only {3} would be there and caught up without {1}, 2 are needed; how far controller 2 is behind the leader is not known"},
		},
		"one of two goes while the other is caught up": {set: brokerIDs{1}, change: withVoters(2, nil)},
		"one of two stays while the other is not": {
			set: brokerIDs{2}, change: withVoters(2, behind(0, time.Minute)),
			reasons: []string{"quorum: of the voters {1,2} only {} would be there and caught up without {2}, 1 are needed; controller 1 is 1m0s behind the leader"},
		},
		"one of three whose vote goes with its Pod": {set: brokerIDs{1}, change: withVoters(3, onPods(1))},
		"not of two, as one would be left": {
			set: brokerIDs{1}, change: withVoters(2, onPods(1)),
			reasons: []string{"quorum: of the voters {1,2} only {2} would be there and caught up without {1}, 2 are needed"},
		},
		"nor the only one": {
			set: brokerIDs{1}, change: withVoters(1, onPods(1)),
			reasons: []string{"quorum: of the voters {1} only {} would be there and caught up without {1}, 2 are needed"},
		},
		"nor by a person's word": {
			set: brokerIDs{1}, change: withVoters(2, func(in *RestartInput, _ *messages.Replication) { in.Forced, in.PodVotes = true, brokerIDs{1} }),
			reasons: []string{"quorum: of the voters {1,2} only {2} would be there and caught up without {1}, 2 are needed"},
		},
		"of two the one with a claim goes": {set: brokerIDs{1}, change: withVoters(2, onPods(2))},
		"the only controller goes with a warning": {
			set: brokerIDs{1}, change: withVoters(1, nil),
			warnings: []string{"controller 1 is the only one: nothing can change while it restarts"},
		},
		"force does not count here": {
			set: brokerIDs{1, 2},
			change: withVoters(3, func(in *RestartInput, _ *messages.Replication) {
				in.Forced = true
			}),
			reasons: []string{"quorum: of the voters {1,2,3} only {3} would be there and caught up without {1,2}, 2 are needed"},
		},
		"without KRaft there is no quorum": {set: brokerIDs{1, 2}},
		"a controller that does not run goes although the majority is lost": {
			set: brokerIDs{1},
			change: withVoters(3, func(in *RestartInput, _ *messages.Replication) {
				in.Stopped = brokerIDs{1, 2}
			}),
		},
	})
}

func TestCanRestartWaitsForTheQuorum(t *testing.T) {
	unknownLeader := []string{"the leader of the metadata quorum is not known"}
	checkRestart(t, map[string]restartCase{
		"no leader, no restart, not even of a broker": {
			set: brokerIDs{9}, reasons: unknownLeader,
			change: withVoters(3, func(_ *RestartInput, r *messages.Replication) { r.QuorumLeader = -1 }),
		},
		"no voters, no restart": {
			set: brokerIDs{9}, reasons: []string{"the voters of the metadata quorum are not known"},
			change: withVoters(3, func(_ *RestartInput, r *messages.Replication) { r.Quorum = nil }),
		},
		"the active controller waits for the others": {
			set:     brokerIDs{3},
			change:  withVoters(3, func(in *RestartInput, _ *messages.Replication) { in.Waiting = brokerIDs{1, 3} }),
			reasons: []string{"active controller last: 3 leads the quorum and other controllers still wait"},
		},
		"the active controller goes when it alone is left": {
			set:    brokerIDs{3},
			change: withVoters(3, func(in *RestartInput, _ *messages.Replication) { in.Waiting = brokerIDs{3} }),
		},
		"a replaced disk is put right first": {
			set: brokerIDs{1},
			change: withVoters(3, func(_ *RestartInput, r *messages.Replication) {
				r.Quorum[1].LastCaughtUp = noon.Add(-time.Second)
				r.Quorum = append(r.Quorum, messages.QuorumReplica{ID: 2, DirectoryID: "new", LastCaughtUp: noon})
			}),
			reasons: []string{"quorum repair pending: controller 2 runs on another disk than the one with its vote"},
		},
		"one that was put right is listed for a while": {
			set: brokerIDs{1},
			change: withVoters(3, func(_ *RestartInput, r *messages.Replication) {
				r.Quorum = append(r.Quorum, messages.QuorumReplica{ID: 2, DirectoryID: "old", LastCaughtUp: noon.Add(-time.Minute)})
			}),
		},
		"a controller that does not vote is put right first": {
			set: brokerIDs{1},
			change: withVoters(3, func(in *RestartInput, r *messages.Replication) {
				in.Controllers = append(in.Controllers, 4)
				r.Quorum = append(r.Quorum, messages.QuorumReplica{ID: 4, LastCaughtUp: noon})
			}),
			reasons: []string{"quorum repair pending: controller 4 does not vote"},
		},
		"brokers that observe are as they should be": {
			set: brokerIDs{1},
			change: withVoters(3, func(_ *RestartInput, r *messages.Replication) {
				r.Quorum = append(r.Quorum, messages.QuorumReplica{ID: 9}, messages.QuorumReplica{ID: 10})
			}),
		},
	})
}
