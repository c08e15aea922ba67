package simulation

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func sidecar(image string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		group := c.Spec.BrokerConfigGroups["default"]
		group.Containers = []corev1.Container{{Name: "logs", Image: image}}
		c.Spec.BrokerConfigGroups = map[string]v1beta1.BrokerConfig{"default": group}
	}
}

// A user's sidecar begins to crash in every Pod (its backend is away, its token has expired). Kafka serves in all of them. The
// user corrects the sidecar: all brokers are deleted in the same moment, past every gate.
func TestACrashingSidecarTakesNoGateAway(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), sidecar("logs:1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		w.kubelets.sidecarsCrash(3, 4, 5)
		w.advance(time.Minute)
		require.True(w.t, w.inSync("demo"), "Kafka serves in all of them")
		require.Contains(w.t, w.conditionText("demo", kube.ConditionReady), "broker 3: Kafka serves, but container logs of its Pod does not run: CrashLoopBackOff")
		w.edit("demo", sidecar("logs:2"))
		w.eventually(5*time.Minute, "the first broker goes", func() bool { return w.brokersGoing() > 0 })
		w.kubelets.sidecarsCrash()
		w.eventually(30*time.Minute, "all brokers have the new one", func() bool {
			require.LessOrEqual(w.t, w.brokersGoing(), 1)
			return !slices.ContainsFunc(w.pods("demo"), func(p *corev1.Pod) bool {
				return slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool { return c.Image == "logs:1" })
			})
		})
		w.eventuallyReady("demo")
		w.settled()
	})
}

// brokersGoing counts the Pods of brokers that are on their way out.
func (w *World) brokersGoing() int {
	going := 0
	for _, pod := range w.pods("demo") {
		if idOf(pod) >= 3 && pod.DeletionTimestamp != nil {
			going++
		}
	}
	return going
}
