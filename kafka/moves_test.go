package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

// fleeing is broker 1 leaving a cluster of 0 to 3 that is in order.
func fleeing(partitions ...messages.Partition) MovesInput {
	return MovesInput{
		Index: Index(replicationOf(partitions...)), Before: Index(replicationOf(partitions...)),
		Leaving: brokerIDs{1}, Staying: brokerIDs{0, 2, 3}, Up: brokerIDs{0, 2, 3}, Takers: brokerIDs{0, 2, 3},
	}
}

func inOrder(topic string, replicas ...messages.BrokerID) messages.Partition {
	return healthTopic(topic, replicas, replicas)
}

// underWay adds a reassignment to both answers, as Kafka shows it.
func (in MovesInput) underWay(topic string, adding, removing brokerIDs) MovesInput {
	for _, x := range []*ReplicationIndex{in.Index, in.Before} {
		x.from.Reassigning = append(x.from.Reassigning, messages.Reassignment{Topic: topic, Adding: adding, Removing: removing})
	}
	return in
}

// targets are the replicas that started partitions get.
func targets(plan MovesPlan) map[string]brokerIDs {
	all := map[string]brokerIDs{}
	for _, m := range plan.Start {
		all[m.Partition.String()] = m.Replicas
	}
	return all
}

// movesOf is what follows from an input: the replicas that partitions get, and what the others wait for.
type movesOf struct {
	in   MovesInput
	want map[string]brokerIDs
	text string
}

func requireMoves(t *testing.T, tests map[string]movesOf) {
	t.Helper()
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			plan := PlanMoves(c.in)
			require.Equal(t, c.want, targets(plan))
			require.Equal(t, c.text, plan.Waits)
			require.Empty(t, plan.Cancel)
		})
	}
}

func TestReplicasMoveOffABrokerThatLeaves(t *testing.T) {
	requireMoves(t, map[string]movesOf{
		"the new replica takes the old one's place, so that the preferred leader's place is kept": {
			in:   fleeing(inOrder("a", 2, 1, 3), inOrder("b", 1, 2, 3)),
			want: map[string]brokerIDs{"a-0": {2, 0, 3}, "b-0": {0, 2, 3}},
		},
		"partitions without a replica there stay": {
			in: fleeing(inOrder("a", 2, 0, 3)), want: map[string]brokerIDs{},
		},
		"a partition with one replica moves, too": {
			in: fleeing(inOrder("a", 1)), want: map[string]brokerIDs{"a-0": {0}},
		},
		"whoever has fewest replicas gets the next, the lower id of equals": {
			in:   fleeing(inOrder("a", 0), inOrder("b", 1), inOrder("c", 1), inOrder("d", 1)),
			want: map[string]brokerIDs{"b-0": {2}, "c-0": {3}, "d-0": {0}},
		},
		"the rack that has none of the partition comes before the emptiest broker": {
			in: changed(fleeing(inOrder("x", 3), inOrder("y", 3), inOrder("a", 0, 1)), func(in *MovesInput) {
				in.RackOf = map[messages.BrokerID]string{0: "a", 1: "b", 2: "a", 3: "b"}
			}),
			want: map[string]brokerIDs{"a-0": {0, 3}},
		},
		"a rack is shared where there is no other choice": {
			in: changed(fleeing(inOrder("a", 0, 1)), func(in *MovesInput) {
				in.RackOf = map[messages.BrokerID]string{0: "a", 1: "b", 2: "a", 3: "a"}
			}),
			want: map[string]brokerIDs{"a-0": {0, 2}},
		},
		"several brokers that leave are never given each other's replicas": {
			in: changed(fleeing(inOrder("a", 1, 3), inOrder("b", 3)), func(in *MovesInput) {
				in.Leaving, in.Staying, in.Up, in.Takers = brokerIDs{3, 1}, brokerIDs{0, 2}, brokerIDs{0, 2}, brokerIDs{0, 2}
			}),
			want: map[string]brokerIDs{"a-0": {0, 2}, "b-0": {0}},
		},
	})
}

