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

// lastInSync leaves broker 3 of 3, 4 and 5 alone in sync.
func (w *World) lastInSync() {
	w.t.Helper()
	w.topic("demo", "orders", 6, 3, 1)
	w.advance(time.Minute)
	w.edit("demo", maintained(4, 5))
	w.eventually(10*time.Minute, "two are stopped", func() bool { return len(w.podsOf("demo", 4))+len(w.podsOf("demo", 5)) == 0 })
	w.advance(time.Minute)
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
				w.lastInSync()
				w.losePods("demo", 3)
				before(w)
				w.edit("demo", maintained())
				w.advance(time.Minute)
				w.edit("demo", resumed)
				w.eventually(10*time.Minute, "a condition names the partitions", func() bool {
					text := w.conditionText("demo", kube.ConditionDataVolumeLost)
					return strings.Contains(text, "orders-0") && strings.Contains(text, "--election-type UNCLEAN")
				})
				w.advance(time.Hour)
				require.Empty(w.t, w.podsOf("demo", 3))
				require.Empty(w.t, w.lostPartitions("demo"))
				w.deleteTopic("demo", "orders")
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
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
		"ZooKeeper":         {brokers(6), zooKeeper, replicasOnPods(0, 1, 2, 3, 4, 5)},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.withOrders(changes...)
				w.losePods("demo", 0, 1, 2, 3, 4, 5)
				w.kill()
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
		w.withOrders(nodes(3), func(c *v1beta1.KafkaCluster) {
			for name, group := range c.Spec.BrokerConfigGroups {
				group.StorageConfigs = append(group.StorageConfigs, v1beta1.StorageConfig{MountPath: "/fast", EmptyDir: &corev1.EmptyDirVolumeSource{}})
				c.Spec.BrokerConfigGroups[name] = group
			}
		})
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
	}
}
