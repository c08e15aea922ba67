package broker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

const (
	retentionKey = "log.retention.ms"
	threadsKey   = "num.io.threads"
)

// described is what a broker says of itself: what its file has, and above it what is set while it runs.
type described struct{ file, ofAll, ofBroker map[string]string }

func (d described) configs() kafka.Configs {
	defaults := map[string]string{threadsKey: "8", "message.max.bytes": "1048588"}
	configs := kafka.Configs{}
	for _, level := range []struct {
		values map[string]string
		source kafka.ConfigSource
	}{
		{d.ofBroker, kafka.SourceDynamicBroker}, {d.ofAll, kafka.SourceDynamicDefaultBroker},
		{d.file, kafka.SourceStaticBroker}, {defaults, kafka.SourceDefault},
	} {
		for key, value := range level.values {
			entry, shown := configs[key]
			if !shown {
				entry = kafka.ConfigEntry{Name: key, Value: &value, Type: kafka.TypeOf(key, nil), Source: level.source}
				entry.ReadOnly = !kafka.ClassOf(key, kafka.Version{Major: 4}, nil).Live()
			}
			entry.Synonyms = append(entry.Synonyms, kafka.ConfigSynonym{Name: key, Value: &value, Source: level.source})
			configs[key] = entry
		}
	}
	return configs
}

// edit is a change of the spec under a broker that runs.
type edit struct {
	// was and is are the read-only configuration before and after, config what is to be dynamic.
	was, is, config string
	answer          described
	// ours is the record of what is ours.
	ours map[string]string
	more func(*messages.BrokerWanted)
}

// scene is the broker that was started before the edit and has just answered.
func (e edit) scene(t *testing.T) scene {
	t.Helper()
	with := func(readOnly string) func(*messages.BrokerWanted) {
		return func(w *messages.BrokerWanted) {
			w.Kafka = messages.KafkaRelease{Version: "4.0"}
			w.Cluster.Spec.ReadOnlyConfig = readOnly
		}
	}
	before := planned(t, with(e.was), nil)
	s := planned(t, func(w *messages.BrokerWanted) {
		with(e.is)(w)
		w.Entry.BrokerConfig.Config = e.config
		if e.more != nil {
			e.more(w)
		}
	}, nil)
	s.o.pods, s.o.config = before.o.pods, before.o.config
	s.pod().Status.ContainerStatuses = []corev1.ContainerStatus{{Name: kube.KafkaContainer, State: corev1.ContainerState{
		Running: &corev1.ContainerStateRunning{StartedAt: metav1.Time{Time: now.Add(-time.Hour)}},
	}}}
	if e.ours != nil {
		s.record(e.ours)
	}
	s.answers(e.answer)
	return s
}

func (s *scene) record(ours map[string]string) {
	s.o.record = kube.BrokerAppliedConfigMap(s.w.Cluster, 0, ours)
}

func (s *scene) answers(d described) {
	s.o.asked.process, s.o.asked.at, s.o.asked.configs = processOf(s.pod()), now, d.configs()
	s.look()
}

func (s *scene) look() { s.o.live = s.w.liveOf(s.o) }

// changes are what is to be sent to Kafka, as text.
func changes(l *live) []string {
	var texts []string
	for _, c := range l.plan.Changes {
		if c.Value == nil {
			texts = append(texts, "delete "+c.Key)
		} else {
			texts = append(texts, c.Key+"="+*c.Value)
		}
	}
	return texts
}

