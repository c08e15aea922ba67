package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestMetadataVersionIsRaisedAfterTheLastNodeRunsTheNewKafka(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("3.9.2")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 4, 3, 2)
		require.Equal(w.t, "3.9", w.cluster("demo").Status.Version)
		require.Equal(w.t, "3.9-IV0", w.cluster("demo").Status.MetadataVersion)
		before := w.podUIDs("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) { kafkaImage("4.3.1")(c); metadataVersion("4.3")(c) })
		for w.podUIDs("demo")[3] == before[3] || w.podUIDs("demo")[0] == before[0] {
			require.Equal(w.t, "3.9-IV0", w.cluster("demo").Status.MetadataVersion, "while an older Kafka runs")
			w.advance(5 * time.Second)
		}
		w.rolled("demo", before)
		w.eventually(5*time.Minute, "metadata.version is raised", func() bool {
			return w.cluster("demo").Status.MetadataVersion == "4.3-IV0"
		})
		told := w.events.with("MetadataVersionRaised")
		require.Len(w.t, told, 1)
		require.Equal(w.t, "metadata.version was 3.9-IV0 and is 4.3-IV0: Kafka lowers it no more", told[0].note)
		w.settled()
		require.Equal(w.t, "4.3", w.cluster("demo").Status.Version)
		require.Nil(w.t, kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionMetadata))
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}

func TestANewQuorumBeginsWithTheMetadataVersionThatIsAskedFor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), image("kafka:2.13-4.3.1"), metadataVersion("4.0")))
		w.eventuallyReady("demo")
		require.Equal(w.t, "4.0-IV3", w.cluster("demo").Status.MetadataVersion)
		require.Empty(w.t, w.events.with("MetadataVersionRaised"))
		require.Nil(w.t, w.condition("demo", kube.ConditionMetadata))
		w.settled()
		for id := range messages.BrokerID(3) {
			config := w.store.get(key{kube.KindConfigMap, namespace, kube.BrokerConfigName("demo", id)}).(*corev1.ConfigMap)
			require.NotContains(w.t, config.Data, kube.KeyMetadataVersion, "it says nothing any more")
		}
		before := w.podUIDs("demo")
		w.edit("demo", metadataVersion("4.3"))
		w.eventually(time.Minute, "it is raised when that is asked for", func() bool { return w.cluster("demo").Status.MetadataVersion == "4.3-IV0" })
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestAMetadataVersionThatCannotBeHadIsToldAndStopsNothing(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), kafkaImage("3.9.2"), metadataVersion("4.3")))
		w.eventuallyReady("demo")
		says := func(text string) func() bool {
			return func() bool {
				c := kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionMetadata)
				return c != nil && strings.Contains(c.Message, text)
			}
		}
		w.eventually(time.Minute, "the condition says why", says("needs a newer image first"))
		w.settled()
		w.edit("demo", metadataVersion("3.6"))
		w.eventually(time.Minute, "the condition says why", says("cannot go back"))
		w.settled()
		w.edit("demo", metadataVersion(""))
		w.eventually(time.Minute, "the condition goes", func() bool {
			return kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionMetadata) == nil
		})
	})
}
