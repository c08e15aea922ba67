package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// reassign is kafka-reassign-partitions: somebody else than the operator brings a partition to other brokers.
func (w *World) reassign(name, topic string, number int32, to ...messages.BrokerID) {
	w.t.Helper()
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	for _, p := range c.partitions {
		if p.topic == topic && p.number == number {
			require.NoError(w.t, c.reassign(p, to))
		}
	}
	w.kafka.evaluate(c)
}

// killAtMove kills the daemon when Kafka takes that request of its which moves replicas, or changes what bounds moves: the answer does
// not arrive.
func (w *World) killAtMove(request int) {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	w.kafka.asked = func() { // under the same lock
		if request--; request == 0 {
			time.AfterFunc(0, w.kill)
		}
	}
}

// moving are the partitions of a cluster that are on their way.
func (w *World) moving(name string) []messages.Reassignment {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	return w.kafka.clusters[keyed(name)].moving()
}

// everyPartitionHas requires so many replicas of each partition, all in sync.
func (w *World) everyPartitionHas(name string, factor int) {
	w.t.Helper()
	for _, p := range w.partitions(name) {
		require.Len(w.t, p.Replicas, factor, "%s-%d", p.Topic, p.Number)
		require.ElementsMatch(w.t, p.Replicas, p.ISR, "%s-%d", p.Topic, p.Number)
	}
	require.Empty(w.t, w.lostPartitions(name))
}

func TestTheOperatorEmptiesABrokerItselfWithoutCruiseControl(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string][]func(*v1beta1.KafkaCluster){
		"combined nodes":            {nodes(3), brokers(1)},
		"in ZooKeeper mode":         {brokers(4), zooKeeper},
		"with a Kafka that cordons": {nodes(3), brokers(1), kafkaImage("4.3.1")},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", changes...))
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 12, 3, 2)
				before := w.podUIDs("demo")
				preferred := map[int32]messages.BrokerID{}
				for _, p := range w.partitions("demo") {
					preferred[p.Number] = p.Replicas[0]
				}
				w.edit("demo", withoutBroker(3))
				w.eventually(time.Minute, "people are told how far it is", func() bool {
					return strings.Contains(w.leavingText("demo"), "broker 3 left the spec and waits: moving: 9 partitions left, 9 under way")
				})
				w.eventuallyRemoved("demo", 3)
				w.everyPartitionHas("demo", 3)
				for _, p := range w.partitions("demo") {
					if preferred[p.Number] != 3 {
						require.Equal(w.t, preferred[p.Number], p.Replicas[0], "who was preferred as leader is")
					}
				}
				delete(before, 3)
				require.Equal(w.t, before, w.podUIDs("demo"), "nobody else is touched")
				_, ours := w.shortage("demo")
				require.Zero(w.t, ours)
				require.Len(w.t, w.events.with("ReplicasMoving"), 1)
				require.Len(w.t, w.events.with("ReplicasMoved"), 1)
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}

func TestMovesGoOnAfterTheDaemonDied(t *testing.T) {
	t.Parallel()
	for writes := 1; writes <= 16; writes++ {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("4.3.1")))
			w.eventuallyReady("demo")
			w.topic("demo", "orders", 30, 2, 1)
			w.killAfterWrites(writes)
			w.edit("demo", withoutBroker(3))
			w.eventuallyRemoved("demo", 3)
			w.everyPartitionHas("demo", 2)
			w.eventuallyReady("demo")
			w.settled()
		})
	}
	for requests := 1; requests <= 24; requests++ {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
			w.eventuallyReady("demo")
			w.topic("demo", "orders", 80, 2, 1)
			w.killAtMove(requests)
			w.edit("demo", withoutBroker(3))
			w.eventuallyRemoved("demo", 3)
			require.True(w.t, w.reborn())
			w.everyPartitionHas("demo", 2)
			w.settled()
		})
	}
	for after := range 10 {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
			w.eventuallyReady("demo")
			w.topic("demo", "orders", 30, 2, 1)
			w.edit("demo", withoutBroker(3))
			w.advance(time.Duration(after) * 7 * time.Second)
			w.kill()
			w.eventuallyRemoved("demo", 3)
			w.everyPartitionHas("demo", 2)
			w.settled()
		})
	}
}

func TestABrokerThatIsPutBackMidwayKeepsWhatHasNotMoved(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 40, 3, 2)
		was := w.partitions("demo")
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "some move", func() bool { return len(w.moving("demo")) > 10 })
		under := w.moving("demo")
		w.edit("demo", brokers(1))
		w.eventually(time.Minute, "no more do", func() bool { return len(w.moving("demo")) == 0 })
		w.eventuallyReady("demo")
		kept := 0
		for at, p := range w.partitions("demo") {
			if slices.ContainsFunc(under, func(r messages.Reassignment) bool { return r.Number == p.Number }) && slices.Contains(p.Replicas, 3) {
				kept++
				require.Equal(w.t, was[at].Replicas, p.Replicas, "the order too")
			}
		}
		require.Positive(w.t, kept)
		require.Len(w.t, w.events.with("ReplicaMovesTakenBack"), 1)
		require.Nil(w.t, w.condition("demo", kube.ConditionBrokersLeaving))
		w.advance(time.Minute)
		w.everyPartitionHas("demo", 3)
		w.settled()
	})
}

