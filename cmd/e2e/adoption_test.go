//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAdoption takes over a running cluster that Koperator made, works on it and hands it back, takes it over again, replaces its
// Pod when that is lost, and lets it go.
func TestAdoption(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	scaleOperator(t, "0")
	t.Cleanup(func() { deployOperator(t) })
	cluster := n.sample(named("adopted"), single, withoutHeadless)
	cluster.Spec.PropagateLabels, cluster.Spec.RackAwareness = true, nil
	logging("INFO")(cluster)
	cluster.Finalizers = []string{
		"finalizer.kafkaclusters.kafka.banzaicloud.io", "topics.kafkaclusters.kafka.banzaicloud.io",
		"users.kafkaclusters.kafka.banzaicloud.io",
	}
	n.apply(cluster)
	n.makeAsKoperator(cluster.Name, "Zm9vYmFyYmF6cXV4MTIzNA")
	n.eventually(3*time.Minute, "Kafka of the old Pod answers", func() (bool, string) {
		out, err := run(t.Context(), "", "-n", n.name, "exec", "adopted-controller-0-m4k9t", "-c", "kafka", "--", "bash", "-c",
			"kafka-topics.sh --bootstrap-server adopted-all-broker:29092 --create --if-not-exists --topic old --partitions 1")
		return err == nil, out
	})
	before := n.uids("adopted")
	require.Len(t, before, 1)
	left := n.standing("adopted")

	scaleOperator(t, "2")
	n.waitReady("adopted")
	require.Equal(t, before, n.uids("adopted"), "no Pod is restarted")
	require.Equal(t, "Zm9vYmFyYmF6cXV4MTIzNA", n.cluster("adopted").Status.ClusterID)
	require.Equal(t, "Static", string(n.cluster("adopted").Status.Quorum))

	n.daysWork("adopted", "adopted-controller-0-m4k9t")
	uninstallOperator(t)
	left.handedBack(n)
	n.exec("adopted-controller-0-m4k9t", "seq 10 | kafka-console-producer.sh --bootstrap-server adopted-all-broker:29092 --topic old")
	deployOperator(t)
	n.waitReady("adopted")
	require.Equal(t, before, n.uids("adopted"), "nor when it is taken over again")

	n.kubectl("delete", "pod", "adopted-controller-0-m4k9t", "--timeout=120s")
	n.eventually(3*time.Minute, "a Pod of ours has taken its place", func() (bool, string) {
		return n.uids("adopted")["adopted-node-0"] != "", n.ready("adopted")
	})
	n.waitReady("adopted")
	require.Equal(t, "old", n.exec("adopted-node-0",
		"kafka-topics.sh --bootstrap-server adopted-all-broker:29092 --list | grep -x old"), "the data of the old Pod")
	require.Equal(t, "adopted-0-storage-0-zx8vq", n.kubectl("get", "pod", "adopted-node-0",
		"-o", "jsonpath={.spec.volumes[*].persistentVolumeClaim.claimName}"))

	require.Contains(t, n.condition("adopted", "StaticQuorum"), "dynamic-quorum", "the way to a quorum whose voters can change is offered")
	ours := n.uids("adopted")
	n.kubectl("annotate", "kafkacluster", "adopted", "kafka.banzaicloud.io/consent=dynamic-quorum")
	n.eventually(5*time.Minute, "the quorum is dynamic, and the node's file says so", func() (bool, string) {
		return n.cluster("adopted").Status.Quorum == "Dynamic" && n.uids("adopted")["adopted-node-0"] != ours["adopted-node-0"], n.ready("adopted")
	})
	n.waitReady("adopted")
	require.Equal(t, "0", n.exec("adopted-node-0", "grep -c ^controller.quorum.voters /config/broker-config || true"))
	m := messages{n, cluster, "old"}
	require.Len(t, m.voters()["0"], 22, "the directory with which it votes")
	require.NotEqual(t, "AAAAAAAAAAAAAAAAAAAAAA", m.voters()["0"])
	m.write(1, 10)
	m.has(10)

	n.kubectl("delete", "kafkacluster", "adopted", "--timeout=120s")
	n.eventually(3*time.Minute, "all objects are gone", func() (bool, string) {
		left := n.kubectl("get", "pods,pvc,configmaps,services,pdb", "-l", "kafka_cr=adopted", "-o", "name")
		return left == "", left
	})
}

func scaleOperator(t *testing.T, replicas string) {
	t.Helper()
	kubectl(t, "", "-n", "koperator", "scale", "deployment/koperator", "--replicas="+replicas)
	kubectl(t, "", "-n", "koperator", "wait", "pod", "-l", "app=koperator", "--for="+map[string]string{
		"0": "delete", "2": "condition=Ready",
	}[replicas], "--timeout=120s")
}
