package broker

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// observation is what to tell the cluster after a look, given the step that follows from it.
func (w blueprint) observation(o observed, next step) messages.BrokerObserved {
	pod := o.pod()
	if w.config == nil { // the wish cannot be worked out: what is there is still told
		told := messages.BrokerObserved{Phase: messages.PhaseBlocked, Gone: w.gone(o)}
		if pod != nil {
			told.Pod, told.PodReady = pod.UID, podReady(pod) && !o.written.Deleting(pod)
			told.Stopping, told.Started = w.stopping(o, pod), startedAt(pod)
		}
		if waits, ok := next.(wait); ok {
			told.Reason = waits.reason
		}
		return told
	}
	told := messages.BrokerObserved{
		Phase: messages.PhasePending, Claims: w.claimUIDs(o.claims, nil), Pending: w.pending(o),
		Lost: append(w.lostDisks(o), w.lostMetadata(o)...), FailedDisks: w.failedDisks(o), FailedSince: o.disks.failedSince, LetGo: w.letGoDisks(o),
		ScriptWaits: o.scriptWaits(), Version: o.disks.release, Gone: w.gone(o), LastWords: w.withField(o.lastWords()),
		Emptied: w.replicasGone(o),
	}
	if pod != nil {
		told.Mounted = w.claimUIDs(o.claims, pod)
		told.ReplicasOnPod = w.replicasOn(pod)
		told.VoteOnPod, told.PodRole = kube.MetadataOnPod(pod), pod.Labels[kube.LabelIsBroker]
		told.Pod, told.PodReady = pod.UID, podReady(pod) && !o.written.Deleting(pod)
		told.Stopping, told.Started = w.stopping(o, pod), startedAt(pod)
		told.Restart, told.ConfigStale = w.restartWish(o), w.stale(pod)
		told.Unhealthy = unhealthy(pod)
		told.Unfit = firstOf(w.wouldBeRefused(o), w.noRoom(o))
		told.Update, told.Held = w.update(pod), firstOf(w.held(o), told.Unfit, w.cramped(pod))
		if told.Phase = messages.PhaseStarting; told.PodReady {
			told.Phase = messages.PhaseRunning // whatever is still to be written: Kafka serves
		}
		if w.racks() && o.node != nil {
			told.Rack = w.rack(o.node)
		}
	}
	w.tellConfig(o, &told)
	switch next := next.(type) {
	case rest:
		told.Phase = messages.PhaseRunning
	case wait:
		told.Phase, told.Reason = next.phase, next.reason
	case ascertain:
		told.Phase, told.Reason = messages.PhaseFailing, o.refused.text
	default:
		told.Reason = reasonOf(next)
	}
	if told.Restart.Refused != "" && told.Phase == messages.PhaseRunning { // not by turns with each try
		switch {
		case !o.refused.failed:
			told.Reason = told.Restart.Refused
		case w.Permit.Pod == told.Pod || o.failedLately() > 0:
			told.Phase, told.Reason = messages.PhaseFailing, told.Restart.Refused
		}
	}
	return told
}

// tellConfig tells how far the broker's dynamic configuration is.
func (w blueprint) tellConfig(o observed, told *messages.BrokerObserved) {
	if !w.runs(o.pod(), o.written) {
		w.tellRefusals(o, told)
		return
	}
	if !w.concerned(o) {
		told.ConfigSettled = true
		return
	}
	found, known := w.found(o)
	if !known {
		w.tellRefusals(o, told)
		return
	}
	told.ConfigSettled = !found.blind && len(found.needs) == 0
	told.ConfigProblems = messages.Elided(strings.Join(found.problems, "; "), longestProblems)
	told.ConfigRefused = found.refused
}

// longestProblems bounds what is told of a broker's configuration, in bytes.
const longestProblems = 1 << 10

