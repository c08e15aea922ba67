package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestMinInSyncReplicasOfAFileReachAllBrokersWithoutARestart(t *testing.T) {
	t.Run("where the file counts", func(t *testing.T) {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(3), image("kafka:3.9.2")))
			w.eventuallyReady("demo")
			before := w.podUIDs("demo")
			w.edit("demo", readOnly("min.insync.replicas=2\n"))
			w.inForce(minISRKey, "2", 0, 1, 2)
			w.edit("demo", readOnly(""))
			w.inForce(minISRKey, "1", 0, 1, 2)
			w.settled()
			require.Equal(w.t, before, w.podUIDs("demo"))
		})
	})
	t.Run("with eligible leader replicas, where it does not (KIP-966)", func(t *testing.T) {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(3), image("kafka:4.3.1")))
			w.eventuallyReady("demo")
			before := w.podUIDs("demo")
			w.edit("demo", readOnly("min.insync.replicas=2\n"))
			w.inForce(minISRKey, "2", 0, 1, 2)
			w.settled()
			require.Empty(w.t, w.dynamicConfig("demo", 1))
			w.edit("demo", readOnly(""))
			w.settled()
			require.Equal(w.t, "2", w.dynamicConfig("demo", -1)[minISRKey], "Kafka does not remove it")
			require.Contains(w.t, w.condition("demo", kube.ConditionConfigRefused).Message, "stays 2")
			w.edit("demo", clusterWide("min.insync.replicas=1\n"))
			w.inForce(minISRKey, "1", 0, 1, 2)
			w.settled()
			require.Nil(w.t, w.condition("demo", kube.ConditionConfigRefused))
			require.Equal(w.t, before, w.podUIDs("demo"))
		})
	})
}

func TestABrokerKeepsItsRackWhenItsFileChangesWhileItRuns(t *testing.T) {
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), racks, readOnly("log.retention.ms=1000\n")))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		file := func() map[string]string { return w.kubelets.fileOf(w.podsOf("demo", 1)[0]) }
		rack := file()["broker.rack"]
		require.NotEmpty(w.t, rack)
		w.edit("demo", readOnly("log.retention.ms=2000\n"))
		w.inForce("log.retention.ms", "2000", 0, 1, 2)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Equal(w.t, rack, file()["broker.rack"])
		require.Equal(w.t, "2000", file()["log.retention.ms"])

		w.deleteObject(key{kube.KindConfigMap, namespace, kube.BrokerConfigName("demo", 1)})
		w.advance(time.Minute)
		require.Equal(w.t, rack, file()["broker.rack"])
		w.deleteObject(keyOf(w.podsOf("demo", 1)[0]))
		w.advance(10 * time.Minute)
		w.eventuallyReady("demo")
		require.Empty(w.t, w.configProblems("demo"))
		require.Empty(w.t, w.dynamicConfig("demo", 1), "nothing stands in for a file that the broker was started with")
		w.settled()
	})
}

func TestWhatWasWrittenDuringAPauseIsTakenAfterIt(t *testing.T) {
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), readOnly("log.retention.ms=1000\n")))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("log.retention.ms=2000\n"))
		w.inForce("log.retention.ms", "2000", 0, 1, 2)
		w.edit("demo", paused)
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			readOnly("log.retention.ms=3000\n")(c)
			clusterWide("message.max.bytes=5000\n")(c)
		})
		w.advance(10 * time.Minute)
		require.Equal(w.t, "2000", w.configInForce("demo", 0, "log.retention.ms"))
		require.Equal(w.t, "1048588", w.configInForce("demo", 0, "message.max.bytes"))
		w.edit("demo", resumed)
		w.inForce("log.retention.ms", "3000", 0, 1, 2)
		w.inForce("message.max.bytes", "5000", 0, 1, 2)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestADaemonThatDiesBetweenAnyTwoWritesLosesNoConfiguration(t *testing.T) {
	const most = 24 // writes that two edits need
	for n := 1; n <= most; n++ {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(3), readOnly("log.retention.ms=1000\nnum.io.threads=8\n"), clusterWide("message.max.bytes=4000\n")))
			w.eventuallyReady("demo")
			w.inForce("message.max.bytes", "4000", 0, 1, 2)
			w.advance(time.Minute)
			before := w.podUIDs("demo")
			w.killAfterWrites(n)
			w.edit("demo", func(c *v1beta1.KafkaCluster) {
				readOnly("log.retention.ms=2000\nnum.io.threads=50\nmessage.max.bytes=4000\n")(c)
				clusterWide("log.cleaner.threads=2\n")(c)
				perBroker(1, "log.cleaner.threads=3\n")(c)
			})
			w.advance(5 * time.Minute)
			require.Empty(w.t, w.configProblems("demo"), "killed after %d writes", n)
			w.killAfterWrites(n)
			w.edit("demo", func(c *v1beta1.KafkaCluster) {
				readOnly("log.retention.ms=1000\nnum.io.threads=8\n")(c)
				clusterWide("message.max.bytes=4000\n")(c)
				perBroker(1, "")(c)
			})
			w.advance(5 * time.Minute)
			require.Empty(w.t, w.configProblems("demo"), "killed after %d writes", n)
			require.Equal(w.t, before, w.podUIDs("demo"))
			w.settled()
		})
	}
}
