package simulation

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// adopted is a world in which Koperator's cluster ran for an hour before the daemon starts.
func adopted(w *World, changes ...func(*v1beta1.KafkaCluster)) {
	w.killDaemon()
	w.madeByKoperator(kafkaCluster("demo", append(changes, nodes(3))...))
	w.advance(time.Hour)
	for id := range messages.BrokerID(3) {
		require.True(w.t, w.serves("demo", id))
	}
	w.startDaemon()
}

func TestAClusterOfKoperatorIsTakenOverWithoutARestart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		adopted(w)
		before := w.podUIDs("demo")
		w.eventuallyReady("demo")
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Len(w.t, w.owned(kube.KindClaim, "demo"), 3, "claims are found by label and annotation, not by name")
		status := w.cluster("demo").Status
		require.Equal(w.t, koperatorID, status.ClusterID)
		require.True(w.t, status.Adopted)
		require.Empty(w.t, w.owned(kube.KindBudget, "demo"), "handed back it would be closed for ever")
		require.NotEmpty(w.t, status.BrokersState["1"].ConfigurationBackup)
		require.Len(w.t, status.BrokersState["1"].FormattedLogDirs, 1)
		w.kill()
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Empty(w.t, w.owned(kube.KindBudget, "demo"))
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: true, Budget: "1"}
		})
		w.eventually(time.Minute, "who asks for a budget gets it", func() bool { return len(w.owned(kube.KindBudget, "demo")) == 1 })
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

// Koperator's Pods have generated names. While the cache is behind they must be seen as they were written all the same: marked again and
// again they would be marked with what people edit meanwhile.
func TestAPodOfKoperatorsIsMarkedOnceWhileTheCacheIsBehind(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		adopted(w)
		w.mu.Lock()
		w.daemon.api.away()
		w.mu.Unlock()
		w.advance(time.Minute)
		marks := map[key]int{}
		for _, written := range w.writesSince(time.Time{}) {
			if written.key.kind == kube.KindPod && written.verb == "annotate" {
				marks[written.key]++
			}
		}
		require.Len(w.t, marks, 3)
		for k, n := range marks {
			require.LessOrEqual(w.t, n, 2, k)
		}
	})
}

// handedBack is what Koperator needs to find again of what it left.
type handedBack struct {
	pods    map[messages.BrokerID]types.UID
	cluster *v1beta1.KafkaCluster
	objects []kube.Object
}

func (w *World) asKoperatorLeftIt(name string) handedBack {
	left := handedBack{pods: w.podUIDs(name), cluster: w.cluster(name)}
	for _, kind := range []kube.Kind{kube.KindPod, kube.KindClaim, kube.KindService, kube.KindConfigMap, kube.KindBudget} {
		left.objects = append(left.objects, w.owned(kind, name)...)
	}
	return left
}

func (left handedBack) check(w *World) {
	require.Equal(w.t, left.pods, w.podUIDs(left.cluster.Name), "no Pod was restarted")
	now := w.cluster(left.cluster.Name)
	require.Equal(w.t, left.cluster.Finalizers, now.Finalizers)
	require.Equal(w.t, left.cluster.Status.ClusterID, now.Status.ClusterID)
	require.Equal(w.t, v1beta1.ClusterRunning, now.Status.State)
	for id, was := range left.cluster.Status.BrokersState {
		is := now.Status.BrokersState[id]
		require.Equal(w.t, was.ConfigurationBackup, is.ConfigurationBackup, "broker %s", id)
		require.Equal(w.t, was.GracefulActionState, is.GracefulActionState, "broker %s", id)
		require.Equal(w.t, was.ConfigurationState, is.ConfigurationState, "broker %s", id)
		require.Equal(w.t, was.PerBrokerConfigurationState, is.PerBrokerConfigurationState, "broker %s", id)
	}
	for _, was := range left.objects {
		k := keyOf(was)
		is := w.store.get(k)
		require.NotNil(w.t, is, k)
		require.Equal(w.t, was.GetUID(), is.GetUID(), k)
		require.Equal(w.t, was.GetOwnerReferences(), is.GetOwnerReferences(), k)
		require.Equal(w.t, was.GetFinalizers(), is.GetFinalizers(), k)
		require.Subset(w.t, is.GetLabels(), was.GetLabels(), k)
		switch was := was.(type) {
		case *corev1.Pod:
			require.Equal(w.t, was.Spec, is.(*corev1.Pod).Spec, k)
			require.Subset(w.t, is.GetAnnotations(), was.Annotations, k)
		case *corev1.PersistentVolumeClaim:
			require.Equal(w.t, was.Spec, is.(*corev1.PersistentVolumeClaim).Spec, k)
			require.Subset(w.t, is.GetAnnotations(), was.Annotations, k)
		case *corev1.ConfigMap:
			if was.Labels[kube.LabelBrokerID] != "" {
				require.Equal(w.t, was.Data, is.(*corev1.ConfigMap).Data, "the file of a broker that was not restarted")
			}
		}
		require.NotEmpty(w.t, is.GetAnnotations()[kube.AnnotationLastApplied], "%s: Koperator compares with its record", k)
	}
}

