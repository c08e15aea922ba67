package broker

import (
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
)

// grow asks for larger volumes. Kubernetes grows the volume and then the file system under the running Pod, or says on the
// claim that it waits for another Pod. A claim that is larger than the spec stays so: volumes never shrink.
func grow(w blueprint, o observed, now time.Time) step {
	var larger []kube.Object
	var texts []string
	for _, disk := range w.disks {
		claim, err := kube.ClaimFor(o.claims, w.id, disk.MountPath)
		wanted := w.wantedClaims[disk.MountPath]
		// Kubernetes takes a new size of bound claims alone (ValidatePersistentVolumeClaimUpdate).
		if err != nil || claim == nil || wanted == nil || claim.Status.Phase != corev1.ClaimBound {
			continue
		}
		have, want := claim.Spec.Resources.Requests.Storage(), wanted.Spec.Resources.Requests.Storage()
		if want.Cmp(*have) <= 0 || o.notGrown[claim.UID].stands(want, now) {
			continue
		}
		built, err := w.claimAsIs(disk, claim, kube.FormatStateOf(claim.Annotations))
		if err != nil {
			return blocked("%v", err)
		}
		built.Spec.Resources.Requests[corev1.ResourceStorage] = *want
		larger = append(larger, built)
		texts = append(texts, fmt.Sprintf("%s from %s to %s", disk.MountPath, have, want))
	}
	if len(larger) == 0 {
		return nil
	}
	return apply{objects: larger, reason: "disks grow: " + strings.Join(texts, ", "), notice: notice{"DiskGrows", "Resize"}, grows: true}
}

// sizeRefused is a size that the API server does not give to a claim: its storage class does not let volumes grow, or a
// quota is used up. Everything else of the broker goes on.
type sizeRefused struct {
	size string
	text string
	at   time.Time
}

// growAgain is when a refused size is asked for again.
const growAgain = 10 * time.Minute

// stands reports whether a size is the one that was refused a while ago.
func (r sizeRefused) stands(size *resource.Quantity, now time.Time) bool {
	return r.size == size.String() && now.Sub(r.at) < growAgain
}

// withRefusedSizes remembers the sizes of a step that was refused.
func withRefusedSizes(known map[types.UID]sizeRefused, s apply, text string, claims []*corev1.PersistentVolumeClaim, now time.Time,
) map[types.UID]sizeRefused {
	refused := maps.Clone(known)
	if refused == nil {
		refused = map[types.UID]sizeRefused{}
	}
	for _, object := range s.objects {
		for _, claim := range claims {
			if wanted, ok := object.(*corev1.PersistentVolumeClaim); ok && claim.Name == wanted.Name {
				refused[claim.UID] = sizeRefused{size: wanted.Spec.Resources.Requests.Storage().String(), text: text, at: now}
			}
		}
	}
	return refused
}

// growing says how far a volume is that was asked to grow, empty when it has the size that was asked for.
func growing(claim *corev1.PersistentVolumeClaim) string {
	have, want := claim.Status.Capacity.Storage(), claim.Spec.Resources.Requests.Storage()
	if claim.Status.Phase != corev1.ClaimBound || have.IsZero() || want.Cmp(*have) <= 0 {
		return ""
	}
	text := fmt.Sprintf("grows from %s to %s", have, want)
	for _, condition := range claim.Status.Conditions {
		if condition.Status == corev1.ConditionTrue && condition.Message != "" {
			text += ": " + condition.Message
		}
	}
	return text
}

// resizePatience is how long a file system may wait to be grown under a Pod that runs: a driver that can do so does it
// within a kubelet's round.
const resizePatience = 3 * time.Minute

// resizing names a disk that Kubernetes grows only when another Pod mounts it: the condition has stood for longer than a
// kubelet needs, and the Pod ran all the while.
func (w blueprint) resizing(o observed) (mountPath string) {
	for _, disk := range w.disks {
		if since, waits := w.awaitsPod(o, disk.MountPath); waits && o.now.Sub(since) >= resizePatience {
			return disk.MountPath
		}
	}
	return ""
}

// awaitsPod reports since when a disk that the Pod mounts waits for another one.
func (w blueprint) awaitsPod(o observed, mountPath string) (since time.Time, waits bool) {
	claim, err := kube.ClaimFor(o.claims, w.id, mountPath)
	if pod := o.pod(); err != nil || claim == nil || pod == nil || !mounts(pod, claim.Name) {
		return since, false
	}
	for _, condition := range claim.Status.Conditions {
		since = condition.LastTransitionTime.Time
		if condition.Type == corev1.PersistentVolumeClaimFileSystemResizePending && condition.Status == corev1.ConditionTrue {
			return since, !o.pod().CreationTimestamp.Time.After(since)
		}
	}
	return since, false
}

// patience is when to look again at disks that may yet grow, 0 when there are none.
func (w blueprint) patience(o observed, now time.Time) (again time.Duration) {
	for _, disk := range w.disks {
		since, waits := w.awaitsPod(o, disk.MountPath)
		if left := resizePatience - now.Sub(since); waits && left > 0 && (again == 0 || left < again) {
			again = left
		}
	}
	for _, refused := range o.notGrown {
		if left := growAgain - now.Sub(refused.at); left > 0 && (again == 0 || left < again) {
			again = left
		}
	}
	if !w.Leaving && w.runs(o.pod(), o.written) {
		if left := w.untilInspect(o, now); left > 0 && (again == 0 || left < again) {
			again = left
		}
	}
	return again
}
