package simulation

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// neverFor is never that looks every millisecond, at brokers that serve.
func (w *World) neverFor(within time.Duration, key string, broken func(value string) bool) {
	w.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(time.Millisecond) {
		synctest.Wait()
		for _, id := range w.brokerIDs("demo") {
			if value := w.configInForce("demo", id, key); w.serves("demo", id) && broken(value) {
				w.fail("broker %d works by %s=%q", id, key, value)
			}
		}
	}
}

func isNot(wanted string) func(string) bool {
	return func(value string) bool { return value != wanted }
}

// all makes several edits one.
func all(changes ...func(*v1beta1.KafkaCluster)) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		for _, change := range changes {
			change(cluster)
		}
	}
}

func perBrokers(n int32, text string) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		for id := range n {
			perBroker(id, text)(cluster)
		}
	}
}

func heap(cluster *v1beta1.KafkaCluster) {
	for i := range cluster.Spec.Brokers {
		cluster.Spec.Brokers[i].BrokerConfig.KafkaHeapOpts = "-Xmx1G"
	}
}

func TestAKeyThatMovesFromAllBrokersIsInForceAtEveryMoment(t *testing.T) {
	t.Parallel()
	const retention, plugin = "log.retention.ms=5000\n", "my.plugin.limit=5\n"
	for name, test := range map[string]struct {
		key, value string
		before     func(*v1beta1.KafkaCluster)
		after      func(*v1beta1.KafkaCluster)
		restarts   bool
	}{
		"to the file": {key: "log.retention.ms", value: "5000", before: clusterWide(retention), after: all(clusterWide(""), readOnly(retention))},
		"to the configuration of brokers": {
			key: "log.retention.ms", value: "5000", before: clusterWide(retention), after: all(clusterWide(""), perBrokers(3, retention)),
		},
		"to the file by a restart": {
			key: "my.plugin.limit", value: "5", before: clusterWide(plugin), after: all(clusterWide(""), readOnly(plugin)), restarts: true,
		},
		"to the file, while each broker also gets another Pod": {
			key: "log.retention.ms", value: "5000", before: clusterWide(retention), after: all(clusterWide(""), readOnly(retention), heap),
			restarts: true,
		},
		"to a file that has another value for long": {
			key: "log.retention.ms", value: "5000", before: all(clusterWide(retention), readOnly("log.retention.ms=1000\n")),
			after: all(clusterWide(""), readOnly(retention)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), test.before))
				w.eventuallyReady("demo")
				w.inForce(test.key, test.value, 0, 1, 2)
				w.advance(time.Minute)
				before := w.podUIDs("demo")
				w.edit("demo", test.after)
				w.neverFor(20*time.Second, test.key, isNot(test.value))
				if test.restarts {
					w.rolled("demo", before)
				}
				w.settled()
				require.Empty(w.t, w.configProblems("demo"))
				require.NotContains(w.t, w.dynamicConfig("demo", -1), test.key)
			})
		})
	}
}

func TestAFilesValueThatWasHiddenComesOutAgain(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), clusterWide("log.retention.ms=5000\n"), readOnly("log.retention.ms=1000\n")))
		w.eventuallyReady("demo")
		w.inForce("log.retention.ms", "5000", 0, 1, 2)
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("log.retention.ms=2000\n"))
		w.advance(time.Minute)
		w.edit("demo", clusterWide(""))
		w.neverFor(20*time.Second, "log.retention.ms", func(value string) bool { return value != "5000" && value != "2000" })
		w.advance(time.Hour)
		require.Empty(w.t, w.configProblems("demo"))
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestARefusalOfOneBrokerKeepsNoOtherValueOfAll(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), clusterWide("log.retention.ms=5000\nlog.cleanup.policy=compact\n")))
		w.eventuallyReady("demo")
		w.inForce("log.retention.ms", "5000", 0, 1, 2, 3)
		w.edit("demo", perBroker(3, "log.cleanup.policy=shred\n"))
		w.advance(time.Minute)
		w.edit("demo", clusterWide("log.cleanup.policy=compact\n"))
		w.inForce("log.retention.ms", "604800000", 0, 1, 2, 3)
		w.edit("demo", clusterWide(""))
		w.advance(10 * time.Minute)
		require.Equal(w.t, "compact", w.configInForce("demo", 3, "log.cleanup.policy"), "broker 3 has yet to get it for itself")
		told := w.condition("demo", kube.ConditionConfigRefused).Message
		require.Contains(w.t, told, "log.cleanup.policy, removed there, stays")
		require.Contains(w.t, told, "broker 3")
		w.edit("demo", perBroker(3, "log.cleanup.policy=delete\n"))
		w.inForce("log.cleanup.policy", "delete", 0, 1, 2, 3)
		w.settled()
		require.Nil(w.t, w.condition("demo", kube.ConditionConfigRefused))
	})
}