// newImage is what Koperator had begun to roll out.
const newImage = "ghcr.io/adobe/koperator/kafka:2.13-3.9.2"

// halfRolled is a cluster that Koperator stopped to roll after the first node: by its words the other Pods are out of date.
func (w *World) halfRolled(cluster *v1beta1.KafkaCluster) {
	w.madeByKoperator(cluster)
	w.edit(cluster.Name, image(newImage))
	w.store.update(keyOf(w.podsOf(cluster.Name, 0)[0]), func(object kube.Object) {
		object.(*corev1.Pod).Spec.Containers[0].Image = newImage
	})
}

// Koperator is stopped, the daemon works for a day, is taken away, and Koperator finds all as it needs it.
func TestAClusterOfKoperatorIsHandedBackAfterADay(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]struct {
		by      func(*World, *v1beta1.KafkaCluster)
		changes []func(*v1beta1.KafkaCluster)
		brokers []messages.BrokerID
	}{
		"combined nodes":        {func(w *World, c *v1beta1.KafkaCluster) { w.madeByKoperator(c) }, []func(*v1beta1.KafkaCluster){nodes(3)}, []messages.BrokerID{0, 1, 2}},
		"controllers apart":     {func(w *World, c *v1beta1.KafkaCluster) { w.madeByKoperator(c) }, []func(*v1beta1.KafkaCluster){controllersOnly(3), brokers(3)}, []messages.BrokerID{3, 4, 5}},
		"with Pods out of date": {(*World).halfRolled, []func(*v1beta1.KafkaCluster){nodes(3)}, []messages.BrokerID{0, 1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.killDaemon()
				made.by(w, kafkaCluster("demo", made.changes...))
				w.advance(time.Hour)
				left := w.asKoperatorLeftIt("demo")
				w.startDaemon()
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 8, 3, 2)
				w.edit("demo", clusterWide("log.retention.ms=1000\n"))
				w.inForce("log.retention.ms", "1000", made.brokers...)
				w.advance(8 * time.Hour)
				w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Labels = map[string]string{"team": "payments"} })
				w.kill()
				w.advance(8 * time.Hour)
				w.edit("demo", clusterWide("log.retention.ms=2000\n"))
				w.inForce("log.retention.ms", "2000", made.brokers...)
				w.advance(8 * time.Hour)
				w.settled()
				w.killDaemon()
				left.check(w)
				w.advance(time.Hour)
				require.True(w.t, w.inSync("demo"), "nobody needs the daemon to run")
			})
		})
	}
}

func TestOfAHalfRolledClusterOfKoperatorsTheOtherPodsWaitForConsent(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.killDaemon()
		w.halfRolled(kafkaCluster("demo", nodes(3)))
		w.advance(time.Hour)
		before := w.podUIDs("demo")
		w.startDaemon()
		w.eventuallyReady("demo")
		w.eventually(time.Minute, "a condition lists who is out of date", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionUpdateAvailable), "also brokers 1, 2")
		})
		w.advance(24 * time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.edit("demo", annotated(kube.AnnotationConsent, "yes"))
		w.rolled("demo", before)
		require.Nil(w.t, w.condition("demo", kube.ConditionUpdateAvailable))
		w.settled()
	})
}