func TestWhatABrokersAnswerLeadsTo(t *testing.T) {
	file := func(value string) described { return described{file: map[string]string{retentionKey: value}} }
	for name, test := range map[string]struct {
		edit
		changes []string
		restart string // part of the only reason, empty for none
		problem string
	}{
		"a file that is as it was changes nothing": {edit: edit{was: "log.retention.ms=1\n", is: "log.retention.ms=1\n", answer: file("1")}},
		"a changed key that Kafka takes is set": {
			edit: edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", answer: file("1")}, changes: []string{"log.retention.ms=2"},
		},
		"a key that is gone gets Kafka's default": {
			edit:    edit{was: "num.io.threads=9\n", answer: described{file: map[string]string{threadsKey: "9"}}},
			changes: []string{"num.io.threads=8"},
		},
		"numbers of threads at most double": {
			edit:    edit{is: "num.io.threads=50\n", answer: described{}},
			changes: []string{"num.io.threads=16"},
		},
		"a read-only key needs a restart": {
			edit: edit{is: "queued.max.requests=7\n"}, restart: "`queued.max.requests` is read-only and was set to 7",
		},
		"a key of a plugin needs a restart whose reason hides its value": {
			edit: edit{is: "my.plugin.pin=4711\n"}, restart: "`my.plugin.pin` is no key of Kafka's own and changed",
		},
		"a value of ours that nobody wants any more is deleted": {
			edit: edit{
				was: "log.retention.ms=1\n", is: "log.retention.ms=1\n", ours: map[string]string{retentionKey: ""},
				answer: described{file: map[string]string{retentionKey: "1"}, ofBroker: map[string]string{retentionKey: "2"}},
			}, changes: []string{"delete log.retention.ms"},
		},
		"a value of somebody else's stays": {
			edit: edit{answer: described{ofBroker: map[string]string{retentionKey: "2"}}},
		},
		"a value of somebody else's that hides the file is no reason to restart": {
			edit: edit{is: "log.retention.ms=1\n", answer: described{ofBroker: map[string]string{retentionKey: "2"}}},
		},
		"configuration of the broker is set": {
			edit: edit{config: "num.io.threads=9\n"}, changes: []string{"num.io.threads=9"},
		},
		"configuration of the broker wins over the file": {
			edit: edit{
				was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", config: "log.retention.ms=3\n", answer: file("1"),
			}, changes: []string{"log.retention.ms=3"},
		},
		"a key that Kafka only reads at start is no configuration of the broker": {
			edit: edit{config: "queued.max.requests=7\n"}, problem: "queued.max.requests is read-only",
		},
		"a value of the broker that hides that of all is deleted once that of all is there": {
			edit: edit{
				more:   func(w *messages.BrokerWanted) { w.Cluster.Spec.ClusterWideConfig = "log.retention.ms=5\n" },
				ours:   map[string]string{retentionKey: ""},
				answer: described{ofAll: map[string]string{retentionKey: "5"}, ofBroker: map[string]string{retentionKey: "3"}},
			}, changes: []string{"delete log.retention.ms"},
		},
		"a value of the broker that moves to all waits for that of all": {
			edit: edit{
				more:   func(w *messages.BrokerWanted) { w.Cluster.Spec.ClusterWideConfig = "log.retention.ms=5\n" },
				ours:   map[string]string{retentionKey: ""},
				answer: described{ofBroker: map[string]string{retentionKey: "3"}},
			},
		},
		"with eligible leader replicas min.insync.replicas is not the broker's matter (KIP-966)": {
			edit: edit{
				is: "min.insync.replicas=2\n", config: "min.insync.replicas=3\n",
				more: func(w *messages.BrokerWanted) { w.Kafka.ELR = true },
			}, problem: "move it to spec.clusterWideConfig",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.scene(t)
			require.NotNil(t, s.o.live)
			require.Equal(t, test.changes, changes(s.o.live))
			requireOne(t, test.restart, s.o.live.restart)
			requireOne(t, test.problem, s.o.live.problems)
		})
	}
}

// requireOne requires one text with a part in it, or none.
func requireOne(t *testing.T, part string, texts []string) {
	t.Helper()
	if part == "" {
		require.Empty(t, texts)
		return
	}
	require.Len(t, texts, 1)
	require.Contains(t, texts[0], part)
}

func TestWhoIsNotAskedForItsConfiguration(t *testing.T) {
	for name, spoil := range map[string]func(*scene){
		"a Pod that is not ready":          func(s *scene) { s.pod().Status.Conditions = nil },
		"a Pod that stops":                 func(s *scene) { s.pod().DeletionTimestamp = &metav1.Time{Time: now} },
		"a container that does not run":    func(s *scene) { s.pod().Status.ContainerStatuses = nil },
		"a broker of a paused cluster":     func(s *scene) { s.w.Paused = true },
		"a node without the broker role":   func(s *scene) { s.w.config.ProcessRoles = []string{"controller"} },
		"a broker whose Kafka is unknown":  func(s *scene) { s.w.Kafka.Version = "" },
		"a broker whose Pod is being made": func(s *scene) { s.o.pods = nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := edit{is: "log.retention.ms=2\n"}.scene(t)
			spoil(&s)
			s.look()
			require.Nil(t, s.o.live)
			require.Nil(t, configure(s.w, s.o, now))
		})
	}
}

