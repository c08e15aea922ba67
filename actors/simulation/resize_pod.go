package simulation

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// noResize is the answer of an API server before Kubernetes 1.33.
func noResize() error {
	return apierrors.NewGenericServerResponse(404, "patch", resourceOf(kube.KindPod), "", "the server could not find the requested resource", 0, true)
}

// resizePod is a patch of pods/resize.
func (s *store) resizePod(read *corev1.Pod, container string, resources corev1.ResourceRequirements) (*corev1.Pod, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := keyOf(read)
	r := s.objects[k]
	switch {
	case r == nil || s.fixedPods:
		return nil, &kube.ResizeRefused{Message: noResize().Error()}
	case r.object.GetUID() != read.UID:
		return nil, apierrors.NewConflict(resourceOf(k.kind), k.name, errors.New("precondition failed: UID"))
	}
	pod := r.object.DeepCopyObject().(*corev1.Pod)
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == container {
			pod.Spec.Containers[i].Resources = resources
		}
	}
	return s.commit(r, pod).(*corev1.Pod), nil
}

// sizedAs gives one broker CPU and memory of its own.
func sizedAs(id messages.BrokerID, cpu, memory string) func(*v1beta1.KafkaCluster) {
	amounts := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	return func(c *v1beta1.KafkaCluster) {
		for i := range c.Spec.Brokers {
			b := &c.Spec.Brokers[i]
			if messages.BrokerID(b.ID) != id {
				continue
			}
			if b.BrokerConfig == nil {
				b.BrokerConfig = &v1beta1.BrokerConfig{}
			}
			b.BrokerConfig.Resources = &corev1.ResourceRequirements{Requests: amounts, Limits: amounts}
		}
	}
}

// cpuOf is the CPU that the Pod of a broker asks for.
func (w *World) cpuOf(id messages.BrokerID) string {
	for _, container := range w.podsOf("demo", id)[0].Spec.Containers {
		if container.Name == kube.KafkaContainer {
			return container.Resources.Requests.Cpu().String()
		}
	}
	return ""
}

// nodesOf gives all machines a size.
func (w *World) nodesOf(cpu, memory string) {
	for _, object := range w.store.list(kube.KindNode) {
		w.onNode(object.GetName(), func(n *corev1.Node) {
			n.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
		})
	}
}

// sizeProblems compares the CPU of brokers that run with the spec.
func (w *World) sizeProblems(name string) []string {
	cluster := w.cluster(name)
	var problems []string
	for i := range cluster.Spec.Brokers {
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[i])
		id := messages.BrokerID(cluster.Spec.Brokers[i].ID)
		if err != nil || len(w.podsOf(name, id)) != 1 {
			continue
		}
		if wanted := config.GetResources(); w.cpuOf(id) != wanted.Requests.Cpu().String() {
			problems = append(problems, fmt.Sprintf("broker %d has %s CPU and should have %s", id, w.cpuOf(id), wanted.Requests.Cpu()))
		}
	}
	return problems
}
