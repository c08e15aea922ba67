package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestAnAPIServerThatIsAwayForTenMinutesIsWaitedFor(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.advance(4 * time.Millisecond) // in the middle of it
		w.serverAway(10 * time.Minute)
		w.advance(10 * time.Minute)
		require.False(w.t, w.isReady("demo"))
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestAReadyClusterOutlivesTenMinutesWithoutAPIServer(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		w.serverAway(10 * time.Minute)
		w.kubelets.crash(keyOf(w.podsOf("demo", 1)[0]), 1)
		w.advance(10 * time.Minute)
		w.eventuallyReady("demo")
		w.settled()
	})
}

// inBothModes are a cluster of combined nodes, and one with ZooKeeper, where Kafka itself formats.
func inBothModes() map[string][]func(*v1beta1.KafkaCluster) {
	return map[string][]func(*v1beta1.KafkaCluster){"with KRaft": {nodes(3)}, "with ZooKeeper": {brokers(3), zooKeeper}}
}

func TestAnEmptiedDiskIsNeverFormatted(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(w *World, pod *corev1.Pod){
		"the container starts again": func(*World, *corev1.Pod) {},
		"the node reboots":           func(w *World, pod *corev1.Pod) { w.kubelets.reboot(pod.Spec.NodeName) },
		"the Pod is made again":      func(w *World, pod *corev1.Pod) { w.deleteObject(keyOf(pod)) },
		"the Pod is made again during a pause": func(w *World, pod *corev1.Pod) {
			w.edit("demo", paused)
			w.advance(time.Minute)
			w.deleteObject(keyOf(pod))
		},
		"another daemon": func(w *World, pod *corev1.Pod) {
			w.deleteObject(keyOf(pod))
			w.kill()
		},
	} {
		for mode, changes := range inBothModes() {
			t.Run(name+" "+mode, func(t *testing.T) {
				run(t, func(w *World) {
					w.apply(kafkaCluster("demo", changes...))
					w.eventuallyReady("demo")
					w.advance(time.Minute)
					pod := w.podsOf("demo", 1)[0]
					lost := w.kubelets.empty(keyOf(pod))
					then(w, pod)
					w.advance(20 * time.Minute)
					require.False(w.t, w.serves("demo", 1), "Kafka does not start on an empty disk")
					require.True(w.t, w.serves("demo", 0))
					w.kubelets.restore(lost)
					w.edit("demo", resumed)
					w.eventuallyReady("demo")
				})
			})
		}
	}
}

func TestTheWayOutOfAnEmptiedDiskIsToldAndLeadsToTheProof(t *testing.T) {
	t.Parallel()
	for name, single := range map[string]bool{"with a last copy": true, "with copies of all elsewhere": false} {
		for mode, changes := range inBothModes() {
			t.Run(name+" "+mode, func(t *testing.T) {
				run(t, func(w *World) {
					w.apply(kafkaCluster("demo", changes...))
					w.eventuallyReady("demo")
					w.topic("demo", "orders", 8, 3, 2)
					if single {
						w.topic("demo", "single", 3, 1, 1)
					}
					w.advance(time.Minute)
					pod := w.podsOf("demo", 1)[0]
					w.kubelets.empty(keyOf(pod))
					claim := "demo-1-9e423fa7"
					w.eventually(20*time.Minute, "the way out is told", func() bool {
						return strings.Contains(w.conditionText("demo", kube.ConditionReady), "delete claim "+claim+", and Pod "+pod.Name)
					})
					w.deleteObject(key{kube.KindClaim, namespace, claim})
					w.deleteObject(keyOf(pod))
					if !single {
						w.eventually(20*time.Minute, "it serves with an empty disk", func() bool { return w.serves("demo", 1) && w.inSync("demo") })
						w.eventuallyReady("demo")
					}
					w.advance(time.Hour)
					require.Equal(w.t, single, strings.Contains(w.conditionText("demo", kube.ConditionDataVolumeLost), "single-1"))
					require.Equal(w.t, single, len(w.podsOf("demo", 1)) == 0)
					require.Empty(w.t, w.lostPartitions("demo"))
				})
			})
		}
	}
}

