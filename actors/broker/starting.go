package broker

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// startingReason says what a Pod that is not ready waits for. It holds no time of day, so that it stays
// the same while nothing changes.
func (w blueprint) startingReason(o observed) string {
	pod := o.pod()
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return w.noNodeText(o, firstOf(condition.Message, condition.Reason))
		}
	}
	if noneBegan(pod) {
		return fmt.Sprintf("the Pod's containers have not been started yet; if that lasts, kubectl describe pod %s tells why", pod.Name)
	}
	for _, status := range pod.Status.ContainerStatuses {
		if text := endedText(status); text != "" {
			return text
		}
	}
	for _, status := range pod.Status.InitContainerStatuses {
		if text := preparationText(pod, status); text != "" {
			return text
		}
	}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		waiting := status.State.Waiting
		if waiting == nil || waiting.Reason == "" || waiting.Reason == "PodInitializing" {
			continue
		}
		if waiting.Reason == "ErrImagePull" || waiting.Reason == "ImagePullBackOff" { // they alternate
			return w.pullText(pod, status)
		}
		if last := status.LastTerminationState.Terminated; last != nil {
			return fmt.Sprintf("container %s: %s after exit code %d", status.Name, waiting.Reason, last.ExitCode)
		}
		return fmt.Sprintf("container %s: %s", status.Name, waiting.Reason)
	}
	if pod.Spec.NodeName == "" {
		return "Pod has no node yet"
	}
	return "Pod is not ready: Kafka does not listen yet"
}

// noNodeText says why a Pod has no node. Where the scheduler says that a claim is why (volumebinding.ErrReasonUnboundImmediate…) it
// names neither the claim nor its storage class.
func (w blueprint) noNodeText(o observed, said string) string {
	if !strings.Contains(said, "PersistentVolumeClaim") {
		return "Pod has no node: " + said
	}
	var unbound, way string
	for _, disk := range w.disks {
		claim, err := kube.ClaimFor(o.claims, w.id, disk.MountPath)
		if err != nil || claim == nil || claim.Spec.VolumeName != "" || claim.Status.Phase == corev1.ClaimLost || !mounts(o.pod(), claim.Name) || way != "" {
			continue
		}
		if w.neverUsed(o, claim, disk.MountPath) {
			way = otherClass(claim, w.wantedClaims[disk.MountPath])
		}
		if unbound == "" || way != "" { // a claim whose class the spec has left may be why, another one may wait for the Pod's node
			unbound = fmt.Sprintf("claim %s for %s (%s) has no volume: ", claim.Name, disk.MountPath, classText(claim))
		}
	}
	return "Pod has no node: " + unbound + said + way
}

// neverUsed reports whether nothing can be on a claim, and one that is made in its place may be formatted: it has no volume, and Kafka
// never ran on it as far as anybody knows.
func (w blueprint) neverUsed(o observed, claim *corev1.PersistentVolumeClaim, mountPath string) bool {
	return claim.Spec.VolumeName == "" && claim.Status.Phase == corev1.ClaimPending && !kube.FormatStateOf(claim.Annotations).Formatted &&
		w.Formatted[mountPath] == "" && !w.ranUnseen(o)
}

// otherClass is the way out where the spec asks for another storage class than a claim has that never had a volume. Kubernetes writes
// its default into a claim that names none, so that nobody can tell a default from a class that was taken out of the spec.
func otherClass(claim, wanted *corev1.PersistentVolumeClaim) string {
	if wanted == nil || wanted.Spec.StorageClassName == nil && claim.Spec.StorageClassName == nil {
		return ""
	}
	way := ": nothing is on this claim, delete it and it is made anew: kubectl delete pvc " + claim.Name
	switch class := wanted.Spec.StorageClassName; {
	case class == nil:
		return "; the spec names no class, so if that is not the default one" + way
	case claim.Spec.StorageClassName == nil || *claim.Spec.StorageClassName != *class:
		return "; the spec asks for " + classText(wanted) + way
	default:
		return ""
	}
}

