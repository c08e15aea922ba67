package kube

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Rack is the failure domain of a node: the values of the labels that the user named, sorted and joined with a comma,
// as Koperator has it. A node that carries none of them is in no rack.
func Rack(awareness *v1beta1.RackAwareness, node *corev1.Node) string {
	if awareness == nil {
		return ""
	}
	var values []string
	for _, label := range awareness.Labels {
		if value, found := node.Labels[label]; found {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return strings.Join(values, ",")
}

// RackProblems names the labels of rack awareness that no node has: brokers are in no rack by them, and nothing else would tell.
func RackProblems(awareness *v1beta1.RackAwareness, nodes []*corev1.Node) []messages.FieldProblem {
	if awareness == nil || len(nodes) == 0 {
		return nil
	}
	var problems []messages.FieldProblem
	for _, label := range awareness.Labels {
		if !slices.ContainsFunc(nodes, func(n *corev1.Node) bool { _, found := n.Labels[label]; return found }) {
			problems = append(problems, messages.Warning("spec.rackAwareness.labels", "no node has the label %s, so no broker gets a rack by it, and replicas "+
				"are not spread; correct it, or label the nodes", label))
		}
	}
	return problems
}
