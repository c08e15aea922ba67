package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// throttles are the rates and lists of the daemon's in Kafka.
func (w *World) throttles(name string) []string {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	return w.kafka.clusters[keyed(name)].throttles()
}

func TestMovesAreBoundToARateThatCanChangeMeanwhile(t *testing.T) {
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 60, 2, 1)
		require.Empty(w.t, w.throttles("demo"))
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "some move", func() bool { return len(w.moving("demo")) > 0 })
		for id := range messages.BrokerID(4) {
			require.Equal(w.t, "52428800", w.configInForce("demo", id, followerRate))
			require.Equal(w.t, "52428800", w.configInForce("demo", id, "leader.replication.throttled.rate"))
		}
		w.edit("demo", bound(2<<20))
		w.eventually(time.Minute, "the new rate counts", func() bool { return w.configInForce("demo", 0, followerRate) == "2097152" })
		require.NotEmpty(w.t, w.moving("demo"), "at once")
		w.eventuallyRemoved("demo", 3)
		require.Empty(w.t, w.throttles("demo"))
		require.Empty(w.t, w.events.with("ReplicationThrottleDeleted"), "it is no news that the end is tidy")
		w.settled()
	})
}

func TestWhatACrashLeavesOfAThrottleIsDeletedAndTold(t *testing.T) {
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 12, 2, 1)
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "some move", func() bool { return len(w.moving("demo")) > 0 })
		w.killDaemon()
		w.edit("demo", brokers(1)) // nothing is to be moved any more
		w.advance(10 * time.Minute)
		require.Empty(w.t, w.moving("demo"))
		require.NotEmpty(w.t, w.throttles("demo"))
		w.startDaemon()
		w.eventually(time.Minute, "all of it is gone", func() bool { return len(w.throttles("demo")) == 0 })
		require.Len(w.t, w.events.with("ReplicationThrottleDeleted"), 1)
		w.settled()
	})
}

func TestWhatOthersHaveSetToBoundReplicasStays(t *testing.T) {
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 12, 2, 1)
		w.kafka.mu.Lock()
		for _, p := range w.kafka.clusters[keyed("demo")].partitions {
			w.kafka.clusters[keyed("demo")].throttleByHand(p, 0)
		}
		w.kafka.mu.Unlock()
		w.edit("demo", withoutBroker(3))
		w.eventuallyRemoved("demo", 3)
		require.Equal(w.t, rateOfOthers, w.configInForce("demo", 0, followerRate))
		w.kafka.mu.Lock()
		require.Len(w.t, w.kafka.clusters[keyed("demo")].throttled, 12)
		w.kafka.mu.Unlock()
		w.kill()
		w.eventuallyReady("demo")
		w.settled()
		require.Equal(w.t, rateOfOthers, w.configInForce("demo", 0, followerRate))
	})
}

func TestABrokerThatIsAwayAtTheEndLosesItsRateWhenItIsBack(t *testing.T) {
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(4)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 12, 2, 1)
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "some move", func() bool { return len(w.moving("demo")) > 0 })
		w.edit("demo", maintained(5))
		w.eventuallyRemoved("demo", 3)
		w.advance(10 * time.Minute)
		w.edit("demo", maintained())
		w.eventuallyReady("demo")
		w.eventually(time.Minute, "its rate is gone", func() bool { return len(w.throttles("demo")) == 0 })
		w.settled()
	}, machines(8, 3))
}

func TestWhatIsLeftGoesAlsoOnceCruiseControlMovesReplicas(t *testing.T) {
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 12, 2, 1)
		w.edit("demo", withoutBroker(3))
		w.eventually(time.Minute, "some move", func() bool { return len(w.moving("demo")) > 0 })
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.CruiseControlConfig.Disabled = false })
		w.eventually(10*time.Minute, "moves have ended, and nothing bounds them", func() bool {
			return len(w.moving("demo")) == 0 && len(w.throttles("demo")) == 0
		})
		record := w.store.get(key{kube.KindConfigMap, namespace, kube.ThrottleName("demo")}).(*corev1.ConfigMap)
		require.Empty(w.t, kube.Applied(record, w.cluster("demo")))
	})
}
