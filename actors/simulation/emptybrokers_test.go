package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// replicasOnPods puts all that some nodes have on emptyDirs.
func replicasOnPods(ids ...int32) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		limit := resource.MustParse("10Gi")
		for i := range c.Spec.Brokers {
			b := &c.Spec.Brokers[i]
			if !slices.Contains(ids, b.ID) {
				continue
			}
			if b.BrokerConfig == nil {
				b.BrokerConfig = &v1beta1.BrokerConfig{}
			}
			b.BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit}}}
		}
	}
}

// losePods takes the Pods of some nodes away at once, as nodes do that go down.
func (w *World) losePods(name string, ids ...messages.BrokerID) {
	for _, id := range ids {
		for _, pod := range w.podsOf(name, id) {
			w.deleteObject(keyOf(pod))
		}
	}
}

// lastInSync stops all holders of a topic but one, and takes that one's Pod away.
func (w *World) lastInSync(id messages.BrokerID, others ...messages.BrokerID) {
	w.t.Helper()
	w.topic("demo", "orders", 6, 3, 1)
	w.advance(time.Minute)
	var stopped []int32
	for _, other := range others {
		stopped = append(stopped, int32(other))
	}
	w.edit("demo", maintained(stopped...))
	for _, other := range others {
		w.eventually(10*time.Minute, "another one is stopped", func() bool { return len(w.podsOf("demo", other)) == 0 })
	}
	w.advance(time.Minute)
	w.losePods("demo", id)
}

// takesNothing sees that the last one in sync does not start while others have copies, and that it does without those.
func (w *World) takesNothing(id messages.BrokerID) {
	w.t.Helper()
	w.eventually(10*time.Minute, "a condition names the partitions", func() bool {
		text := w.conditionText("demo", kube.ConditionDataVolumeLost)
		return strings.Contains(text, "orders-") && strings.Contains(text, "--election-type UNCLEAN")
	})
	w.advance(time.Hour)
	require.Empty(w.t, w.podsOf("demo", id))
	require.Empty(w.t, w.lostPartitions("demo"))
	w.deleteTopic("demo", "orders")
}

func TestABrokerOnAnEmptyDirTakesNothingFromOthers(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*World){
		"at once":           func(*World) {},
		"after a crash":     func(w *World) { w.kill(); w.advance(time.Hour) },
		"after a pause":     func(w *World) { w.edit("demo", annotated(kube.AnnotationPause, "true")) },
		"with another file": func(w *World) { w.edit("demo", moreRequests) },
		"with a claim":      func(w *World) { w.edit("demo", onClaims) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), replicasOnPods(3)))
				w.eventuallyReady("demo")
				w.lastInSync(3, 4, 5)
				before(w)
				w.edit("demo", maintained())
				w.advance(time.Minute)
				w.edit("demo", resumed)
				w.takesNothing(3)
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}

func TestABrokerOnAnEmptyDirTakesNothingFromOthersWithZooKeeper(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", brokers(3), zooKeeper, replicasOnPods(0)))
		w.eventuallyReady("demo")
		w.lastInSync(0, 1, 2)
		w.edit("demo", maintained())
		w.takesNothing(0)
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestABrokerOnAnEmptyDirThatLeftTakesNothingFromOthers(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) { // it is put back after all that it had was deleted by hand
		cluster := kafkaCluster("demo", controllersOnly(3), brokers(3), kafkaImage("4.3.1"), replicasOnPods(3))
		w.apply(cluster)
		w.eventuallyReady("demo")
		w.lastInSync(3, 4, 5)
		w.edit("demo", withoutBroker(3))
		w.edit("demo", maintained())
		w.advance(5 * time.Minute)
		require.NotContains(w.t, w.cluster("demo").Status.BrokersState["3"].Reason, "before it ever ran")
		w.deleteByHand("demo", 3)
		w.advance(5 * time.Minute)
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers = cluster.Spec.Brokers })
		w.takesNothing(3)
		w.eventuallyReady("demo")
		w.settled()
	})
	run(t, func(w *World) { // it has claims, too, with which it would be made again until it is empty
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), kafkaImage("4.3.1"), withCruiseControl, func(c *v1beta1.KafkaCluster) {
			c.Spec.Brokers[3].BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/fast", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
		}))
		w.eventuallyReady("demo")
		w.lastInSync(3, 4, 5)
		w.edit("demo", withoutBroker(3))
		w.edit("demo", maintained())
		w.takesNothing(3)
		w.eventually(10*time.Minute, "it has left", func() bool { return len(claimsOfBroker(w.claimsOf("demo"), 3)) == 0 })
		w.settled()
	})
}

// aDiskOnPods gives every node a second disk that goes with its Pod.
func aDiskOnPods(c *v1beta1.KafkaCluster) {
	for name, group := range c.Spec.BrokerConfigGroups {
		group.StorageConfigs = append(group.StorageConfigs, v1beta1.StorageConfig{MountPath: "/fast", EmptyDir: &corev1.EmptyDirVolumeSource{}})
		c.Spec.BrokerConfigGroups[name] = group
	}
}

