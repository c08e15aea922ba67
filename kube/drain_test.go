package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func nodeIn(name, zone string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelHostname: name + ".local", corev1.LabelTopologyZone: zone, "topology.example/node": name,
	}}}
}

func TestWhichTaintAnnouncesThatANodeGoes(t *testing.T) {
	const karpenter, autoscaler = "karpenter.sh/disrupted", "ToBeDeletedByClusterAutoscaler"
	for name, test := range map[string]struct {
		taint       corev1.Taint
		cordoned    bool
		tolerations []corev1.Toleration
		found       string
	}{
		"karpenter's":                   {taint: corev1.Taint{Key: karpenter, Effect: corev1.TaintEffectNoSchedule}, found: karpenter},
		"the cluster autoscaler's":      {taint: corev1.Taint{Key: autoscaler, Value: "17", Effect: corev1.TaintEffectNoSchedule}, found: autoscaler},
		"not one that keeps nobody off": {taint: corev1.Taint{Key: karpenter, Effect: corev1.TaintEffectPreferNoSchedule}},
		"not another one":               {taint: corev1.Taint{Key: "DeletionCandidateOfClusterAutoscaler", Effect: corev1.TaintEffectNoSchedule}},
		"not a cordon":                  {taint: corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}, cordoned: true},
		"not one that the Pod tolerates": {taint: corev1.Taint{Key: karpenter, Effect: corev1.TaintEffectNoSchedule},
			tolerations: []corev1.Toleration{{Key: karpenter, Operator: corev1.TolerationOpExists}}},
		"not where the Pod tolerates everything": {taint: corev1.Taint{Key: karpenter, Effect: corev1.TaintEffectNoSchedule},
			tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}},
		"where the Pod tolerates another value": {taint: corev1.Taint{Key: autoscaler, Value: "17", Effect: corev1.TaintEffectNoSchedule},
			tolerations: []corev1.Toleration{{Key: autoscaler, Value: "18"}}, found: autoscaler},
		"where the Pod tolerates another effect": {taint: corev1.Taint{Key: karpenter, Effect: corev1.TaintEffectNoSchedule},
			tolerations: []corev1.Toleration{{Key: karpenter, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute}}, found: karpenter},
	} {
		t.Run(name, func(t *testing.T) {
			node := nodeIn("n1", "a")
			node.Spec.Taints, node.Spec.Unschedulable = []corev1.Taint{test.taint}, test.cordoned
			require.Equal(t, test.found, DrainTaint(node, test.tolerations))
			require.Equal(t, test.cordoned, Cordoned(node))
		})
	}
}

func TestWhetherAVolumeStaysOnItsNode(t *testing.T) {
	on := func(key string, operator corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
	}
	named := corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{
		{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{"n1"}},
	}}
	for name, test := range map[string]struct {
		terms []corev1.NodeSelectorTerm
		stays bool
	}{
		"one of a node's own disk stays":                       {[]corev1.NodeSelectorTerm{on(corev1.LabelHostname, corev1.NodeSelectorOpIn, "n1.local")}, true},
		"one of a driver that names nodes its own way stays":   {[]corev1.NodeSelectorTerm{on("topology.example/node", corev1.NodeSelectorOpIn, "n1")}, true},
		"one that is bound to a node by its name stays":        {[]corev1.NodeSelectorTerm{named}, true},
		"one of a zone leaves, for a node that is yet to come": {[]corev1.NodeSelectorTerm{on(corev1.LabelTopologyZone, corev1.NodeSelectorOpIn, "a")}, false},
		"one that two nodes reach leaves":                      {[]corev1.NodeSelectorTerm{on(corev1.LabelHostname, corev1.NodeSelectorOpIn, "n1.local", "n2.local")}, false},
		"one with several terms needs one of them": {[]corev1.NodeSelectorTerm{
			on(corev1.LabelHostname, corev1.NodeSelectorOpIn, "n1.local"), on(corev1.LabelTopologyZone, corev1.NodeSelectorOpExists),
		}, false},
		"one whose terms nobody can read stays": {[]corev1.NodeSelectorTerm{on("a", "Near", "b"), {}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := []*corev1.Node{nodeIn("n1", "a"), nodeIn("n2", "b")}
			require.Equal(t, test.stays, StaysOn(&corev1.NodeSelector{NodeSelectorTerms: test.terms}, nodes[0], nodes))
		})
	}
	require.False(t, StaysOn(nil, nodeIn("n1", "a"), nil), "a volume of a network has no nodes at all")
}

func TestANodeConcernsTheBrokersThatRunOnIt(t *testing.T) {
	pods := filled(map[Kind][]Object{KindPod: {
		&corev1.Pod{ObjectMeta: labelled("ns1", "a", "demo", "1"), Spec: corev1.PodSpec{NodeName: "n1"}},
		&corev1.Pod{ObjectMeta: labelled("ns1", "b", "demo", "2"), Spec: corev1.PodSpec{NodeName: "n2"}},
	}})
	var told []Change
	pods.OnChange(func(change Change) { told = append(told, change) })
	pods.Notify(KindNode, nodeIn("n1", "a"))
	require.Len(t, told, 1)
	require.Equal(t, "1", told[0].Broker.String())
	require.True(t, told[0].HasBroker)
}

func TestWhatOfANodeIsNews(t *testing.T) {
	before := nodeIn("n1", "a")
	heard, cordoned, moved := before.DeepCopy(), before.DeepCopy(), before.DeepCopy()
	heard.ResourceVersion = "2"
	cordoned.Spec.Unschedulable = true
	moved.Labels[corev1.LabelTopologyZone] = "b"
	require.True(t, sameNode(before, heard))
	require.False(t, sameNode(before, cordoned))
	require.False(t, sameNode(before, moved))
	require.False(t, sameNode(&corev1.Pod{}, &corev1.Pod{}))
}
