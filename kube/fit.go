package kube

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/labels"
)

// PodRequests are the CPU and the memory that a node must have for a Pod: the sum of its containers or, where that is more,
// one that prepares the start.
func PodRequests(spec *corev1.PodSpec) corev1.ResourceList {
	requests := corev1.ResourceList{}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		sum := resource.Quantity{}
		for i := range spec.Containers {
			sum.Add(requested(&spec.Containers[i], name))
		}
		for i := range spec.InitContainers {
			if first := requested(&spec.InitContainers[i], name); first.Cmp(sum) > 0 {
				sum = first
			}
		}
		requests[name] = sum
	}
	return requests
}

// requested is a container's request. Where it has none the API server takes its limit.
func requested(container *corev1.Container, name corev1.ResourceName) resource.Quantity {
	if quantity, ok := container.Resources.Requests[name]; ok {
		return quantity
	}
	return container.Resources.Limits[name]
}

// MoreThan reports whether some of the requests are larger than others.
func MoreThan(requests, others corev1.ResourceList) bool {
	for name, quantity := range requests {
		if quantity.Cmp(others[name]) > 0 {
			return true
		}
	}
	return false
}

// NoRoom says why a Pod fits on none of the nodes that it may be on, however empty they are; empty where it may fit: on a
// node that does not tell its size, or one that is yet to come because none is of the kind that the Pod asks for.
func NoRoom(pod *corev1.Pod, nodes []*corev1.Node) string {
	requests, largest := PodRequests(&pod.Spec), (*corev1.Node)(nil)
	for _, node := range nodes {
		if !mayUse(&pod.Spec, node) {
			continue
		}
		fits := true
		for name, quantity := range requests {
			if has, told := node.Status.Allocatable[name]; told && quantity.Cmp(has) > 0 {
				fits = false
			}
		}
		if fits {
			return ""
		}
		if largest == nil || node.Status.Allocatable.Memory().Cmp(*largest.Status.Allocatable.Memory()) > 0 {
			largest = node
		}
	}
	if largest == nil {
		return ""
	}
	return fmt.Sprintf("no node that the Pod may be on has room for %s CPU and %s memory, however empty it is; node %s has %s and %s",
		requests.Cpu(), requests.Memory(), largest.Name, largest.Status.Allocatable.Cpu(), largest.Status.Allocatable.Memory())
}

// mayUse follows nodeSelector and required node affinity. Taints and cordons come and go.
func mayUse(spec *corev1.PodSpec, node *corev1.Node) bool {
	if !labels.SelectorFromSet(spec.NodeSelector).Matches(labels.Set(node.Labels)) {
		return false
	}
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return true
	}
	required := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	return required == nil || SelectsNode(required, node.Name, node.Labels)
}
