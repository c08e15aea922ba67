package broker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// lostDisks are the mount paths on which Kafka was seen to run and that have no claim any more, sorted, whether the spec still
// has them or not. A claim that somebody has deleted is not lost while a Pod runs on it; a Pod that never started or has ended
// keeps none. One whose volume was on a node that is gone is lost also where nobody has seen Kafka run on it: it may have, as Koperator's
// brokers surely did. Not that of a controller, which may have voted: the others may know its claim as that of a first voter.
func (w blueprint) lostDisks(o observed) []string {
	if pod := o.pod(); pod != nil && (everStarted(pod) && !podEnded(pod) || o.written.Deleting(pod)) {
		return nil
	}
	mayHaveVoted := w.Cluster.Spec.KRaft && w.config.IsController()
	var lost []string
	for _, disk := range w.disks {
		if disk.PvcSpec == nil {
			continue
		}
		there, stranded := w.claimed(o, disk.MountPath)
		mayHaveRun := w.Formatted[disk.MountPath] != "" || !mayHaveVoted && (stranded || w.ranUnseen(o))
		if mayHaveRun && !there {
			lost = append(lost, disk.MountPath)
		}
	}
	slices.Sort(lost)
	return lost
}

// claimed reports whether a disk has a claim that a Pod can use, and whether it has one whose volume was on a node that is gone. One that
// is being deleted counts while there is no Pod: claims waits for its end.
func (w blueprint) claimed(o observed, mountPath string) (there, stranded bool) {
	for _, claim := range o.claims {
		if claim.Annotations[kube.AnnotationMountPath] != mountPath || claim.DeletionTimestamp != nil && o.pod() != nil {
			continue
		}
		if w.stranded(o, claim) {
			stranded = true
		} else {
			there = true
		}
	}
	return there, stranded
}

// replicasGone reports whether replicas were on an emptyDir that is gone with its Pod. What is counted as in sync there would come back empty,
// and Kafka would let others give up what they have for it. Metadata that went the same way tell the same (lostMetadata).
func (w blueprint) replicasGone(o observed) bool {
	if !w.isBroker() || o.pod() != nil || w.Entry.Maintenance || w.metadataOnPod() {
		return false
	}
	return w.RanOnPod || slices.ContainsFunc(w.disks, func(disk v1beta1.StorageConfig) bool {
		// Koperator has not recorded on what its brokers ran; and an emptyDir may have come in the place of a claim
		return disk.PvcSpec == nil && (w.RanBefore || w.Formatted[disk.MountPath] != "")
	})
}

// replicasOn reports whether a broker's Pod has a log dir on no claim: by its own word, or that of a Pod of Koperator's by the spec's.
func (w blueprint) replicasOn(pod *corev1.Pod) bool {
	return kube.ReplicasOnPod(pod) || !kube.MadeByUs(pod) && w.isBroker() && slices.ContainsFunc(w.disks, func(disk v1beta1.StorageConfig) bool {
		return disk.PvcSpec == nil && !claimsDisk(pod, disk.MountPath)
	})
}

// waitsForLost removes a Pod that does not run and names a claim that is lost, once the claim may be replaced: the new one would
// have the same name, and the Pod no right to format it.
func waitsForLost(w blueprint, o observed, _ time.Time) step {
	pod := o.pod()
	if len(w.Replace) == 0 || pod == nil || len(w.lostDisks(o)) == 0 {
		return nil
	}
	for _, claim := range o.claims {
		if slices.Contains(w.Replace, claim.Annotations[kube.AnnotationMountPath]) && w.stranded(o, claim) && !o.written.Deleting(claim) {
			return remove{object: claim, reason: "its volume is on a node that is gone; all that was on it is elsewhere"}
		}
	}
	return remove{object: pod, reason: "it waits for the claims of " + strings.Join(w.Replace, ", ") + ", which are lost; all that was on them is elsewhere"}
}

func podEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

// stranded reports whether a claim's volume was on a node that is gone for good, so that its Pod can be nowhere.
func (w blueprint) stranded(o observed, claim *corev1.PersistentVolumeClaim) bool {
	at, known := o.places[claim.Spec.VolumeName]
	return o.nodes && known && at.unreadable == "" && nowhere(o.pod()) && kube.Stranded(at.required, o.allNodes())
}

// nodesAgain is how often nodes are looked at for a Pod that can be nowhere: the one with its volume may be gone for good by then.
const nodesAgain = 30 * time.Second

// nowhere reports whether the scheduler finds no node for a Pod.
func nowhere(pod *corev1.Pod) bool {
	return pod != nil && conditionStatus(pod, corev1.PodScheduled) == corev1.ConditionFalse
}

// findStranded asks where the volumes of a Pod are that can be nowhere.
func findStranded(w blueprint, o observed, now time.Time) step {
	if !o.nodes || w.Leaving || !nowhere(o.pod()) || o.written.Deleting(o.pod()) {
		return nil
	}
	return w.locates(o, now)
}

// unformattedWayOut is what people can do about a volume that came back without what Kafka had on it and whose claim is still there,
// empty where the start script waits for something else.
func (w blueprint) unformattedWayOut(o observed, held string) string {
	if !strings.Contains(held, kube.StartScriptUnformatted) {
		return ""
	}
	for _, disk := range w.disks {
		claim, err := kube.ClaimFor(o.claims, w.id, disk.MountPath)
		if err == nil && claim != nil && strings.HasPrefix(held, kube.LogDir(disk.MountPath)+" ") {
			return fmt.Sprintf("; if what was on it is lost, delete claim %s, and Pod %s: the broker gets an empty disk when Kafka says that all "+
				"that was on this one is elsewhere", claim.Name, o.pod().Name)
		}
	}
	return ""
}
