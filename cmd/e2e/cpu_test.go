//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestMoreCPU gives one broker of three more CPU while it runs: no Pod is made anew, and the container has it.
func TestMoreCPU(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("scaled"))
	n.apply(cluster)
	n.waitReady("scaled")
	before := n.uids("scaled")
	is := func() string {
		return n.kubectl("get", "pod", "scaled-node-1", "-o", `jsonpath={.status.containerStatuses[?(@.name=="kafka")].resources.requests.cpu}`)
	}
	was := is()
	next := n.cluster("scaled")
	config := next.Spec.BrokerConfigGroups["default"]
	amounts := config.Resources.DeepCopy()
	amounts.Requests[corev1.ResourceCPU] = resource.MustParse("333m")
	next.Spec.Brokers[1].BrokerConfig = &v1beta1.BrokerConfig{Resources: amounts}
	n.apply(next)
	n.eventually(2*time.Minute, "the container has it", func() (bool, string) { return is() == "333m", is() })
	require.NotEqual(t, was, is())
	n.waitReady("scaled")
	require.Equal(t, before, n.uids("scaled"))
}
