package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

const (
	oldLog  = "# the levels\n" + logWarn + "log4j.appender.out=console\nlog4j.appender.out.password=hunter2\n"
	newLog  = "# the levels\n" + logInfo + "log4j.appender.out=console\nlog4j.appender.out.password=hunter2\n"
	nextLog = newLog + "log4j.logger.kafka=DEBUG\n"
)

// spoken is a wish with these loggers, for a Kafka that answers.
func spoken(text string) func(*messages.BrokerWanted) {
	return func(w *messages.BrokerWanted) {
		w.Kafka = messages.KafkaRelease{Version: "4.0"}
		logs(text)(w)
	}
}

// adoptedWithLog is a broker that Koperator made and that was taken over while the spec had these loggers.
func adoptedWithLog(t *testing.T, log string) scene {
	t.Helper()
	s := planned(t, spoken(log), nil)
	s.pod().Status = edit{}.scene(t).o.pods[0].Status
	s.pod().Annotations = map[string]string{kube.AnnotationAdoptedWith: s.w.userHash}
	s.o.config.Annotations = nil
	if next := takeoverRecord(s.w, s.o, now); next != nil {
		s.done(next)
	}
	require.Nil(t, takeoverRecord(s.w, s.o, now))
	return s
}

// becomes has people edit the spec.
func (s *scene) becomes(t *testing.T, changes ...func(*messages.BrokerWanted)) {
	t.Helper()
	s.w = planned(t, func(w *messages.BrokerWanted) {
		for _, change := range changes {
			change(w)
		}
	}, nil).w
}

// levelled goes on until there is nothing left to do about levels.
func (s *scene) levelled(t *testing.T) (names []string) {
	t.Helper()
	for range 10 {
		require.Empty(t, s.w.restart(s.o))
		require.Nil(t, takeoverRecord(s.w, s.o, now))
		next := levels(s.w, s.o, now)
		if next == nil {
			break
		}
		names = append(names, nameOf(next))
		s.done(next)
	}
	require.Equal(t, s.w.userHash, s.pod().Annotations[kube.AnnotationAdoptedWith])
	return names
}

func TestAPodOfKoperatorsTakesLevelsWhileItRuns(t *testing.T) {
	s := adoptedWithLog(t, oldLog)
	config := s.o.config.DeepCopy()
	s.becomes(t, spoken(newLog))
	require.Equal(t, []string{
		"apply ConfigMap demo-applied-0", "set levels: root logs info", "annotate Pod demo-node-0", "apply ConfigMap demo-applied-0",
	}, s.levelled(t))
	s.o.asked = asked{}
	s.becomes(t, spoken(nextLog))
	require.Equal(t, []string{
		"apply ConfigMap demo-applied-0", "set levels: kafka logs debug", "annotate Pod demo-node-0", "apply ConfigMap demo-applied-0",
	}, s.levelled(t), "also the next edit, for another daemon")
	require.Equal(t, config, s.o.config, "Koperator's ConfigMap is not ours to write")
}

func TestAChangedCommentOfAnAdoptedLog4jConfigSetsNothing(t *testing.T) {
	s := adoptedWithLog(t, logWarn)
	s.becomes(t, spoken("# quiet\n"+logWarn))
	require.Equal(t, []string{"apply ConfigMap demo-applied-0", "annotate Pod demo-node-0"}, s.levelled(t))
	s.o.asked = asked{}
	s.becomes(t, spoken(logInfo))
	require.Contains(t, s.levelled(t), "set levels: root logs info")
}

func TestADaemonThatDiedWhileItSetLevelsOfAnAdoptedPodKnowsThemAgain(t *testing.T) {
	for after := range 5 {
		for name, next := range map[string]string{"the same": newLog, "what it was": oldLog, "a third": nextLog} {
			s := adoptedWithLog(t, oldLog)
			s.becomes(t, spoken(newLog))
			for range after {
				if step := levels(s.w, s.o, now); step != nil {
					s.done(step)
				}
			}
			s.o.asked = asked{}
			s.becomes(t, spoken(next))
			unsure := kube.Levels(s.o.record, s.w.Cluster)
			names := s.levelled(t)
			if len(unsure) > 0 {
				require.Contains(t, names[0]+names[1], "set levels: ", "%s, after %d steps", name, after)
			}
			require.Empty(t, kube.Levels(s.o.record, s.w.Cluster), "%s, after %d steps", name, after)
		}
	}
}

