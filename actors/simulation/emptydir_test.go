package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// throwAway are the shapes of clusters whose controllers have their metadata on emptyDirs.
func throwAway() map[string][]func(*v1beta1.KafkaCluster) {
	return map[string][]func(*v1beta1.KafkaCluster){
		"controllers apart": {controllersOnly(3), brokers(3), onEmptyDirs},
		"combined":          {nodes(3), onEmptyDirs},
		"five of them":      {nodes(5), onEmptyDirs, racks},
		"beside claims":     {nodes(2), onEmptyDirs, nodes(1), notHeadless},
	}
}

// allHave reports whether all nodes were started with a value in their file.
func (w *World) allHave(name, key, value string) bool {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	for _, b := range w.cluster(name).Spec.Brokers {
		if p := c.processes[messages.BrokerID(b.ID)]; p == nil || p.config[key] != value {
			return false
		}
	}
	return true
}

// withOrders makes a cluster with a topic, and waits until that is in sync.
func (w *World) withOrders(changes ...func(*v1beta1.KafkaCluster)) {
	w.t.Helper()
	w.apply(kafkaCluster("demo", changes...))
	w.eventuallyReady("demo")
	w.topic("demo", "orders", 6, 3, 2)
	w.advance(time.Minute)
}

// moreRequests is an edit that restarts every node.
func moreRequests(c *v1beta1.KafkaCluster) { readOnly("queued.max.requests=700\n")(c) }

func (w *World) eventuallyRolled(name string) {
	w.t.Helper()
	w.eventually(30*time.Minute, "all are restarted", func() bool { return w.allHave(name, "queued.max.requests", "700") })
}

func TestAClusterOnEmptyDirsIsFormedOnceAndRolls(t *testing.T) {
	for name, changes := range throwAway() {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.withOrders(changes...)
				before, votes := w.directories("demo"), w.votes("demo")
				w.edit("demo", moreRequests)
				w.eventuallyRolled("demo")
				w.eventuallyReady("demo")
				require.Equal(w.t, votes, w.votes("demo"))
				for id, directory := range w.directories("demo") {
					onClaim := name == "beside claims" && id == 2
					require.Equal(w.t, onClaim, directory == before[id], "node %d has another directory", id)
				}
				require.Empty(w.t, w.conditionText("demo", kube.ConditionDataVolumeLost))
				require.Empty(w.t, w.lostPartitions("demo"))
				w.settled()
			})
		})
	}
}

func TestAControllerOnAnEmptyDirComesBackWithoutItsPod(t *testing.T) {
	for name, changes := range throwAway() {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.withOrders(changes...)
				votes := w.votes("demo")
				for _, id := range []messages.BrokerID{1, w.activeController("demo")} {
					before := w.directories("demo")
					w.deleteObject(keyOf(w.podsOf("demo", id)[0]))
					w.advance(2 * time.Second)
					w.eventuallyReady("demo")
					w.eventuallyVote("demo", votes...)
					require.NotEqual(w.t, before[id] == w.directories("demo")[id], name != "beside claims" || id != 2)
					w.eventually(10*time.Minute, "its replicas are back in sync", func() bool { return w.inSync("demo") })
				}
				require.Empty(w.t, w.lostPartitions("demo"))
				w.settled()
			})
		})
	}
}

func TestAControllerOnAnEmptyDirOfANodeThatIsLost(t *testing.T) {
	run(t, func(w *World) {
		w.withOrders(controllersOnly(3), brokers(3), onEmptyDirs)
		gone := w.nodeOf(1)
		w.goneForGood(gone)
		w.eventually(20*time.Minute, "it serves elsewhere", func() bool { return w.serves("demo", 1) && w.nodeOf(1) != gone })
		w.eventuallyVote("demo", 0, 1, 2)
		require.Empty(w.t, w.lostPartitions("demo"))
	}, machines(6, 3))
}

func TestTheDaemonMayDieAtAnyWriteWhileAClusterOnEmptyDirsIsMade(t *testing.T) {
	for writes := 1; writes <= 24; writes++ {
		run(t, func(w *World) {
			w.killAfterWrites(writes)
			w.apply(kafkaCluster("demo", controllersOnly(3), brokers(2), onEmptyDirs))
			w.advance(5 * time.Minute)
			w.eventuallyReady("demo")
			require.Len(w.t, w.votes("demo"), 3)
			w.settled()
		})
	}
}