// A cluster whose status is lost knows by its claims on which disks Kafka ran.
func TestADiskOfARetainedClusterThatComesBackEmptyIsNotFormatted(t *testing.T) {
	t.Parallel()
	for mode, changes := range inBothModes() {
		t.Run(mode, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", append(changes, retained)...))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				var lost map[types.UID]map[string]logDir
				w.againWith("demo", func(*v1beta1.KafkaCluster) { lost = w.kubelets.emptyClaims(claimsOfBroker(w.claimsOf("demo"), 1)...) })
				w.advance(20 * time.Minute)
				require.False(w.t, w.serves("demo", 1), "Kafka does not start on an empty disk")
				require.True(w.t, w.serves("demo", 0))
				w.kubelets.restore(lost)
				w.eventuallyReady("demo")
			})
		})
	}
}

// The right to format is open until Kafka was seen to run; the marker on the Pod's own disk keeps the start script from
// using it twice.
func TestADiskEmptiedBeforeKafkaWasSeenIsNotFormattedAgain(t *testing.T) {
	t.Parallel()
	for mode, changes := range inBothModes() {
		t.Run(mode, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", changes...))
				var lost map[types.UID]map[string]logDir
				w.eventually(time.Minute, "a disk is formatted", func() bool {
					lost = w.kubelets.emptyClaims(claimsOfBroker(w.claimsOf("demo"), 1)...)
					return len(lost) > 0
				})
				w.kubelets.crash(keyOf(w.podsOf("demo", 1)[0]), 1)
				w.advance(10 * time.Minute)
				require.False(w.t, w.serves("demo", 1))
				w.kubelets.restore(lost)
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}

func TestALostClaimWithALastCopyIsNotReplacedByAnEmptyOne(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.topic("demo", "single", 3, 1, 1)
		w.advance(time.Minute)
		claim := w.owned(kube.KindClaim, "demo")[1]
		w.deleteObject(keyOf(claim))
		w.deleteObject(keyOf(w.podsOf("demo", 1)[0]))
		w.advance(10 * time.Minute)
		require.Len(w.t, w.owned(kube.KindClaim, "demo"), 2)
		require.Contains(w.t, w.condition("demo", kube.ConditionReady).Message, "DataVolumeLost")
		require.True(w.t, w.serves("demo", 0))
		w.quietFor(time.Hour)
	})
}

func TestACrashedBrokerIsTheKubeletsBusiness(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.kubelets.crash(keyOf(w.podsOf("demo", 1)[0]), 137)
		w.eventually(time.Minute, "its last words are told", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionPodsEnded), "its log ends with: ")
		})
		words := w.conditionText("demo", kube.ConditionPodsEnded)
		require.Contains(w.t, words, "broker 1: container kafka ended: exit code 137, Error")
		require.NotContains(w.t, words, "hunter2", "secrets of the log are masked")
		require.Contains(w.t, w.conditionText("demo", kube.ConditionReady), "broker 1")
		w.advance(time.Minute)
		w.eventuallyReady("demo")
		require.Empty(w.t, w.conditionText("demo", kube.ConditionPodsEnded))
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.settled()
	})
}

func TestAnEvictedPodIsReplaced(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		w.kubelets.evict(keyOf(w.podsOf("demo", 1)[0]))
		w.eventually(time.Minute, "another Pod serves", func() bool {
			return w.podUIDs("demo")[1] != before[1] && w.serves("demo", 1)
		})
		events := w.events.with("PodEnded")
		require.NotEmpty(w.t, events)
		require.NotContains(w.t, events[0].note, "hunter2", "secrets of the log are masked")
		w.eventuallyReady("demo")
		record := w.cluster("demo").Status.BrokersState["1"].Replacements
		require.True(w.t, strings.HasPrefix(record.Message, "Pod ended: "), "status keeps it, too")
		require.Contains(w.t, record.Message, "its log ends with: ")
		require.NotContains(w.t, record.Message, "hunter2")
		w.settled()
	})
}

