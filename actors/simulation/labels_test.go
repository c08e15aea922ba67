package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
)

// A Pod is found by its labels. Without them it runs on, and its broker must not be taken for lost.
func TestAPodThatLostItsLabelsGetsThemBack(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(labels map[string]string){
		"whose it is":         func(labels map[string]string) { delete(labels, kube.LabelCluster) },
		"which broker it is":  func(labels map[string]string) { delete(labels, kube.LabelBrokerID) },
		"another broker's id": func(labels map[string]string) { labels[kube.LabelBrokerID] = "xx" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3)))
				w.eventuallyReady("demo")
				w.settled()
				before := w.podUIDs("demo")
				pod := key{kube.KindPod, namespace, "demo-node-1"}
				labels := w.store.get(pod).GetLabels()
				w.store.update(pod, func(o kube.Object) { edit(o.GetLabels()) })
				w.eventually(time.Minute, "they are there again", func() bool {
					is := w.store.get(pod).GetLabels()
					return is[kube.LabelCluster] == labels[kube.LabelCluster] && is[kube.LabelBrokerID] == labels[kube.LabelBrokerID]
				})
				w.eventuallyReady("demo")
				w.settled()
				require.Equal(w.t, before, w.podUIDs("demo"))
			})
		})
	}
}
