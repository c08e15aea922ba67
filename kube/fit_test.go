package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func amounts(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

func asking(cpu, memory string) corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: amounts(cpu, memory)}}}}
}

func TestWhetherSomeNodeHasRoomForAPod(t *testing.T) {
	small, large, silent := nodeIn("small", "a"), nodeIn("large", "b"), nodeIn("silent", "c")
	small.Status.Allocatable, large.Status.Allocatable = amounts("2", "4Gi"), amounts("8", "32Gi")
	zone := func(zone string) corev1.PodSpec {
		spec := asking("4", "8Gi")
		spec.NodeSelector = map[string]string{corev1.LabelTopologyZone: zone}
		return spec
	}
	affine := asking("4", "8Gi")
	affine.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}},
		}}},
	}}}
	const none = "has room for 4 CPU and 8Gi memory"
	for name, test := range map[string]struct {
		spec  corev1.PodSpec
		nodes []*corev1.Node
		why   string
	}{
		"one is large enough":                          {asking("4", "8Gi"), []*corev1.Node{small, large}, ""},
		"none is":                                      {asking("4", "8Gi"), []*corev1.Node{small}, none},
		"one has the memory and not the CPU":           {asking("4", "1Gi"), []*corev1.Node{small}, "has room for 4 CPU and 1Gi memory"},
		"one that says nothing of itself may":          {asking("4", "8Gi"), []*corev1.Node{small, silent}, ""},
		"the large one is not where the Pod has to be": {zone("a"), []*corev1.Node{small, large}, none},
		"the same, by affinity":                        {affine, []*corev1.Node{small, large}, none},
		"nobody is where the Pod has to be, yet":       {zone("z"), []*corev1.Node{small, large}, ""},
		"nobody may look at nodes":                     {asking("4", "8Gi"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			why := NoRoom(&corev1.Pod{Spec: test.spec}, test.nodes)
			require.Equal(t, test.why == "", why == "")
			require.Contains(t, why, test.why)
		})
	}
}

func TestWhatAPodAsksANodeFor(t *testing.T) {
	spec := asking("1", "1Gi")
	spec.Containers = append(spec.Containers, corev1.Container{Resources: corev1.ResourceRequirements{Limits: amounts("500m", "1Gi")}}, corev1.Container{})
	spec.InitContainers = []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: amounts("100m", "3Gi")}}}
	requests := PodRequests(&spec)
	require.Equal(t, "1500m", requests.Cpu().String())
	require.Equal(t, "3Gi", requests.Memory().String(), "a container that prepares the start needs more than all others")
	require.True(t, MoreThan(requests, amounts("1500m", "2Gi")))
	require.False(t, MoreThan(requests, amounts("2", "3Gi")))
}
