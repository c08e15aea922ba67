package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1alpha1"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestEveryKindOfClusterComesUpAndComesToRest(t *testing.T) {
	t.Parallel()
	type changes = []func(*v1beta1.KafkaCluster)
	for name, test := range map[string]struct {
		changes changes
		pods    int
	}{
		"three combined nodes":                         {changes{nodes(3)}, 3},
		"three combined nodes with a Service each":     {changes{nodes(3), notHeadless}, 3},
		"one combined node":                            {changes{nodes(1)}, 1},
		"controllers and brokers apart":                {changes{controllersOnly(3), brokers(3)}, 6},
		"controllers and brokers apart, not headless":  {changes{controllersOnly(3), brokers(2), notHeadless}, 5},
		"a combined node among others":                 {changes{controllersOnly(2), nodes(1), brokers(2)}, 5},
		"three racks":                                  {changes{nodes(3), racks}, 3},
		"two disks a broker":                           {changes{controllersOnly(1), brokers(3), disks(2)}, 4},
		"claims that outlive the cluster":              {changes{nodes(3), retained}, 3},
		"ZooKeeper mode":                               {changes{brokers(3), zooKeeper}, 3},
		"ZooKeeper mode with a Service each, in racks": {changes{brokers(3), zooKeeper, notHeadless, racks}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", test.changes...))
				w.eventuallyReady("demo")
				require.Len(w.t, w.pods("demo"), test.pods)
				w.settled()
			})
		})
	}
}

func TestADayWithoutChangesBringsNoWriteAndNoWord(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		require.NotEmpty(w.t, w.said.since(time.Time{}))
		w.advance(2 * time.Minute)
		from := time.Now()
		w.quietFor(24 * time.Hour)
		require.Empty(w.t, w.said.since(from))
	})
}

func TestRacksAreInTheFileOfTheFirstStart(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), racks))
		w.eventuallyReady("demo")
		for _, pod := range w.pods("demo") {
			node := w.store.get(key{kube.KindNode, "", pod.Spec.NodeName})
			require.Equal(w.t, node.GetLabels()[corev1.LabelTopologyZone], w.kubelets.fileOf(pod)["broker.rack"])
			require.Contains(w.t, w.cluster("demo").Status.BrokersState[idOf(pod).String()].RackAwarenessState,
				node.GetLabels()[corev1.LabelTopologyZone])
		}
	})
}

func TestADeletedClusterLeavesNothingAndTouchesNoOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.apply(kafkaCluster("other", nodes(3)))
		w.eventuallyReady("demo")
		w.eventuallyReady("other")
		others := w.podUIDs("other")
		w.delete("demo")
		w.eventuallyGone("demo")
		w.advance(time.Minute)
		require.Equal(w.t, others, w.podUIDs("other"))
		require.True(w.t, w.isReady("other"))
		w.settled()
	})
}

func TestAClusterIsDeletedWhileItsKafkaIsDown(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Finalizers = kube.ClusterFinalizers() })
		w.eventuallyReady("demo")
		for _, pod := range w.pods("demo") {
			w.kubelets.crash(keyOf(pod), 1)
		}
		w.delete("demo")
		w.eventuallyGone("demo")
	})
}

// Topics and users are records of what was in a Kafka that is gone; nobody else would ever release their finalizers.
func TestADeletedClusterReleasesItsTopicsAndUsers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		labels := map[string]string{kube.LabelTopicOfCluster: "demo." + namespace}
		of := v1alpha1.ClusterReference{Name: "demo", Namespace: namespace}
		topic := &v1alpha1.KafkaTopic{
			ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "t", Labels: labels, Finalizers: []string{kube.TopicFinalizer}},
			Spec:       v1alpha1.KafkaTopicSpec{Name: "t", ClusterRef: of},
		}
		user := &v1alpha1.KafkaUser{
			ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "u", Labels: labels, Finalizers: []string{kube.UserFinalizer}},
			Spec:       v1alpha1.KafkaUserSpec{ClusterRef: of},
		}
		foreign := topic.DeepCopy()
		foreign.Name, foreign.Labels = "f", map[string]string{kube.LabelTopicOfCluster: "other." + namespace}
		foreign.Spec.ClusterRef.Name = "other"
		w.apply(kafkaCluster("demo", nodes(3)))
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Finalizers = kube.ClusterFinalizers() })
		for _, object := range []kube.Object{topic, user, foreign} {
			w.store.put(object)
		}
		w.eventuallyReady("demo")
		w.delete("demo")
		w.eventuallyGone("demo")
		require.Nil(w.t, w.store.get(keyOf(topic)))
		require.Nil(w.t, w.store.get(keyOf(user)))
		require.NotNil(w.t, w.store.get(keyOf(foreign)))
	})
}

