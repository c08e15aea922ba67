package kube

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// drainTaints are those by which autoscalers announce that a node is about to go. A cordon is none: people cordon nodes to
// look at them.
func drainTaints() []string {
	return []string{"karpenter.sh/disrupted", "ToBeDeletedByClusterAutoscaler"}
}

// DrainTaint is the taint that announces that a node is about to go, empty without one. A Pod that tolerates it would come
// back to the same node.
func DrainTaint(node *corev1.Node, tolerations []corev1.Toleration) string {
	for _, taint := range node.Spec.Taints {
		keepsOff := taint.Effect == corev1.TaintEffectNoSchedule || taint.Effect == corev1.TaintEffectNoExecute
		if keepsOff && slices.Contains(drainTaints(), taint.Key) && !tolerated(taint, tolerations) {
			return taint.Key
		}
	}
	return ""
}

// tolerated follows Kubernetes' rule (Toleration.ToleratesTaint); an empty key with Exists tolerates everything.
func tolerated(taint corev1.Taint, tolerations []corev1.Toleration) bool {
	return slices.ContainsFunc(tolerations, func(t corev1.Toleration) bool {
		if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
			return false
		}
		switch t.Operator {
		case corev1.TolerationOpExists:
			return true
		case corev1.TolerationOpEqual, "":
			return t.Key != "" && t.Value == taint.Value
		default:
			return false
		}
	})
}

// Cordoned reports whether a node takes no new Pods by somebody's word.
func Cordoned(node *corev1.Node) bool { return node.Spec.Unschedulable }

// StaysOn reports whether a volume that is required to be on certain nodes cannot leave one: no other node is among them,
// and none could be that shares all but the name, as nodes of a zone do.
func StaysOn(required *corev1.NodeSelector, node *corev1.Node, nodes []*corev1.Node) bool {
	if required == nil {
		return false
	}
	for _, other := range nodes {
		if other.Name != node.Name && SelectsNode(required, other.Name, other.Labels) {
			return false
		}
	}
	host, alike := node.Labels[corev1.LabelHostname], map[string]string{}
	for label, value := range node.Labels {
		if label != corev1.LabelHostname && value != node.Name && value != host {
			alike[label] = value
		}
	}
	return !SelectsNode(required, "", alike)
}

// SelectsNode reports whether one of the terms matches. A term that is empty, or that cannot be read, matches nothing.
func SelectsNode(selector *corev1.NodeSelector, name string, of map[string]string) bool {
	return slices.ContainsFunc(selector.NodeSelectorTerms, func(term corev1.NodeSelectorTerm) bool {
		return len(term.MatchExpressions)+len(term.MatchFields) > 0 &&
			allMatch(term.MatchExpressions, of) && allMatch(term.MatchFields, map[string]string{metav1.ObjectNameField: name})
	})
}

func allMatch(requirements []corev1.NodeSelectorRequirement, of map[string]string) bool {
	for _, r := range requirements {
		operator, known := map[corev1.NodeSelectorOperator]selection.Operator{
			corev1.NodeSelectorOpIn: selection.In, corev1.NodeSelectorOpNotIn: selection.NotIn,
			corev1.NodeSelectorOpExists: selection.Exists, corev1.NodeSelectorOpDoesNotExist: selection.DoesNotExist,
			corev1.NodeSelectorOpGt: selection.GreaterThan, corev1.NodeSelectorOpLt: selection.LessThan,
		}[r.Operator]
		requirement, err := labels.NewRequirement(r.Key, operator, r.Values)
		if !known || err != nil || !requirement.Matches(labels.Set(of)) {
			return false
		}
	}
	return true
}
