package simulation

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestALateStatusDoesNotReachAClusterMadeAgainUnderTheName(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		late := w.cluster("demo").DeepCopy()
		late.ResourceVersion = "" // as every write but the first is sent
		w.delete("demo")
		w.eventuallyGone("demo")
		w.advance(2 * time.Minute)
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(2 * time.Minute)
		is := w.cluster("demo").Status
		_, err := w.daemon.api.writer.ApplyStatus(context.Background(), late)
		require.True(w.t, apierrors.IsConflict(err), "%v", err)
		require.Equal(w.t, is, w.cluster("demo").Status)
		w.settled()
	})
}

// A leader that was cut off may have sent an identity before another one chose its own.
func TestALateIdentityDoesNotReplaceTheOneThatWasRecorded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.killDaemon()
		w.apply(kafkaCluster("demo", nodes(3)))
		late := w.cluster("demo").DeepCopy() // as the first leader read it
		late.Status.ClusterID, late.Status.Quorum = "chosenByTheOneBefore_A", v1beta1.QuorumMode("Dynamic")
		w.startDaemon()
		w.eventually(time.Minute, "an identity is recorded", func() bool { return w.cluster("demo").Status.ClusterID != "" })
		first := w.cluster("demo").Status.ClusterID
		_, err := w.daemon.api.writer.ApplyStatus(context.Background(), late)
		require.True(w.t, apierrors.IsConflict(err), "%v", err)
		w.eventuallyReady("demo")
		require.Equal(w.t, first, w.cluster("demo").Status.ClusterID)
		w.settled()
	})
}

func TestAForeignConfigMapOfTheNameStaysAsItIs(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		foreign := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: kube.BrokerConfigName("demo", 1)},
			Data:       map[string]string{"theirs": "1"},
		}
		was := w.store.put(foreign)
		w.apply(kafkaCluster("demo", nodes(3)))
		w.advance(10 * time.Minute)
		require.Equal(w.t, was, w.store.get(keyOf(foreign)))
		require.False(w.t, w.isReady("demo"))
		w.deleteObject(keyOf(foreign))
		w.eventuallyReady("demo")
		w.settled()
	})
}

// What leaves the spec leaves the objects, also where the daemon that wrote them is not there any more to remember it.
func TestWhatAUserTakesBackIsTakenBackFromObjects(t *testing.T) {
	t.Parallel()
	given := func(c *v1beta1.KafkaCluster) {
		c.Labels = map[string]string{"team": "a"}
		c.Spec.PropagateLabels, c.Spec.PublishNotReadyAddresses = true, true
		c.Spec.ListenersConfig.ServiceAnnotations = map[string]string{"mesh": "no"}
	}
	takenBack := func(c *v1beta1.KafkaCluster) {
		c.Spec.PropagateLabels, c.Spec.PublishNotReadyAddresses = false, false
		c.Spec.ListenersConfig.ServiceAnnotations = nil
	}
	for name, edit := range map[string]func(w *World){
		"while the daemon runs": func(w *World) { w.edit("demo", takenBack) },
		"while no daemon runs": func(w *World) {
			w.killDaemon()
			w.edit("demo", takenBack)
			w.startDaemon()
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				allBroker := func() *corev1.Service {
					return w.store.get(key{kube.KindService, namespace, "demo-all-broker"}).(*corev1.Service)
				}
				budget := func() kube.Object {
					return w.store.get(key{kube.KindBudget, namespace, kube.BrokerBudgetName("demo")})
				}
				w.apply(kafkaCluster("demo", nodes(3), notHeadless, given))
				w.eventuallyReady("demo")
				require.True(w.t, allBroker().Spec.PublishNotReadyAddresses)
				require.Equal(w.t, "no", allBroker().Annotations["mesh"])
				require.Equal(w.t, "no", budget().GetAnnotations()["mesh"])
				before := w.podUIDs("demo")
				edit(w)
				w.advance(5 * time.Minute)
				require.False(w.t, allBroker().Spec.PublishNotReadyAddresses)
				require.NotContains(w.t, budget().GetAnnotations(), "mesh")
				for _, service := range w.owned(kube.KindService, "demo") {
					require.NotContains(w.t, service.GetAnnotations(), "mesh", service.GetName())
				}
				require.NotContains(w.t, allBroker().Labels, "team")
				for _, config := range w.owned(kube.KindConfigMap, "demo") {
					if config.GetLabels()[kube.LabelBrokerID] == "" { // those of brokers follow with the labels of their Pods
						require.NotContains(w.t, config.GetLabels(), "team", config.GetName())
					}
				}
				require.Equal(w.t, before, w.podUIDs("demo"))
				w.settled()
			})
		})
	}
}

func TestABudgetThatIsSwitchedOffGoes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3)))
		w.eventuallyReady("demo")
		require.Len(w.t, w.owned(kube.KindBudget, "demo"), 2)
		foreign := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: "mine", Labels: map[string]string{kube.LabelCluster: "demo"},
			OwnerReferences: []metav1.OwnerReference{kube.OwnerReference(w.cluster("demo"))},
		}}
		w.store.put(foreign)
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: false} })
		w.eventually(time.Minute, "both budgets are gone", func() bool { return len(w.owned(kube.KindBudget, "demo")) == 1 })
		require.NotNil(w.t, w.store.get(keyOf(foreign)), "a name that is not ours")
		w.settled()
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.DisruptionBudget = nil })
		w.eventually(time.Minute, "both are made again", func() bool { return len(w.owned(kube.KindBudget, "demo")) == 3 })
		w.settled()
	})
}