func TestReplicasOfABrokerThatLeavesWaitForWhatIsToBeFirst(t *testing.T) {
	requireMoves(t, map[string]movesOf{
		"with fewer brokers than replicas people are told the ways out, and the others move": {
			in: changed(fleeing(inOrder("a", 1, 2, 3), inOrder("b", 1, 2)), func(in *MovesInput) {
				in.Leaving, in.Staying, in.Up, in.Takers = brokerIDs{1}, brokerIDs{2, 3}, brokerIDs{2, 3}, brokerIDs{2, 3}
			}),
			want: map[string]brokerIDs{"b-0": {3, 2}},
			text: "a-0 has replication factor 3, and only 2 brokers stay; add a broker, lower the topic's replication factor with " +
				"kafka-reassign-partitions, or put the broker back",
		},
		"a partition waits until the replicas that stay are in sync": {
			in: fleeing(healthTopic("a", brokerIDs{1, 2, 3}, brokerIDs{1, 2}), inOrder("b", 1, 2)), want: map[string]brokerIDs{"b-0": {0, 2}},
			text: "a-0 is not in sync on broker 3, which has to be first",
		},
		"a broker whose Pod is down counts as out of sync before Kafka has noticed": {
			in:   changed(fleeing(inOrder("a", 1, 2)), func(in *MovesInput) { in.Up, in.Takers = brokerIDs{0, 3}, brokerIDs{0, 3} }),
			want: map[string]brokerIDs{}, text: "a-0 is not in sync on broker 2, which has to be first",
		},
		"one that runs and may take nothing keeps no partition": {
			in: changed(fleeing(inOrder("a", 1, 2)), func(in *MovesInput) { in.Takers = brokerIDs{3} }), want: map[string]brokerIDs{"a-0": {3, 2}},
		},
		"when the broker that leaves is dead nobody is waited for": {
			in:   changed(fleeing(healthTopic("a", brokerIDs{1, 2, 3}, brokerIDs{2})), func(in *MovesInput) { in.Dead = brokerIDs{1} }),
			want: map[string]brokerIDs{"a-0": {0, 2, 3}},
		},
		"what nobody leads cannot be copied": {
			in: changed(fleeing(messages.Partition{Topic: "a", Leader: -1, Replicas: brokerIDs{1}, ISR: brokerIDs{1}, Offline: brokerIDs{1}}),
				func(in *MovesInput) { in.Dead = brokerIDs{1} }),
			want: map[string]brokerIDs{}, text: "a-0 has no leader to copy it from; bring one of {1} up",
		},
		"without anybody that could take it a partition waits": {
			in: changed(fleeing(inOrder("a", 1, 2, 3)), func(in *MovesInput) { in.Takers = brokerIDs{2, 3} }), want: map[string]brokerIDs{},
			text: "no broker runs that could take a-0",
		},
	})
}

func TestMovesThatAreUnderWayAreLeftAlone(t *testing.T) {
	requireMoves(t, map[string]movesOf{
		"what is under way goes on beside others": {
			in:   fleeing(messages.Partition{Topic: "a", Leader: 2, Replicas: brokerIDs{0, 2, 1}, ISR: brokerIDs{2, 1}}, inOrder("b", 1, 2)).underWay("a", brokerIDs{0}, brokerIDs{1}),
			want: map[string]brokerIDs{"b-0": {3, 2}},
		},
		"where somebody waits for a moment without moves none is added": {
			in: changed(fleeing(inOrder("a", 0, 2, 1), inOrder("b", 1, 2)).underWay("a", brokerIDs{0}, brokerIDs{1}),
				func(in *MovesInput) { in.Batchwise = true }),
			want: map[string]brokerIDs{},
		},
		"while somebody else moves anything nothing begins": {
			in:   fleeing(inOrder("a", 1, 2), inOrder("b", 0, 2, 3)).underWay("b", brokerIDs{3}, brokerIDs{0}),
			want: map[string]brokerIDs{},
			text: "somebody else moves b-0 (to it {3}, away from it {0}), and the operator moves nothing meanwhile; end that, or take it back " +
				"with kafka-reassign-partitions --cancel",
		},
		"nothing is known of a partition from one answer alone": {
			in: changed(fleeing(inOrder("a", 1, 2)), func(in *MovesInput) { in.Before = nil }), want: map[string]brokerIDs{},
		},
		"what a move has left behind in an answer is not taken for replicas": {
			in: changed(fleeing(inOrder("a", 0, 2, 1)), func(in *MovesInput) {
				before := replicationOf(inOrder("a", 0, 2, 1))
				before.Reassigning = []messages.Reassignment{{Topic: "a", Adding: brokerIDs{0}, Removing: brokerIDs{1}}}
				in.Before = Index(before)
			}),
			want: map[string]brokerIDs{},
		},
	})
}

func changed(in MovesInput, change func(*MovesInput)) MovesInput {
	change(&in)
	return in
}

func TestFewReplicasAreOnTheirWayToABrokerAtATime(t *testing.T) {
	var all []messages.Partition
	for n := range 30 {
		all = append(all, inOrder(fmt.Sprintf("t%02d", n), 1))
	}
	plan := PlanMoves(fleeing(all...))
	require.Len(t, plan.Start, 3*mostMovesTo)
	require.Equal(t, "moving: 30 partitions left, 0 under way", plan.MovesText(1))
	require.Empty(t, plan.Waits, "all that is needed is time")

	in := fleeing(all...)
	for n := range 2 {
		in = in.underWay(all[n].Topic, brokerIDs{0}, brokerIDs{1})
	}
	plan = PlanMoves(in)
	require.Len(t, plan.Start, 3*mostMovesTo-2)
	require.Equal(t, 2, plan.Running)
	require.Equal(t, "moving: 30 partitions left, 2 under way", plan.MovesText(1))

	in = changed(fleeing(append(all, inOrder("x", 2))...), func(in *MovesInput) {
		in.RackOf = map[messages.BrokerID]string{0: "a", 1: "b", 2: "b", 3: "a"}
	})
	for n := range mostMovesTo {
		in = in.underWay(all[n].Topic, brokerIDs{2}, brokerIDs{1})
	}
	for _, m := range PlanMoves(in).Start {
		require.NotContains(t, m.To, messages.BrokerID(2), "it has as many as it may")
	}
}