func classText(claim *corev1.PersistentVolumeClaim) string {
	switch class := claim.Spec.StorageClassName; {
	case class == nil:
		return "the default storage class"
	case *class == "":
		return "no storage class"
	default:
		return "storage class " + *class
	}
}

// endedText says how Kafka ended that its kubelet starts again, the same while it waits for that and while it runs once more; empty
// where it never ended, or waits for something else.
func endedText(status corev1.ContainerStatus) string {
	waiting := status.State.Waiting
	end, times := endsOf(status)
	if status.Name != kube.KafkaContainer || status.Ready || end == nil {
		return ""
	}
	again := waiting == nil || waiting.Reason == "CrashLoopBackOff" || waiting.Reason == "RunContainerError" && end.Reason == neverRan
	if !again {
		return ""
	}
	if end.Reason == neverRan {
		return fmt.Sprintf("Kafka could not be started, %s in this Pod (last: %s)", times, endText(end))
	}
	return fmt.Sprintf("Kafka ended %s in this Pod (last: %s) and does not listen: condition %s has the end of its log", times, endText(end), kube.ConditionPodsEnded)
}

// noneBegan reports whether a Pod has a node whose kubelet is about to start its containers: it has no sandbox or no volumes yet.
func noneBegan(pod *corev1.Pod) bool {
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	return len(statuses) > 0 && !slices.ContainsFunc(statuses, func(s corev1.ContainerStatus) bool {
		waiting := s.State.Waiting
		return waiting == nil || s.RestartCount > 0 || waiting.Reason != "PodInitializing" && waiting.Reason != "ContainerCreating"
	})
}

// neverRan is the reason of a container whose command the runtime could not start (containerd), for example since the image has no bash.
const neverRan = "StartError"

// preparationText says how a container failed that comes before Kafka: it has to end well, or is a sidecar of a kind that starts first.
// Empty while none did. The same is said while its kubelet waits and while it runs once more.
func preparationText(pod *corev1.Pod, status corev1.ContainerStatus) string {
	end, times := endsOf(status)
	if status.Ready || end == nil || end.ExitCode == 0 {
		return ""
	}
	return fmt.Sprintf("container %s, which comes before Kafka, failed %s (last: %s): kubectl logs %s -c %s tells why",
		status.Name, times, endText(end), pod.Name, status.Name)
}

// endsOf is how a container ended last and how often it did; nil when it never did.
func endsOf(status corev1.ContainerStatus) (last *corev1.ContainerStateTerminated, times string) {
	last, count := status.LastTerminationState.Terminated, status.RestartCount
	if status.State.Running == nil { // the count is that of starts
		count++
	}
	if status.State.Terminated != nil {
		last = status.State.Terminated
	}
	if count > 1 {
		return last, fmt.Sprintf("%d times", count)
	}
	return last, "once"
}

// pullText says which image cannot be pulled, and where its name is written.
func (w blueprint) pullText(pod *corev1.Pod, status corev1.ContainerStatus) string {
	const longest = 100
	image := messages.Elided(firstOf(imageOf(pod, status.Name), status.Image), longest)
	field := kube.ImageField(&w.Cluster.Spec, &w.Entry, status.Name)
	if field == "" { // somebody has put the container in
		return fmt.Sprintf("container %s: image %s cannot be pulled: the spec does not have this container; correct the name where it comes from, "+
			"or let the nodes pull it", status.Name, image)
	}
	return fmt.Sprintf("container %s: image %s cannot be pulled: correct %s, or let the nodes pull it", status.Name, image, field)
}

// imageOf is the image that a container of a Pod is to run. The cache has none of init containers (kube.Trimmed): of those the
// kubelet says what it pulls.
func imageOf(pod *corev1.Pod, container string) string {
	for _, c := range pod.Spec.Containers {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}