func TestTheBudgetOfControllersGoesWithTheLastOfThem(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), controllersOnly(1)))
		w.eventuallyReady("demo")
		budget := key{kube.KindBudget, namespace, kube.ControllerBudgetName("demo")}
		require.NotNil(w.t, w.store.get(budget))
		w.edit("demo", maintained(1)) // no vote is taken meanwhile
		w.eventually(5*time.Minute, "node 1 is stopped", func() bool { return len(w.podsOf("demo", 1)) == 0 })
		w.edit("demo", withoutBroker(3))
		w.advance(10 * time.Minute)
		require.NotNil(w.t, w.store.get(budget), "it still runs")
		w.kill()
		w.advance(10 * time.Minute)
		require.NotNil(w.t, w.store.get(budget), "the next daemon knows of it, too")
		w.edit("demo", maintained())
		w.eventuallyRemoved("demo", 3)
		w.eventually(5*time.Minute, "the budget is gone", func() bool { return w.store.get(budget) == nil })
		require.NotNil(w.t, w.store.get(key{kube.KindBudget, namespace, kube.BrokerBudgetName("demo")}))
		w.settled()
	})
}

// Names of both modes lead to Pods until the last Pod of the old one is gone.
func TestTheServicesOfTheOtherModeGoWithItsLastPod(t *testing.T) {
	t.Parallel()
	others := func(w *World, headless bool) int {
		cluster := w.cluster("demo").DeepCopy()
		cluster.Spec.HeadlessServiceEnabled = headless
		n := 0
		for _, name := range kube.ServicesOfOtherMode(cluster, []messages.BrokerID{0, 1, 2}) {
			if w.store.get(key{kube.KindService, namespace, name}) != nil {
				n++
			}
		}
		return n
	}
	for name, test := range map[string]struct {
		headless bool
		left     int
	}{"from headless": {true, 1}, "to headless": {false, 4}} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				mode := func(headless bool) func(*v1beta1.KafkaCluster) {
					return func(c *v1beta1.KafkaCluster) { c.Spec.HeadlessServiceEnabled = headless }
				}
				w.apply(kafkaCluster("demo", nodes(3), mode(test.headless)))
				w.eventuallyReady("demo")
				require.Zero(w.t, others(w, test.headless))
				w.edit("demo", mode(!test.headless))
				w.advance(time.Minute)
				for id := range messages.BrokerID(3) {
					if headlessPods(w) != !test.headless {
						require.Equal(w.t, test.left, others(w, !test.headless), "before broker %d is made again", id)
					}
					for _, pod := range w.podsOf("demo", id) {
						if kube.HeadlessPod(pod) == test.headless {
							w.deleteObject(keyOf(pod))
						}
					}
					w.advance(3 * time.Minute)
				}
				w.eventuallyReady("demo")
				w.eventually(5*time.Minute, "the old Services are gone", func() bool { return others(w, !test.headless) == 0 })
				w.settled()
			})
		})
	}
}

// headlessPods reports the mode of the cluster's oldest Pods: the one that any Pod has which is not of the newest spec.
func headlessPods(w *World) bool {
	wanted := w.cluster("demo").Spec.HeadlessServiceEnabled
	for _, pod := range w.pods("demo") {
		if kube.HeadlessPod(pod) != wanted {
			return !wanted
		}
	}
	return wanted
}

// Disks go with the cluster by their owner references, and those are not changed during a pause.
func TestDisksThatAreToBeKeptAreNamedWhileTheSpecIsNotFollowed(t *testing.T) {
	t.Parallel()
	const notice = "deleting the KafkaCluster now would delete 3 claims"
	for name, test := range map[string]struct {
		kind         string
		stop, resume func(*v1beta1.KafkaCluster)
	}{
		"paused": {kube.ConditionPaused, paused, resumed},
		"invalid": {
			kube.ConditionReady,
			func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].BrokerConfigGroup = "nobody" },
			func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].BrokerConfigGroup = "default" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3)))
				w.eventuallyReady("demo")
				w.edit("demo", func(c *v1beta1.KafkaCluster) { test.stop(c); retained(c) })
				w.eventually(time.Minute, "the condition warns", func() bool {
					c := w.condition("demo", test.kind)
					return c != nil && strings.Contains(c.Message, notice)
				})
				w.settled()
				w.edit("demo", test.resume)
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				require.NotContains(w.t, w.condition("demo", kube.ConditionReady).Message, "Retain")
				for _, claim := range w.owned(kube.KindClaim, "demo") {
					require.Empty(w.t, claim.GetOwnerReferences(), "now it is kept")
				}
			})
		})
	}
}

func TestStatusNamesTheImageOfEachPod(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		for _, pod := range w.pods("demo") {
			require.NotEmpty(w.t, pod.Spec.Containers[0].Image)
			require.Equal(w.t, pod.Spec.Containers[0].Image, w.cluster("demo").Status.BrokersState[idOf(pod).String()].Image)
		}
	})
}
