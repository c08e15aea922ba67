//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestSmoke is the way of a new user: install, a cluster, messages, one change, one lost Pod, away with it.
func TestSmoke(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(func(c *v1beta1.KafkaCluster) { c.Spec.OneBrokerPerNode = false })
	n.apply(cluster)
	n.waitReady("demo")
	m := n.topic(cluster, "orders", 3)
	m.write(1, 1000)
	m.has(1000)
	before := n.uids("demo")
	require.Len(t, before, 3)

	t.Run("a broker in each zone knows its rack", func(t *testing.T) {
		var zones []string
		for pod := range before {
			zones = append(zones, "rack: "+n.kubectl("get", "node", n.nodeOf(pod), "-o", `jsonpath={.metadata.labels.topology\.kubernetes\.io/zone}`))
		}
		slices.Sort(zones)
		out := n.exec("demo-node-0", "kafka-broker-api-versions.sh --bootstrap-server "+m.bootstrap()+" | grep -o 'rack: [^ )]*' | sort")
		require.Equal(t, strings.Join(zones, "\n"), out)
	})
	t.Run("all formatted disks are recorded and can never be formatted again", func(t *testing.T) {
		for id, state := range n.cluster("demo").Status.BrokersState {
			require.Len(t, state.FormattedLogDirs, 1, "broker %s", id)
		}
		rights := n.kubectl("get", "pvc", "-o", `jsonpath={.items[*].metadata.annotations.kafka\.banzaicloud\.io/format}`)
		require.NotContains(t, rights, "allowed")
	})
	t.Run("a lost Pod is back with its data, the others stay", func(t *testing.T) {
		n.kubectl("delete", "pod", "demo-node-1")
		n.eventually(2*time.Minute, "broker 1 has another Pod and all are ready", func() (bool, string) {
			now := n.uids("demo")
			return now["demo-node-1"] != "" && now["demo-node-1"] != before["demo-node-1"] &&
				n.cluster("demo").Status.BrokersReady == "3/3", n.ready("demo")
		})
		n.waitReady("demo")
		after := n.uids("demo")
		require.Equal(t, before["demo-node-0"], after["demo-node-0"])
		require.Equal(t, before["demo-node-2"], after["demo-node-2"])
		m.has(1000)
		before = after
	})
	t.Run("a broker is added and nobody else is touched", func(t *testing.T) {
		grown := cluster.DeepCopy()
		grown.Spec.Brokers = append(grown.Spec.Brokers, v1beta1.Broker{
			ID: 7, BrokerConfigGroup: "brokers",
		})
		group := grown.Spec.BrokerConfigGroups["default"]
		group.ProcessRoles = []string{v1beta1.BrokerRole}
		grown.Spec.BrokerConfigGroups["brokers"] = group
		n.apply(grown)
		n.waitReady("demo")
		after := n.uids("demo")
		require.Contains(t, after, "demo-node-7")
		delete(after, "demo-node-7")
		require.Equal(t, before, after, "Pods of the brokers that were there")
		m.write(1001, 1200)
		m.has(1200)
	})
	t.Run("a setting that Kafka takes while it runs restarts nobody", func(t *testing.T) { settingsTakenLive(t, n, m) })
	t.Run("a setting that needs a restart rolls through, and no message is lost", func(t *testing.T) { settingThatRestarts(t, n, m) })
	t.Run("a deleted cluster leaves nothing", func(t *testing.T) {
		n.kubectl("delete", "kafkacluster", "demo", "--timeout=120s")
		n.eventually(3*time.Minute, "all objects are gone", func() (bool, string) {
			left := n.kubectl("get", "pods,pvc,configmaps,services,pdb", "-l", "kafka_cr=demo", "-o", "name")
			return left == "", left
		})
	})
}

// settingsTakenLive changes two settings that Kafka takes while it runs: one of each broker, one of all together.
func settingsTakenLive(t *testing.T, n namespace, m messages) {
	before := n.uids("demo")
	live := n.cluster("demo")
	live.Spec.ReadOnlyConfig += "\nlog.cleaner.threads=2\n"
	live.Spec.ClusterWideConfig += "\nmessage.max.bytes=2000000\n"
	n.apply(live)
	n.eventually(time.Minute, "all brokers work by it", func() (bool, string) {
		for name := range before {
			said := n.exec("demo-node-0", "kafka-configs.sh --bootstrap-server "+m.bootstrap()+
				" --describe --all --entity-type brokers --entity-name "+strings.TrimPrefix(name, "demo-node-"))
			if !strings.Contains(said, "log.cleaner.threads=2 ") || !strings.Contains(said, "message.max.bytes=2000000 ") {
				return false, name
			}
		}
		return true, ""
	})
	n.waitReady("demo")
	require.Equal(t, before, n.uids("demo"))
}

// settingThatRestarts changes a setting that Kafka reads at its start, so each Pod is replaced, one after the other.
func settingThatRestarts(t *testing.T, n namespace, m messages) {
	before := n.uids("demo")
	sent := m.writeSlowly(1201, 1600)
	rolled := n.cluster("demo")
	rolled.Spec.ReadOnlyConfig += "\nqueued.max.requests=600\n"
	n.apply(rolled)
	n.eventually(10*time.Minute, "every broker has another Pod and all are ready", func() (bool, string) {
		now := n.uids("demo")
		for name, uid := range before {
			if now[name] == "" || now[name] == uid {
				return false, n.ready("demo")
			}
		}
		return n.cluster("demo").Status.State == v1beta1.ClusterRunning, n.ready("demo")
	})
	n.waitReady("demo")
	require.Empty(t, sent(), "what the producer complained about")
	m.has(1600)
}
