package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const (
	quiet  = "log4j.rootLogger=WARN, out\nlog4j.appender.out=console\n"
	chatty = "log4j.rootLogger=INFO, out\nlog4j.appender.out=console\nlog4j.logger.kafka.server.KafkaApis=DEBUG\n"
	loud   = "log4j.rootLogger=DEBUG, out\nlog4j.appender.out=console\nlog4j.logger.state.change.logger=TRACE\n"
)

func TestLevelsOfLoggersChangeWithoutARestart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), logging(quiet)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", logging(chatty))
		w.eventually(time.Minute, "all log more", func() bool { return len(w.levelProblems("demo")) == 0 })
		w.eventuallyReady("demo")
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))

		w.kubelets.crash(keyOf(w.podsOf("demo", 1)[0]), 1)
		w.advance(time.Minute)
		require.Equal(w.t, "DEBUG", w.level("demo", 1, "kafka.server.KafkaApis"), "the file has it, too")
		w.edit("demo", logging(quiet))
		w.settled()
		require.Empty(w.t, w.levelProblems("demo"))
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

// quietly are the ways in which brokers that log little have come to be there.
func quietly() map[string]func(*World) {
	return map[string]func(*World){
		"made by us":        func(w *World) { w.apply(kafkaCluster("demo", nodes(3), logging(quiet))) },
		"made by Koperator": func(w *World) { adopted(w, logging(quiet)) },
	}
}

func TestMoreThanLevelsComesWithARestart(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]func(*v1beta1.KafkaCluster){
		"an appender's line":             logging(chatty + "log4j.appender.out.layout=pattern\n"),
		"a logger that Kafka hasn't got": logging(chatty + "log4j.logger.org.example=DEBUG\n"),
		"no file at all":                 logging(""),
		"levels and the heap":            func(c *v1beta1.KafkaCluster) { logging(chatty)(c); heap(c) },
	} {
		for by, begin := range quietly() {
			t.Run(name+", "+by, func(t *testing.T) {
				run(t, func(w *World) {
					begin(w)
					w.eventuallyReady("demo")
					before := w.podUIDs("demo")
					w.edit("demo", more)
					w.rolled("demo", before)
					w.settled()
					require.Empty(w.t, w.levelProblems("demo"))
				})
			})
		}
	}
}

func TestLevelsAndAKeyOfTheFileChangeTogether(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), logging(quiet), readOnly("log.retention.ms=1000\n")))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			logging(chatty)(c)
			readOnly("log.retention.ms=2000\n")(c)
		})
		w.inForce("log.retention.ms", "2000", 0, 1, 2)
		w.settled()
		require.Empty(w.t, w.levelProblems("demo"))
		require.Empty(w.t, w.configProblems("demo"))
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Equal(w.t, "2000", w.kubelets.fileOf(w.podsOf("demo", 1)[0])["log.retention.ms"])
	})
}

func TestADaemonThatDiesBetweenAnyTwoWritesLosesNoLevels(t *testing.T) {
	t.Parallel()
	const most = 14 // writes that a change of levels needs
	for by, begin := range quietly() {
		for n := 1; n <= most; n++ {
			for meanwhile, text := range map[string]string{"": chatty, "taken back": quiet, "a third text": loud} {
				run(t, func(w *World) {
					begin(w)
					w.eventuallyReady("demo")
					w.advance(time.Minute)
					before := w.podUIDs("demo")
					w.killAfterWrites(n)
					w.edit("demo", logging(chatty))
					if meanwhile != "" { // while nobody looks
						w.eventually(time.Minute, "it has died or all is done", func() bool { return w.reborn() || len(w.levelProblems("demo")) == 0 })
						w.edit("demo", logging(text))
					}
					w.advance(5 * time.Minute)
					require.Empty(w.t, w.levelProblems("demo"), "%s, killed after %d writes, %s", by, n, meanwhile)
					w.settled()
					require.Equal(w.t, before, w.podUIDs("demo"), "%s, killed after %d writes, %s", by, n, meanwhile)
				})
			}
		}
	}
}

func TestLevelsOfAClusterOfKoperatorsChangeWithoutARestart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.killDaemon()
		w.madeByKoperator(kafkaCluster("demo", nodes(3), logging(quiet)))
		w.advance(time.Hour)
		left := w.asKoperatorLeftIt("demo")
		w.startDaemon()
		w.eventuallyReady("demo")
		w.settled()
		w.expectRestarts("demo")
		has := func(text string) {
			w.t.Helper()
			w.edit("demo", logging(text))
			w.eventually(time.Minute, "all have these levels", func() bool { return len(w.levelProblems("demo")) == 0 })
			w.eventuallyReady("demo")
			w.settled()
		}
		has(chatty)
		has(loud)
		w.kill()
		has(quiet)
		for id := range messages.BrokerID(3) {
			w.deleteObject(key{kube.KindConfigMap, namespace, kube.BrokerAppliedName("demo", id)})
		}
		w.settled()
		has(chatty)
		w.edit("demo", readOnly("num.network.threads=4\n"))
		w.inForce("num.network.threads", "4", 0, 1, 2)
		has(loud)
		w.killDaemon()
		left.check(w)

		w.startDaemon()
		w.eventuallyReady("demo")
		w.kubelets.crash(keyOf(w.podsOf("demo", 1)[0]), 1)
		w.eventually(time.Minute, "a Pod of ours has them from its file", func() bool {
			return w.podUIDs("demo")[1] != left.pods[1] && w.serves("demo", 1) && len(w.levelProblems("demo")) == 0
		})
		has(quiet)
		require.Equal(w.t, left.pods[0], w.podUIDs("demo")[0])
	})
}

func TestLevelsThatDifferedBeforeTheTakeoverWaitForConsent(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.killDaemon()
		w.madeByKoperator(kafkaCluster("demo", nodes(3), logging(quiet)))
		w.advance(time.Hour)
		pending := chatty + "log4j.appender.out.layout=pattern\n"
		w.edit("demo", logging(pending)) // Koperator had yet to roll it out
		w.startDaemon()
		w.eventuallyReady("demo")
		w.settled()
		before := w.podUIDs("demo")
		w.edit("demo", logging(pending+"log4j.logger.state.change.logger=TRACE\n"))
		w.eventually(time.Minute, "the edit has its effect", func() bool { return w.level("demo", 1, "state.change.logger") == "TRACE" })
		w.settled()
		require.Empty(w.t, w.level("demo", 1, "kafka.server.KafkaApis"))
		require.Equal(w.t, "WARN", w.level("demo", 1, rootLogger))
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.edit("demo", annotated(kube.AnnotationConsent, "yes"))
		w.rolled("demo", before)
		w.settled()
		require.Empty(w.t, w.levelProblems("demo"))
	})
}