func TestADaemonThatDidNotBeginMovesLetsThemEnd(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 20, 3, 2)
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "some move", func() bool { return len(w.moving("demo")) > 10 })
		w.killDaemon()
		w.edit("demo", brokers(1))
		w.startDaemon()
		w.eventuallyReady("demo")
		w.advance(2 * time.Minute)
		require.Empty(w.t, w.moving("demo"))
		require.Empty(w.t, w.events.with("ReplicaMovesTakenBack"))
		w.everyPartitionHas("demo", 3)
		w.settled()
	})
}

func TestABrokerThatWasToGetReplicasDiesMidway(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(4)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 12, 2, 1)
		w.edit("demo", withoutBroker(3))
		adds := func(r messages.Reassignment) bool { return slices.Contains(r.Adding, 5) }
		w.eventually(time.Minute, "some move to broker 5", func() bool { return slices.ContainsFunc(w.moving("demo"), adds) })
		w.kubelets.lose(w.nodeOf(5), 2*time.Hour)
		w.eventually(20*time.Minute, "what was on its way there goes elsewhere", func() bool {
			return !slices.ContainsFunc(w.moving("demo"), adds)
		})
		w.advance(3 * time.Hour)
		w.eventuallyRemoved("demo", 3)
		w.advance(10 * time.Minute)
		w.everyPartitionHas("demo", 2)
	}, machines(8, 3))
}

func TestADeadBrokerIsEmptied(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 12, 3, 2)
		w.kubelets.lose(w.nodeOf(3), 24*time.Hour)
		w.advance(time.Minute)
		w.edit("demo", withoutBroker(3))
		w.eventually(10*time.Minute, "nothing is on it", func() bool {
			return !slices.ContainsFunc(w.partitions("demo"), func(p messages.Partition) bool { return slices.Contains(p.Replicas, 3) })
		})
		w.everyPartitionHas("demo", 3)
	}, machines(4, 3))
}

func TestNothingMovesBesideSomebodyElsesMoves(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(2)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 10, 2, 1)
		w.kubelets.lose(w.nodeOf(4), time.Hour)
		w.advance(time.Minute)
		w.reassign("demo", "orders", 0, 4, 1) // which lasts as long as broker 4 is away
		w.edit("demo", withoutBroker(3))
		w.eventually(2*time.Minute, "people are told", func() bool {
			return strings.Contains(w.leavingText("demo"), "somebody else moves orders-0 (to it {4}, away from it {0})")
		})
		w.advance(30 * time.Minute)
		require.Len(w.t, w.moving("demo"), 1)
		w.advance(time.Hour)
		w.eventuallyRemoved("demo", 3)
		w.everyPartitionHas("demo", 2)
		require.Equal(w.t, []messages.BrokerID{4, 1}, w.partition("demo", "orders", 0).Replicas)
	}, machines(6, 3))
}

func TestFewerBrokersThanReplicasAreTold(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 2, 3, 2)
		w.topic("demo", "small", 3, 1, 1)
		before := w.podUIDs("demo")
		w.edit("demo", withoutBroker(4))
		w.eventually(5*time.Minute, "what can move has moved, and the ways out are told", func() bool {
			return strings.Contains(w.leavingText("demo"), "moving: 2 partitions left, 0 under way; orders-0 has replication factor 3, and only 2 "+
				"brokers stay; add a broker, lower the topic's replication factor with kafka-reassign-partitions, or put the broker back "+
				"(and 1 more partitions like it)")
		})
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.edit("demo", brokers(1))
		w.eventuallyReady("demo")
		w.eventuallyRemoved("demo", 4)
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}

func TestReplicasStaySpreadOverRacks(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(6), racks))
		w.eventuallyReady("demo")
		rack := map[messages.BrokerID]string{}
		for id := range messages.BrokerID(9) {
			rack[id] = w.configInForce("demo", id, "broker.rack")
		}
		w.topic("demo", "orders", 18, 3, 2)
		spread := func() (n int) {
			for _, p := range w.partitions("demo") {
				seen := map[string]bool{}
				for _, id := range p.Replicas {
					seen[rack[id]] = true
				}
				n += len(seen)
			}
			return n
		}
		was := spread()
		w.edit("demo", withoutBroker(5))
		w.eventuallyRemoved("demo", 5)
		require.GreaterOrEqual(w.t, spread(), was)
		w.everyPartitionHas("demo", 3)
	}, machines(9, 3))
}