func TestTheDaemonMayDieAtAnyWriteWhileAControllerOnAnEmptyDirIsRestarted(t *testing.T) {
	for writes := 1; writes <= 12; writes++ {
		run(t, func(w *World) {
			w.withOrders(nodes(3), onEmptyDirs)
			w.killAfterWrites(writes)
			w.edit("demo", moreRequests)
			w.eventuallyRolled("demo")
			w.eventuallyReady("demo")
			require.Len(w.t, w.votes("demo"), 3)
			require.Empty(w.t, w.lostPartitions("demo"))
			w.settled()
		})
	}
}

// The metadata are gone with two of three Pods. What is left is told, and nothing is formatted in their place.
func TestTwoOfThreeControllersOnEmptyDirsLostAtOnceAreToldAndNotFormatted(t *testing.T) {
	for name, ids := range map[string][]messages.BrokerID{"two of them": {0, 2}, "all of them": {0, 1, 2}} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(2), onEmptyDirs))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				for _, id := range ids {
					w.deleteObject(keyOf(w.podsOf("demo", id)[0]))
				}
				w.eventually(10*time.Minute, "a condition tells it and the way out", func() bool {
					text := w.conditionText("demo", kube.ConditionDataVolumeLost)
					return strings.Contains(text, "metadata are lost") && strings.Contains(text, "make it anew")
				})
				w.advance(time.Hour)
				w.kill()
				w.advance(time.Hour)
				for _, id := range ids {
					require.Empty(w.t, w.podsOf("demo", id))
				}
			})
		})
	}
}

// Pods that never ran anything may be made again: no quorum can have begun with them.
func TestASpecThatIsCorrectedBeforeTheFirstStartOnEmptyDirs(t *testing.T) {
	run(t, func(w *World) {
		cordoned := func(is bool) {
			for _, node := range w.store.list(kube.KindNode) {
				w.onNode(node.GetName(), func(n *corev1.Node) { n.Spec.Unschedulable = is })
			}
		}
		cordoned(true)
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(1), onEmptyDirs))
		w.advance(2 * time.Minute)
		require.Len(w.t, w.pods("demo"), 4)
		w.edit("demo", kafkaImage("4.3.1"))
		w.advance(time.Minute)
		cordoned(false)
		w.eventuallyReady("demo")
		require.Len(w.t, w.votes("demo"), 3)
		w.settled()
	})
}

// Were they replaced, and a watch had missed their end, nobody could be a first voter in their place.
func TestFirstPodsOnEmptyDirsThatAreAboutToStartSurviveAnEdit(t *testing.T) {
	t.Parallel()
	for tenths := range 30 {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(5), onEmptyDirs))
			w.eventually(time.Minute, "their files are there", func() bool { return len(w.pods("demo")) == 5 && len(w.podsWithFile("demo")) == 5 })
			w.advance(time.Duration(tenths) * 100 * time.Millisecond)
			before := w.podUIDs("demo")
			w.expectRestarts("demo", 0, 1, 2, 3, 4)
			w.edit("demo", readOnly("queued.max.requests=400\n"))
			w.eventually(5*time.Minute, "there is a quorum", func() bool { return len(w.votes("demo")) == 5 })
			require.Equal(w.t, before, w.podUIDs("demo"))
			w.eventuallyReady("demo")
			w.settled()
		})
	}
}

// podsWithFile are the Pods of brokers that have a ConfigMap.
func (w *World) podsWithFile(name string) []*corev1.Pod {
	return slices.DeleteFunc(w.pods(name), func(p *corev1.Pod) bool {
		return !slices.ContainsFunc(w.owned(kube.KindConfigMap, name), func(o kube.Object) bool {
			return o.GetLabels()[kube.LabelBrokerID] == p.Labels[kube.LabelBrokerID]
		})
	})
}

// What a kubelet has mounted stays mounted: only when it has ended a Pod without a start may the next be a first voter.
func TestAnImageThatIsCorrectedBeforeTheFirstStartOnEmptyDirs(t *testing.T) {
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(1), onEmptyDirs, kafkaImage("unpullable")))
		w.advance(5 * time.Minute)
		require.Len(w.t, w.pods("demo"), 4)
		w.edit("demo", kafkaImage("4.3.1"))
		w.advance(time.Minute)
		w.eventuallyReady("demo")
		require.Len(w.t, w.votes("demo"), 3)
		w.settled()
	})
}

