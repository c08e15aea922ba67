package broker

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// inFile is a broker that was started with a value of log.retention.ms and has nothing else.
func inFile(value string) described { return described{file: map[string]string{retentionKey: value}} }

// refusedBy is an edit whose change Kafka has refused.
func (e edit) refusedBy(t *testing.T, message string) scene {
	t.Helper()
	s := e.scene(t)
	s.o.asked = s.o.asked.notTaken(configure(s.w, s.o, now).(alter), message)
	s.look()
	if recorded, ok := s.w.carryOut(s.o).(apply); ok {
		s.o.record = recorded.objects[0].(*corev1.ConfigMap)
		s.look()
	}
	return s
}

func TestWhatKafkaRefusesOfAFile(t *testing.T) {
	retention := edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", answer: inFile("1"), ours: map[string]string{retentionKey: ""}}
	t.Run("while it runs comes with a restart", func(t *testing.T) {
		s := retention.refusedBy(t, "Cannot update these configs dynamically: [log.retention.ms]")
		requireOne(t, "`log.retention.ms` changed, and Kafka does not take that while it runs", s.o.live.restart)
		require.Empty(t, s.o.live.problems)
	})
	t.Run("for itself is a problem, since no broker would start with it", func(t *testing.T) {
		s := retention.refusedBy(t, "Invalid value 2 for configuration log.retention.ms: Value must be at least 3")
		require.Empty(t, s.w.restart(s.o))
		requireOne(t, "Value must be at least 3", s.o.live.problems)
		require.Nil(t, s.w.carryOut(s.o), "the file stays as it was")
	})
	t.Run("for itself lets nothing else of the file restart the broker", func(t *testing.T) {
		e := retention
		e.is += "queued.max.requests=7\n"
		s := e.refusedBy(t, "Invalid value 2 for configuration log.retention.ms: Value must be at least 3")
		require.Empty(t, s.w.restart(s.o))
		require.Len(t, s.o.live.problems, 2)
		require.Contains(t, s.o.live.problems[1], "queued.max.requests")
	})
	t.Run("leaves what stood in for the file before", func(t *testing.T) {
		e := retention
		e.answer.ofBroker = map[string]string{retentionKey: "9"}
		s := e.refusedBy(t, "Invalid value 2 for configuration log.retention.ms: Value must be at least 3")
		require.Empty(t, changes(s.o.live))
	})
}

func TestARefusalThatNamesNoKey(t *testing.T) {
	const message = "Policy says no"
	one := edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", answer: inFile("1"), ours: map[string]string{retentionKey: ""}}
	two := edit{config: "num.io.threads=9\nmessage.max.bytes=2\n", ours: map[string]string{threadsKey: "", "message.max.bytes": ""}}
	t.Run("of one change is about that one", func(t *testing.T) {
		s := one.refusedBy(t, message)
		require.Contains(t, s.o.asked.refused, retentionKey)
		require.Nil(t, s.w.carryOut(s.o), "nobody may say that the broker has its new file")
	})
	t.Run("does not hold for another value", func(t *testing.T) {
		s := one.refusedBy(t, message)
		fixed := one
		fixed.is = "log.retention.ms=3\n"
		next := fixed.scene(t)
		next.o.asked = s.o.asked.answered(describe{process: s.o.asked.process}, inFile("1").configs(), now.Add(time.Minute))
		next.look()
		require.IsType(t, alter{}, next.w.carryOut(next.o))
	})
	t.Run("of several has each sent alone", func(t *testing.T) {
		s := two.refusedBy(t, message)
		require.Empty(t, s.o.asked.refused)
		first := configure(s.w, s.o, now).(alter)
		require.Len(t, first.plan.Changes, 1)
		require.Equal(t, "message.max.bytes", first.plan.Changes[0].Key)
		s.o.asked = s.o.asked.notTaken(first, message)
		s.look()
		second := configure(s.w, s.o, now).(alter)
		require.Equal(t, threadsKey, second.plan.Changes[0].Key)
		requireOne(t, "Kafka refuses `message.max.bytes` of spec.brokers[id=0].brokerConfig.config: "+message, s.o.live.problems)
	})
	t.Run("of several holds for no other wish", func(t *testing.T) {
		s := two.refusedBy(t, message)
		other := two
		other.config += "log.retention.ms=3\n"
		other.answer = inFile("1")
		other.ours = map[string]string{threadsKey: "", "message.max.bytes": "", retentionKey: ""}
		next := other.scene(t)
		next.o.asked.single = s.o.asked.single
		require.Len(t, configure(next.w, next.o, now).(alter).plan.Changes, 3)
	})
}

func TestNoSecretOfARefusedChangeIsLogged(t *testing.T) {
	var log bytes.Buffer
	b := newBroker(Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, nil)
	b.notTaken(alter{
		plan:   kafka.DynamicPlan{Changes: []kafka.ConfigChange{{Key: "my.plugin.pin", Value: ptr.To("4711")}}},
		wanted: kafka.Properties{"my.plugin.pin": "4711"},
	}, &kafka.ConfigRefused{Code: 42, Message: "Invalid value 4711 for configuration my.plugin.pin: too short"})
	require.Contains(t, log.String(), "my.plugin.pin")
	require.NotContains(t, log.String(), "4711")
}

