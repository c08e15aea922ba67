package simulation

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestMinInSyncReplicasOfAFileReachAllBrokersWithoutARestart(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

func TestAFileThatSomebodyTouchedIsSetBackAndNotBelieved(t *testing.T) {
	t.Parallel()
	for name, touch := range map[string]func(w *World, file key){
		"edited": func(w *World, file key) {
			w.store.update(file, func(o kube.Object) { o.(*corev1.ConfigMap).Data[kube.KeyBrokerConfig] = "node.id=7\n" })
		},
		"deleted": func(w *World, file key) { w.deleteObject(file) },
	} {
		for _, changed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, changed while it ran: %t", name, changed), func(t *testing.T) {
				run(t, func(w *World) {
					w.apply(kafkaCluster("demo", nodes(3), readOnly("log.retention.ms=1000\n")))
					w.eventuallyReady("demo")
					value := "1000"
					if changed {
						value = "2000"
						w.edit("demo", readOnly("log.retention.ms=2000\n"))
						w.inForce("log.retention.ms", value, 0, 1, 2)
						w.advance(time.Minute)
					}
					touch(w, key{kube.KindConfigMap, namespace, kube.BrokerConfigName("demo", 1)})
					w.advance(time.Minute)
					file := func() map[string]string { return w.kubelets.fileOf(w.podsOf("demo", 1)[0]) }
					require.NotEmpty(w.t, file()["log.dirs"], "set back")
					require.Equal(w.t, value, file()["log.retention.ms"])
					w.edit("demo", perBroker(1, "log.cleaner.threads=2\n"))
					w.inForce("log.cleaner.threads", "2", 1)
					require.Equal(w.t, value, w.configInForce("demo", 1, "log.retention.ms"))
					w.edit("demo", readOnly("log.retention.ms=3000\n"))
					w.inForce("log.retention.ms", "3000", 0, 1, 2)
					w.eventuallyReady("demo")
					w.advance(time.Hour)
					require.NotEmpty(w.t, file()["log.dirs"], "the file of the next start")
					require.Empty(w.t, w.configProblems("demo"))
					w.settled()
				})
			})
		}
	}
}

func TestAWarningAboutAllBrokersGoesWithItsCause(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), clusterWide("broker.rack=a\n")))
		w.eventually(10*time.Minute, "people are told", func() bool { return w.condition("demo", kube.ConditionConfigRefused) != nil })
		w.edit("demo", clusterWide(""))
		w.settled()
		require.Nil(w.t, w.condition("demo", kube.ConditionConfigRefused))
	})
}

func TestAValueThatNoBrokerStartsWithStopsNobody(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("log.cleanup.policy=shred\n"))
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Contains(w.t, w.condition("demo", kube.ConditionConfigRefused).Message, "String must be one of")
		require.NotContains(w.t, w.kubelets.fileOf(w.podsOf("demo", 1)[0]), "log.cleanup.policy", "it may crash at any time")
		w.edit("demo", readOnly("log.cleanup.policy=shred\nqueued.max.requests=7\n"))
		w.advance(time.Hour)
		w.kill()
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"), "nor for another key of the file that it would not start with")
		w.edit("demo", readOnly("log.cleanup.policy=compact\n"))
		w.inForce("log.cleanup.policy", "compact", 0, 1, 2)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}
