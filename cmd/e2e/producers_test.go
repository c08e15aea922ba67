//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestProducersNoticeNothing takes three combined nodes in three zones through what a running cluster meets beside a roll, a new
// disk, an upgrade and a lost node, which have tests of their own. Each part has a careful producer and a consumer, who must lose nothing.
func TestProducersNoticeNothing(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	n.apply(n.sample(named("calm"), logging("INFO")))
	n.waitReady("calm")
	for _, part := range []struct {
		name, topic string
		records     int
		happens     func(messages)
	}{
		{"settings of each class that Kafka takes while it runs", "settings", 600, messages.takesEachClass},
		{"Kafka is killed", "killed", 300, messages.killsKafka},
		{"a broker in maintenance", "maintenance", 450, messages.maintains},
		{"a setting with which no broker starts is taken back", "mistake", 750, messages.makesAMistake},
	} {
		t.Run(part.name, func(t *testing.T) {
			n := namespace{t, n.name}
			m := messages{n, n.spec("calm"), part.topic}
			flows := m.traffic(part.topic, "", part.records, careful()...)
			part.happens(m)
			flows.still()
			flows.ended().lossless(t, part.records)
		})
	}
}

// logging has Kafka log from a level on, as a broker's own configuration of its log says it.
func logging(level string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		group := c.Spec.BrokerConfigGroups["default"]
		group.Log4jConfig = "log4j.rootLogger=" + level + ", out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n" +
			"log4j.appender.out.layout=org.apache.log4j.PatternLayout\nlog4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n\n"
		c.Spec.BrokerConfigGroups["default"] = group
	}
}

// class is a kind of setting that Kafka takes while it runs: an edit, and the brokers that then have it, in Kafka's words.
type class struct {
	name      string
	edit      func(*v1beta1.KafkaCluster)
	kind, has string
	brokers   string
}

func classes() []class {
	return []class{
		{"a key of the file", func(c *v1beta1.KafkaCluster) {
			c.Spec.ReadOnlyConfig += "\nlog.cleaner.threads=2\n"
		}, "brokers", "log.cleaner.threads=2", "0 1 2"},
		{"a key of all brokers", func(c *v1beta1.KafkaCluster) {
			c.Spec.ClusterWideConfig += "\nmessage.max.bytes=2000000\n"
		}, "brokers", "message.max.bytes=2000000", "0 1 2"},
		{"a key of one broker", func(c *v1beta1.KafkaCluster) {
			c.Spec.Brokers[1].BrokerConfig = &v1beta1.BrokerConfig{Config: "max.connections.per.ip=5000"}
		}, "brokers", "max.connections.per.ip=5000", "1"},
		{"a level of the log", logging("WARN"), "broker-loggers", "root=WARN", "0 1 2"},
		{"the level as it was", logging("INFO"), "broker-loggers", "root=INFO", "0 1 2"},
	}
}

// takesEachClass changes one setting after the other, each of another class, and restarts nobody.
func (m messages) takesEachClass() {
	m.t.Helper()
	before := m.uids("calm")
	for _, one := range classes() {
		next := m.spec("calm")
		one.edit(next)
		m.apply(next)
		m.eventually(2*time.Minute, one.name, func() (bool, string) {
			have := m.whoHas(one.kind, one.has)
			return have == one.brokers, "brokers that have it: " + have + "; " + m.ready("calm")
		})
		m.waitReady("calm")
		require.Equal(m.t, before, m.uids("calm"), "nobody is restarted for %s", one.name)
	}
}

// whoHas are the brokers that say of themselves that they work by a setting.
func (m messages) whoHas(kind, setting string) string {
	m.t.Helper()
	var have []string
	for _, b := range m.cluster.Spec.Brokers {
		said := m.exec(m.pod(), fmt.Sprintf("kafka-configs.sh --bootstrap-server %s --describe --all --entity-type %s --entity-name %d",
			m.bootstrap(), kind, b.ID))
		if strings.Contains(said, " "+setting+" ") {
			have = append(have, fmt.Sprint(b.ID))
		}
	}
	return strings.Join(have, " ")
}

