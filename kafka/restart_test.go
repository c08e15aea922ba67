package kafka

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

type restartCase struct {
	partitions []messages.Partition
	minISR     int32 // of all topics, 2 when not set
	set, down  brokerIDs
	change     func(*RestartInput, *messages.Replication)

	reasons, warnings, unprotected []string
}

func (c restartCase) verdict() RestartVerdict {
	r := replicationOf(c.partitions...)
	for topic := range r.MinISR {
		if c.minISR != 0 {
			r.MinISR[topic] = c.minISR
		}
	}
	in := RestartInput{Set: c.set, Down: c.down, Now: noon}
	if c.change != nil {
		c.change(&in, r)
	}
	if r.At != (time.Time{}) {
		in.Index = Index(r)
	}
	return CanRestart(in)
}

func checkRestart(t *testing.T, tests map[string]restartCase) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			verdict := test.verdict()
			require.Equal(t, test.reasons, verdict.Reasons)
			require.Equal(t, test.warnings, verdict.Warnings)
			require.Equal(t, test.unprotected, verdict.Unprotected)
			require.Equal(t, len(test.reasons) == 0, verdict.OK)
		})
	}
}

func orders(replicas, inSync brokerIDs) []messages.Partition {
	return []messages.Partition{healthTopic("orders", replicas, inSync)}
}

func TestCanRestartLooksAtEveryPartition(t *testing.T) {
	all := brokerIDs{1, 2, 3}
	checkRestart(t, map[string]restartCase{
		"a broker whose partitions keep enough in sync may go": {partitions: orders(all, all), set: brokerIDs{2}},
		"a broker that others need is blocked": {
			partitions: orders(all, brokerIDs{2, 1}), set: brokerIDs{2},
			reasons: []string{"orders-0: in sync {1,2} without {2} is below min.insync.replicas 2"},
		},
		"a broker that would be the first to catch up is blocked": {
			partitions: orders(all, brokerIDs{1}), set: brokerIDs{2},
			reasons: []string{"orders-0: in sync {1} is below min.insync.replicas 2 already, {2} may be the first to catch up"},
		},
		"a broker without a replica may go": {partitions: orders(all, brokerIDs{1}), set: brokerIDs{4}},
		"a broker that is down counts as out of sync whatever Kafka says": {
			partitions: orders(all, all), set: brokerIDs{2}, down: brokerIDs{3},
			reasons: []string{"orders-0: in sync {1,2,3} without {2,3} is below min.insync.replicas 2"},
		},
		"a broker that is down already may go": {partitions: orders(all, brokerIDs{1}), set: brokerIDs{2}, down: brokerIDs{2, 3}},
		"two of one partition may not go together": {
			partitions: orders(all, all), set: brokerIDs{3, 1},
			reasons: []string{"orders-0: in sync {1,2,3} without {1,3} is below min.insync.replicas 2"},
		},
		"min.insync.replicas 1 still needs one": {
			partitions: orders(all, brokerIDs{1}), minISR: 1, set: brokerIDs{1},
			reasons: []string{"orders-0: in sync {1} without {1} is below min.insync.replicas 1"},
		},
		"min.insync.replicas that could not be read blocks": {
			partitions: orders(all, all), set: brokerIDs{1},
			change:  func(_ *RestartInput, r *messages.Replication) { delete(r.MinISR, "orders") },
			reasons: []string{"orders-0: min.insync.replicas is not known"},
		},
		"min.insync.replicas of others does not matter": {
			partitions: orders(all, all), set: brokerIDs{4},
			change: func(_ *RestartInput, r *messages.Replication) { delete(r.MinISR, "orders") },
		},
	})
}

func TestPartitionsThatNoOrderKeepsAvailable(t *testing.T) {
	two := brokerIDs{1, 2}
	checkRestart(t, map[string]restartCase{
		"a single replica goes and is named": {
			partitions: orders(brokerIDs{1}, brokerIDs{1}), minISR: 1, set: brokerIDs{1},
			warnings:    []string{"orders-0: 0 of 1 replicas cannot keep min.insync.replicas 1 while {1} is away"},
			unprotected: []string{"orders-0"},
		},
		"a single replica stays when the policy is to block": {
			partitions: orders(brokerIDs{1}, brokerIDs{1}), minISR: 1, set: brokerIDs{1},
			change:  func(in *RestartInput, _ *messages.Replication) { in.BlockUnprotected = true },
			reasons: []string{"orders-0: 0 of 1 replicas cannot keep min.insync.replicas 1 while {1} is away"},
		},
		"one of two goes while the other is in sync": {
			partitions: orders(two, two), set: brokerIDs{1},
			warnings:    []string{"orders-0: 1 of 2 replicas cannot keep min.insync.replicas 2 while {1} is away"},
			unprotected: []string{"orders-0"},
		},
		"the last in sync of two stays": {
			partitions: orders(two, brokerIDs{1}), set: brokerIDs{1},
			reasons: []string{"orders-0: in sync {1} without {1} leaves no replica in sync"},
		},
		"two of two stay": {
			partitions: orders(two, two), set: brokerIDs{1}, down: brokerIDs{2},
			reasons: []string{"orders-0: {1,2} of 2 replicas, too few for min.insync.replicas 2, must not be away together"},
		},
		"a person may force them, and reads what it costs": {
			partitions: orders(two, two), set: brokerIDs{1}, down: brokerIDs{2},
			change:   func(in *RestartInput, _ *messages.Replication) { in.Forced = true },
			warnings: []string{"orders-0: {1,2} of 2 replicas, too few for min.insync.replicas 2, must not be away together"},
		},
		"a person's force is stronger than the policy, and they are still named": {
			partitions: orders(two, two), set: brokerIDs{1},
			change:      func(in *RestartInput, _ *messages.Replication) { in.Forced, in.BlockUnprotected = true, true },
			warnings:    []string{"orders-0: 1 of 2 replicas cannot keep min.insync.replicas 2 while {1} is away"},
			unprotected: []string{"orders-0"},
		},
	})
}