func TestWhenAChangeOfLog4jConfigRestartsAPodOfKoperators(t *testing.T) {
	for name, test := range map[string]struct {
		was, is string
		also    func(*testing.T, *scene)
		reason  string
	}{
		"an appender":                                     {was: oldLog, is: newLog + "log4j.appender.out.layout=x\n", reason: editedSinceTakeover},
		"an appender's secret":                            {was: oldLog, is: logInfo + "log4j.appender.out.password=hunter3\n", reason: editedSinceTakeover},
		"the first file":                                  {was: "", is: logWarn, reason: editedSinceTakeover},
		"no file any more":                                {was: logWarn, is: "", reason: editedSinceTakeover},
		"a level of an unknown file":                      {was: oldLog, is: newLog, also: func(_ *testing.T, s *scene) { s.o.record = nil }, reason: editedSinceTakeover},
		"a level that Kafka has refused":                  {was: oldLog, is: newLog, also: func(_ *testing.T, s *scene) { s.refusesLevels() }, reason: "Kafka does not take that while it runs: no"},
		"a level, and more than log4jConfig":              {was: oldLog, is: newLog, also: heapToo, reason: editedSinceTakeover},
		"a level that another algorithm marks":            {was: oldLog, is: newLog, also: marked("v0:x")},
		"a level in place of another text than the Pod's": {was: oldLog, is: newLog, also: marked("v1:x"), reason: editedSinceTakeover},
		"a level under a Pod that is stuck": {was: oldLog, is: newLog, also: func(_ *testing.T, s *scene) {
			s.pod().Status = corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}}}
		}, reason: editedSinceTakeover},
	} {
		t.Run(name, func(t *testing.T) {
			s := adoptedWithLog(t, test.was)
			s.becomes(t, spoken(test.is))
			if test.also != nil {
				test.also(t, &s)
			}
			require.Nil(t, levels(s.w, s.o, now))
			if test.reason == "" {
				require.Empty(t, s.w.restart(s.o))
			} else {
				require.Contains(t, s.w.restart(s.o), test.reason)
			}
		})
	}
}

func heapToo(t *testing.T, s *scene) {
	s.becomes(t, spoken(newLog), func(w *messages.BrokerWanted) { w.Entry.BrokerConfig.KafkaHeapOpts = "-Xmx1G" })
}

func marked(pod string) func(*testing.T, *scene) {
	return func(_ *testing.T, s *scene) {
		s.pod().Annotations[kube.AnnotationAdoptedWith] = kube.WithFilePart(pod, kube.FilePart(s.w.userHash))
	}
}

func TestWhatElseIsEditedAndTakenBackLeavesLevelsKnown(t *testing.T) {
	s := adoptedWithLog(t, oldLog)
	heapToo(t, &s)
	require.NotEmpty(t, s.w.restart(s.o))
	s.done(s.w.record(s.o, nil, "something else")) // keeps what it cannot prove now
	s.becomes(t, spoken(newLog))
	require.Contains(t, s.levelled(t), "set levels: root logs info")
}

func TestARecordThatSomebodyDeletesDoesNotForgetLevelsThatTheDaemonKnows(t *testing.T) {
	s := adoptedWithLog(t, oldLog)
	s.o.asked = s.w.remembered(s.o, now)
	s.o.record = nil
	s.becomes(t, spoken(newLog))
	require.Contains(t, levelledAfter(t, &s), "set levels: root logs info")
}

// levelledAfter completes the record first.
func levelledAfter(t *testing.T, s *scene) []string {
	t.Helper()
	s.done(takeoverRecord(s.w, s.o, now))
	return s.levelled(t)
}

func TestARecordOfLoggersShowsNoSecret(t *testing.T) {
	s := adoptedWithLog(t, oldLog)
	hidden := kube.RecordedLog4j(s.o.record, s.w.Cluster).Has
	require.NotContains(t, hidden, "hunter2")
	require.Contains(t, hidden, "# the levels\n"+logWarn)
	require.Equal(t, oldLog, s.w.shownLog(hidden))
	s.becomes(t, spoken(newLog))
	require.Equal(t, oldLog, s.w.shownLog(hidden))
}
