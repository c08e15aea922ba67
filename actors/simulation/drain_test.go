package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// localVolumes are on disks of nodes.
func localVolumes(w *World) { w.kubelets.local = true }

func (w *World) nodeOf(id messages.BrokerID) string { return w.podsOf("demo", id)[0].Spec.NodeName }

func TestABrokerLeavesANodeThatIsAboutToGo(t *testing.T) {
	t.Parallel()
	for _, taint := range []string{"karpenter.sh/disrupted", "ToBeDeletedByClusterAutoscaler"} {
		t.Run(taint, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3)))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				before, from := w.podUIDs("demo"), w.nodeOf(1)
				w.onNode(from, draining(taint))
				w.eventually(2*time.Minute, "broker 1 serves elsewhere", func() bool {
					pods := w.podsOf("demo", 1)
					return len(pods) == 1 && pods[0].UID != before[1] && pods[0].Spec.NodeName != from && w.serves("demo", 1)
				})
				w.eventuallyReady("demo")
				w.settled()
				after := w.podUIDs("demo")
				require.Equal(w.t, before[0], after[0])
				require.Equal(w.t, before[2], after[2])
				require.Nil(w.t, w.condition("demo", kube.ConditionHeld))
			}, machines(6, 3))
		})
	}
}

func TestBrokersOfSeveralNodesThatGoMoveOneAfterTheOther(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		for id := range messages.BrokerID(3) {
			w.onNode(w.nodeOf(id), draining("karpenter.sh/disrupted"))
		}
		w.rolled("demo", before)
		w.settled()
	}, machines(6, 3))
}

func TestABrokerStaysWithItsLocalVolume(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		localVolumes(w)
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before, node := w.podUIDs("demo"), w.nodeOf(1)
		w.onNode(node, draining("karpenter.sh/disrupted"))
		w.eventually(time.Minute, "people are told which volume", func() bool {
			c := w.condition("demo", kube.ConditionHeld)
			return c != nil && c.Reason == kube.ReasonHeld
		})
		require.Contains(w.t, w.condition("demo", kube.ConditionHeld).Message, "broker 1: node "+node+" is about to go")
		require.Contains(w.t, w.condition("demo", kube.ConditionHeld).Message, "volume pv-")
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.True(w.t, w.isReady("demo"))

		w.onNode(node, undrained)
		w.settled()
		require.Nil(w.t, w.condition("demo", kube.ConditionHeld))
		require.Equal(w.t, before, w.podUIDs("demo"))
	}, machines(6, 3))
}

func TestACordonMovesNobody(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		w.onNode(w.nodeOf(1), func(n *corev1.Node) { n.Spec.Unschedulable = true })
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Len(w.t, w.events.with("NodeCordoned"), 1)
		w.onNode(w.nodeOf(1), func(n *corev1.Node) { n.Labels["seen"] = "yes" })
		w.settled()
		require.Len(w.t, w.events.with("NodeCordoned"), 1, "once is enough")
	}, machines(6, 3))
}
