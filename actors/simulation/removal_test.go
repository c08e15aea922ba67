package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// eventuallyRemoved waits until nothing is left of a broker, in Kubernetes, in Kafka and in the status.
func (w *World) eventuallyRemoved(name string, id messages.BrokerID) {
	w.t.Helper()
	w.eventually(10*time.Minute, "broker "+id.String()+" is removed", func() bool {
		_, listed := w.cluster(name).Status.BrokersState[id.String()]
		return !listed && len(w.objectsOf(name, id)) == 0 && !w.knowsBroker(name, id)
	})
	require.Empty(w.t, w.dynamicConfig(name, id), "who comes back under the id must not find old values")
}

// objectsOf are all that carry a broker's id.
func (w *World) objectsOf(name string, id messages.BrokerID) []string {
	var found []string
	for _, kind := range kube.WatchedKinds() {
		for _, object := range w.owned(kind, name) {
			if object.GetLabels()[kube.LabelBrokerID] == id.String() {
				found = append(found, string(kind)+" "+object.GetName())
			}
		}
	}
	return found
}

func (w *World) leavingText(name string) string {
	if c := w.condition(name, kube.ConditionBrokersLeaving); c != nil {
		return c.Message
	}
	return ""
}

func TestABrokerThatHoldsNothingIsRemoved(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string][]func(*v1beta1.KafkaCluster){
		"headless":                  {nodes(3), brokers(2)},
		"with a Service each":       {nodes(3), brokers(2), notHeadless},
		"in racks":                  {nodes(3), brokers(2), racks},
		"with two disks":            {controllersOnly(3), brokers(2), disks(2)},
		"in ZooKeeper mode":         {brokers(5), zooKeeper},
		"with a Kafka that cordons": {nodes(3), brokers(2), kafkaImage("4.3.1")},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", changes...))
				w.eventuallyReady("demo")
				before := w.podUIDs("demo")
				w.edit("demo", withoutBroker(3))
				w.eventuallyRemoved("demo", 3)
				delete(before, 3)
				require.Equal(w.t, before, w.podUIDs("demo"), "nobody else is touched")
				require.Nil(w.t, w.condition("demo", kube.ConditionBrokersLeaving))
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}

func TestABrokerWithReplicasWaitsUntilCruiseControlHasMovedThem(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("4.3.1"), withCruiseControl))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		before := w.podUIDs("demo")
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "a condition names partitions", func() bool {
			return strings.Contains(w.leavingText("demo"), "6 partitions have a replica there: orders-")
		})
		require.Equal(w.t, "*", w.dynamicConfig("demo", 3)["cordoned.log.dirs"])
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.deleteObject(keyOf(w.podsOf("demo", 3)[0]))
		w.eventually(time.Minute, "even then its Pod is made again", func() bool {
			return w.podUIDs("demo")[3] != before[3] && w.serves("demo", 3)
		})
		w.kill()
		w.moveAway("demo", 3)
		w.eventuallyRemoved("demo", 3)
		require.Empty(w.t, w.lostPartitions("demo"))
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestABrokerThatComesBackToTheSpecStays(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		before := w.podUIDs("demo")
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "it is cordoned", func() bool { return w.dynamicConfig("demo", 3)["cordoned.log.dirs"] == "*" })
		w.edit("demo", brokers(1))
		w.eventually(time.Minute, "it takes replicas again", func() bool { return len(w.dynamicConfig("demo", 3)) == 0 })
		w.eventuallyReady("demo")
		require.Nil(w.t, w.condition("demo", kube.ConditionBrokersLeaving))
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.settled()
	})
}

func TestAReplicaThatLandsBetweenTwoLooksIsNotLost(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), withCruiseControl))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "it was found empty once", func() bool { return strings.Contains(w.leavingText("demo"), "once more") })
		w.topic("demo", "orders", 4, 1, 1)
		w.advance(10 * time.Minute)
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Contains(w.t, w.leavingText("demo"), "orders-3")
		w.moveAway("demo", 3)
		w.eventuallyRemoved("demo", 3)
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}

func TestAnEmptyBrokerThatDoesNotRunIsRemoved(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[3].Maintenance = true })
		w.eventually(5*time.Minute, "it is stopped", func() bool { return len(w.podsOf("demo", 3)) == 0 })
		w.edit("demo", withoutBroker(3))
		w.eventuallyRemoved("demo", 3)
		w.eventuallyReady("demo")
	})
}

func TestTheDaemonMayDieAtAnyWriteOfARemoval(t *testing.T) {
	t.Parallel()
	for writes := 1; writes <= 14; writes++ {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(3), brokers(1), notHeadless, kafkaImage("4.3.1")))
			w.eventuallyReady("demo")
			w.advance(time.Minute)
			w.killAfterWrites(writes)
			w.edit("demo", withoutBroker(3))
			w.eventuallyRemoved("demo", 3)
			w.eventuallyReady("demo")
			w.settled()
		})
	}
}

