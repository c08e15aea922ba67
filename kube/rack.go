package kube

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
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