// restartWish is what to tell of the need to replace the Pod. It stays while the Pod is on its way out: the wish is
// fulfilled when another one is there.
func (w blueprint) restartWish(o observed) messages.Restart {
	wish := messages.Restart{Reason: w.restart(o), Stuck: stuck(o.pod())}
	if wish.Reason == "" {
		return wish
	}
	wish.Forced = o.pod().Annotations[kube.AnnotationRestart] == kube.RestartForced
	if o.refused.pod == o.pod().UID {
		wish.Refused = o.refused.text
	}
	return wish
}

// claimUIDs are the claims of the wish's disks by mount path; with a Pod only those that it mounts.
func (w blueprint) claimUIDs(claims []*corev1.PersistentVolumeClaim, pod *corev1.Pod) map[string]types.UID {
	uids := map[string]types.UID{}
	for _, disk := range w.disks {
		claim, err := kube.ClaimFor(claims, w.id, disk.MountPath)
		// those who formed the quorum know another id than that of a disk that joins
		if err == nil && claim != nil && pod == nil && kube.FormatStateOf(claim.Annotations).Joins {
			continue
		}
		if err == nil && claim != nil && (pod == nil || mounts(pod, claim.Name)) {
			uids[disk.MountPath] = claim.UID
		}
	}
	return uids
}

func mounts(pod *corev1.Pod, claim string) bool {
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.ClaimName == claim {
			return true
		}
	}
	return false
}

// claimsDisk reports whether Kafka's container has a claim at a path, whatever the annotations of claims say, which people can
// edit.
func claimsDisk(pod *corev1.Pod, mountPath string) bool {
	for _, container := range pod.Spec.Containers {
		for _, mount := range container.VolumeMounts {
			if container.Name == kube.KafkaContainer && mount.MountPath == mountPath && claimOf(pod, mount.Name) != "" {
				return true
			}
		}
	}
	return false
}

// claimOf is the claim that a volume of a Pod is, empty when it is none.
func claimOf(pod *corev1.Pod, volume string) string {
	for _, v := range pod.Spec.Volumes {
		if v.Name == volume && v.PersistentVolumeClaim != nil {
			return v.PersistentVolumeClaim.ClaimName
		}
	}
	return ""
}

// pending says what of the disks is not as wanted and stays so, since this version changes no claim that exists and
// restarts no broker.
func (w blueprint) pending(o observed) string {
	if name := w.goesWithPod(o); name != "" {
		return fmt.Sprintf("claim %s was deleted and goes with its data when the Pod stops: this operator does not stop it; copy the data, or "+
			"let the broker's replicas be moved away", name)
	}
	for _, disk := range w.disks {
		claim, err := kube.ClaimFor(o.claims, w.id, disk.MountPath)
		if w.drains(disk.MountPath) && claim != nil {
			return w.drainingText(o, disk.MountPath)
		}
		wanted := w.wantedClaims[disk.MountPath]
		if err != nil || claim == nil || wanted == nil {
			continue
		}
		refused := kube.Refused(claim, wanted)
		switch {
		case len(refused) > 0 && w.neverUsed(o, claim, disk.MountPath):
			return fmt.Sprintf("disk %s: %s of claim %s is not that of the spec, and nothing is on this claim: delete it and it is made anew: "+
				"kubectl delete pvc %s", disk.MountPath, refused[0].Field, claim.Name, claim.Name)
		case len(refused) > 0:
			return fmt.Sprintf("disk %s: %s %s", disk.MountPath, refused[0].Field, refused[0].Message)
		}
		if text := growing(claim); text != "" {
			return "disk " + disk.MountPath + " " + text
		}
		if want := wanted.Spec.Resources.Requests.Storage(); o.notGrown[claim.UID].stands(want, o.now) {
			return fmt.Sprintf("disk %s does not grow to %s: %s", disk.MountPath, want, o.notGrown[claim.UID].text)
		}
		if pod := o.pod(); pod != nil && !mounts(pod, claim.Name) {
			return fmt.Sprintf("disk %s is mounted when the broker's Pod is made again", disk.MountPath)
		}
	}
	return ""
}
