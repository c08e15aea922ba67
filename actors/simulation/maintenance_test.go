package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

func TestABrokerInMaintenanceStandsStillAndEverybodyElseGoesOn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(2)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 10, 3, 1)
		before := w.podUIDs("demo")
		w.edit("demo", maintained(3))
		w.eventually(2*time.Minute, "its Pod is gone", func() bool { return w.podUIDs("demo")[3] == "" })
		w.eventuallyReady("demo")
		require.Contains(w.t, kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionReady).Message, "in maintenance: broker 3")
		w.settled()
		after := w.podUIDs("demo")
		for _, id := range []messages.BrokerID{0, 1, 2, 4} {
			require.Equal(w.t, before[id], after[id])
		}
		require.Len(w.t, w.claimsOf("demo"), 5)

		w.edit("demo", readOnly("queued.max.requests=700\n"))
		delete(before, 3)
		w.rolled("demo", before)
		require.Empty(w.t, w.podUIDs("demo")[3])
		w.kill()
		w.settled()
		require.Empty(w.t, w.podUIDs("demo")[3])

		w.edit("demo", maintained())
		w.eventually(2*time.Minute, "it is back", func() bool { return w.serves("demo", 3) })
		w.eventuallyReady("demo")
		w.settled()
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}

func TestMaintenanceOfAllWaitsUntilKafkaCanSpareThem(t *testing.T) {
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 3, 2)
		w.edit("demo", maintained(0, 1))
		w.eventually(5*time.Minute, "one is stopped, and the condition says why no other is", func() bool {
			c := kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionRollBlocked)
			return len(w.pods("demo")) == 2 && c != nil && strings.Contains(c.Message, "waits for its restart")
		})
		w.advance(30 * time.Minute)
		require.Len(w.t, w.pods("demo"), 2)
		w.edit("demo", maintained())
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestANewLeaderTellsAtOnceWhoIsDown(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(1))) // no Kafka is left that could answer
		w.eventuallyReady("demo")
		w.kill()
		w.advance(3 * time.Second)
		w.deleteObject(keyOf(w.podsOf("demo", 0)[0]))
		w.eventually(4*time.Second, "the status says so", func() bool { return !w.isReady("demo") })
		w.eventuallyReady("demo")
		w.settled()
	})
}
