package kube

import (
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// OwnerReference lets Kubernetes collect an object with its cluster, as Koperator's objects have it.
func OwnerReference(cluster *v1beta1.KafkaCluster) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion:         v1beta1.GroupVersion().String(),
		Kind:               "KafkaCluster",
		Name:               cluster.Name,
		UID:                cluster.UID,
		Controller:         ptr.To(true),
		BlockOwnerDeletion: ptr.To(true),
	}
}

func owners(cluster *v1beta1.KafkaCluster) []metav1.OwnerReference {
	return []metav1.OwnerReference{OwnerReference(cluster)}
}

// Owned reports whether an object is ours to change and delete. The label alone is not enough: anybody can copy a
// manifest with its labels. A retained claim has no owner reference by design (garbage collection would delete it with
// the cluster); there the annotation stands for it.
func Owned(object metav1.Object, cluster *v1beta1.KafkaCluster) bool {
	if object.GetNamespace() != cluster.Namespace || object.GetLabels()[LabelCluster] != cluster.Name {
		return false
	}
	references := object.GetOwnerReferences()
	for _, reference := range references {
		if reference.UID == cluster.UID {
			return true
		}
	}
	return len(references) == 0 && object.GetAnnotations()[AnnotationRetainedClaim] == cluster.Name
}

// NameTaken is the conflict of a ConfigMap that is to be made and one of its name that belongs to somebody else, nil when
// both belong to the same cluster.
func NameTaken(standing, wanted *corev1.ConfigMap) error {
	owner := metav1.GetControllerOf(wanted)
	ours := owner != nil && standing.Labels[LabelCluster] == owner.Name && !RemotelyOwned(standing) &&
		slices.ContainsFunc(standing.OwnerReferences, func(r metav1.OwnerReference) bool { return r.UID == owner.UID })
	if ours {
		return nil
	}
	return apierrors.NewConflict(corev1.Resource("configmaps"), wanted.Name, errors.New("there is a ConfigMap of this name that "+
		"does not belong to the cluster: delete or rename it, it is not written over"))
}

// RemotelyOwned reports whether an object belongs to a daemon in another Kubernetes cluster; nobody here touches it.
func RemotelyOwned(object metav1.Object) bool {
	return object.GetAnnotations()[AnnotationRemoteOwner] != ""
}