func TestABrokerThatIsDownKeepsNoValueOfAllThatNobodyWrites(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), clusterWide("log.retention.ms=5000\nmessage.max.bytes=5000\n"),
			readOnly("message.max.bytes=6000\n")))
		w.eventuallyReady("demo")
		w.inForce("log.retention.ms", "5000", 0, 1, 2, 3)
		w.advance(time.Minute)
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[3].Maintenance = true })
		w.eventually(5*time.Minute, "broker 3 is stopped", func() bool { return len(w.podsOf("demo", 3)) == 0 })
		w.advance(time.Minute)
		w.edit("demo", clusterWide(""))
		w.inForce("log.retention.ms", "604800000", 0, 1, 2)
		w.advance(10 * time.Minute)
		require.Contains(w.t, w.dynamicConfig("demo", -1), "message.max.bytes", "broker 3 may have it nowhere else")
		require.Contains(w.t, w.condition("demo", kube.ConditionConfigRefused).Message, "message.max.bytes, removed there, stays")
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[3].Maintenance = false })
		w.inForce("message.max.bytes", "6000", 0, 1, 2, 3)
		w.eventuallyReady("demo")
		w.settled()
		require.NotContains(w.t, w.dynamicConfig("demo", -1), "message.max.bytes")
	})
}

func TestAValueOfABrokerThatAllRefuseStays(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), perBroker(1, "log.cleanup.policy=compact\n")))
		w.eventuallyReady("demo")
		w.inForce("log.cleanup.policy", "compact", 1)
		w.edit("demo", all(clusterWide("log.cleanup.policy=shred\n"), perBroker(1, "")))
		w.advance(time.Minute)
		w.quietFor(time.Hour)
		require.Equal(w.t, "compact", w.configInForce("demo", 1, "log.cleanup.policy"))
		w.edit("demo", clusterWide("log.cleanup.policy=delete\n"))
		w.inForce("log.cleanup.policy", "delete", 0, 1, 2)
	})
}

func TestABrokerThatComesBackUnderItsIDHasNoOldValues(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(2), perBroker(4, "log.retention.ms=5000\n")))
		w.eventuallyReady("demo")
		w.inForce("log.retention.ms", "5000", 4)
		w.edit("demo", withoutBroker(4))
		w.eventuallyRemoved("demo", 4)
		w.settled()
		w.edit("demo", brokers(1))
		w.eventuallyReady("demo")
		w.settled()
		require.Equal(w.t, "604800000", w.configInForce("demo", 4, "log.retention.ms"))
		require.Empty(w.t, w.configProblems("demo"))
	})
}

func TestConfigurationWhileZooKeeperKeepsIt(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", brokers(3), zooKeeper, perBroker(1, "log.retention.ms=1000\n"), clusterWide("message.max.bytes=5000\n")))
		w.eventuallyReady("demo")
		w.inForce("log.retention.ms", "1000", 1)
		w.inForce("message.max.bytes", "5000", 0, 1, 2)
		before := w.podUIDs("demo")
		w.edit("demo", all(clusterWide(""), readOnly("num.io.threads=9\n")))
		w.inForce("message.max.bytes", "1048588", 0, 1, 2)
		w.inForce("num.io.threads", "9", 0, 1, 2)
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Empty(w.t, w.configProblems("demo"))
	})
}

func TestAKeyOfAllStaysWhereAPodOfKoperatorsHasItInItsNextFileAlone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.madeByKoperator(kafkaCluster("demo", nodes(3), clusterWide("log.retention.ms=5000\n")))
		w.eventuallyReady("demo")
		w.inForce("log.retention.ms", "5000", 0, 1, 2)
		w.advance(time.Hour)
		w.edit("demo", all(clusterWide(""), readOnly("log.retention.ms=5000\n")))
		w.neverFor(20*time.Second, "log.retention.ms", isNot("5000"))
		w.advance(time.Hour)
		require.Empty(w.t, w.configProblems("demo"))
	})
}
