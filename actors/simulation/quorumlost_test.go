package simulation

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Who was the active controller when its vote was taken may never find the next one, and is fenced then with all that only it has. So a
// broker that leaves keeps its vote until others have all of that.
func TestABrokerThatLeavesServesUntilOthersDo(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.leadersStray()
		w.apply(kafkaCluster("demo", nodes(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 1, 1, 1)
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].ID = 7 })
		w.eventually(30*time.Minute, "broker 0 is removed", func() bool {
			require.GreaterOrEqual(w.t, w.partition("demo", "orders", 0).Leader, messages.BrokerID(0), "the partition is always there")
			return len(w.objectsOf("demo", 0)) == 0 && !w.knowsBroker("demo", 0)
		})
		require.Equal(w.t, []messages.BrokerID{7}, w.partition("demo", "orders", 0).ISR)
		w.eventuallyReady("demo")
		w.settled()
	})
}

// One that stays and loses the role of a controller loses its vote with all that it has: it is restarted when it is lost.
func TestABrokerThatHasLostTheControllersIsRestarted(t *testing.T) {
	t.Parallel()
	offline := func(w *World) bool {
		return slices.ContainsFunc(w.partitions("demo"), func(p messages.Partition) bool { return p.Leader < 0 })
	}
	run(t, func(w *World) {
		w.leadersStray()
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		id := w.activeController("demo")
		w.topic("demo", "orders", 6, 1, 1)
		w.advance(10 * time.Minute)
		before := w.podsOf("demo", id)[0].UID
		w.edit("demo", roles(int32(id), v1beta1.BrokerRole))
		lost := false
		w.eventually(30*time.Minute, "it is restarted", func() bool {
			lost = lost || offline(w)
			return len(w.podsOf("demo", id)) == 1 && w.podsOf("demo", id)[0].UID != before
		})
		require.True(w.t, lost, "it was fenced")
		w.eventuallyReady("demo")
		w.eventually(10*time.Minute, "all partitions are there", func() bool { return !offline(w) })
		w.settled()
	})
}