func TestAClusterIsDeletedBeforeItCameUp(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.advance(5 * time.Millisecond)
		w.delete("demo")
		w.eventuallyGone("demo")
	})
}

func TestAClusterMadeAgainUnderTheSameNameIsANewOne(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		first := w.cluster("demo").Status.ClusterID
		w.delete("demo")
		w.eventuallyGone("demo")
		w.advance(2 * time.Minute)
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		require.NotEqual(w.t, first, w.cluster("demo").Status.ClusterID)
		w.settled()
	})
}

func TestRetainedClaimsAreFoundByTheNextClusterOfTheName(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), retained))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		first := w.cluster("demo").Status.ClusterID
		w.delete("demo")
		w.eventually(10*time.Minute, "the Pods are gone", func() bool { return len(w.pods("demo")) == 0 })
		require.Len(w.t, w.owned(kube.KindClaim, "demo"), 3)
		w.advance(2 * time.Minute)
		w.apply(kafkaCluster("demo", nodes(3), retained))
		w.eventuallyReady("demo")
		require.Equal(w.t, first, w.cluster("demo").Status.ClusterID)
		w.settled()
	})
}

func TestADeletedPodIsMadeAgainWithinASecondOnItsOwnDisks(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		before := w.podsOf("demo", 1)[0]
		w.deleteObject(keyOf(before))
		w.eventually(time.Minute, "the old Pod is gone", func() bool {
			pods := w.podsOf("demo", 1)
			return len(pods) == 0 || pods[0].UID != before.UID
		})
		w.eventually(time.Second, "a new Pod is there", func() bool { return len(w.podsOf("demo", 1)) == 1 })
		require.Equal(w.t, before.Spec.Volumes, w.podsOf("demo", 1)[0].Spec.Volumes)
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestWhatSomebodyDeletesIsMadeAgain(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), notHeadless))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		uids := w.podUIDs("demo")
		for _, kind := range []kube.Kind{kube.KindService, kube.KindConfigMap, kube.KindBudget} {
			objects := w.owned(kind, "demo")
			require.NotEmpty(w.t, objects)
			for _, object := range objects {
				w.deleteObject(keyOf(object))
			}
			w.eventually(time.Minute, string(kind)+" is there again", func() bool { return len(w.owned(kind, "demo")) == len(objects) })
		}
		require.Equal(w.t, uids, w.podUIDs("demo"), "no Pod is replaced for that")
		w.settled()
	})
}

func TestWhatSomebodyEditsIsSetBack(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		config := key{kube.KindConfigMap, namespace, kube.BrokerConfigName("demo", 1)}
		before := w.store.get(config).(*corev1.ConfigMap).Data
		w.store.update(config, func(o kube.Object) {
			o.(*corev1.ConfigMap).Data = map[string]string{kube.KeyBrokerConfig: "node.id=7\n"}
		})
		w.eventually(time.Minute, "the file is as it was", func() bool {
			return w.store.get(config).(*corev1.ConfigMap).Data[kube.KeyBrokerConfig] == before[kube.KeyBrokerConfig]
		})
		w.settled()
	})
}

