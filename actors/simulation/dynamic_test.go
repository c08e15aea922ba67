package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// inForce waits until brokers work by a value.
func (w *World) inForce(key, value string, ids ...messages.BrokerID) {
	w.t.Helper()
	w.eventually(time.Minute, key+" is "+value, func() bool {
		for _, id := range ids {
			if w.configInForce("demo", id, key) != value {
				return false
			}
		}
		return true
	})
}

func TestAKeyThatKafkaTakesWhileItRunsRestartsNobody(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("log.retention.ms=1000\nnum.io.threads=50\n"))
		w.inForce("log.retention.ms", "1000", 0, 1, 2, 3)
		w.inForce("num.io.threads", "50", 0, 1, 2, 3) // in steps: Kafka doubles at most
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Empty(w.t, w.configProblems("demo"))
		config := w.owned(kube.KindConfigMap, "demo")
		require.NotEmpty(w.t, config)

		w.edit("demo", readOnly("log.retention.ms=2000\nqueued.max.requests=700\n"))
		w.rolled("demo", before)
		w.settled()
		for id := range before {
			require.Equal(w.t, "2000", w.configInForce("demo", id, "log.retention.ms"))
			require.Equal(w.t, "8", w.configInForce("demo", id, "num.io.threads"))
			require.Empty(w.t, w.dynamicConfig("demo", id), "nothing stands in for a file that the broker was started with")
		}
	})
}

func TestAKeyThatConcernsBrokersAloneRestartsNoController(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), racks, image("kafka:2.13-4.3.1")))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		fileOf := func(id messages.BrokerID) string {
			return w.store.get(key{kube.KindConfigMap, namespace, kube.BrokerConfigName("demo", id)}).(*corev1.ConfigMap).Data[kube.KeyBrokerConfig]
		}
		w.edit("demo", readOnly("log.retention.ms=1000\n"))
		w.inForce("log.retention.ms", "1000", 3, 4, 5)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		for id := range before {
			require.Contains(w.t, fileOf(id), "log.retention.ms=1000\n")
		}
		w.kill()
		const all = "log.retention.ms=2000\nmessage.max.bytes=2000000\nmin.insync.replicas=2\n"
		w.edit("demo", readOnly(all))
		w.inForce("log.retention.ms", "2000", 3, 4, 5)
		w.inForce("message.max.bytes", "2000000", 3, 4, 5)
		w.inForce("min.insync.replicas", "2", 3, 4, 5)
		w.deleteObject(keyOf(w.podsOf("demo", 1)[0]))
		w.eventually(5*time.Minute, "the lost controller is back", func() bool { return w.podUIDs("demo")[1] != before[1] && w.serves("demo", 1) })
		before[1] = w.podUIDs("demo")[1]
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		for _, line := range strings.SplitAfter(all, "\n") {
			require.Contains(w.t, fileOf(0), line)
			require.Contains(w.t, fileOf(1), line)
		}

		w.edit("demo", readOnly(all+"background.threads=20\nnum.io.threads=16\n")) // controllers have such threads, too
		w.eventually(30*time.Minute, "the controllers are restarted", func() bool {
			now := w.podUIDs("demo")
			return now[0] != before[0] && now[1] != before[1] && now[2] != before[2]
		})
		w.inForce("num.io.threads", "16", 3, 4, 5)
		w.settled()
		for id := messages.BrokerID(3); id < 6; id++ {
			require.Equal(w.t, before[id], w.podUIDs("demo")[id])
		}
	})
}

func TestAControllerIsNotGivenWhatBrokersRefuse(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("log.cleanup.policy=shred\n"))
		w.eventually(5*time.Minute, "it is told", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionConfigRefused), "log.cleanup.policy")
		})
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		for id := range before {
			config := w.store.get(key{kube.KindConfigMap, namespace, kube.BrokerConfigName("demo", id)}).(*corev1.ConfigMap)
			require.NotContains(w.t, config.Data[kube.KeyBrokerConfig], "shred")
		}
		w.edit("demo", readOnly("log.cleanup.policy=compact\n"))
		w.inForce("log.cleanup.policy", "compact", 3, 4, 5)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestAControllerThatIsStartedAnewIsNotGivenWhatBrokersRefuse(t *testing.T) {
	t.Parallel()
	for name, stop := range stoppedAnyway() {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), readOnly("log.cleanup.policy=compact\n")))
				w.eventuallyReady("demo")
				before := w.podUIDs("demo")
				w.edit("demo", readOnly("log.cleanup.policy=shred\n"))
				w.says("demo", kube.ConditionConfigRefused, "log.cleanup.policy")
				w.advance(time.Minute)
				stop(w, w.podsOf("demo", 1)[0])
				w.eventually(5*time.Minute, "controller 1 serves", func() bool { return w.serves("demo", 1) })
				w.kafka.mu.Lock()
				started := w.kafka.clusters[keyed("demo")].processes[1].config["log.cleanup.policy"]
				w.kafka.mu.Unlock()
				require.Equal(w.t, "compact", started)
				w.settled()
				delete(before, 1)
				after := w.podUIDs("demo")
				w.edit("demo", readOnly("log.cleanup.policy=delete\n"))
				w.inForce("log.cleanup.policy", "delete", 3, 4, 5)
				w.eventuallyReady("demo")
				w.settled()
				require.Equal(w.t, after, w.podUIDs("demo"))
				for id, uid := range before {
					require.Equal(w.t, uid, after[id])
				}
			})
		})
	}
}

func TestAChangeOfMindWithoutARestartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), readOnly("log.retention.ms=1000\n")))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("log.retention.ms=2000\n"))
		w.inForce("log.retention.ms", "2000", 0, 1, 2)
		w.kill()
		w.edit("demo", readOnly("log.retention.ms=1000\n"))
		w.inForce("log.retention.ms", "1000", 0, 1, 2)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Empty(w.t, w.configProblems("demo"))
		for id := range before {
			require.Empty(w.t, w.dynamicConfig("demo", id))
		}
	})
}

func TestConfigurationOfABrokerAndOfAllLivesInKafka(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), clusterWide("message.max.bytes=2000\n"), perBroker(1, "log.cleaner.threads=2\n")))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.inForce("message.max.bytes", "2000", 0, 1, 2)
		w.inForce("log.cleaner.threads", "2", 1)
		w.inForce("log.cleaner.threads", "1", 0, 2)

		w.edit("demo", clusterWide("log.retention.ms=5000\n"))
		w.inForce("log.retention.ms", "5000", 0, 1, 2)
		w.inForce("message.max.bytes", "1048588", 0, 1, 2)
		w.edit("demo", perBroker(1, ""))
		w.inForce("log.cleaner.threads", "1", 1)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Empty(w.t, w.configProblems("demo"))
	})
}

func TestAKeyThatMovesNeverHasTheDefaultInBetween(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), clusterWide("log.retention.ms=5000\n")))
		w.eventuallyReady("demo")
		w.inForce("log.retention.ms", "5000", 0, 1, 2)
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			clusterWide("")(c)
			readOnly("log.retention.ms=5000\n")(c)
		})
		w.never(3*time.Minute, "the default is in force", func() bool {
			for _, id := range []messages.BrokerID{0, 1, 2} {
				if w.configInForce("demo", id, "log.retention.ms") == "604800000" {
					return true
				}
			}
			return false
		})
		require.NotContains(w.t, w.dynamicConfig("demo", -1), "log.retention.ms")
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			clusterWide("log.retention.ms=5000\n")(c)
			readOnly("")(c)
		})
		w.never(3*time.Minute, "the default is in force", func() bool {
			return w.configInForce("demo", 1, "log.retention.ms") == "604800000"
		})
		w.settled()
		require.Contains(w.t, w.dynamicConfig("demo", -1), "log.retention.ms")
		require.Empty(w.t, w.configProblems("demo"))
	})
}

func TestWhatKafkaRefusesIsToldAndTheRestIsDone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", perBroker(1, "log.cleanup.policy=shred\nlog.retention.ms=7000\n"))
		w.inForce("log.retention.ms", "7000", 1)
		w.eventually(time.Minute, "the condition says what Kafka said", func() bool {
			c := kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionConfigRefused)
			return c != nil && strings.Contains(c.Message, "broker 1") && strings.Contains(c.Message, "log.cleanup.policy") &&
				strings.Contains(c.Message, "String must be one of")
		})
		require.Equal(w.t, v1beta1.PerBrokerConfigError, w.cluster("demo").Status.BrokersState["1"].PerBrokerConfigurationState)
		w.edit("demo", clusterWide("log.cleanup.policy=shred\nmessage.max.bytes=3000\n"))
		w.inForce("message.max.bytes", "3000", 0, 1, 2)
		w.settled()
		w.edit("demo", clusterWide("message.max.bytes=3000\n"))
		w.edit("demo", perBroker(1, "log.retention.ms=7000\n"))
		w.eventuallyReady("demo")
		w.settled()
		require.Nil(w.t, kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionConfigRefused))
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestWhatOthersChangeIsMendedAndWhatIsTheirsStays(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), clusterWide("message.max.bytes=2000\n"), perBroker(1, "log.cleaner.threads=2\n")))
		w.eventuallyReady("demo")
		w.inForce("log.cleaner.threads", "2", 1)
		w.inForce("message.max.bytes", "2000", 0, 1, 2)
		require.NoError(w.t, w.alterByHand("demo", 1, "log.cleaner.threads", ptr.To("1")))
		require.NoError(w.t, w.alterByHand("demo", -1, "message.max.bytes", nil))
		require.NoError(w.t, w.alterByHand("demo", 1, "num.replica.fetchers", ptr.To("2")))
		require.NoError(w.t, w.alterByHand("demo", -1, "log.retention.ms", ptr.To("4000")))
		w.advance(20 * time.Minute)
		require.Equal(w.t, "2", w.configInForce("demo", 1, "log.cleaner.threads"))
		require.Equal(w.t, "2000", w.configInForce("demo", 2, "message.max.bytes"))
		require.Equal(w.t, "2", w.configInForce("demo", 1, "num.replica.fetchers"), "somebody else's key")
		require.Equal(w.t, "4000", w.configInForce("demo", 0, "log.retention.ms"), "somebody else's key")
		w.settled()
	})
}

func TestADynamicChangeReachesAHundredBrokersWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(100)))
		w.readyWithin("demo", 20*time.Minute)
		w.advance(time.Minute)
		ids := w.brokerIDs("demo")
		began := time.Now()
		w.edit("demo", readOnly("log.retention.ms=1000\n"))
		w.eventually(time.Minute, "all brokers have it", func() bool {
			for _, id := range ids {
				if w.configInForce("demo", id, "log.retention.ms") != "1000" {
					return false
				}
			}
			return true
		})
		require.LessOrEqual(w.t, time.Since(began), 2*time.Second)
	}, machines(6, 3))
}
