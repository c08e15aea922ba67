package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

const (
	quiet  = "log4j.rootLogger=WARN, out\nlog4j.appender.out=console\n"
	chatty = "log4j.rootLogger=INFO, out\nlog4j.appender.out=console\nlog4j.logger.kafka.server.KafkaApis=DEBUG\n"
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

func TestMoreThanLevelsComesWithARestart(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]func(*v1beta1.KafkaCluster){
		"an appender's line":             logging(chatty + "log4j.appender.out.layout=pattern\n"),
		"a logger that Kafka hasn't got": logging(chatty + "log4j.logger.org.example=DEBUG\n"),
		"no file at all":                 logging(""),
		"levels and the heap":            func(c *v1beta1.KafkaCluster) { logging(chatty)(c); heap(c) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), logging(quiet)))
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
	for n := 1; n <= most; n++ {
		for _, reverts := range []bool{false, true} {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), logging(quiet)))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				before := w.podUIDs("demo")
				w.killAfterWrites(n)
				w.edit("demo", logging(chatty))
				if reverts { // while nobody looks
					w.eventually(time.Minute, "it has died or all is done", func() bool { return w.reborn() || len(w.levelProblems("demo")) == 0 })
					w.edit("demo", logging(quiet))
				}
				w.advance(5 * time.Minute)
				require.Empty(w.t, w.levelProblems("demo"), "killed after %d writes", n)
				w.settled()
				require.Equal(w.t, before, w.podUIDs("demo"))
			})
		}
	}
}
