//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestRolesAlone runs the operator for one namespace without any right beyond it. The next test installs it for all again.
func TestRolesAlone(t *testing.T) {
	n := newNamespace(t)
	deployOperatorIn(n)

	t.Run("nothing beyond the namespace is allowed", func(t *testing.T) {
		for _, question := range [][]string{{"list", "nodes"}, {"list", "pods", "-A"}, {"list", "kafkaclusters", "-A"}} {
			answer, _ := run(t.Context(), "", append([]string{"auth", "can-i", "--as=system:serviceaccount:koperator:koperator"}, question...)...)
			require.Equal(t, "no", answer, question)
		}
	})
	t.Run("what is missing is told", func(t *testing.T) {
		n.eventually(time.Minute, "the log says what a right on Nodes would add", func() (bool, string) {
			log := kubectl(t, "", "-n", "koperator", "logs", "deployment/koperator")
			return strings.Contains(log, "no right to list and watch Nodes: clusters with rackAwareness will not start new brokers"), log
		})
		n.apply(n.sample(named("racked"), single))
		n.eventually(time.Minute, "the cluster says it, too", func() (bool, string) {
			is := n.ready("racked")
			return strings.Contains(is, "Nodes"), is
		})
		n.kubectl("delete", "kafkacluster", "racked", "--timeout=120s")
	})
	t.Run("a cluster lives as everywhere", func(t *testing.T) {
		cluster := n.sample(named("alone"), single, func(c *v1beta1.KafkaCluster) { c.Spec.RackAwareness = nil })
		n.apply(cluster)
		n.waitReady("alone")
		m := n.topic(cluster, "orders", 1)
		m.write(1, 100)
		before := n.uids("alone")
		n.kubectl("delete", "pod", "alone-node-0")
		n.eventually(2*time.Minute, "the lost Pod is back", func() (bool, string) {
			now := n.uids("alone")
			return now["alone-node-0"] != "" && now["alone-node-0"] != before["alone-node-0"], n.ready("alone")
		})
		n.waitReady("alone")
		m.has(100)
		n.kubectl("delete", "kafkacluster", "alone", "--timeout=120s")
		n.eventually(3*time.Minute, "all objects are gone", func() (bool, string) {
			left := n.kubectl("get", "pods,pvc,configmaps,services,pdb", "-l", "kafka_cr=alone", "-o", "name")
			return left == "", left
		})
	})
}

// deployOperatorIn installs the operator for one namespace as the README says, and takes every other right from it.
func deployOperatorIn(n namespace) {
	n.t.Helper()
	image := os.Getenv("KOPERATOR_IMAGE")
	require.NotEmpty(n.t, image, "KOPERATOR_IMAGE is not set: run make e2e")
	kubectl(n.t, "", "delete", "clusterrole,clusterrolebinding", "koperator", "--ignore-not-found")
	manifests := strings.NewReplacer("image: koperator:latest", "image: "+image, "namespace: kafka\n", "namespace: "+n.name+"\n",
		"--namespaces=kafka", "--namespaces="+n.name).Replace(kubectl(n.t, "", "kustomize", "../../deploy/namespaced"))
	kubectl(n.t, manifests, "apply", "-f", "-")
	kubectl(n.t, "", "-n", "koperator", "rollout", "status", "deployment/koperator", "--timeout=180s")
}