// First voters that cannot start by what the spec says find what is right in its place: no other Pods could be first voters.
func TestAConfigurationThatIsCorrectedAfterTheFirstStartOnEmptyDirs(t *testing.T) {
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(1), onEmptyDirs, readOnly("crash.at.start=true\n")))
		w.advance(5 * time.Minute)
		require.Contains(w.t, w.conditionText("demo", kube.ConditionReady), "exit code 1")
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.ReadOnlyConfig = "" })
		w.eventuallyReady("demo")
		require.Len(w.t, w.votes("demo"), 3)
		for _, object := range w.owned(kube.KindConfigMap, "demo") {
			if name, named := object.(*corev1.ConfigMap).Data[kube.KeyFirstVoter]; named {
				require.Equal(w.t, "spent", name, object.GetName())
			}
		}
		w.settled()
	})
}

// Of two votes none may be lost for ever: with the second one the quorum would be.
func TestWithAControllerInMaintenanceNoOtherVoteIsTaken(t *testing.T) {
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), onEmptyDirs))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		w.edit("demo", maintained(1))
		w.eventuallyVote("demo", 0, 2)
		w.eventually(10*time.Minute, "it is stopped", func() bool { return len(w.podsOf("demo", 1)) == 0 })
		w.edit("demo", moreRequests)
		before := []types.UID{w.podsOf("demo", 0)[0].UID, w.podsOf("demo", 2)[0].UID}
		w.advance(time.Hour)
		require.Equal(w.t, before, []types.UID{w.podsOf("demo", 0)[0].UID, w.podsOf("demo", 2)[0].UID})
		require.Equal(w.t, []messages.BrokerID{0, 2}, w.votes("demo"))
		require.Contains(w.t, w.conditionText("demo", kube.ConditionRollBlocked), "2 are needed")
		w.edit("demo", maintained())
		w.eventuallyRolled("demo")
		w.eventuallyVote("demo", 0, 1, 2)
		w.settled()
	})
}

// Whoever drains a node while a controller has no vote must be refused: each of the two others is needed, and gone for ever with its Pod.
func TestADrainBesideARollOnEmptyDirsKeepsTheQuorum(t *testing.T) {
	for name, changes := range throwAway() {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", changes...))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				votes := w.votes("demo")
				w.edit("demo", moreRequests)
				for i := 0; i < 5 && !w.allHave("demo", "queued.max.requests", "700"); i++ {
					for _, id := range []messages.BrokerID{2, 1, 0} {
						for seconds := 0; seconds < 40; seconds++ {
							if pods := w.podsOf("demo", id); len(pods) > 0 {
								_ = w.store.evict(keyOf(pods[0]), pods[0].UID)
							}
							w.advance(time.Second)
						}
					}
				}
				w.eventuallyRolled("demo")
				w.eventuallyVote("demo", votes...)
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}

// A budget of others that refuses must not cost the quorum a vote as long as it does.
func TestNoVoteIsTakenForARestartThatAForeignBudgetRefuses(t *testing.T) {
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), onEmptyDirs, func(c *v1beta1.KafkaCluster) {
			c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: false}
		}))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		theirs := w.foreignBudget(map[string]string{kube.LabelCluster: "demo"})
		w.edit("demo", moreRequests)
		w.advance(10 * time.Minute)
		require.Len(w.t, w.votes("demo"), 3)
		require.Contains(w.t, w.conditionText("demo", kube.ConditionRollBlocked), "eviction refused")
		w.deleteObject(theirs)
		w.eventuallyRolled("demo")
		w.eventuallyVote("demo", 0, 1, 2)
		w.settled()
	})
}

func TestAControllerOnAnEmptyDirInMaintenanceHasNoVote(t *testing.T) {
	run(t, func(w *World) {
		w.withOrders(nodes(4), onEmptyDirs)
		w.edit("demo", maintained(1))
		w.eventuallyVote("demo", 0, 2, 3)
		w.eventually(10*time.Minute, "it is stopped", func() bool { return len(w.podsOf("demo", 1)) == 0 })
		w.eventuallyReady("demo")
		w.settled()
		w.edit("demo", maintained())
		w.eventuallyVote("demo", 0, 1, 2, 3)
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestAControllerMovesFromAnEmptyDirToAClaim(t *testing.T) {
	run(t, func(w *World) {
		w.withOrders(nodes(3), onEmptyDirs)
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			for i := range c.Spec.Brokers {
				c.Spec.Brokers[i].BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", PvcSpec: claimOf("10Gi")}}
			}
		})
		w.eventually(30*time.Minute, "all have claims", func() bool {
			for _, pod := range w.pods("demo") {
				if kube.MetadataOnPod(pod) {
					return false
				}
			}
			return len(w.pods("demo")) == 3
		})
		w.eventuallyVote("demo", 0, 1, 2)
		w.eventuallyReady("demo")
		require.Empty(w.t, w.lostPartitions("demo"))
		w.settled()
	})
}
