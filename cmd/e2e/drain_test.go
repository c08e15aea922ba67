//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestDrain drains a node in the middle of a roll of three combined nodes, of which the user lets 20 percent go: both end,
// and a producer does not notice.
func TestDrain(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("drained"), func(c *v1beta1.KafkaCluster) {
		c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: true, Budget: "20%"}
	})
	n.apply(cluster)
	n.waitReady("drained")
	m := n.topic(cluster, "orders", 3)
	m.write(1, 500)
	before := n.uids("drained")
	sent := m.writeSlowly(501, 900)
	next := n.cluster("drained")
	next.Spec.ReadOnlyConfig += "\nqueued.max.requests=700\n"
	n.apply(next)
	n.eventually(2*time.Minute, "the roll has begun", func() (bool, string) {
		now := n.uids("drained")
		return len(now) < 3 || now["drained-node-0"] != before["drained-node-0"] || now["drained-node-1"] != before["drained-node-1"] ||
			now["drained-node-2"] != before["drained-node-2"], n.ready("drained")
	})
	node := n.kubectl("get", "pod", "drained-node-2", "-o", "jsonpath={.spec.nodeName}")
	t.Cleanup(func() { kubectl(t, "", "uncordon", node) })
	kubectl(t, "", "drain", node, "--pod-selector=kafka_cr=drained", "--delete-emptydir-data", "--timeout=270s")
	kubectl(t, "", "uncordon", node)
	n.eventually(10*time.Minute, "the roll has ended", func() (bool, string) {
		now := n.uids("drained")
		for name, uid := range before {
			if now[name] == "" || now[name] == uid {
				return false, n.ready("drained")
			}
		}
		return true, ""
	})
	n.waitReady("drained")
	require.Empty(t, sent(), "what the producer complained about")
	m.has(900)
}
