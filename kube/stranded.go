package kube

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Stranded reports whether a volume was on the disk of a node that is gone for good: it is bound to nodes by their names, and of
// those none exists that is not tainted node.kubernetes.io/out-of-service. A volume that is bound to a zone alone is not: another
// node may come.
func Stranded(required *corev1.NodeSelector, nodes []*corev1.Node) bool {
	if required == nil || len(required.NodeSelectorTerms) == 0 || slices.ContainsFunc(required.NodeSelectorTerms, namesNoNode) {
		return false
	}
	return !slices.ContainsFunc(nodes, func(node *corev1.Node) bool {
		return !outOfService(node) && SelectsNode(required, node.Name, node.Labels)
	})
}

func namesNoNode(term corev1.NodeSelectorTerm) bool {
	byName := func(r corev1.NodeSelectorRequirement) bool { return r.Operator == corev1.NodeSelectorOpIn }
	byLabel := func(r corev1.NodeSelectorRequirement) bool { return byName(r) && r.Key == corev1.LabelHostname }
	return !slices.ContainsFunc(term.MatchExpressions, byLabel) && !slices.ContainsFunc(term.MatchFields, byName)
}

// outOfService is how people say that a node does not come back, so that its Pods are let go without its kubelet's word.
func outOfService(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService })
}
