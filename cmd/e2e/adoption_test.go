//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// koperatorsID is that of the cluster which is taken over: one of our own making would be a sign that its disks were formatted.
const koperatorsID = "Zm9vYmFyYmF6cXV4MTIzNA"

// TestAdoption takes over a running cluster of three combined nodes that Koperator made, works on it and hands it back, takes it over
// again, replaces one Pod when that is lost, moves it from the static to the dynamic quorum, all of that under a producer and a consumer
// who must lose nothing, and lets it go.
func TestAdoption(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	scaleOperator(t, "0")
	t.Cleanup(func() { deployOperator(t) })
	m := n.runsByKoperator()
	m.write(1, 100)
	const records = 2100 // seven minutes; all of it takes four, and beside much other work almost six
	flows := m.traffic("flows", "", records, careful()...)
	before, left := n.uids("adopted"), n.standing("adopted")
	require.Len(t, before, 3)

	scaleOperator(t, "2")
	n.waitReady("adopted")
	require.Equal(t, before, n.uids("adopted"), "no Pod is restarted")
	require.Equal(t, koperatorsID, n.cluster("adopted").Status.ClusterID)
	require.Equal(t, "Static", string(n.cluster("adopted").Status.Quorum))

	m.daysWork()
	require.Equal(t, before, n.uids("adopted"), "nor by a day's work")
	uninstallOperator(t)
	left.handedBack(n)
	deployOperator(t)
	n.waitReady("adopted")
	require.Equal(t, before, n.uids("adopted"), "nor when it is taken over again")

	m.losesPod(1)
	m.becomesDynamic()
	flows.still()
	flows.ended().lossless(t, records)
	m.has(100)

	n.kubectl("delete", "kafkacluster", "adopted", "--timeout=120s")
	n.eventually(3*time.Minute, "all objects are gone", func() (bool, string) {
		left := n.kubectl("get", "pods,pvc,configmaps,services,pdb", "-l", "kafka_cr=adopted", "-o", "name")
		return left == "", left
	})
}

// runsByKoperator is a cluster of three combined nodes as Koperator leaves it, which serves, with a topic.
func (n namespace) runsByKoperator() messages {
	n.t.Helper()
	cluster := n.sample(named("adopted"), withoutHeadless, logging("INFO"), func(c *v1beta1.KafkaCluster) {
		c.Spec.PropagateLabels, c.Spec.RackAwareness = true, nil
		c.Finalizers = []string{
			"finalizer.kafkaclusters.kafka.banzaicloud.io", "topics.kafkaclusters.kafka.banzaicloud.io",
			"users.kafkaclusters.kafka.banzaicloud.io",
		}
	})
	n.apply(cluster)
	n.makeAsKoperator(cluster, koperatorsID)
	m := messages{n, cluster, "old"}
	n.eventually(3*time.Minute, "all three brokers are there, so that there can be three replicas", func() (bool, string) {
		out, err := run(n.t.Context(), "", "-n", n.name, "exec", koperatorsPod(0), "-c", "kafka", "--", "bash", "-c",
			"kafka-topics.sh --create --if-not-exists --topic old --partitions 3 --replication-factor 3 --bootstrap-server "+m.bootstrap())
		return err == nil, out
	})
	return m
}

// losesPod takes one Pod of Koperator's away: one of ours takes its place, on its disk, and nobody else is touched.
func (m messages) losesPod(id int) {
	m.t.Helper()
	before, ours := m.uids(m.cluster.Name), fmt.Sprintf("%s-node-%d", m.cluster.Name, id)
	m.kubectl("delete", "pod", koperatorsPod(id), "--timeout=120s")
	m.eventually(3*time.Minute, "a Pod of ours has taken its place", func() (bool, string) {
		return m.uids(m.cluster.Name)[ours] != "", m.ready(m.cluster.Name)
	})
	m.waitReady(m.cluster.Name)
	m.inSync()
	require.Equal(m.t, []string{koperatorsPod(id)}, m.replacedSince(before), "nobody else was touched")
	require.Len(m.t, m.uids(m.cluster.Name), len(before))
	require.Equal(m.t, koperatorsClaim(id), m.kubectl("get", "pod", ours,
		"-o", "jsonpath={.spec.volumes[*].persistentVolumeClaim.claimName}"))
}

// becomesDynamic agrees to what is offered. First Koperator's Pods are replaced, whose script knows no such quorum, and when the quorum
// is dynamic each node is restarted without the voters in its file: always one after the other.
func (m messages) becomesDynamic() {
	m.t.Helper()
	name := m.cluster.Name
	require.Contains(m.t, m.condition(name, "StaticQuorum"), "dynamic-quorum", "the way to a quorum whose voters can change is offered")
	line, koperators := m.follow(name), 2 // the third one was lost
	m.kubectl("annotate", "kafkacluster", name, "kafka.banzaicloud.io/consent=dynamic-quorum")
	m.eventually(10*time.Minute, "the quorum is dynamic, and each Pod was made for it", func() (bool, string) {
		made := m.kubectl("get", "pods", "-l", "kafka_cr="+name, "-o", `jsonpath={..env[?(@.name=="KAFKA_QUORUM")].value}`)
		return m.namespace.cluster(name).Status.Quorum == "Dynamic" && made == "Dynamic Dynamic Dynamic", made + "; " + m.ready(name)
	})
	m.waitReady(name)
	m.inSync()
	line.end()
	oneByOne(m.t, line.restarts(m.t), koperators+len(m.cluster.Spec.Brokers))
	voters := m.voters()
	for _, b := range m.cluster.Spec.Brokers {
		id := fmt.Sprint(b.ID)
		require.Equal(m.t, "0", m.exec(name+"-node-"+id, "grep -c ^controller.quorum.voters /config/broker-config || true"))
		require.Len(m.t, voters[id], 22, "the directory with which it votes")
		require.NotEqual(m.t, "AAAAAAAAAAAAAAAAAAAAAA", voters[id])
	}
}

// oneByOne is that there were so many restarts, and that each broker was back in every ISR, and left alone for the pause after that,
// before the next one was stopped.
func oneByOne(t *testing.T, restarts []restart, count int) {
	t.Helper()
	for i, one := range restarts {
		t.Logf("broker %s: in sync again after %.1f s", one.broker, one.back.Sub(one.was.evicted).Seconds())
		if i > 0 {
			pause := one.was.evicted.Sub(restarts[i-1].back)
			t.Logf("  stopped %.1f s after broker %s was back", pause.Seconds(), restarts[i-1].broker)
			require.GreaterOrEqual(t, pause, pauseAfterRestart, "broker %s was not back yet", restarts[i-1].broker)
		}
	}
	require.Len(t, restarts, count)
}

func scaleOperator(t *testing.T, replicas string) {
	t.Helper()
	kubectl(t, "", "-n", "koperator", "scale", "deployment/koperator", "--replicas="+replicas)
	kubectl(t, "", "-n", "koperator", "wait", "pod", "-l", "app=koperator", "--for="+map[string]string{
		"0": "delete", "2": "condition=Ready",
	}[replicas], "--timeout=120s")
}
