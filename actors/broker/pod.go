package broker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

const (
	// steadyAfter is how long a Pod must have run for its end to count as the first one again.
	steadyAfter = 10 * time.Minute

	firstEndingDelay = time.Second
	maxEndingDelay   = 5 * time.Minute
)

// endingDelay is how long to wait after the last of a number of ends before the Pod is replaced again.
func endingDelay(count int32) time.Duration {
	return kit.Doubled(firstEndingDelay, maxEndingDelay, int(count))
}

// ranSteadily reports whether a Pod that has ended ran long enough to be no part of a row of failures.
func ranSteadily(pod *corev1.Pod) bool {
	for _, status := range pod.Status.ContainerStatuses {
		if end := status.State.Terminated; status.Name == kube.KafkaContainer && end != nil {
			return end.FinishedAt.Sub(end.StartedAt.Time) >= steadyAfter
		}
	}
	return false
}

// endReason says why a Pod will not come back by itself; empty for one that runs, or that its kubelet restarts.
func endReason(pod *corev1.Pod) string {
	switch pod.Status.Phase {
	case corev1.PodFailed, corev1.PodSucceeded:
		return firstOf(pod.Status.Reason, terminated(pod), string(pod.Status.Phase))
	}
	if pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
		return terminated(pod)
	}
	return ""
}

// terminated describes how the kafka container ended, empty while it has not.
func terminated(pod *corev1.Pod) string {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name != kube.KafkaContainer || status.State.Terminated == nil {
			continue
		}
		return endText(status.State.Terminated)
	}
	return ""
}

// longestMessage is how much is told of what a container's runtime says of its end, in bytes.
const longestMessage = 300

// endText says how a container ended; of one that never ran, which has no log, with the words of its runtime. Those of one that ran are
// its own, and may hold anything.
func endText(end *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("exit code %d, %s", end.ExitCode, firstOf(end.Reason, "no reason given"))
	if said := strings.Join(strings.Fields(kube.MaskSecrets(end.Message)), " "); said != "" && end.Reason == neverRan {
		text += ": " + messages.Elided(said, longestMessage)
	}
	return text
}

// everStarted reports whether the kafka container may have run. In doubt it has.
func everStarted(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodPending && pod.Status.Phase != "" {
		return true
	}
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == kube.KafkaContainer && (status.State.Waiting == nil || status.RestartCount > 0 ||
			status.LastTerminationState.Terminated != nil) {
			return true
		}
	}
	return false
}

// podReady reports whether Kafka in a Pod is ready, whatever other containers do: the kubelet says of each container whether it is.
// Where its node is gone the Pod alone is not ready any more (node lifecycle controller, MarkPodsNotReady).
func podReady(pod *corev1.Pod) bool {
	if conditionStatus(pod, corev1.PodReady) == corev1.ConditionTrue {
		return true
	}
	return conditionStatus(pod, corev1.ContainersReady) == corev1.ConditionFalse && containerReady(pod, kube.KafkaContainer)
}

func containerReady(pod *corev1.Pod, name string) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == name && s.Ready })
}

// unhealthy says why Kubernetes does not count a Pod as ready in which Kafka is: what another container does.
func unhealthy(pod *corev1.Pod) string {
	if !podReady(pod) || conditionStatus(pod, corev1.PodReady) == corev1.ConditionTrue {
		return ""
	}
	for _, status := range pod.Status.ContainerStatuses {
		switch {
		case status.Ready:
		case status.State.Waiting != nil:
			return fmt.Sprintf("Kafka serves, but container %s of its Pod does not run: %s", status.Name, status.State.Waiting.Reason)
		default:
			return fmt.Sprintf("Kafka serves, but container %s of its Pod is not ready", status.Name)
		}
	}
	return "Kafka serves, but its Pod is not ready"
}

func conditionStatus(pod *corev1.Pod, kind corev1.PodConditionType) corev1.ConditionStatus {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == kind {
			return condition.Status
		}
	}
	return corev1.ConditionUnknown
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func kindOf(object kube.Object) string {
	switch object.(type) {
	case *corev1.Pod:
		return "Pod"
	case *corev1.PersistentVolumeClaim:
		return "PersistentVolumeClaim"
	case *corev1.ConfigMap:
		return "ConfigMap"
	default:
		return "Service"
	}
}
