package broker

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// More or less CPU is given to a running Pod, where nothing else differs and the API server can. Memory is not: the heap of a
// process that runs stays what it is.
//
//	mark the Pod ─▶ resize ─▶ hashes of the Pod
//
// The mark says that the Pod may not have the size of its hash: a change of mind between two of these steps is seen by it.

// resizeCPU gives the kafka container of a Pod other resources.
type resizeCPU struct {
	pod       *corev1.Pod
	resources corev1.ResourceRequirements
	of        cpuWish
}

func (resizeCPU) isStep() {}

// cpuWish is a size for one Pod.
type cpuWish struct {
	pod  types.UID
	hash string
}

// cpuRefused is a size that the API server does not give to a Pod that runs.
type cpuRefused struct {
	cpuWish
	text string
}

func (w blueprint) cpuWish(pod *corev1.Pod) cpuWish { return cpuWish{pod: pod.UID, hash: w.userHash} }

// cpu is the next step towards the size that is wanted, nil when there is none or only a new Pod has it.
func cpu(w blueprint, o observed, _ time.Time) step {
	pod := o.pod()
	if !w.cpuLive(o) {
		return nil
	}
	if w.podDiffers(pod) && pod.Annotations[kube.AnnotationResizing] != w.userHash {
		return annotate{object: pod, reason: "its CPU is about to change", annotations: map[string]string{kube.AnnotationResizing: w.userHash}}
	}
	wanted := w.config.GetResources()
	is := containerOf(pod, kube.KafkaContainer).Resources
	if !sameAmounts(is.Requests, wanted.Requests) || !sameAmounts(is.Limits, wanted.Limits) {
		return resizeCPU{pod: pod, resources: wanted, of: w.cpuWish(pod)}
	}
	annotations := map[string]string{
		kube.AnnotationResizing:            "",
		kube.AnnotationUserInputsHash:      kube.WithFilePart(w.userHash, takenFile(pod)),
		kube.AnnotationConfigurationBackup: w.configMap.Annotations[kube.AnnotationConfigurationBackup],
	}
	rendered := pod.Annotations[kube.AnnotationRenderedHash]
	if was, err := w.renderedHashWith(w.resourcesBefore(pod)); err == nil && kube.SamePodPart(was, rendered) {
		annotations[kube.AnnotationRenderedHash] = kube.WithFilePart(w.renderedHash, kube.FilePart(rendered))
	}
	return annotate{object: pod, reason: "the Pod has the CPU that is wanted", annotations: annotations}
}

// cpuLive reports whether the CPU of the kafka container is all that keeps the Pod from being the one that is wanted, and can
// be changed under it.
func (w blueprint) cpuLive(o observed) bool {
	pod := o.pod()
	if pod == nil || w.Leaving || w.Paused || o.written.Deleting(pod) || !podReady(pod) || !hashed(pod) ||
		!w.podDiffers(pod) && pod.Annotations[kube.AnnotationResizing] == "" || o.cpuRefused.cpuWish == w.cpuWish(pod) {
		return false
	}
	container := containerOf(pod, kube.KafkaContainer)
	if container == nil || restartsForCPU(container) {
		return false
	}
	was := w.sizeBefore(pod)
	return was.onlyCPU && kube.SamePodPart(was.userHash, pod.Annotations[kube.AnnotationUserInputsHash])
}

// earlierSize is what follows for a wish from the resources in the backup of a Pod.
type earlierSize struct {
	backup string
	// onlyCPU says that these are known and nothing but CPU differs, userHash is what the wish would hash to with them.
	onlyCPU  bool
	userHash string
}

// sizeBefore is asked for several times at each look while a Pod is not the one that is wanted, and unpacks a backup.
func (w blueprint) sizeBefore(pod *corev1.Pod) earlierSize {
	backup := pod.Annotations[kube.AnnotationConfigurationBackup]
	if w.earlier.backup == backup {
		return *w.earlier
	}
	size := earlierSize{backup: backup}
	if before := w.resourcesBefore(pod); before != nil {
		was := *w.config
		before(&was)
		size.onlyCPU, size.userHash = onlyCPU(was.GetResources(), w.config.GetResources()), w.userHashWith(before)
	}
	*w.earlier = size
	return size
}

// resourcesBefore gives a configuration the resources that the Pod was made with, nil where nobody knows them.
func (w blueprint) resourcesBefore(pod *corev1.Pod) func(*v1beta1.BrokerConfig) {
	entry, err := kube.BrokerFromBackup(pod.Annotations[kube.AnnotationConfigurationBackup])
	if err != nil {
		return nil
	}
	return func(config *v1beta1.BrokerConfig) {
		if config.Resources = nil; entry.BrokerConfig != nil {
			config.Resources = entry.BrokerConfig.Resources
		}
	}
}

// restartsForCPU: whoever admitted the Pod wants its container started anew for another CPU.
func restartsForCPU(container *corev1.Container) bool {
	for _, policy := range container.ResizePolicy {
		if policy.ResourceName == corev1.ResourceCPU && policy.RestartPolicy == corev1.RestartContainer {
			return true
		}
	}
	return false
}

// onlyCPU reports whether nothing else differs. A limit that comes or goes changes the Pod's class of service, which no
// resize does.
func onlyCPU(was, is corev1.ResourceRequirements) bool {
	return len(was.Claims) == 0 && len(is.Claims) == 0 && sameBeside(was.Requests, is.Requests) && sameBeside(was.Limits, is.Limits)
}

func sameBeside(was, is corev1.ResourceList) bool {
	was, is = was.DeepCopy(), is.DeepCopy()
	_, had := was[corev1.ResourceCPU]
	_, has := is[corev1.ResourceCPU]
	delete(was, corev1.ResourceCPU)
	delete(is, corev1.ResourceCPU)
	return had == has && len(was) == len(is) && sameAmounts(was, is)
}

// sameAmounts: what is wanted is there; the API server may have set more.
func sameAmounts(is, wanted corev1.ResourceList) bool {
	for name, quantity := range wanted {
		if has, there := is[name]; !there || quantity.Cmp(has) != 0 {
			return false
		}
	}
	return true
}

// cramped says why a Pod does not have the CPU that was given to it.
func (w blueprint) cramped(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodResizePending && c.Status == corev1.ConditionTrue && c.Reason == corev1.PodReasonInfeasible {
			return fmt.Sprintf("its node cannot give it the CPU that is wanted (%s): set annotation %s on the Pod to have it made anew "+
				"elsewhere, or take less", c.Message, kube.AnnotationRestart)
		}
	}
	return ""
}

// noRoom says why no node can hold the Pod that is wanted. One that is no larger than the Pod that runs is not asked about.
func (w blueprint) noRoom(o observed) string {
	pod := o.pod()
	if pod == nil || !w.podDiffers(pod) || w.cpuLive(o) || w.levelsLive(o) {
		return ""
	}
	wanted, err := w.pod(w.expectedClaims(), nil)
	if err != nil || !kube.MoreThan(kube.PodRequests(&wanted.Spec), kube.PodRequests(&pod.Spec)) {
		return ""
	}
	why := kube.NoRoom(wanted, o.allNodes())
	if why == "" {
		return ""
	}
	return why + ": the Pod stays as it is; add such a node, or lower the requests"
}