func TestABrokerIsAdded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", brokers(1))
		w.eventuallyReady("demo")
		after := w.podUIDs("demo")
		require.Len(w.t, after, 4)
		for id, uid := range before {
			require.Equal(w.t, uid, after[id], "broker %d is not touched when another comes", id)
		}
		w.settled()
	})
}

func TestASpecThatCannotWorkIsToldOfAndStopsNobodyElse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		harm  func(*v1beta1.KafkaCluster)
		field string
	}{
		"no inner listener": {func(c *v1beta1.KafkaCluster) {
			c.Spec.ListenersConfig.InternalListeners[0].UsedForInnerBrokerCommunication = false
		}, "spec.listenersConfig.internalListeners"},
		"an unknown group": {func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[1].BrokerConfigGroup = "nobody" }, "spec.brokers[id=1]"},
		"a template that does not parse": {func(c *v1beta1.KafkaCluster) {
			class := "{{ .BrokerId"
			c.Spec.BrokerConfigGroups["default"].StorageConfigs[0].PvcSpec.StorageClassName = &class
		}, "storageConfigs"},
		"a quantity that Go cannot read": {func(c *v1beta1.KafkaCluster) {
			*c = *kafkaCluster(c.Name, annotated(kube.AnnotationUndecodable, "quantities must match the regular expression"))
		}, "spec"},
		"an ssl listener": {func(c *v1beta1.KafkaCluster) {
			c.Spec.ListenersConfig.InternalListeners[0].Type = v1beta1.SecurityProtocolSSL
		}, "spec.listenersConfig.internalListeners"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				broken := kafkaCluster("broken", nodes(3))
				test.harm(broken)
				w.apply(broken)
				w.apply(kafkaCluster("demo", nodes(3)))
				w.eventuallyReady("demo")
				ready := w.condition("broken", kube.ConditionReady)
				require.NotNil(w.t, ready)
				require.Equal(w.t, metav1.ConditionFalse, ready.Status)
				require.Contains(w.t, ready.Message, test.field)
				require.NotNil(w.t, w.condition("broken", kube.ConditionStalled))
				require.Empty(w.t, w.pods("broken"))
				require.NotEmpty(w.t, w.events.with(ready.Reason), "people get an Event")
				w.settled()
				w.apply(kafkaCluster("broken", nodes(3)))
				w.eventuallyReady("broken")
				require.Nil(w.t, w.condition("broken", kube.ConditionStalled))
				w.settled()
			})
		})
	}
}

func TestASpecThatStopsToWorkLeavesTheBrokersAsTheyAre(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[1].BrokerConfigGroup = "nobody" })
		w.eventually(time.Minute, "the condition says so", func() bool {
			return w.condition("demo", kube.ConditionReady).Status == metav1.ConditionFalse
		})
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.deleteObject(keyOf(w.podsOf("demo", 2)[0]))
		w.eventually(time.Minute, "a lost Pod is made from the last spec that could work", func() bool { return w.serves("demo", 2) })
		w.settled()
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[1].BrokerConfigGroup = "default" })
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestPauseStopsEveryWriteButALostPod(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		w.edit("demo", paused)
		w.eventually(time.Minute, "the condition says so", func() bool { return w.condition("demo", kube.ConditionPaused) != nil })
		w.advance(time.Minute)
		from := time.Now()
		w.deleteObject(key{kube.KindService, namespace, "demo-headless"})
		w.deleteObject(keyOf(w.podsOf("demo", 1)[0]))
		w.edit("demo", brokers(1))
		w.advance(10 * time.Minute)
		for _, write := range w.writesSince(from) {
			require.True(w.t, write.verb == "status" || write.key.kind == kube.KindPod && write.key.name == "demo-node-1", write.String())
		}
		require.Len(w.t, w.pods("demo"), 3)
		w.edit("demo", resumed)
		w.eventuallyReady("demo")
		require.Len(w.t, w.pods("demo"), 4)
		w.settled()
	})
}

