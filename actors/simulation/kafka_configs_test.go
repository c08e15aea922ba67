package simulation

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func (w *World) admin(name string, id messages.BrokerID) kafkaAdmin {
	return w.kafka.adminOf(kube.AddressesOf(w.cluster(name)).Broker(id) + ":29092")
}

func TestDynamicConfigurationOutlivesRestartsAndShadowsTheFile(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, nodes(3), func(c *v1beta1.KafkaCluster) { c.Spec.ReadOnlyConfig = "log.retention.ms=1000\n" })
		require.Equal(w.t, "1000", w.configInForce("demo", 1, "log.retention.ms"))
		require.NoError(w.t, w.alterByHand("demo", -1, "log.retention.ms", ptr.To("2000")))
		require.NoError(w.t, w.alterByHand("demo", 1, "log.retention.ms", ptr.To("3000")))
		w.kubelets.crash(keyOf(w.podsOf("demo", 1)[0]), 1)
		require.Error(w.t, w.alterByHand("demo", 1, "log.retention.ms", nil), "who does not run answers nothing")
		w.eventually(time.Minute, "it serves again", func() bool { return w.serves("demo", 1) })
		require.Equal(w.t, "3000", w.configInForce("demo", 1, "log.retention.ms"))
		require.Equal(w.t, "2000", w.configInForce("demo", 2, "log.retention.ms"))
		described, err := w.admin("demo", 1).Describe(context.Background(), kafkaclient.ConfigResource{Broker: 1})
		require.NoError(w.t, err)
		entry := described["log.retention.ms"]
		require.Equal(w.t, kafkaclient.SourceDynamicBroker, entry.Source)
		require.Len(w.t, entry.Synonyms, 4)
		require.False(w.t, entry.ReadOnly)
		require.True(w.t, described["node.id"].ReadOnly)
		require.NoError(w.t, w.alterByHand("demo", 1, "log.retention.ms", nil))
		require.Equal(w.t, "2000", w.configInForce("demo", 1, "log.retention.ms"))
		require.Equal(w.t, map[string]string{"log.retention.ms": "2000"}, w.dynamicConfig("demo", -1))
	})
}

func TestValuesComeBackAsKafkaReadsThem(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, nodes(3))
		require.NoError(w.t, w.alterByHand("demo", -1, "log.cleanup.policy", ptr.To("delete , compact")))
		require.NoError(w.t, w.alterByHand("demo", -1, "log.cleaner.min.cleanable.ratio", ptr.To("0.90")))
		require.NoError(w.t, w.alterByHand("demo", -1, "of.a.plugin", ptr.To("secret")))
		described, err := w.admin("demo", 0).Describe(context.Background(), kafkaclient.ConfigResource{ClusterWide: true})
		require.NoError(w.t, err)
		require.Equal(w.t, "delete,compact", *described["log.cleanup.policy"].Value)
		require.Equal(w.t, "delete , compact", *described["log.cleanup.policy"].Synonyms[0].Value)
		require.Equal(w.t, "0.9", *described["log.cleaner.min.cleanable.ratio"].Value)
		require.Nil(w.t, described["of.a.plugin"].Value)
		require.True(w.t, described["of.a.plugin"].Sensitive)
	})
}

func TestAFailedDiskTakesItsReplicasOutAndLeavesTheOthers(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), disks(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 3, 2)
		dirs, err := w.admin("demo", 4).DescribeLogDirs(context.Background())
		require.NoError(w.t, err)
		require.Len(w.t, dirs, 2)
		require.Len(w.t, dirs[0].Replicas, 3)
		w.failDir("demo", 4, dirs[0].Path)
		offline := 0
		for _, p := range w.partitions("demo") {
			if len(p.Offline) > 0 {
				require.Equal(w.t, []messages.BrokerID{4}, p.Offline)
				require.NotEqual(w.t, messages.BrokerID(4), p.Leader)
				offline++
			}
		}
		require.Equal(w.t, 3, offline)
		require.True(w.t, w.serves("demo", 4))
		dirs, err = w.admin("demo", 4).DescribeLogDirs(context.Background())
		require.NoError(w.t, err)
		require.Equal(w.t, "KAFKA_STORAGE_ERROR", dirs[0].Failure)
		require.Empty(w.t, dirs[0].Replicas)
	})
}

func TestAnImageOrAFileThatKafkaCannotStartWithCrashes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*v1beta1.KafkaCluster){
		"an image": image("kafka:broken"),
		"a file":   func(c *v1beta1.KafkaCluster) { c.Spec.ReadOnlyConfig = "crash.at.start=true\n" },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), change))
				w.advance(5 * time.Minute)
				require.False(w.t, w.serves("demo", 0))
				require.Positive(w.t, w.podsOf("demo", 0)[0].Status.ContainerStatuses[0].RestartCount)
			})
		})
	}
}