func TestCanRestartNeedsToKnow(t *testing.T) {
	checkRestart(t, map[string]restartCase{
		"nothing known blocks": {
			set:     brokerIDs{1},
			change:  func(_ *RestartInput, r *messages.Replication) { r.At = time.Time{} },
			reasons: []string{"nothing is known of the partitions"},
		},
		"ten seconds are fresh": {
			set:    brokerIDs{1},
			change: func(in *RestartInput, _ *messages.Replication) { in.Now = noon.Add(10 * time.Second) },
		},
		"eleven seconds are stale": {
			set:     brokerIDs{1},
			change:  func(in *RestartInput, _ *messages.Replication) { in.Now = noon.Add(11 * time.Second) },
			reasons: []string{"what is known of the partitions is 11s old, more than 10s"},
		},
		"what runs no process may start without any answer": {
			set: brokerIDs{1},
			change: func(in *RestartInput, r *messages.Replication) {
				in.Stopped, r.At = brokerIDs{1, 2}, time.Time{}
			},
		},
		"a running broker beside a stopped one needs an answer": {
			set: brokerIDs{1, 3},
			change: func(in *RestartInput, r *messages.Replication) {
				in.Stopped, r.At = brokerIDs{1, 2}, time.Time{}
			},
			reasons: []string{"nothing is known of the partitions"},
		},
		"who recovers its logs is left alone": {
			set:     brokerIDs{1, 2},
			change:  func(in *RestartInput, _ *messages.Replication) { in.Recovering = brokerIDs{2} },
			reasons: []string{"2 recovers its logs, which a restart would begin again"},
		},
		"a person may end a recovery": {
			set: brokerIDs{2},
			change: func(in *RestartInput, _ *messages.Replication) {
				in.Recovering, in.Forced = brokerIDs{2}, true
			},
			warnings: []string{"2 recovers its logs, which a restart would begin again"},
		},
		"a partition that is copied to it is only a warning": {
			set: brokerIDs{4},
			change: func(_ *RestartInput, r *messages.Replication) {
				r.Reassigning = []messages.Reassignment{{Topic: "orders", Number: 7, Adding: brokerIDs{4}}, {Topic: "x", Adding: brokerIDs{5}}}
			},
			warnings: []string{"orders-7 is being copied to {4}"},
		},
		"one rack at a time": {
			set: brokerIDs{1, 2, 3},
			change: func(in *RestartInput, _ *messages.Replication) {
				in.RackOf = map[messages.BrokerID]string{1: "a", 2: "a", 3: "b"}
			},
			reasons: []string{"{1,2,3} are in 2 racks"},
		},
		"all of one rack": {
			set: brokerIDs{1, 2},
			change: func(in *RestartInput, _ *messages.Replication) {
				in.RackOf = map[messages.BrokerID]string{1: "a", 2: "a", 3: "b"}
			},
		},
	})
}

func TestReasonsAreFewAndBlameCountsAll(t *testing.T) {
	r := replicationOf()
	r.MinISR["t"] = 2
	for n := range int32(13) {
		inSync := brokerIDs{1, 2, 3}
		if n == 12 {
			inSync = brokerIDs{1, 2}
		}
		r.Partitions = append(r.Partitions, messages.Partition{Topic: "t", Number: n, Replicas: brokerIDs{1, 2, 3}, ISR: inSync})
	}
	in := RestartInput{Set: brokerIDs{3, 2, 3}, Now: noon, Index: Index(r)}
	verdict := CanRestart(in)
	require.False(t, verdict.OK)
	require.Len(t, verdict.Reasons, 11)
	require.Equal(t, "t-0: in sync {1,2,3} without {2,3} is below min.insync.replicas 2", verdict.Reasons[0])
	require.Equal(t, "and 3 more", verdict.Reasons[10])
	require.Equal(t, map[messages.BrokerID]int{2: 13, 3: 13}, verdict.Blame)

	in.Down = brokerIDs{2}
	require.Equal(t, map[messages.BrokerID]int{3: 13}, CanRestart(in).Blame, "who is down already is not the one to leave out")
}

func TestBrokerSetsHoldAnyID(t *testing.T) {
	var s brokerSet
	s.add(0, highestLow-1, highestLow, 2147483647)
	require.True(t, s.has(0) && s.has(highestLow-1) && s.has(highestLow) && s.has(2147483647))
	require.False(t, s.has(1) || s.has(-1) || s.has(highestLow+1))
	s.remove(0)
	s.remove(2147483647)
	require.False(t, s.has(0) || s.has(2147483647))
}
