package kube_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
)

func TestWhichVolumesWereOnNodesThatAreGone(t *testing.T) {
	node := func(name string, taints ...string) *corev1.Node {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname: name, corev1.LabelTopologyZone: "a",
		}}}
		for _, key := range taints {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoExecute})
		}
		return n
	}
	in := func(key string, values ...string) *corev1.NodeSelector {
		return &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values},
		}}}}
	}
	field := &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{
		{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{"gone"}},
	}}}}
	others := []*corev1.Node{node("x"), node("y")}
	for name, test := range map[string]struct {
		required *corev1.NodeSelector
		nodes    []*corev1.Node
		stranded bool
	}{
		"on a node that is gone":                 {in(corev1.LabelHostname, "gone"), others, true},
		"on a node that is gone, by its name":    {field, others, true},
		"on a node that is there":                {in(corev1.LabelHostname, "x"), others, false},
		"on a node that people gave up":          {in(corev1.LabelHostname, "x"), []*corev1.Node{node("x", corev1.TaintNodeOutOfService), node("y")}, true},
		"on a node that is only unreachable":     {in(corev1.LabelHostname, "x"), []*corev1.Node{node("x", corev1.TaintNodeUnreachable)}, false},
		"in a zone without nodes":                {in(corev1.LabelTopologyZone, "b"), others, false},
		"anywhere":                               {nil, others, false},
		"on one of two nodes of which one stays": {in(corev1.LabelHostname, "gone", "y"), others, false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.stranded, kube.Stranded(test.required, test.nodes)) })
	}
}
