package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// label is kubectl label of a broker's Pod.
func (w *World) label(id messages.BrokerID, name, value string) {
	for _, pod := range w.podsOf("demo", id) {
		w.store.update(keyOf(pod), func(o kube.Object) { o.GetLabels()[name] = value })
	}
}

func TestABrokerWhosePodIsLabelledRestartsAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), taintedBy(labelled("restart", "me"))))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.expectRestarts("demo", 1)
		w.label(1, "restart", "me")
		w.eventually(5*time.Minute, "broker 1 has another Pod", func() bool { return w.podUIDs("demo")[1] != before[1] && w.serves("demo", 1) })
		w.eventuallyReady("demo")
		w.settled()
		require.Equal(w.t, []messages.BrokerID{1}, w.changedSince(before))
		require.NotContains(w.t, w.podsOf("demo", 1)[0].Labels, "restart", "or it would be restarted for ever")
	})
}

func TestBrokersWhosePodsAreLabelledGoThroughTheGates(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), taintedBy(labelled("restart", "me")), alerted(0)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		down := w.countDown("demo")
		for id := range messages.BrokerID(3) {
			w.label(id, "restart", "me")
		}
		w.says("demo", kube.ConditionRollBlocked, "failureThreshold is 0")
		w.advance(time.Hour)
		require.Empty(w.t, w.changedSince(before), "the gates are closed")
		w.edit("demo", alerted(1))
		w.rolled("demo", before)
		require.Equal(w.t, 1, down(), "so many brokers were down at a time")
		w.settled()
	})
}

func TestASelectorThatMatchesEveryPodOfOursRestartsNobody(t *testing.T) {
	t.Parallel()
	for name, selector := range map[string]*metav1.LabelSelector{
		"our own label":          labelled("app", "kafka"),
		"all Pods":               {},
		"whoever lacks a label":  {MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "restart", Operator: metav1.LabelSelectorOpDoesNotExist}}},
		"who is not of a value":  {MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "restart", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"no"}}}},
		"a label that none has":  labelled("restart", "me"),
		"one broker, by its id":  labelled(kube.LabelBrokerID, "1"),
		"the cluster, by itself": labelled(kube.LabelCluster, "demo"),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3)))
				w.eventuallyReady("demo")
				before := w.podUIDs("demo")
				w.edit("demo", taintedBy(selector))
				w.settled()
				require.Empty(w.t, w.changedSince(before))
			})
		})
	}
}