func TestAnAnswerOfAnEarlierProcessDoesNotCount(t *testing.T) {
	s := edit{is: "log.retention.ms=2\n"}.scene(t)
	require.NotNil(t, s.o.live)
	s.pod().Status.ContainerStatuses[0].State.Running.StartedAt = metav1.Time{Time: now}
	s.look()
	require.Nil(t, s.o.live)
	require.IsType(t, describe{}, configure(s.w, s.o, now))
}

func TestAChangeIsRecordedThenSentThenRecordedThenWritten(t *testing.T) {
	s := edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", answer: described{file: map[string]string{retentionKey: "1"}}}.scene(t)
	before := configure(s.w, s.o, now).(apply)
	require.Equal(t, "what is about to be set is ours", before.reason)
	s.o.record = before.objects[0].(*corev1.ConfigMap)

	sent := configure(s.w, s.o, now).(alter)
	require.Equal(t, kafka.ConfigResource{Broker: 0}, sent.resource)
	s.o.asked = s.o.asked.taken(sent, now)
	s.look()
	require.Equal(t, settling, configure(s.w, s.o, now).(wait).again, "a broker takes it over from the metadata log")
	require.IsType(t, describe{}, configure(s.w, s.o, now.Add(settling)))

	s.answers(described{file: map[string]string{retentionKey: "1"}, ofBroker: map[string]string{retentionKey: "2"}})
	file := configure(s.w, s.o, now).(apply)
	require.Equal(t, "the broker has taken its new file while it runs", file.reason)
	s.o.config = file.objects[0].(*corev1.ConfigMap)
	require.Contains(t, s.o.config.Data[kube.KeyBrokerConfig], "log.retention.ms=2\n")
	require.Contains(t, s.o.config.Data[kube.KeyStartedConfig], "log.retention.ms=1\n")
	require.Equal(t, "log.retention.ms=1\n", s.o.config.Data[kube.KeyUserConfig])

	s.look()
	marked := configure(s.w, s.o, now).(annotate)
	require.Equal(t, kube.FileHash("log.retention.ms=1\n"), marked.annotations[kube.AnnotationStartedWith])
	for key, value := range marked.annotations {
		s.pod().Annotations[key] = value
	}
	s.look()
	require.Nil(t, configure(s.w, s.o, now))
	require.True(t, s.w.madeFrom(s.pod()))
	require.Empty(t, changes(s.o.live), "the value stands in until the next restart")
	require.Empty(t, s.w.restart(s.o))
}

