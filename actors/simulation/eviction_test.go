package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// drain is kubectl drain: a cordon, and evictions until none of the Pods that were on the node is left.
func (w *World) drain(node string, within time.Duration) {
	w.t.Helper()
	w.onNode(node, func(n *corev1.Node) { n.Spec.Unschedulable = true })
	w.eventually(within, "the drain of "+node+" ends", func() bool {
		left := false
		for _, pod := range w.pods("demo") {
			if pod.Spec.NodeName == node {
				left = true
				_ = w.store.evict(keyOf(pod), pod.UID) // a refusal is tried again
			}
		}
		return !left
	})
}

func TestADrainAndARollOfATrioWithASmallBudgetBothEnd(t *testing.T) {
	t.Parallel()
	for name, rollFirst := range map[string]bool{"the drain during a roll": true, "the roll during a drain": false} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), budgeted("20%")))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				before, node := w.podUIDs("demo"), w.nodeOf(2)
				change := readOnly("queued.max.requests=700\n")
				if rollFirst {
					w.edit("demo", change)
					w.eventually(time.Minute, "the roll has begun", func() bool {
						now := w.podUIDs("demo")
						return now[0] != before[0] || now[1] != before[1] || now[2] != before[2]
					})
				} else {
					time.AfterFunc(500*time.Millisecond, func() { w.edit("demo", change) })
				}
				w.drain(node, 10*time.Minute)
				w.rolled("demo", before)
				require.NotEqual(w.t, node, w.nodeOf(2))
				w.settled()
			}, machines(6, 3))
		})
	}
}

func (w *World) evictsUnready() bool {
	for _, object := range w.owned(kube.KindBudget, "demo") {
		if policy := object.(*policyv1.PodDisruptionBudget).Spec.UnhealthyPodEvictionPolicy; policy != nil && *policy == policyv1.AlwaysAllow {
			return true
		}
	}
	return false
}

func TestANodeWithABrokerThatCannotStartCanBeDrained(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		require.False(w.t, w.evictsUnready())
		w.edit("demo", imageOf(1, "kafka:broken"))
		w.eventually(10*time.Minute, "broker 1 is stuck, and may be evicted", w.evictsUnready)
		before := w.podUIDs("demo")
		w.drain(w.nodeOf(1), 5*time.Minute)
		w.eventually(5*time.Minute, "it tries elsewhere", func() bool { return w.podUIDs("demo")[1] != before[1] && len(w.podsOf("demo", 1)) == 1 })
		require.Equal(w.t, before[0], w.podUIDs("demo")[0])
		w.edit("demo", imageOf(1, ""))
		w.eventuallyReady("demo")
		w.eventually(time.Minute, "the budget counts again", func() bool { return !w.evictsUnready() })
		w.settled()
	}, machines(6, 3))
}

// imageOf is an image for one broker alone.
func imageOf(id messages.BrokerID, image string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		for i := range c.Spec.Brokers {
			b := &c.Spec.Brokers[i]
			if messages.BrokerID(b.ID) != id {
				continue
			}
			if b.BrokerConfig == nil {
				b.BrokerConfig = &v1beta1.BrokerConfig{}
			}
			b.BrokerConfig.Image = image
		}
	}
}