func TestAKeyThatMovesToTheFileByARestartStaysSetUntilThen(t *testing.T) {
	for name, e := range map[string]edit{
		"a key of a plugin": {is: "my.plugin.limit=5\n", ours: map[string]string{"my.plugin.limit": "hash"}, answer: described{
			ofBroker: map[string]string{"my.plugin.limit": "5"},
		}},
		"a secret": {
			is:   "listener.name.internal.ssl.keystore.password=x\n",
			ours: map[string]string{"listener.name.internal.ssl.keystore.password": "hash"},
			answer: described{
				ofBroker: map[string]string{"listener.name.internal.ssl.keystore.password": "x"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := e.scene(t)
			require.NotEmpty(t, s.o.live.restart)
			require.Empty(t, changes(s.o.live), "until the restart the dynamic value is all that there is")
		})
	}
}

func TestAKeyThatMovesFromTheFileIsSetBeforeTheRestart(t *testing.T) {
	s := edit{was: "my.plugin.limit=5\n", config: "my.plugin.limit=5\n", more: func(w *messages.BrokerWanted) {
		w.Entry.BrokerConfig.KafkaHeapOpts = "-Xmx1G"
	}}.scene(t)
	require.Equal(t, []string{"my.plugin.limit=5"}, changes(s.o.live))
	require.Empty(t, s.w.restart(s.o), "it would start with neither")
	s.o.silent = true
	require.Contains(t, s.w.restart(s.o), "KAFKA_HEAP_OPTS", "one that does not answer may need just that")
}

func TestAKeyOfTheMigrationRestartsTheBroker(t *testing.T) {
	s := edit{was: "migration.broker.kRaftMode=false\n", is: "migration.broker.kRaftMode=true\n", more: func(w *messages.BrokerWanted) {
		w.Cluster.Spec.KRaft = false
	}}.scene(t)
	require.NotEmpty(t, s.w.restart(s.o), "node.id and process.roles are read at start")
}

func TestWhenABrokerIsSettled(t *testing.T) {
	all := func(keys ...string) func(*messages.BrokerWanted) {
		return func(w *messages.BrokerWanted) { w.ClusterApplied = keys }
	}
	for name, test := range map[string]struct {
		edit
		settled bool
	}{
		"one that has all of its own": {edit{
			config: "log.retention.ms=2\n", ours: map[string]string{retentionKey: ""}, more: all(retentionKey),
			answer: described{ofBroker: map[string]string{retentionKey: "2"}},
		}, true},
		"one that has yet to get a key": {edit{config: "log.retention.ms=2\n", more: all(retentionKey), answer: inFile("1")}, false},
		"one that needs a restart for a key that moves to its file": {edit{
			is: "my.plugin.limit=2\n", more: all("my.plugin.limit"),
		}, false},
		"one that needs a restart for another key": {edit{is: "my.plugin.limit=2\n", more: all(retentionKey)}, true},
		"one whose key stays at all brokers": {edit{is: "my.plugin.limit=2\n", more: func(w *messages.BrokerWanted) {
			all("my.plugin.limit")(w)
			w.Cluster.Spec.ClusterWideConfig = "my.plugin.limit=5\n"
		}, answer: described{ofAll: map[string]string{"my.plugin.limit": "5"}}}, true},
		"one that has yet to get what moves from its file": {edit{
			was: "my.plugin.limit=2\n", config: "my.plugin.limit=2\n", more: all("my.plugin.limit"),
		}, false},
		"one whose Pod changes too": {edit{
			is: "log.retention.ms=2\n", ours: map[string]string{retentionKey: ""},
			answer: described{ofAll: map[string]string{retentionKey: "2"}, ofBroker: map[string]string{retentionKey: "2"}},
			more: func(w *messages.BrokerWanted) {
				all(retentionKey)(w)
				w.Entry.BrokerConfig.KafkaHeapOpts = "-Xmx1G"
			},
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.scene(t)
			var told messages.BrokerObserved
			s.w.tellConfig(s.o, &told)
			require.Equal(t, test.settled, told.ConfigSettled)
		})
	}
}

func TestAPodThatChangesTooIsNotSaidToRunWithItsNewFile(t *testing.T) {
	s := edit{
		is: "log.retention.ms=2\n", ours: map[string]string{retentionKey: ""}, answer: described{ofBroker: map[string]string{retentionKey: "2"}},
		more: func(w *messages.BrokerWanted) { w.Entry.BrokerConfig.KafkaHeapOpts = "-Xmx1G" },
	}.scene(t)
	require.Contains(t, s.w.restart(s.o), "KAFKA_HEAP_OPTS")
	require.Nil(t, s.w.writeFile(s.o))
}

func TestABrokerThatStillShowsTheValueOfAllKeepsItsOwn(t *testing.T) {
	s := edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", ours: map[string]string{retentionKey: ""}, answer: described{
		file: map[string]string{retentionKey: "1"}, ofAll: map[string]string{retentionKey: "5"}, ofBroker: map[string]string{retentionKey: "2"},
	}}.scene(t)
	require.Empty(t, changes(s.o.live), "that of all was deleted a moment ago")
}