// Nobody can answer without those that wait for an answer: a person has to say who starts.
func TestBrokersWithADiskOnAnEmptyDirThatAreAllGoneAreLetStartByAPerson(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.withOrders(controllersOnly(3), brokers(3), aDiskOnPods)
		w.losePods("demo", 3, 4, 5)
		w.eventually(10*time.Minute, "all are told", func() bool {
			return strings.Count(w.conditionText("demo", kube.ConditionDataVolumeLost), kube.AnnotationAllowDataLoss) == 3
		})
		w.advance(time.Hour)
		require.Empty(w.t, w.podsOf("demo", 4))
		for id := messages.BrokerID(3); id < 6; id++ {
			word := id.String() + "/" + w.cluster("demo").Status.BrokersState[id.String()].RanOnEmptyDir[:8]
			require.Contains(w.t, w.conditionText("demo", kube.ConditionDataVolumeLost), word)
			w.edit("demo", annotated(kube.AnnotationAllowDataLoss, word))
			w.eventually(10*time.Minute, "it serves", func() bool { return w.serves("demo", id) })
		}
		w.eventuallyReady("demo")
	})
}

// onClaims has nothing on emptyDirs any more.
func onClaims(c *v1beta1.KafkaCluster) {
	for i := range c.Spec.Brokers {
		if config := c.Spec.Brokers[i].BrokerConfig; config != nil && !config.IsController() {
			config.StorageConfigs = nil
		}
	}
}

func TestABrokerOnAnEmptyDirComesBackWhereOthersHaveItAll(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string][]func(*v1beta1.KafkaCluster){
		"controllers apart": {controllersOnly(3), brokers(3), replicasOnPods(3, 4, 5)},
		"some on claims":    {controllersOnly(3), brokers(3), replicasOnPods(4), racks},
		"ZooKeeper":         {brokers(6), zooKeeper, replicasOnPods(3, 4, 5)},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.withOrders(changes...)
				w.losePods("demo", 4)
				w.eventually(2*time.Minute, "it is back", func() bool { return w.serves("demo", 4) })
				w.eventuallyReady("demo")
				w.eventually(5*time.Minute, "all is in sync", func() bool { return w.inSync("demo") })
				w.edit("demo", moreRequests)
				w.eventuallyRolled("demo")
				w.eventuallyReady("demo")
				require.Empty(w.t, w.conditionText("demo", kube.ConditionDataVolumeLost))
				require.Empty(w.t, w.lostPartitions("demo"))
				w.settled()
			})
		})
	}
}

// Where nobody has anything left, nothing is waited for.
func TestBrokersOnEmptyDirsComeBackWhenAllAreGone(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string][]func(*v1beta1.KafkaCluster){
		"controllers apart": {controllersOnly(3), brokers(3), replicasOnPods(3, 4, 5)},
		"with racks":        {controllersOnly(3), brokers(3), replicasOnPods(3, 4, 5), racks},
		"ZooKeeper":         {brokers(6), zooKeeper, replicasOnPods(0, 1, 2, 3, 4, 5)},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.withOrders(changes...)
				w.losePods("demo", 0, 1, 2, 3, 4, 5)
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}

// The controllers cannot answer without the nodes whose disks these are.
func TestCombinedNodesWithASecondDiskOnAnEmptyDirComeBackAfterAllAreGone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.withOrders(nodes(3), aDiskOnPods)
		w.losePods("demo", 0, 1, 2)
		w.eventuallyReady("demo")
	})
}

func TestTheDaemonMayDieAtAnyWriteWhileABrokerOnAnEmptyDirIsLost(t *testing.T) {
	t.Parallel()
	for writes := 1; writes <= 8; writes++ {
		run(t, func(w *World) {
			w.withOrders(controllersOnly(3), brokers(3), replicasOnPods(3, 4))
			w.killAfterWrites(writes)
			w.losePods("demo", 3)
			w.edit("demo", moreRequests)
			w.eventuallyRolled("demo")
			w.eventuallyReady("demo")
			require.Empty(w.t, w.lostPartitions("demo"))
			w.settled()
		})
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), replicasOnPods(3)))
			w.eventuallyReady("demo")
			w.lastInSync(3, 4, 5)
			w.killAfterWrites(writes)
			w.edit("demo", maintained())
			w.takesNothing(3)
			w.eventuallyReady("demo")
			w.settled()
		})
	}
}

// Its status is new, and what the claims of others tell is that it lived.
func TestABrokerOnAnEmptyDirOfARetainedClusterTakesNothingFromOthers(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string][]func(*v1beta1.KafkaCluster){
		"with KRaft":     {controllersOnly(3), brokers(3), replicasOnPods(3), retained},
		"with ZooKeeper": {brokers(6), zooKeeper, replicasOnPods(3), retained},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", changes...))
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 6, 3, 1)
				w.advance(time.Minute)
				w.againWith("demo", func(c *v1beta1.KafkaCluster) {
					w.kafka.mu.Lock()
					for _, p := range w.kafka.clusters[keyed("demo")].partitions {
						if slices.Contains(p.replicas, 3) {
							p.isr, p.eligible = []messages.BrokerID{3}, nil // it was the last one that stopped
						}
					}
					w.kafka.mu.Unlock()
				})
				w.takesNothing(3)
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}