func TestTheFileIsNotWrittenWhileSomethingIsMissing(t *testing.T) {
	for name, e := range map[string]edit{
		"a key of it needs a restart":            {is: "log.retention.ms=2\nqueued.max.requests=7\n", ours: map[string]string{retentionKey: ""}, answer: described{ofBroker: map[string]string{retentionKey: "2"}}},
		"threads have not all been started yet":  {is: "num.io.threads=50\n", ours: map[string]string{threadsKey: ""}, answer: described{ofBroker: map[string]string{threadsKey: "16"}}},
		"people have written what they had then": {was: "log.retention.ms=2\n", is: "log.retention.ms=2\n", answer: described{file: map[string]string{retentionKey: "2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := e.scene(t)
			require.Nil(t, s.w.writeFile(s.o))
		})
	}
}

func TestAFileThatIsNotTheRecordOfThePodIsNotBelieved(t *testing.T) {
	for name, spoil := range map[string]func(config *corev1.ConfigMap){
		"it is of another Pod": func(config *corev1.ConfigMap) {
			config.Data[kube.KeyUserConfig] = "log.retention.ms=7\n"
			kube.SignConfig(config)
		},
		"somebody has edited it": func(config *corev1.ConfigMap) { config.Data[kube.KeyBrokerConfig] = "node.id=7\n" },
	} {
		t.Run(name, func(t *testing.T) {
			s := edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", answer: described{file: map[string]string{retentionKey: "1"}}}.scene(t)
			s.o.config = s.o.config.DeepCopy()
			spoil(s.o.config)
			s.look()
			require.Equal(t, []string{"log.retention.ms=2"}, changes(s.o.live), "what Kafka shows of its file is enough for that")
			require.Nil(t, s.w.writeFile(s.o))
			require.Contains(t, s.w.restart(s.o), "restart: ", "what else it runs with is not known")
			require.True(t, s.o.live.blind)
		})
	}
}

func TestWhenABrokerIsAskedAgain(t *testing.T) {
	found := func(s *scene) { // all was well a moment ago
		s.o.asked.settledOf, s.o.asked.configs = s.w.inputs(), nil
	}
	for name, test := range map[string]struct {
		spoil func(*scene)
		after time.Duration
		// again is when to look, 0 where it is asked now.
		again time.Duration
	}{
		"what was found well is believed for a while": {spoil: found, after: time.Minute, again: drift - time.Minute},
		"others may have changed it since":            {spoil: found, after: drift},
		"a newer wish is looked at at once":           {spoil: func(s *scene) { found(s); s.o.asked.settledOf = "older" }},
		"a process that was not asked yet is asked": {spoil: func(s *scene) {
			found(s)
			s.o.asked.process.started = now.Add(-2 * time.Hour)
		}},
		"a change that was sent is looked for": {spoil: func(s *scene) { found(s); s.o.asked.changed = true }},
		"somebody else goes first": {spoil: func(s *scene) {
			s.o.asked.configs, s.o.asked.waits = nil, waiting{of: s.w.inputs(), until: now.Add(otherFirst)}
		}, again: otherFirst},
		"somebody else went first for an older wish": {spoil: func(s *scene) {
			s.o.asked.configs, s.o.asked.waits = nil, waiting{of: "older", until: now.Add(otherFirst)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := edit{config: "num.io.threads=9\n"}.scene(t)
			test.spoil(&s)
			next := s.w.ask(s.o, now.Add(test.after))
			if test.again == 0 {
				require.Equal(t, describe{
					address: "demo-0.demo-headless.kafka.svc.cluster.local:29092", process: processOf(s.pod()),
				}, next)
				return
			}
			require.Equal(t, test.again, next.(wait).again)
		})
	}
}

func TestWhyAFileNeedsARestartIsToldWithoutTheBrokersAnswerWhereItIsCertain(t *testing.T) {
	for name, test := range map[string]struct {
		is, reason string
	}{
		"a read-only key is certain":                {"queued.max.requests=7\n", "`queued.max.requests` is read-only"},
		"a key of a plugin is certain":              {"my.plugin.pin=4711\n", "`my.plugin.pin` is no key of Kafka's own and changed"},
		"a key that Kafka takes may still be had":   {"num.io.threads=9\n", ""},
		"a key whose default is unknown may be had": {"log.retention.ms=9\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := edit{is: test.is}.scene(t)
			s.o.asked, s.o.live = asked{}, nil
			require.Empty(t, s.w.fileReasons(s.o), "a broker that answers may say that it could not start with that file")
			s.o.silent = true
			requireOne(t, test.reason, s.w.fileReasons(s.o))
		})
	}
}

func TestWhatIsRememberedOfAnAnswer(t *testing.T) {
	t.Run("while something is left to do the whole answer", func(t *testing.T) {
		s := edit{config: "num.io.threads=9\n"}.scene(t)
		require.NotNil(t, s.w.remembered(s.o, now).configs)
	})
	t.Run("then only what was found", func(t *testing.T) {
		s := edit{is: "queued.max.requests=7\n"}.scene(t)
		a := s.w.remembered(s.o, now)
		require.Nil(t, a.configs)
		require.Equal(t, s.w.inputs(), a.settledOf)
		require.Len(t, a.settled.restart, 1)
		s.o.asked = a
		s.look()
		require.Contains(t, s.w.restart(s.o), "queued.max.requests", "the reason outlives the answer")
	})
	t.Run("of one that waits for others when to ask again", func(t *testing.T) {
		s := edit{
			more:   func(w *messages.BrokerWanted) { w.Cluster.Spec.ClusterWideConfig = "log.retention.ms=5\n" },
			ours:   map[string]string{retentionKey: ""},
			answer: described{ofBroker: map[string]string{retentionKey: "3"}},
		}.scene(t)
		a := s.w.remembered(s.o, now)
		require.Nil(t, a.configs)
		require.Equal(t, now.Add(otherFirst), a.waits.until)
		require.Empty(t, a.settledOf)
		for range 20 {
			s.o.asked = a
			s.answers(described{ofBroker: map[string]string{retentionKey: "3"}})
			a = s.w.remembered(s.o, now)
		}
		require.Equal(t, now.Add(drift), a.waits.until, "Kafka may have refused it for all")
		s.o.asked = a
		require.Equal(t, waitsForAll, reasonOf(s.w.ask(s.o, now.Add(drift))), "news that come and go would be written each time")
	})
	t.Run("of a record that stands nothing", func(t *testing.T) {
		s := edit{config: "num.io.threads=9\n", ours: map[string]string{threadsKey: ""}}.scene(t)
		s.o.asked.after = kafka.Applied{threadsKey: ""}
		require.Nil(t, s.w.remembered(s.o, now).after)
		s.o.asked.after = kafka.Applied{}
		require.NotNil(t, s.w.remembered(s.o, now).after, "it has yet to be stored")
	})
}

func TestWhatKafkaRefusesIsToldAndNotSentAgain(t *testing.T) {
	const message = "Invalid value 0 for configuration num.io.threads: Value must be at least 1"
	refused := func(t *testing.T) scene {
		t.Helper()
		s := edit{config: "num.io.threads=0\nmessage.max.bytes=2\n", ours: map[string]string{threadsKey: "", "message.max.bytes": ""}}.scene(t)
		s.o.asked = s.o.asked.notTaken(configure(s.w, s.o, now).(alter), message)
		s.look()
		return s
	}
	t.Run("the others are sent without it", func(t *testing.T) {
		s := refused(t)
		require.Equal(t, []string{"message.max.bytes=2"}, changes(s.o.live))
		require.Equal(t, []string{"Kafka refuses `num.io.threads` of spec.brokers[id=0].brokerConfig.config: " + message}, s.o.live.problems)
		require.True(t, s.o.live.refused)
	})
	t.Run("another value is sent at once", func(t *testing.T) {
		s := refused(t)
		other := edit{config: "num.io.threads=9\nmessage.max.bytes=2\n"}.scene(t)
		other.o.asked.refused = s.o.asked.refused
		other.look()
		require.Equal(t, []string{"message.max.bytes=2", "num.io.threads=9"}, changes(other.o.live))
		require.Empty(t, other.o.live.problems)
	})
	t.Run("it is tried again after a while", func(t *testing.T) {
		s := refused(t)
		require.NotEmpty(t, s.o.asked.answered(describe{process: s.o.asked.process}, nil, now.Add(time.Minute)).refused)
		require.Empty(t, s.o.asked.answered(describe{process: s.o.asked.process}, nil, now.Add(drift)).refused)
	})
	t.Run("it is tried again at a new process", func(t *testing.T) {
		s := refused(t)
		require.Empty(t, s.o.asked.answered(describe{process: process{pod: "pod-2"}}, nil, now).refused)
	})
	t.Run("what is told has no secret", func(t *testing.T) {
		s := edit{config: "my.plugin.pin=4711\n"}.scene(t)
		s.record(s.o.live.plan.Before)
		s.look()
		s.o.asked = s.o.asked.notTaken(configure(s.w, s.o, now).(alter), "Invalid value 4711 for configuration my.plugin.pin: too short")
		s.look()
		require.Len(t, s.o.live.problems, 1)
		require.NotContains(t, s.o.live.problems[0], "4711")
	})
}

func TestNoValueIsNamedWhereAChangeIs(t *testing.T) {
	s := edit{config: "my.plugin.pin=4711\nnum.io.threads=9\n", ours: map[string]string{retentionKey: ""}, answer: described{
		ofBroker: map[string]string{retentionKey: "2"},
	}}.scene(t)
	require.Equal(t, "change the configuration: set `my.plugin.pin`; set `num.io.threads`; remove `log.retention.ms`",
		nameOf(alter{plan: s.o.live.plan}))
	for _, text := range kube.BrokerAppliedConfigMap(s.w.Cluster, 0, s.o.live.plan.After).Data {
		require.Contains(t, text, "my.plugin.pin")
		require.NotContains(t, text, "4711")
	}
}