func TestARackIsNotGivenUpBecauseItsBrokerIsBusy(t *testing.T) {
	partitions := []messages.Partition{inOrder("z", 0, 1)}
	for n := range mostMovesTo {
		partitions = append(partitions, inOrder(fmt.Sprintf("t%d", n), 1))
	}
	in := changed(fleeing(partitions...), func(in *MovesInput) {
		in.RackOf = map[messages.BrokerID]string{0: "a", 1: "b", 2: "a", 3: "b"}
	})
	for n := range mostMovesTo {
		in = in.underWay(fmt.Sprintf("t%d", n), brokerIDs{3}, brokerIDs{1})
	}
	plan := PlanMoves(in)
	require.Empty(t, plan.Start, "z-0 goes to broker 3 alone, the only one of the other rack")
	require.Empty(t, plan.Waits)
}

func TestMovesAreTakenBack(t *testing.T) {
	begun := Move{Partition: TopicPartition{Topic: "a"}, Replicas: brokerIDs{0, 2}, Before: brokerIDs{1, 2}, From: brokerIDs{1}, To: brokerIDs{0}}
	moving := func() MovesInput {
		return fleeing(messages.Partition{Topic: "a", Leader: 2, Replicas: brokerIDs{0, 2, 1}, ISR: brokerIDs{2, 1}}, inOrder("b", 1, 2)).
			underWay("a", brokerIDs{0}, brokerIDs{1})
	}
	back := func(in *MovesInput) { in.Leaving, in.Staying = nil, brokerIDs{0, 1, 2, 3} }
	for name, c := range map[string]struct {
		change func(*MovesInput)
		cancel bool
		before brokerIDs
	}{
		"not while they are wanted":             {change: func(in *MovesInput) { in.Started = []Move{begun} }},
		"when the broker is back in the spec":   {change: func(in *MovesInput) { in.Started = []Move{begun}; back(in) }, cancel: true, before: begun.Before},
		"never those that others may have made": {change: back},
		"not where others have moved the partition meanwhile": {change: func(in *MovesInput) {
			in.Started = []Move{begun}
			in.Started[0].To = brokerIDs{3}
			back(in)
		}},
		"when the broker that was to get it leaves, too": {change: func(in *MovesInput) {
			in.Started, in.Leaving, in.Staying = []Move{begun}, brokerIDs{0, 1}, brokerIDs{2, 3}
		}, cancel: true, before: begun.Before},
		"when the broker that was to get it does not come back and another one can": {change: func(in *MovesInput) {
			in.Up, in.Takers, in.GivenUp = brokerIDs{2, 3}, brokerIDs{2, 3}, brokerIDs{0}
		}, cancel: true},
		"with the old order, where that is remembered": {change: func(in *MovesInput) {
			in.Started, in.Up, in.Takers, in.GivenUp = []Move{begun}, brokerIDs{2, 3}, brokerIDs{2, 3}, brokerIDs{0}
		}, cancel: true, before: begun.Before},
		"not when no other one can": {change: func(in *MovesInput) {
			in.Up, in.Takers, in.GivenUp = brokerIDs{2}, brokerIDs{2}, brokerIDs{0}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			plan := PlanMoves(changed(moving(), c.change))
			if !c.cancel {
				require.Empty(t, plan.Cancel)
				return
			}
			require.Len(t, plan.Cancel, 1)
			require.Equal(t, begun.Partition, plan.Cancel[0].Partition)
			require.Equal(t, c.before, plan.Cancel[0].Before)
			require.Empty(t, plan.Start, "first the one, then the other")
		})
	}
	ended := changed(fleeing(inOrder("a", 0, 2)), func(in *MovesInput) { in.Started = []Move{begun} })
	require.Empty(t, PlanMoves(ended).Started)
	require.Equal(t, []Move{begun}, PlanMoves(changed(moving(), func(in *MovesInput) { in.Started = []Move{begun} })).Started)
}

func TestMovingManyPartitionsIsPlannedQuickly(t *testing.T) {
	var all []messages.Partition
	for n := range 50_000 {
		all = append(all, inOrder(fmt.Sprintf("t%05d", n), messages.BrokerID(n%30), messages.BrokerID((n+1)%30), messages.BrokerID((n+2)%30)))
	}
	in := fleeing(all...)
	in.Staying = nil
	for id := range messages.BrokerID(30) {
		if id != 1 {
			in.Staying = append(in.Staying, id)
		}
	}
	in.Up, in.Takers = in.Staying, in.Staying
	began := time.Now()
	plan := PlanMoves(in)
	require.Len(t, plan.Start, mostMovesAtOnce)
	require.Less(t, time.Since(began), 5*time.Second)
}
