package kube

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestRackLabelsThatNoNodeHasAreNamed(t *testing.T) {
	zone, none := "topology.kubernetes.io/zone", "example.com/no-such"
	inZone := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{zone: "eu-1"}}}
	nodes := []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "b"}}, inZone}
	for name, test := range map[string]struct {
		awareness *v1beta1.RackAwareness
		nodes     []*corev1.Node
		want      []string
	}{
		"no rack awareness":          {nil, nodes, nil},
		"one node has it":            {&v1beta1.RackAwareness{Labels: []string{zone}}, nodes, nil},
		"none has it":                {&v1beta1.RackAwareness{Labels: []string{zone, none}}, nodes, []string{"warning spec.rackAwareness.labels: "}},
		"nodes that nobody may read": {&v1beta1.RackAwareness{Labels: []string{none}}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) { requireProblems(t, RackProblems(test.awareness, test.nodes), test.want) })
	}
}
