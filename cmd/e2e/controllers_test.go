//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestControllers adds a controller to three combined nodes under a producer, takes its volume away, removes it, and takes the
// controller role from a node and gives it back: nobody else is touched, and nothing is lost.
func TestControllers(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("quorum"), withRoles("broker,controller", "broker,controller", "broker,controller"))
	n.apply(cluster)
	n.waitReady("quorum")
	m := n.topic(cluster, "orders", 3)
	m.write(1, 300)
	before, voters := n.uids("quorum"), m.voters()
	require.Equal(t, []string{"0", "1", "2"}, slices.Sorted(maps.Keys(voters)))
	sent := m.writeSlowly(301, 1500)
	others := func() map[string]string {
		now := n.uids("quorum")
		delete(now, "quorum-node-3")
		return now
	}

	next := n.spec("quorum")
	next.Spec.Brokers = append(next.Spec.Brokers, v1beta1.Broker{
		ID: 3, BrokerConfigGroup: "default", BrokerConfig: &v1beta1.BrokerConfig{ProcessRoles: []string{"controller"}},
	})
	n.apply(next)
	m.votes(5*time.Minute, "0", "1", "2", "3")
	n.waitReady("quorum")
	first := m.voters()
	require.Equal(t, first["0"], voters["0"])

	pod := n.uids("quorum")["quorum-node-3"]
	n.kubectl("delete", "pvc", "-l", "kafka_cr=quorum,brokerId=3", "--wait=false")
	n.kubectl("delete", "pod", "quorum-node-3", "--timeout=120s")
	n.eventually(10*time.Minute, "it votes with an empty volume in the place of the lost one", func() (bool, string) {
		now := m.voters()
		return len(now) == 4 && now["3"] != "" && now["3"] != first["3"], n.ready("quorum")
	})
	n.waitReady("quorum")
	require.NotEqual(t, pod, n.uids("quorum")["quorum-node-3"])

	next = n.spec("quorum")
	next.Spec.Brokers = next.Spec.Brokers[:3]
	n.apply(next)
	m.votes(5*time.Minute, "0", "1", "2")
	n.eventually(10*time.Minute, "controller 3 is gone", func() (bool, string) {
		left := n.kubectl("get", "pods,pvc,configmaps", "-l", "kafka_cr=quorum,brokerId=3", "-o", "name")
		return left == "", n.condition("quorum", "BrokersLeaving") + " " + left
	})
	n.waitReady("quorum")
	require.Equal(t, before, others(), "nobody else was touched")

	m.changesRole("broker")
	m.votes(time.Minute, "0", "1")
	m.changesRole("broker", "controller")
	m.votes(time.Minute, "0", "1", "2")
	require.Equal(t, voters, m.voters(), "it votes with the disk that it had")
	delete(before, "quorum-node-2")
	now := others()
	delete(now, "quorum-node-2")
	require.Equal(t, before, now, "nobody else was touched")
	require.Empty(t, sent(), "what the producer complained about")
	m.has(1500)
}

// spec is the custom resource to be changed, whatever version of it stands: its status is written meanwhile.
func (n namespace) spec(name string) *v1beta1.KafkaCluster {
	n.t.Helper()
	cluster := n.cluster(name)
	cluster.ResourceVersion = ""
	return cluster
}

// changesRole gives node 2 other roles and waits until its new Pod has them.
func (m messages) changesRole(roles ...string) {
	m.t.Helper()
	next := m.spec(m.cluster.Name)
	next.Spec.Brokers[2].BrokerConfig.ProcessRoles = roles
	m.apply(next)
	m.eventually(10*time.Minute, "node 2 is "+strings.Join(roles, " and "), func() (bool, string) {
		is, _ := run(m.t.Context(), "", "-n", m.name, "get", "pod", m.cluster.Name+"-node-2", "-o", "jsonpath={.metadata.labels.processRoles}")
		return is == strings.Join(roles, "_"), m.ready(m.cluster.Name)
	})
	m.waitReady(m.cluster.Name)
}

// votes waits until these nodes and no others have a vote.
func (m messages) votes(limit time.Duration, ids ...string) {
	m.t.Helper()
	m.eventually(limit, "the voters are "+strings.Join(ids, ", "), func() (bool, string) {
		is := slices.Sorted(maps.Keys(m.voters()))
		return slices.Equal(ids, is), strings.Join(is, ", ") + "; " + m.ready(m.cluster.Name)
	})
}

// voters are the directories with which nodes vote, by node; empty while nobody tells.
func (m messages) voters() map[string]string {
	m.t.Helper()
	out, err := run(m.t.Context(), "", "-n", m.name, "exec", m.pod(), "-c", "kafka", "--", "bash", "-c",
		"kafka-metadata-quorum.sh --bootstrap-server "+m.bootstrap()+" describe --replication")
	voters := map[string]string{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if last := len(fields) - 1; err == nil && last > 2 && (fields[last] == "Leader" || fields[last] == "Follower") {
			voters[fields[0]] = fields[1]
		}
	}
	return voters
}
