//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestNodeLost: a machine dies with the disk of one of three combined nodes. While it may come back nothing is given up. When
// people say that it does not, its broker comes up elsewhere with an empty disk, since all that it had is on the others, and has
// its replicas and its vote again. Nobody else is touched, and a producer and a consumer lose nothing.
func TestNodeLost(t *testing.T) {
	if os.Getenv("SANDBOX_INSTANCE") == "" {
		t.Skip("SANDBOX_INSTANCE is not set: nodes are only killed in the sandbox")
	}
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("lost"), func(c *v1beta1.KafkaCluster) { c.Spec.OneBrokerPerNode = false })
	n.apply(cluster)
	n.waitReady("lost")
	m := n.topic(cluster, "orders", 3)
	m.write(1, 300)
	before, voters := n.uids("lost"), m.voters()
	require.Len(t, before, 3)
	claim := n.claimsAt(2, "/kafka-logs")
	stays, dies := n.nodeOf("lost-node-0"), n.nodeOf("lost-node-2")
	require.NotEqual(t, stays, dies)
	require.Equal(t, dies, n.kubectl("get", "pv", "-o", `jsonpath={.items[?(@.spec.claimRef.name=="`+claim[0]+
		`")].spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]}`), "its disk is in that machine")
	const records = 1350 // four and a half minutes
	flows := m.traffic("flows", stays, records, careful()...)

	stopNode(t, dies)
	n.eventually(3*time.Minute, "Kubernetes and the operator have noticed", func() (bool, string) {
		ready := kubectl(t, "", "get", "node", dies, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		return ready == "Unknown" && strings.HasPrefix(n.ready("lost"), "False "), ready + "; " + n.ready("lost")
	})
	require.Equal(t, before, n.uids("lost"), "nothing is given up while the node may come back")
	require.Equal(t, claim, n.claimsAt(2, "/kafka-logs"))
	require.NotContains(t, n.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}"), "DiskReplaced")

	kubectl(t, "", "taint", "node", dies, outOfService)
	n.eventually(5*time.Minute, "broker 2 runs elsewhere", func() (bool, string) {
		return n.uids("lost")["lost-node-2"] != before["lost-node-2"] && n.nodeOf("lost-node-2") != "" && n.nodeOf("lost-node-2") != dies,
			n.ready("lost") + " " + n.condition("lost", "DataVolumeLost")
	})
	n.waitReady("lost")
	require.Contains(t, n.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}"), "DiskReplaced")
	n.eventually(3*time.Minute, "all replicas are in sync", func() (bool, string) {
		out := m.kafka("kafka-topics.sh --describe --under-replicated-partitions --bootstrap-server")
		return out == "", out
	})
	m.votes(3*time.Minute, "0", "1", "2")
	require.NotEqual(t, voters["2"], m.voters()["2"], "it votes with another disk")
	after := n.uids("lost")
	delete(before, "lost-node-2")
	delete(after, "lost-node-2")
	require.Equal(t, before, after, "nobody else was touched")

	flows.still()
	flows.ended().lossless(t, records)
	m.has(300)
}

// outOfService is how people say that a node does not come back.
const outOfService = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"

// nodeOf is where a Pod is, empty while it is nowhere.
func (n namespace) nodeOf(pod string) string {
	n.t.Helper()
	return n.kubectl("get", "pod", pod, "--ignore-not-found", "-o", "jsonpath={.spec.nodeName}")
}

// stopNode kills a node of the sandbox; with the test's end it is as before.
func stopNode(t *testing.T, node string) {
	t.Helper()
	t.Cleanup(func() {
		sandbox(t, "start-node", node)
		_, _ = run(context.WithoutCancel(t.Context()), "", "taint", "node", node, outOfService+"-") // there is none if the test failed early
	})
	sandbox(t, "stop-node", node)
}

// sandbox runs the program that this Kubernetes was started with.
func sandbox(t *testing.T, args ...string) {
	t.Helper()
	command := exec.Command(cmp.Or(os.Getenv("SANDBOX"), "sandbox"), append(args, "--instance", os.Getenv("SANDBOX_INSTANCE"))...)
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
}
