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

func TestKafkaRefusesConfigurationInItsOwnWords(t *testing.T) {
	t.Parallel()
	one, all := kafkaclient.ConfigResource{Broker: 1}, kafkaclient.ConfigResource{ClusterWide: true}
	for name, test := range map[string]struct {
		resource   kafkaclient.ConfigResource
		key, value string
		says       string
	}{
		"a read-only key":                 {one, "broker.rack", "a", "Cannot update these configs dynamically: [broker.rack]"},
		"a wrong type":                    {all, "log.cleaner.threads", "abc", "Invalid value abc for configuration log.cleaner.threads: Not a number of type INT"},
		"out of range":                    {all, "num.io.threads", "0", "Invalid value 0 for configuration num.io.threads: Value must be at least 1"},
		"more than double the threads":    {all, "num.io.threads", "100", "num.io.threads=100, value should not be greater than double the current value 8"},
		"less than half the threads":      {all, "num.io.threads", "3", "value should be at least half the current value 8"},
		"an unknown policy":               {all, "log.cleanup.policy", "foo", "String must be one of: compact, delete"},
		"a broker's key for all":          {all, "cordoned.log.dirs", "*", "broker id must be specified"},
		"another broker":                  {kafkaclient.ConfigResource{Broker: 2}, "num.io.threads", "9", "Unexpected broker id, expected 1, but received 2"},
		"a log dir that is not there":     {one, "cordoned.log.dirs", "/nosuch", "Missing entries : /nosuch"},
		"min.insync.replicas of a broker": {one, minISRKey, "2", "cannot be altered while ELR is enabled"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				upWith(w, nodes(3), image("kafka:2.13-4.3.1"))
				for _, validateOnly := range []bool{true, false} {
					err := w.admin("demo", 1).Alter(context.Background(), test.resource,
						[]kafkaclient.ConfigChange{{Key: "message.max.bytes", Value: ptr.To("2000000")}, {Key: test.key, Value: &test.value}}, validateOnly)
					var refusal *kafkaclient.ConfigRefused
					require.ErrorAs(w.t, err, &refusal)
					require.Contains(w.t, refusal.Message, test.says)
				}
				require.Equal(w.t, "1048588", w.configInForce("demo", 1, "message.max.bytes"), "one bad key refuses them all")
			})
		})
	}
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