func TestTheDisksOfARemovedBrokerStayWhereTheSpecSaysSo(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), func(c *v1beta1.KafkaCluster) {
			c.Spec.PersistentVolumeClaimRetentionPolicy = &v1beta1.PersistentVolumeClaimRetentionPolicy{WhenScaled: v1beta1.RetentionRetain}
		}))
		w.eventuallyReady("demo")
		w.edit("demo", withoutBroker(3))
		w.eventually(10*time.Minute, "only its disk is left", func() bool {
			left := w.objectsOf("demo", 3)
			return len(left) == 1 && strings.HasPrefix(left[0], string(kube.KindClaim)) && !w.knowsBroker("demo", 3)
		})
		w.eventuallyReady("demo")
		w.settled()
		claim := w.owned(kube.KindClaim, "demo")[3].GetUID()
		w.edit("demo", brokers(1))
		w.eventuallyReady("demo")
		require.Equal(w.t, claim, w.owned(kube.KindClaim, "demo")[3].GetUID(), "and is found when the id comes back")
		w.settled()
	})
}

func TestWhatOthersHaveSetForARemovedBrokerGoesToo(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		threads := "16"
		require.NoError(w.t, w.alterByHand("demo", 3, "num.io.threads", &threads))
		w.edit("demo", withoutBroker(3))
		w.eventuallyRemoved("demo", 3)
		w.edit("demo", brokers(1))
		w.eventuallyReady("demo")
		require.Equal(w.t, "8", w.configInForce("demo", 3, "num.io.threads"))
	})
}

// Without a controller that takes them nobody can delete the values of a broker that does not run, so what the operator set is
// remembered until the id comes back.
func TestValuesThatNobodyCanDeleteGoWhenTheIDComesBack(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", brokers(4), zooKeeper, perBroker(3, "log.cleaner.threads=3\n")))
		w.inForce("log.cleaner.threads", "3", 3)
		w.eventuallyReady("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[3].Maintenance = true })
		w.eventually(5*time.Minute, "it is stopped", func() bool { return len(w.podsOf("demo", 3)) == 0 })
		w.edit("demo", withoutBroker(3))
		w.eventually(10*time.Minute, "only the record of what is ours is left", func() bool {
			left := w.objectsOf("demo", 3)
			return len(left) == 1 && strings.HasSuffix(left[0], kube.BrokerAppliedName("demo", 3))
		})
		w.eventuallyReady("demo")
		w.settled()
		w.edit("demo", brokers(1))
		w.eventuallyReady("demo")
		w.inForce("log.cleaner.threads", "1", 3)
		w.settled()
	})
}

// From the first look at its disks to the end of its objects a broker may be put back at any moment.
func TestABrokerMayBePutBackAtAnyMomentOfItsEnd(t *testing.T) {
	t.Parallel()
	for after := time.Duration(0); after < 2*time.Minute; after += 4 * time.Second {
		t.Run(after.String(), func(t *testing.T) {
			run(t, func(w *World) {
				cluster := kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("4.3.1"))
				w.apply(cluster)
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 8, 3, 2)
				w.advance(time.Minute)
				w.edit("demo", withoutBroker(3))
				w.advance(after)
				w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers = cluster.Spec.Brokers })
				w.eventuallyReady("demo")
				w.eventually(10*time.Minute, "it serves and takes replicas", func() bool {
					return w.serves("demo", 3) && w.dynamicConfig("demo", 3)["cordoned.log.dirs"] == ""
				})
				require.Empty(w.t, w.lostPartitions("demo"))
				w.settled()
			})
		})
	}
}

// No upgrade restarts who leaves, so it may know less than those that stay: Kafka keeps new replicas away from log dirs since 4.3.
func TestABrokerThatLeavesInTheMiddleOfAnUpgradeGoes(t *testing.T) {
	t.Parallel()
	for name, dies := range map[string]bool{"under one daemon": false, "under another daemon": true} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), kafkaImage("3.9.2")))
				w.eventuallyReady("demo")
				w.settled()
				before := w.podUIDs("demo")
				w.edit("demo", kafkaImage("4.3.1"))
				w.eventually(10*time.Minute, "some are newer, broker 5 is not", func() bool {
					return len(w.changedSince(before)) >= 3 && w.podUIDs("demo")[5] == before[5]
				})
				w.edit("demo", withoutBroker(5))
				if dies {
					w.kill()
				}
				w.eventuallyRemoved("demo", 5)
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}