func TestADeadPodOfKoperatorIsReplacedOnItsOwnClaims(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		adopted(w)
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		w.kubelets.crash(keyOf(w.podsOf("demo", 1)[0]), 1)
		w.eventually(time.Minute, "another Pod serves", func() bool {
			return w.podUIDs("demo")[1] != before[1] && w.serves("demo", 1)
		})
		after := w.podUIDs("demo")
		require.Equal(w.t, before[0], after[0])
		require.Equal(w.t, before[2], after[2])
		env := envOf(w.podsOf("demo", 1)[0])
		require.Equal(w.t, koperatorID, env["CLUSTER_ID"])
		require.Equal(w.t, "Static", env["KAFKA_QUORUM"])
		require.Empty(w.t, env["KAFKA_FORMAT_DIRS"])
		require.Len(w.t, w.owned(kube.KindClaim, "demo"), 3)
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestADeadPodOfKoperatorThatDiesAgainIsReplacedLaterAndLater(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		adopted(w)
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		var replaced atomic.Int64
		w.store.observe(func(c change) {
			if c.key.kind == kube.KindPod && c.before == nil && idOf(c.after) == 1 {
				replaced.Add(1)
			}
		})
		for range 60 { // every minute for an hour
			for _, pod := range w.podsOf("demo", 1) {
				w.kubelets.evict(keyOf(pod))
			}
			w.advance(time.Minute)
		}
		require.Greater(w.t, replaced.Load(), int64(5))
		require.Less(w.t, replaced.Load(), int64(25))
		w.advance(10 * time.Minute)
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestAClusterOfKoperatorIsDeletedWithAllItsFinalizers(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		adopted(w)
		w.eventuallyReady("demo")
		require.Len(w.t, w.cluster("demo").Finalizers, 3)
		w.delete("demo")
		w.eventuallyGone("demo")
	})
}

func TestABrokerAddedToAClusterOfKoperatorJoinsIt(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		adopted(w)
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", brokers(1))
		w.eventuallyReady("demo")
		after := w.podUIDs("demo")
		require.Len(w.t, after, 4)
		delete(after, 3)
		require.Equal(w.t, before, after)
		w.settled()
	})
}

func TestAnIDThatStatusHasLostIsFoundInThePods(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.killDaemon()
		cluster := w.madeByKoperator(kafkaCluster("demo", nodes(3)))
		w.advance(time.Hour)
		before := w.podUIDs("demo")
		w.invariants.restored(cluster.UID)
		w.store.update(keyOf(cluster), func(o kube.Object) {
			o.(*v1beta1.KafkaCluster).Status = v1beta1.KafkaClusterStatus{}
		})
		w.startDaemon()
		w.eventuallyReady("demo")
		require.Equal(w.t, koperatorID, w.cluster("demo").Status.ClusterID)
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.settled()
	})
}

func TestEditsOfAClusterOfKoperatorsWorkAsUsual(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		adopted(w)
		w.eventuallyReady("demo")
		w.settled()
		before := w.podUIDs("demo")
		w.edit("demo", clusterWide("log.retention.ms=1000\n"))
		w.inForce("log.retention.ms", "1000", 0, 1, 2)
		require.Equal(w.t, before, w.podUIDs("demo"), "what Kafka takes restarts nobody")
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[1].ReadOnlyConfig = "queued.max.requests=700\n" })
		w.eventually(10*time.Minute, "broker 1 has it", func() bool { return w.configInForce("demo", 1, "queued.max.requests") == "700" })
		w.eventuallyReady("demo")
		after := w.podUIDs("demo")
		require.NotEqual(w.t, before[1], after[1])
		require.Equal(w.t, before[0], after[0], "an edit of one broker restarts no other")
		require.Equal(w.t, before[2], after[2])
		w.settled()
	})
}