func TestALostNodeIsWaitedFor(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		pod := w.podsOf("demo", 1)[0]
		w.kubelets.lose(pod.Spec.NodeName, time.Hour)
		w.deleteObject(keyOf(pod)) // as the node's eviction does after five minutes
		w.advance(30 * time.Minute)
		require.Len(w.t, w.podsOf("demo", 1), 1, "a Pod whose end nobody confirmed is never forced away")
		require.Equal(w.t, metav1.ConditionFalse, w.condition("demo", kube.ConditionReady).Status)
		w.advance(time.Hour)
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestABrokerThatReturnsElsewhereGetsItsNewRackAtOnce(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", brokers(3), zooKeeper, racks, func(c *v1beta1.KafkaCluster) {
			group := c.Spec.BrokerConfigGroups["default"]
			group.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
			c.Spec.BrokerConfigGroups["default"] = group
		}))
		w.eventuallyReady("demo")
		before := w.podsOf("demo", 1)[0]
		w.store.update(key{kube.KindNode, "", before.Spec.NodeName}, func(o kube.Object) { o.(*corev1.Node).Spec.Unschedulable = true })
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.ReadOnlyConfig = "queued.max.requests=7\n" })
		w.advance(time.Minute)
		w.deleteObject(keyOf(before))
		w.eventually(time.Minute, "another Pod serves", func() bool {
			return w.podUIDs("demo")[1] != before.UID && w.serves("demo", 1)
		})
		after := w.podsOf("demo", 1)[0]
		require.NotEqual(w.t, before.Spec.NodeName, after.Spec.NodeName)
		node := w.store.get(key{kube.KindNode, "", after.Spec.NodeName})
		file := w.kubelets.fileOf(after)
		require.Equal(w.t, node.GetLabels()[corev1.LabelTopologyZone], file["broker.rack"])
		require.Equal(w.t, "7", file["queued.max.requests"])
		w.settled()
	})
}

func TestADaemonThatWasAwayFindsEverythingAgain(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		w.killDaemon()
		w.deleteObject(keyOf(w.podsOf("demo", 1)[0]))
		w.deleteObject(key{kube.KindConfigMap, namespace, kube.BrokerConfigName("demo", 2)})
		w.edit("demo", brokers(1))
		w.advance(time.Hour)
		w.startDaemon()
		w.eventuallyReady("demo")
		w.settled()
	})
}

// The daemon is killed after each single one of the writes that bring a cluster up.
func TestTheDaemonMayDieBetweenAnyTwoWrites(t *testing.T) {
	t.Parallel()
	writes := 0
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), racks))
		w.eventuallyReady("demo")
		w.settled()
		writes = len(w.writesSince(time.Time{}))
	})
	require.Greater(t, writes, 10)
	for n := 1; n <= writes; n++ {
		run(t, func(w *World) {
			w.killAfterWrites(n)
			w.apply(kafkaCluster("demo", nodes(3), racks))
			w.eventuallyReady("demo")
			w.settled()
		})
	}
}

func TestAllWatchesBreak(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.faults.set(Trouble{Losses: 300, Stale: 3 * time.Second})
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		for id := range messages.BrokerID(3) {
			for _, pod := range w.podsOf("demo", id) {
				w.deleteObject(keyOf(pod))
			}
			w.advance(time.Minute)
		}
		w.eventuallyReady("demo")
		w.faults.set(Trouble{})
		w.advance(time.Minute)
		w.settled()
	})
}

func TestAWrongClusterNeverDelaysAnother(t *testing.T) {
	t.Parallel()
	alone := time.Duration(0)
	run(t, func(w *World) { alone = w.timeToReady() })
	run(t, func(w *World) {
		for _, name := range []string{"wrong", "wronger", "wrongest"} {
			w.apply(kafkaCluster(name, nodes(3), func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].BrokerConfigGroup = "nobody" }))
		}
		w.advance(time.Second)
		require.Equal(w.t, alone, w.timeToReady())
	})
}

func (w *World) timeToReady() time.Duration {
	from := time.Now()
	w.apply(kafkaCluster("demo", nodes(3)))
	w.eventuallyReady("demo")
	return time.Since(from)
}

func TestAClusterOfAnotherDaemonIsLeftAlone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("remote", nodes(3), annotated(kube.AnnotationRemoteOwner, "elsewhere")))
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		for _, write := range w.writesSince(time.Time{}) {
			require.False(w.t, strings.HasPrefix(write.key.name, "remote"), write.String())
		}
	})
}

func TestAPanicInOneBrokersActorRestartsThatActorAlone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.faults.panicOnce("create", key{kube.KindConfigMap, namespace, kube.BrokerConfigName("demo", 1)})
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		require.Equal(w.t, 1.0, w.panics("broker"))
		require.Zero(w.t, w.panics("cluster"))
		require.Zero(w.t, w.panics("operator"))
		w.settled()
	})
}

func TestAPanicInAClustersActorLeavesOtherClustersAlone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("other", nodes(3)))
		w.eventuallyReady("other")
		w.faults.panicOnce("create", key{kube.KindService, namespace, "demo-headless"})
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		require.Equal(w.t, 1.0, w.panics("cluster"))
		require.True(w.t, w.isReady("other"))
		w.settled()
	})
}
