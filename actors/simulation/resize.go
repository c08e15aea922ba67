package simulation

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// tooSmall: a bound claim asks for more than its volume has.
func tooSmall(claim *corev1.PersistentVolumeClaim) bool {
	have := claim.Status.Capacity.Storage()
	return claim.Status.Phase == corev1.ClaimBound && !have.IsZero() && claim.Spec.Resources.Requests.Storage().Cmp(*have) > 0
}

// resize is the external resizer and the kubelet after it. Where the volume cannot be grown under a running Pod the claim
// says so, until another Pod mounts it.
func (l *kubelets) resize(k key, uid types.UID) {
	l.mu.Lock()
	offline := l.offline[uid]
	l.mu.Unlock()
	l.store.update(k, func(object kube.Object) {
		claim := object.(*corev1.PersistentVolumeClaim)
		switch {
		case claim.UID != uid || !tooSmall(claim):
		case offline:
			setClaimCondition(claim, "Waiting for user to (re-)start a pod to finish file system resize of volume on node.")
		default:
			claim.Status.Capacity = claim.Spec.Resources.Requests.DeepCopy()
			claim.Status.Conditions = nil
		}
	})
}

func setClaimCondition(claim *corev1.PersistentVolumeClaim, message string) {
	for _, c := range claim.Status.Conditions {
		if c.Type == corev1.PersistentVolumeClaimFileSystemResizePending {
			return
		}
	}
	claim.Status.Conditions = append(claim.Status.Conditions, corev1.PersistentVolumeClaimCondition{
		Type: corev1.PersistentVolumeClaimFileSystemResizePending, Status: corev1.ConditionTrue, Message: message,
		LastTransitionTime: metav1.NewTime(time.Now().Truncate(time.Second)),
	})
}

// growsOffline makes a broker's volumes of the kind that grow only while no Pod mounts them.
func (w *World) growsOffline(claims ...*corev1.PersistentVolumeClaim) {
	w.kubelets.mu.Lock()
	defer w.kubelets.mu.Unlock()
	for _, claim := range claims {
		w.kubelets.offline[claim.UID] = true
	}
}

// mounted grows what waited for a Pod.
func (l *kubelets) mounted(pod *corev1.Pod) {
	claims, _ := l.claimsOf(pod)
	for _, claim := range claims {
		l.store.update(keyOf(claim), func(object kube.Object) {
			if c := object.(*corev1.PersistentVolumeClaim); tooSmall(c) && l.offline[c.UID] {
				c.Status.Capacity, c.Status.Conditions = c.Spec.Resources.Requests.DeepCopy(), nil
			}
		})
	}
}

// sized gives the disks of the group that all nodes are of another size.
func sized(size string) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		group := cluster.Spec.BrokerConfigGroups["default"]
		group.StorageConfigs[0].PvcSpec = claimOf(size)
		cluster.Spec.BrokerConfigGroups["default"] = group
	}
}

func (w *World) claimsOf(name string) []*corev1.PersistentVolumeClaim {
	var claims []*corev1.PersistentVolumeClaim
	for _, object := range w.owned(kube.KindClaim, name) {
		claims = append(claims, object.(*corev1.PersistentVolumeClaim))
	}
	return claims
}

func (w *World) haveSize(name, size string) bool {
	for _, claim := range w.claimsOf(name) {
		if claim.Status.Capacity.Storage().String() != size {
			return false
		}
	}
	return true
}
