package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// inPriorityClass puts the Pods of the default group into a priority class.
func inPriorityClass(name string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		group := c.Spec.BrokerConfigGroups["default"]
		group.PriorityClassName = name
		c.Spec.BrokerConfigGroups = map[string]v1beta1.BrokerConfig{"default": group}
	}
}

func TestNobodyIsStoppedForAPodThatTheAPIServerWouldRefuse(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.store.admits(func(pod *corev1.Pod) string {
			if pod.Spec.PriorityClassName == "nope" {
				return "no PriorityClass with name nope was found"
			}
			return ""
		})
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", inPriorityClass("nope"))
		w.eventually(5*time.Minute, "status says why nothing happens", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionReady), "no PriorityClass with name nope was found")
		})
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.store.admits(nil) // somebody makes the class
		w.eventually(10*time.Minute, "all Pods are replaced", func() bool {
			for id, uid := range w.podUIDs("demo") {
				if before[id] == uid {
					return false
				}
			}
			return true
		})
		w.eventuallyReady("demo")
		w.settled()
	})
}