func TestAPausedClusterCanBeDeleted(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Finalizers = kube.ClusterFinalizers() })
		w.eventuallyReady("demo")
		w.edit("demo", paused)
		w.advance(time.Minute)
		w.delete("demo")
		w.eventuallyGone("demo")
	})
}

func TestAForeignObjectOfTheNameStaysAsItIs(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		foreign := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "demo-headless"},
			Spec:       corev1.ServiceSpec{ClusterIP: "10.96.0.99", Selector: map[string]string{"app": "mine"}},
		}
		was := w.store.put(foreign)
		w.apply(kafkaCluster("demo", nodes(3)))
		w.advance(10 * time.Minute)
		require.Equal(w.t, was, w.store.get(keyOf(foreign)))
		require.False(w.t, w.isReady("demo"))
		require.Contains(w.t, w.condition("demo", kube.ConditionReady).Message, "demo-headless")
		w.deleteObject(keyOf(foreign))
		w.eventuallyReady("demo")
	})
}

func TestASecondPodOfABrokerStopsThatBrokerOnly(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.invariants.allowTwins(keyed("demo"), 1)
		twin := w.podsOf("demo", 1)[0].DeepCopy()
		twin.Name, twin.Spec.NodeName, twin.Status = "demo-1-copy", "", corev1.PodStatus{}
		w.store.put(twin)
		w.eventually(time.Minute, "the condition names both", func() bool {
			c := w.condition("demo", kube.ConditionReady)
			return strings.Contains(c.Message, "demo-1-copy") && strings.Contains(c.Message, "demo-node-1")
		})
		w.deleteObject(keyOf(w.podsOf("demo", 2)[0]))
		w.advance(2 * time.Minute)
		require.True(w.t, w.serves("demo", 2), "the others go on")
		w.deleteObject(keyOf(twin))
		w.eventuallyReady("demo")
	})
}

func TestAGrownDiskIsNoReasonToTouchAnything(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			c.Spec.BrokerConfigGroups["default"].StorageConfigs[0].PvcSpec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("20Gi")
		})
		w.eventuallyReady("demo")
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestARestartOfTheDaemonChangesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		for range 3 {
			from := time.Now()
			w.kill()
			w.advance(10 * time.Minute)
			require.Empty(w.t, w.writesSince(from))
		}
	})
}

// What others should learn of a Pod is on it from its next start; what the spec says is told as what it is.
func TestAnAnnotationOfTheSpecThatWaitsForTheNextPodIsNamed(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			for name, group := range c.Spec.BrokerConfigGroups {
				group.BrokerAnnotations, group.BrokerLabels = map[string]string{"team/owner": "a"}, map[string]string{"tier": "gold"}
				c.Spec.BrokerConfigGroups[name] = group
			}
		})
		w.eventually(time.Minute, "it is told", func() bool {
			text := w.conditionText("demo", kube.ConditionUpdateAvailable)
			return strings.Contains(text, "annotation team/owner of the spec is not on the Pod; label tier of the spec") && !strings.Contains(text, "version")
		})
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestARackLabelThatNoNodeHasIsTold(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), racks, func(c *v1beta1.KafkaCluster) { c.Spec.RackAwareness.Labels = []string{"example.com/no-such"} }))
		w.eventuallyReady("demo")
		require.Contains(w.t, w.conditionText("demo", kube.ConditionSpecWarning), "no node has the label example.com/no-such")
		w.settled()
		w.edit("demo", racks)
		w.eventually(time.Minute, "nothing is wrong with that", func() bool { return w.conditionText("demo", kube.ConditionSpecWarning) == "" })
		inRacks := func() (n int) {
			for _, state := range w.cluster("demo").Status.BrokersState {
				if _, found := state.RackAwarenessState.Rack(); found {
					n++
				}
			}
			return n
		}
		w.eventually(10*time.Minute, "all are in racks", func() bool { return inRacks() == 3 })
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.RackAwareness = nil })
		w.eventually(10*time.Minute, "none is, and status says so", func() bool { return inRacks() == 0 })
		w.eventuallyReady("demo")
	})
}
