//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestRemoval takes broker 1 of 4 out of the spec under a producer: it waits, is emptied, and goes for good.
func TestRemoval(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("shrink"), withRoles("broker,controller", "broker", "broker", "broker"), withCruiseControl)
	n.apply(cluster)
	n.waitReady("shrink")
	m := n.topic(cluster, "orders", 3)
	m.write(1, 300)
	before := n.uids("shrink")
	sent := m.writeSlowly(301, 500)
	next := n.cluster("shrink")
	next.Spec.Brokers = append(next.Spec.Brokers[:1:1], next.Spec.Brokers[2:]...)
	n.apply(next)
	n.eventually(time.Minute, "the operator says which partitions are still on it", func() (bool, string) {
		is := n.condition("shrink", "BrokersLeaving")
		return strings.Contains(is, "broker 1 left the spec and waits") && strings.Contains(is, "a replica there"), is
	})
	require.Equal(t, before, n.uids("shrink"))

	m.moveAllTo("0,2,3")
	n.eventually(10*time.Minute, "broker 1 is gone", func() (bool, string) {
		_, listed := n.cluster("shrink").Status.BrokersState["1"]
		left := n.kubectl("get", "pods,pvc,configmaps,services", "-l", "kafka_cr=shrink,brokerId=1", "-o", "name")
		return !listed && left == "", n.condition("shrink", "BrokersLeaving") + " " + left
	})
	n.waitReady("shrink")
	require.NotContains(t, m.kafka("kafka-cluster.sh list-endpoints --include-fenced-brokers --bootstrap-server"), "shrink-1.", "Kafka has forgotten it")
	delete(before, "shrink-node-1")
	require.Equal(t, before, n.uids("shrink"), "nobody else was touched")
	require.Empty(t, sent(), "what the producer complained about")
	m.has(500)

	back := n.cluster("shrink")
	back.Spec.Brokers = append(back.Spec.Brokers, v1beta1.Broker{
		ID: 1, BrokerConfigGroup: "default", BrokerConfig: &v1beta1.BrokerConfig{ProcessRoles: []string{"broker"}},
	})
	n.apply(back)
	n.waitReady("shrink")
	require.NotContains(t, m.kafka("kafka-configs.sh --describe --entity-type brokers --entity-name 1 --bootstrap-server"), "cordoned",
		"who comes back under the id takes replicas")
}

// TestRemovalWithoutCruiseControl has the operator itself empty broker 1 of 4, under a producer.
func TestRemovalWithoutCruiseControl(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("drain"), withRoles("broker,controller", "broker", "broker", "broker"))
	n.apply(cluster)
	n.waitReady("drain")
	m := n.topic(cluster, "orders", 3)
	m.write(1, 300)
	before := n.uids("drain")
	sent := m.writeSlowly(301, 600)
	next := n.cluster("drain")
	next.Spec.Brokers = append(next.Spec.Brokers[:1:1], next.Spec.Brokers[2:]...)
	n.apply(next)
	n.eventually(10*time.Minute, "broker 1 is gone", func() (bool, string) {
		_, listed := n.cluster("drain").Status.BrokersState["1"]
		left := n.kubectl("get", "pods,pvc,configmaps,services", "-l", "kafka_cr=drain,brokerId=1", "-o", "name")
		return !listed && left == "", n.condition("drain", "BrokersLeaving") + " " + left
	})
	n.waitReady("drain")
	topics := m.kafka("kafka-topics.sh --describe --bootstrap-server")
	require.NotRegexp(t, `Replicas: (\d,)*1(,|\s)`, topics, "nothing names broker 1")
	require.Regexp(t, `Topic: orders\s.*Replicas: \d,\d,\d\s`, topics, "with as many replicas as before")
	require.Contains(t, m.kafka("kafka-reassign-partitions.sh --list --bootstrap-server"), "No partition reassignments found")
	require.NotContains(t, m.kafka("kafka-cluster.sh list-endpoints --include-fenced-brokers --bootstrap-server"), "drain-1.", "Kafka has forgotten it")
	require.JSONEq(t, "{}", n.kubectl("get", "configmap", "drain-throttle", "-o", `jsonpath={.data.applied\.json}`), "moves were bound, and are no more")
	for _, kind := range []string{"brokers", "topics"} {
		require.NotContains(t, m.kafka("kafka-configs.sh --describe --entity-type "+kind+" --bootstrap-server"), "throttled")
	}
	events := n.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}")
	require.Contains(t, events, "ReplicasMoving")
	require.Contains(t, events, "ReplicasMoved")
	delete(before, "drain-node-1")
	require.Equal(t, before, n.uids("drain"), "nobody else was touched")
	require.Empty(t, sent(), "what the producer complained about")
	m.has(600)
}

// withCruiseControl keeps the operator from moving replicas.
func withCruiseControl(c *v1beta1.KafkaCluster) { c.Spec.CruiseControlConfig.Disabled = false }

// kafka runs one of Kafka's tools; the command ends with the option that takes the bootstrap address.
func (m messages) kafka(command string) string {
	m.t.Helper()
	return m.exec(m.pod(), command+" "+m.bootstrap())
}

// moveAllTo moves the replicas of all topics to these brokers and waits until they are there.
func (m messages) moveAllTo(brokers string) {
	m.t.Helper()
	reassign := "kafka-reassign-partitions.sh --bootstrap-server " + m.bootstrap()
	m.exec(m.pod(), fmt.Sprintf(`cd /tmp && kafka-topics.sh --bootstrap-server %s --list |
		awk 'BEGIN {printf "{\"version\":1,\"topics\":["} {printf "%%s{\"topic\":\"%%s\"}", (NR > 1 ? "," : ""), $1} END {print "]}"}' > topics.json &&
		%s --generate --topics-to-move-json-file topics.json --broker-list %s | awk '/^Proposed/ {getline; print}' > plan.json &&
		%s --execute --reassignment-json-file plan.json`, m.bootstrap(), reassign, brokers, reassign))
	m.eventually(5*time.Minute, "all replicas are moved", func() (bool, string) {
		out := m.exec(m.pod(), "cd /tmp && "+reassign+" --verify --reassignment-json-file plan.json")
		return !strings.Contains(out, "in progress"), out
	})
}
