package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

const (
	logWarn = "log4j.rootLogger=WARN, out\n"
	logInfo = "log4j.rootLogger=INFO, out\n"
)

func logs(text string) func(*messages.BrokerWanted) {
	return func(w *messages.BrokerWanted) { w.Entry.BrokerConfig.Log4jConfig = text }
}

// relogged is a broker that was started with one file of loggers and is to have another.
func relogged(t *testing.T, was, is string) scene {
	t.Helper()
	s := edit{more: logs(is)}.scene(t)
	before := edit{more: logs(was)}.scene(t)
	made := planned(t, func(w *messages.BrokerWanted) {
		w.Kafka = messages.KafkaRelease{Version: "4.0"}
		logs(was)(w)
	}, nil)
	made.o.pods[0].Status = before.o.pods[0].Status
	s.o.pods, s.o.config, s.o.asked = made.o.pods, made.o.config, asked{}
	s.o.live = nil
	return s
}

// done carries a step out.
func (s *scene) done(next step) {
	switch next := next.(type) {
	case setLevels:
		s.o.asked.levels.done = next.of
	case annotate:
		for key, value := range next.annotations {
			s.pod().Annotations[key] = value
		}
	case apply:
		config := next.objects[0].(*corev1.ConfigMap)
		if config.Name == s.o.config.Name {
			s.o.config = config
		} else {
			s.o.record = config
		}
	}
}

func TestLevelsAreRecordedThenSetThenWritten(t *testing.T) {
	s := relogged(t, logWarn, logInfo)
	require.Empty(t, s.w.restart(s.o))
	var names []string
	for range 10 {
		next := levels(s.w, s.o, now)
		if next == nil {
			break
		}
		names = append(names, nameOf(next))
		s.done(next)
		require.Empty(t, s.w.restart(s.o))
	}
	require.Equal(t, []string{
		"apply ConfigMap demo-applied-0", "set levels: root logs info", "apply ConfigMap demo-config-0", "annotate Pod demo-node-0",
		"apply ConfigMap demo-applied-0",
	}, names)
	require.Equal(t, logInfo, s.o.config.Data[kube.KeyLog4j])
	require.True(t, kube.SignedConfig(s.o.config))
	require.True(t, s.w.madeFrom(s.pod()))
	require.True(t, s.w.recorded(s.o.config))
	require.Empty(t, kube.Levels(s.o.record, s.w.Cluster))
}

func TestADaemonThatDiedWhileItSetLevelsSetsThemAgain(t *testing.T) {
	for after := 1; after <= 4; after++ {
		s := relogged(t, logWarn, logInfo)
		for range after {
			s.done(levels(s.w, s.o, now))
		}
		s.o.asked = asked{}
		require.IsType(t, setLevels{}, levels(s.w, s.o, now), "after %d steps", after)
		require.Empty(t, s.w.restart(s.o), "after %d steps", after)
	}
}

func TestWhenAChangeOfLog4jConfigRestarts(t *testing.T) {
	for name, test := range map[string]struct {
		was, is string
		also    func(*scene)
		reason  string
	}{
		"an appender":                    {was: logWarn, is: logWarn + "log4j.appender.out=x\n", reason: "log4jConfig changes"},
		"the first file":                 {was: "", is: logWarn, reason: "log4jConfig changes"},
		"a level that Kafka has refused": {was: logWarn, is: logInfo, also: (*scene).refusesLevels, reason: "Kafka does not take that while it runs: no"},
		"a level under a Pod that is stuck": {was: logWarn, is: logInfo, also: func(s *scene) {
			s.pod().Status = corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}}}
		}, reason: "log4jConfig changes"},
		"a level in a file that somebody edited": {was: logWarn, is: logInfo, also: func(s *scene) {
			s.o.config = s.o.config.DeepCopy()
			s.o.config.Data[kube.KeyLog4j] += "log4j.logger.x=DEBUG\n"
		}, reason: "log4jConfig changes"},
		"a file that was written while the cache did not show the Pod": {was: logWarn, is: logInfo, also: func(s *scene) {
			s.pod().UID, s.o.config = "running", s.w.configMap
		}, reason: "changes that only a restart brings in"},
	} {
		t.Run(name, func(t *testing.T) {
			s := relogged(t, test.was, test.is)
			if test.also != nil {
				test.also(&s)
			}
			require.Contains(t, s.w.restart(s.o), test.reason)
			require.Nil(t, levels(s.w, s.o, now))
		})
	}
}

func (s *scene) refusesLevels() {
	s.o.asked.levels = levelsAsked{refused: s.w.levelsWish(s.pod()), said: "no"}
}

// The record of the loggers is that of the values that are ours, too.
func TestLevelsWaitForARecordThatSomebodyHasDeleted(t *testing.T) {
	s := relogged(t, logWarn, logInfo)
	ours := map[string]string{"log.retention.ms": "1"}
	s.record(ours)
	s.o.asked = s.w.remembered(s.o, now)
	s.o.record = nil
	require.Nil(t, levels(s.w, s.o, now))
	s.done(configure(s.w, s.o, now))
	require.Equal(t, ours, kube.Applied(s.o.record, s.w.Cluster))
	require.IsType(t, apply{}, levels(s.w, s.o, now))
}
