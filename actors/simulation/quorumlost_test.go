package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Who was the active controller when its vote was taken may never find the next one. It is fenced then with all that only it has, and
// nothing can be moved off it, until it is restarted.
func TestABrokerThatHasLostTheControllersIsRestarted(t *testing.T) {
	t.Parallel()
	anotherID := func(id int32) func(*v1beta1.KafkaCluster) {
		return func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].ID = id }
	}
	for name, after := range map[string]func(w *World){
		"it leaves, with the last copy of a partition": func(w *World) {
			w.eventually(30*time.Minute, "broker 0 is removed", func() bool {
				return len(w.objectsOf("demo", 0)) == 0 && !w.knowsBroker("demo", 0)
			})
			require.Equal(w.t, []messages.BrokerID{7}, w.partition("demo", "orders", 0).ISR)
		},
		"it is put back": func(w *World) { w.edit("demo", anotherID(0)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *World) {
				w.leadersStray()
				w.apply(kafkaCluster("demo", nodes(1)))
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 1, 1, 1)
				w.edit("demo", anotherID(7))
				w.eventually(10*time.Minute, "its partition is offline", func() bool { return w.partition("demo", "orders", 0).Leader < 0 })
				after(w)
				w.eventually(30*time.Minute, "the partition is there", func() bool { return w.partition("demo", "orders", 0).Leader >= 0 })
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}
