package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// stoppedAnyway is what befalls a Pod for another reason than its file.
func stoppedAnyway() map[string]func(w *World, pod *corev1.Pod) {
	return map[string]func(w *World, pod *corev1.Pod){
		"deleted":                       func(w *World, pod *corev1.Pod) { w.deleteObject(keyOf(pod)) },
		"evicted by its kubelet":        func(w *World, pod *corev1.Pod) { w.kubelets.evict(keyOf(pod)) },
		"crashed":                       func(w *World, pod *corev1.Pod) { w.kubelets.crash(keyOf(pod), 137) },
		"deleted with its file":         func(w *World, pod *corev1.Pod) { w.deleteFile(pod); w.deleteObject(keyOf(pod)) },
		"deleted while the daemon dies": func(w *World, pod *corev1.Pod) { w.kill(); w.deleteObject(keyOf(pod)) },
	}
}

func (w *World) deleteFile(pod *corev1.Pod) {
	w.deleteObject(key{kube.KindConfigMap, namespace, kube.BrokerConfigName("demo", idOf(pod))})
}

func TestABrokerThatIsStartedAnewDoesNotGetWhatKafkaHasRefused(t *testing.T) {
	t.Parallel()
	for name, stop := range stoppedAnyway() {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), readOnly("log.cleanup.policy=delete\nlog.retention.ms=1000\n")))
				w.eventuallyReady("demo")
				w.edit("demo", readOnly("log.cleanup.policy=compact\nlog.retention.ms=1000\n"))
				w.inForce("log.cleanup.policy", "compact", 0, 1, 2)
				w.advance(time.Minute)
				before := w.podUIDs("demo")
				w.edit("demo", readOnly("log.cleanup.policy=shred\nlog.retention.ms=2000\n"))
				w.inForce("log.retention.ms", "2000", 0, 1, 2)
				w.advance(time.Minute)
				stop(w, w.podsOf("demo", 1)[0])
				w.never(10*time.Minute, "the condition is away", func() bool {
					c := w.condition("demo", kube.ConditionConfigRefused)
					return w.cluster("demo") != nil && c == nil
				})
				w.eventually(time.Minute, "broker 1 serves", func() bool { return w.serves("demo", 1) })
				require.Equal(w.t, "compact", w.configInForce("demo", 1, "log.cleanup.policy"), "what Kafka accepted last")
				require.Equal(w.t, "2000", w.configInForce("demo", 1, "log.retention.ms"))
				after := w.podUIDs("demo")
				require.Equal(w.t, before[0], after[0])
				require.Equal(w.t, before[2], after[2])
				w.settled()
				require.Contains(w.t, w.condition("demo", kube.ConditionConfigRefused).Message, "String must be one of")
				require.Equal(w.t, after, w.podUIDs("demo"))

				w.edit("demo", readOnly("log.cleanup.policy=delete\nlog.retention.ms=2000\n"))
				w.inForce("log.cleanup.policy", "delete", 0, 1, 2)
				w.eventuallyReady("demo")
				w.settled()
				require.Empty(w.t, w.configProblems("demo"))
				require.Equal(w.t, after, w.podUIDs("demo"))
			}, machines(3, 3))
		})
	}
}

func TestAPauseLetsABrokerComeBackWithoutWhatKafkaHasRefused(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.edit("demo", readOnly("log.cleanup.policy=shred\n"))
		w.advance(time.Minute)
		w.edit("demo", paused)
		before := w.podUIDs("demo")
		w.deleteObject(keyOf(w.podsOf("demo", 1)[0]))
		w.eventually(time.Minute, "broker 1 serves again", func() bool { return w.podUIDs("demo")[1] != before[1] && w.serves("demo", 1) })
	})
}

func TestARollForAnotherReasonLeavesOutWhatKafkaHasRefused(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]func(*v1beta1.KafkaCluster){"": func(*v1beta1.KafkaCluster) {}, "with racks": racks} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), shape))
				w.eventuallyReady("demo")
				before := w.podUIDs("demo")
				w.edit("demo", readOnly("log.cleanup.policy=shred\n"))
				w.advance(time.Minute)
				w.edit("demo", heap)
				w.eventually(10*time.Minute, "all run with another heap", func() bool {
					now := w.podUIDs("demo")
					return len(now) == 3 && now[0] != before[0] && now[1] != before[1] && now[2] != before[2]
				})
				w.settled()
				require.NotNil(w.t, w.condition("demo", kube.ConditionConfigRefused))
				require.Equal(w.t, "delete", w.configInForce("demo", 1, "log.cleanup.policy"))
				rolled := w.podUIDs("demo")
				w.edit("demo", readOnly("queued.max.requests=700\n"))
				w.rolled("demo", rolled)
				w.eventuallyReady("demo")
				w.settled()
				require.Nil(w.t, w.condition("demo", kube.ConditionConfigRefused))
			})
		})
	}
}