func TestAFileOfKoperatorsChangesWhileItsBrokersRun(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		const had, pending = "queued.max.requests=300\nbackground.threads=10\n", "queued.max.requests=400\nbackground.threads=12\n"
		file := func(threads, rest string) func(*v1beta1.KafkaCluster) {
			return readOnly("num.network.threads=" + threads + "\nssl.keystore.password=hunter2\n" + rest)
		}
		records := func() (texts string) {
			for id := range messages.BrokerID(3) {
				record := w.store.get(key{kube.KindConfigMap, namespace, kube.BrokerAppliedName("demo", id)})
				require.NotNil(w.t, record)
				texts += fmt.Sprint(record.(*corev1.ConfigMap).Data)
			}
			return texts
		}
		w.killDaemon()
		w.madeByKoperator(kafkaCluster("demo", nodes(3), clusterWide("log.retention.ms=1000\n"), file("5", had)))
		w.advance(time.Hour)
		w.edit("demo", file("5", pending)) // Koperator had yet to roll it out
		w.startDaemon()
		w.eventuallyReady("demo")
		w.settled()
		before := w.podUIDs("demo")
		same := func(threads string) {
			w.t.Helper()
			w.inForce("num.network.threads", threads, 0, 1, 2)
			w.settled()
			require.Equal(w.t, before, w.podUIDs("demo"), "what Kafka takes restarts nobody")
			require.Equal(w.t, "300", w.configInForce("demo", 1, "queued.max.requests"), "and does not agree to what differed before")
			require.Equal(w.t, "10", w.configInForce("demo", 1, "background.threads"), "also not to what Kafka would take")
			require.Contains(w.t, records(), "user-config")
			require.NotContains(w.t, records(), "hunter2")
			require.Equal(w.t, v1beta1.ConfigInSync, w.cluster("demo").Status.BrokersState["1"].ConfigurationState)
		}
		loseRecords := func() {
			for id := range messages.BrokerID(3) {
				require.NoError(w.t, w.store.delete(key{kube.KindConfigMap, namespace, kube.BrokerAppliedName("demo", id)}, "", ""))
			}
		}
		w.expectRestarts("demo")
		loseRecords()
		w.kill()
		same("5")
		w.edit("demo", file("6", pending))
		same("6")
		w.kill()
		same("6")
		loseRecords()
		same("6")
		w.edit("demo", file("5", pending))
		same("5")
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			c.Spec.ClusterWideConfig = ""
			file("7", pending+"log.retention.ms=7000\n")(c)
		})
		w.inForce("log.retention.ms", "7000", 0, 1, 2)
		same("7")
		require.Empty(w.t, w.dynamicConfig("demo", -1), "what moved into the file is in no other place that would hide it")

		w.expectRestarts("demo", 1)
		w.askRestart(1)
		w.eventually(10*time.Minute, "broker 1 has all of its file", func() bool {
			return w.podUIDs("demo")[1] != before[1] && w.configInForce("demo", 1, "queued.max.requests") == "400"
		})
		w.inForce("num.network.threads", "7", 0, 1, 2)
		w.inForce("log.retention.ms", "7000", 0, 1, 2)
		w.eventually(10*time.Minute, "from there alone", func() bool { return len(w.dynamicConfig("demo", 1)) == 0 })
		w.eventuallyReady("demo")
		record := w.store.get(key{kube.KindConfigMap, namespace, kube.BrokerAppliedName("demo", 1)}).(*corev1.ConfigMap)
		require.NotContains(w.t, record.Data, "user-config", "it goes with Koperator's Pod")
		w.settled()
	})
}

// Who took a broker over before there was a record finds what people had written as long as it is the same.
func TestATakeoverWithoutARecordIsCompleted(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		adopted(w)
		w.eventuallyReady("demo")
		w.settled()
		before := w.podUIDs("demo")
		w.killDaemon()
		for id := range messages.BrokerID(3) {
			require.NoError(w.t, w.store.delete(key{kube.KindConfigMap, namespace, kube.BrokerAppliedName("demo", id)}, "", ""))
		}
		w.startDaemon()
		w.settled()
		w.expectRestarts("demo")
		w.edit("demo", readOnly("num.network.threads=4\n"))
		w.inForce("num.network.threads", "4", 0, 1, 2)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestWhatDifferedBeforeTheTakeoverWaitsForConsent(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.killDaemon()
		w.madeByKoperator(kafkaCluster("demo", nodes(3)))
		w.advance(time.Hour)
		w.edit("demo", image("registry.example/kafka:3.9.2")) // Koperator had yet to roll it out
		before := w.podUIDs("demo")
		w.startDaemon()
		w.eventuallyReady("demo")
		w.eventually(time.Minute, "a condition lists it", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionUpdateAvailable), "image of kafka changes from")
		})
		w.settled()
		w.advance(24 * time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.edit("demo", annotated(kube.AnnotationConsent, "yes"))
		w.rolled("demo", before)
		require.Nil(w.t, w.condition("demo", kube.ConditionUpdateAvailable))
		w.settled()
	})
}

func TestAnEditThatIsTakenBackRestartsNoPodOfKoperators(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		adopted(w)
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		w.edit("demo", paused)
		w.edit("demo", readOnly("queued.max.requests=700\n"))
		w.advance(time.Minute)
		w.edit("demo", readOnly(""))
		w.edit("demo", resumed)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}
