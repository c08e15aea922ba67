package provisioner

import (
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// Name is the provisioner of our StorageClass.
	Name = "koperator-go.github.io/sandbox-directory"

	selectedNode  = "volume.kubernetes.io/selected-node"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
)

// wantsVolume: WaitForFirstConsumer, so a claim waits until the scheduler has chosen a node.
func wantsVolume(claim *corev1.PersistentVolumeClaim, classes map[string]bool) bool {
	return claim.Spec.VolumeName == "" &&
		claim.DeletionTimestamp == nil &&
		claim.Spec.StorageClassName != nil && classes[*claim.Spec.StorageClassName] &&
		claim.Annotations[selectedNode] != ""
}

// wantsGrowth: the claim asks for more than it has.
func wantsGrowth(claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) bool {
	if claim.Status.Phase != corev1.ClaimBound {
		return false
	}
	wanted := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	has := claim.Status.Capacity[corev1.ResourceStorage]
	capacity := volume.Spec.Capacity[corev1.ResourceStorage]
	return wanted.Cmp(has) > 0 || wanted.Cmp(capacity) > 0
}

// wantsRemoval: nobody has a claim on it any more.
func wantsRemoval(volume *corev1.PersistentVolume) bool {
	return volume.Annotations[provisionedBy] == Name &&
		volume.Status.Phase == corev1.VolumeReleased &&
		volume.DeletionTimestamp == nil &&
		volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete
}

// volumeFor is a volume of type "local": unlike hostPath it is owned by the Pod's fsGroup.
func volumeFor(claim *corev1.PersistentVolumeClaim, root string) *corev1.PersistentVolume {
	node := claim.Annotations[selectedNode]
	name := "pvc-" + string(claim.UID)
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: Name}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			StorageClassName:              *claim.Spec.StorageClassName,
			VolumeMode:                    claim.Spec.VolumeMode,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				Local: &corev1.LocalVolumeSource{Path: filepath.Join(root, node, name)},
			},
			NodeAffinity: onlyOn(node),
		},
	}
}

func onlyOn(node string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{
			Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node},
		}},
	}}}}
}
