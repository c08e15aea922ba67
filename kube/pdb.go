package kube

import (
	"maps"
	"strconv"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// BudgetInput is what a PodDisruptionBudget says at a moment. The API server answers evictions by it alone, so it must
// already say what we would.
type BudgetInput struct {
	Cluster *v1beta1.KafkaCluster // read only
	// Adopted: Koperator ran the cluster before.
	Adopted bool
	// Nodes is how many nodes the budget protects.
	Nodes int
	// GatesOpen: losing one of them would hurt nothing now. While it is false nobody may evict any.
	GatesOpen bool
	// Together is how many may go at once by the health of Kafka; below one it counts as one.
	Together int
	// EvictUnready lets Pods go that are not ready, whatever the count: they are stuck, and none recovers its log.
	EvictUnready bool
}

// WantsBudget reports whether a cluster has PodDisruptionBudgets. Where the user says nothing a new cluster has; one that Koperator ran
// before has none, as it had none: handed back, it would be left with one that nobody opens.
func WantsBudget(cluster *v1beta1.KafkaCluster, adopted bool) bool {
	if cluster.Spec.DisruptionBudget == nil {
		return !adopted
	}
	return cluster.Spec.DisruptionBudget.Create
}

// BrokerBudget protects the nodes with the broker role, combined nodes among them; nil when it is switched off.
func BrokerBudget(in BudgetInput) *policyv1.PodDisruptionBudget {
	down := min(userBudget(in.Cluster, in.Nodes), max(in.Together, 1))
	labels := with(ClusterSelector(in.Cluster.Name), LabelIsBroker, "true")
	return disruptionBudget(in, BrokerBudgetName(in.Cluster.Name), labels, brokersSelector(in.Cluster), down)
}

// ControllerBudget protects the controller-only nodes; nil when there are none. It must not select combined nodes: a
// Pod that two budgets select cannot be evicted at all (the API server answers 500).
func ControllerBudget(in BudgetInput) *policyv1.PodDisruptionBudget {
	if !in.Cluster.Spec.KRaft || in.Nodes == 0 {
		return nil
	}
	labels := with(ClusterSelector(in.Cluster.Name), LabelIsController, "true")
	selector := with(labels, LabelIsBroker, "false")
	return disruptionBudget(in, ControllerBudgetName(in.Cluster.Name), labels, selector, min(userBudget(in.Cluster, in.Nodes), 1))
}

func disruptionBudget(in BudgetInput, name string, labels, selector map[string]string, down int) *policyv1.PodDisruptionBudget {
	if !WantsBudget(in.Cluster, in.Adopted) {
		return nil
	}
	if !in.GatesOpen {
		down = 0
	}
	return signed(&policyv1.PodDisruptionBudget{
		TypeMeta: metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"},
		ObjectMeta: metav1.ObjectMeta{
			Name:            name,
			Namespace:       in.Cluster.Namespace,
			Labels:          publicLabels(in.Cluster, labels),
			Annotations:     maps.Clone(in.Cluster.Spec.ListenersConfig.ServiceAnnotations),
			OwnerReferences: owners(in.Cluster),
		},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable:               ptr.To(intstr.FromInt32(int32(max(in.Nodes-down, 0)))),
			Selector:                   &metav1.LabelSelector{MatchLabels: selector},
			UnhealthyPodEvictionPolicy: ptr.To(unhealthyPodEvictionPolicy(in)),
		},
	})
}

// userBudget is how many nodes the user lets go at once. Without a budget, and where a percentage of few brokers comes
// to nothing, it is one: a budget of none blocks every drain of a node for ever. Who wants that writes 0.
func userBudget(cluster *v1beta1.KafkaCluster, nodes int) int {
	if cluster.Spec.DisruptionBudget == nil {
		return 1
	}
	text, percent := strings.CutSuffix(cluster.Spec.DisruptionBudget.Budget, "%")
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 1
	case percent:
		return max(n*nodes/100, 1)
	default:
		return n
	}
}

// MostTogether is how many nodes may be evicted at once by the user's budget: one where he says nothing, any number where there is no
// budget.
func MostTogether(cluster *v1beta1.KafkaCluster, adopted bool, nodes int) int {
	if !WantsBudget(cluster, adopted) {
		return nodes
	}
	return max(userBudget(cluster, nodes), 1)
}

// BudgetOfNone reports whether the user lets nobody be evicted ever: drains are then done by hand, and restarts ask no
// budget.
func BudgetOfNone(cluster *v1beta1.KafkaCluster) bool {
	return WantsBudget(cluster, false) && userBudget(cluster, len(cluster.Spec.Brokers)) < 1
}

func unhealthyPodEvictionPolicy(in BudgetInput) policyv1.UnhealthyPodEvictionPolicyType {
	if in.EvictUnready {
		return policyv1.AlwaysAllow
	}
	return policyv1.IfHealthyBudget
}