func TestTwoBrokersThatLeaveGetNothingFromEachOther(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(5)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 20, 3, 2)
		w.edit("demo", func(c *v1beta1.KafkaCluster) { withoutBroker(4)(c); withoutBroker(6)(c) })
		w.eventually(time.Minute, "some move", func() bool { return len(w.moving("demo")) > 0 })
		for range 60 {
			for _, r := range w.moving("demo") {
				require.NotContains(w.t, r.Adding, messages.BrokerID(4))
				require.NotContains(w.t, r.Adding, messages.BrokerID(6))
			}
			w.advance(5 * time.Second)
		}
		w.eventuallyRemoved("demo", 4)
		w.eventuallyRemoved("demo", 6)
		w.everyPartitionHas("demo", 3)
		w.eventuallyReady("demo")
		w.settled()
	}, machines(8, 3))
}

func TestNothingMovesToABrokerThatIsCordoned(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(2), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 10, 2, 1)
		was := len(w.replicasOn("demo", 4))
		all := "*"
		require.NoError(w.t, w.alterByHand("demo", 4, "cordoned.log.dirs", &all))
		w.edit("demo", withoutBroker(3))
		w.eventuallyRemoved("demo", 3)
		require.Len(w.t, w.replicasOn("demo", 4), was)
		w.everyPartitionHas("demo", 2)
	}, machines(5, 3))
}

// replicasOn are the partitions with a replica on a broker.
func (w *World) replicasOn(name string, id messages.BrokerID) []messages.Partition {
	return slices.DeleteFunc(w.partitions(name), func(p messages.Partition) bool { return !slices.Contains(p.Replicas, id) })
}

func TestMovesAndRestartsTakeTurns(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 60, 3, 2)
		before := w.podUIDs("demo")
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "some move", func() bool { return len(w.moving("demo")) > 0 })
		w.edit("demo", readOnly("queued.max.requests=700\n"))
		w.eventually(20*time.Minute, "all others were restarted", func() bool {
			after := w.podUIDs("demo")
			return after[0] != before[0] && after[1] != before[1] && after[2] != before[2]
		})
		w.eventuallyRemoved("demo", 3)
		w.everyPartitionHas("demo", 3)
		_, ours := w.shortage("demo")
		require.Zero(w.t, ours)
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestNothingMovesWhileReconciliationIsPaused(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 2, 1)
		w.edit("demo", paused)
		w.edit("demo", withoutBroker(3))
		w.advance(10 * time.Minute)
		require.Empty(w.t, w.moving("demo"))
		require.NotEmpty(w.t, w.replicasOn("demo", 3))
		w.edit("demo", resumed)
		w.eventuallyRemoved("demo", 3)
	})
}

func TestMetadataThatAreBehindGiveNobodyMoreReplicas(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", controllersOnly(3), brokers(5), kafkaImage("3.9.2")))
			w.eventuallyReady("demo")
			w.topic("demo", "orders", 60, 2, 1)
			w.kubelets.lose(w.nodeOf(3), 24*time.Hour)
			w.advance(time.Minute) // of a dead broker nobody waits for replicas to be in sync
			w.faults.set(Trouble{KafkaBehind: 15 * time.Second})
			w.edit("demo", withoutBroker(3))
			w.eventually(20*time.Minute, "nothing is on broker 3", func() bool { return len(w.replicasOn("demo", 3)) == 0 })
			w.advance(time.Minute)
			w.everyPartitionHas("demo", 2)
		}, machines(9, 3), seeded(seed))
	}
}

// fill leaves so much free on the volumes of a broker.
func (w *World) fill(name string, id messages.BrokerID, usable int64) {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	w.kafka.clusters[keyed(name)].usable[id] = usable
}

func TestNothingMovesToABrokerWithoutRoom(t *testing.T) {
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(4)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 10, 2, 1)
		was := len(w.replicasOn("demo", 5))
		w.fill("demo", 5, 512<<20)
		w.edit("demo", withoutBroker(6))
		w.eventuallyRemoved("demo", 6)
		require.Len(w.t, w.replicasOn("demo", 5), was)
		w.everyPartitionHas("demo", 2)
		w.settled()
	}, machines(8, 3))
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 10, 2, 1)
		for id := range messages.BrokerID(3) {
			w.fill("demo", id, 512<<20)
		}
		w.edit("demo", withoutBroker(3))
		for range 10 {
			w.eventually(2*time.Minute, "people are told which disks are full", func() bool {
				return strings.Contains(w.leavingText("demo"), " has no room for orders-") &&
					strings.Contains(w.leavingText("demo"), "512 MiB are free, it needs 1 MiB, and 512 MiB have to stay free")
			})
			w.advance(17 * time.Second)
		}
		require.Empty(w.t, w.moving("demo"))
		w.fill("demo", 1, 9<<30)
		w.eventually(5*time.Minute, "what has room takes what it can", func() bool { return len(w.moving("demo")) > 0 })
		w.fill("demo", 0, 9<<30)
		w.fill("demo", 2, 9<<30)
		w.eventuallyRemoved("demo", 3)
		w.settled()
	})
}
