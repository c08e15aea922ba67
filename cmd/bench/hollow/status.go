package hollow

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// runningStatus is what a kubelet would report of a Pod whose containers are all up.
func runningStatus(pod *corev1.Pod, now time.Time) corev1.PodStatus {
	at := metav1.NewTime(now)
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, StartTime: &at, HostIP: "192.0.2.1", HostIPs: []corev1.HostIP{{IP: "192.0.2.1"}},
		PodIP: address(pod), PodIPs: []corev1.PodIP{{IP: address(pod)}},
	}
	for _, kind := range []corev1.PodConditionType{
		corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodReadyToStartContainers,
	} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{
			Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: at,
		})
	}
	for _, container := range pod.Spec.InitContainers {
		status.InitContainerStatuses = append(status.InitContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: true,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: at, FinishedAt: at}},
		})
	}
	for _, container := range pod.Spec.Containers {
		started := true
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: true, Started: &started,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}},
		})
	}
	return status
}

// statusPatch is one strategic merge patch for the status subresource.
func statusPatch(pod *corev1.Pod, now time.Time) ([]byte, error) {
	return json.Marshal(map[string]any{"status": runningStatus(pod, now)})
}

// nodeOf spreads Pods over a hundred nodes.
func nodeOf(pod *corev1.Pod) string { return fmt.Sprintf("hollow-%d", number(pod)%100) }

// address is some address; nobody dials it.
func address(pod *corev1.Pod) string {
	n := number(pod)
	return fmt.Sprintf("198.18.%d.%d", n>>8&0xff, n&0xff)
}

func number(pod *corev1.Pod) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(pod.UID))
	return hash.Sum32()
}