// replacedSince are the Pods that are others than before, or gone.
func (m messages) replacedSince(before map[string]string) []string {
	m.t.Helper()
	now := m.uids(m.cluster.Name)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(before)), func(pod string) bool { return now[pod] == before[pod] })
}

// killsKafka ends the Kafka of broker 1 without any warning.
func (m messages) killsKafka() {
	m.t.Helper()
	before := m.uids("calm")
	m.kill("calm-node-1")
	m.eventually(2*time.Minute, "the container was restarted", func() (bool, string) {
		count := m.restarts("calm-node-1")
		return count == "1", count
	})
	m.waitReady("calm")
	m.inSync()
	require.Equal(m.t, before, m.uids("calm"), "the Pods stay")
}

// maintains stops broker 2 and lets it come back: its disks stay, its leaders go to others, and nobody else is touched.
func (m messages) maintains() {
	m.t.Helper()
	before, claims := m.uids("calm"), m.kubectl("get", "pvc", "-o", "name")
	m.maintenance(2, true)
	m.eventually(3*time.Minute, "its Pod is gone, and that is told", func() (bool, string) {
		is := m.ready("calm")
		return m.uids("calm")["calm-node-2"] == "" && strings.Contains(is, "in maintenance: broker 2"), is
	})
	require.Equal(m.t, []string{"calm-node-2"}, m.replacedSince(before))
	require.Equal(m.t, claims, m.kubectl("get", "pvc", "-o", "name"))
	described := m.kafka("kafka-topics.sh --describe --topic " + m.topic + " --bootstrap-server")
	require.Contains(m.t, described, "Leader: ")
	require.NotContains(m.t, described, "Leader: 2")
	require.NotContains(m.t, described, "Leader: none")

	m.maintenance(2, false)
	m.eventually(3*time.Minute, "its Pod is there again", func() (bool, string) {
		return m.uids("calm")["calm-node-2"] != "", m.ready("calm")
	})
	m.waitReady("calm")
	m.inSync()
	require.Equal(m.t, []string{"calm-node-2"}, m.replacedSince(before))
}

func (m messages) maintenance(id int, on bool) {
	m.t.Helper()
	next := m.spec("calm")
	next.Spec.Brokers[id].Maintenance = on
	m.apply(next)
}

// makesAMistake rolls out a value that Kafka refuses at its start only: the first broker that gets it does not come back, nobody else is
// stopped, and a condition says why. The edit is taken back, and that broker heals.
func (m messages) makesAMistake() {
	m.t.Helper()
	before, good := m.uids("calm"), m.spec("calm")
	bad := good.DeepCopy()
	bad.Spec.ReadOnlyConfig += "\nqueued.max.requests=0\n" // Kafka's check of the file: "Value must be at least 1"
	m.apply(bad)
	m.eventually(5*time.Minute, "a condition says why the roll has stopped", func() (bool, string) {
		is := m.condition("calm", kube.ConditionRollBlocked)
		return strings.Contains(is, "was restarted and is not back"), is + m.ready("calm")
	})
	said := m.condition("calm", kube.ConditionPodsEnded)
	m.t.Log(m.condition("calm", kube.ConditionRollBlocked), "\n", said)
	require.Contains(m.t, said, "queued.max.requests", "the last words of Kafka")
	replaced := m.replacedSince(before)
	require.Len(m.t, replaced, 1)
	waits := m.uids("calm")[replaced[0]]

	m.apply(good)
	m.eventually(3*time.Minute, "it has a Pod with the good file", func() (bool, string) {
		uid := m.uids("calm")[replaced[0]]
		return uid != "" && uid != waits, m.ready("calm")
	})
	m.waitReady("calm")
	m.inSync()
	require.Equal(m.t, replaced, m.replacedSince(before), "nobody else was touched")
	require.Empty(m.t, m.condition("calm", kube.ConditionRollBlocked))
}
