package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// ClaimInput is what a claim is made of.
type ClaimInput struct {
	Cluster *v1beta1.KafkaCluster // read only
	Broker  messages.BrokerID
	Config  *v1beta1.BrokerConfig // group and broker merged
	Storage v1beta1.StorageConfig
	// Name is that of a claim which exists already (Koperator generated its names); empty for a new one.
	Name string
	// Format is what the claim carries about formatting; the right is given once, when it is created.
	Format FormatState
	// Disks are the mount paths on which Kafka was seen to run, sorted; only a formatted claim carries them.
	Disks []string
}

// Claim is the PersistentVolumeClaim of one disk.
func Claim(in ClaimInput) (*corev1.PersistentVolumeClaim, error) {
	if in.Storage.PvcSpec == nil {
		return nil, fmt.Errorf("disk %s of broker %d has no pvcSpec", in.Storage.MountPath, in.Broker)
	}
	spec, err := renderClaimSpec(in.Storage.PvcSpec, templateData{BrokerId: int32(in.Broker), MountPath: in.Storage.MountPath})
	if err != nil {
		return nil, fmt.Errorf("disk %s of broker %d: template in pvcSpec: %w", in.Storage.MountPath, in.Broker, err)
	}
	return &corev1.PersistentVolumeClaim{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{
			Name:            claimName(in),
			Namespace:       in.Cluster.Namespace,
			Labels:          claimLabels(in),
			Annotations:     claimAnnotations(in),
			OwnerReferences: claimOwners(in.Cluster),
		},
		Spec: *spec,
	}, nil
}

func claimName(in ClaimInput) string {
	if in.Name != "" {
		return in.Name
	}
	return ClaimName(in.Cluster.Name, in.Broker, in.Storage.MountPath)
}

func claimLabels(in ClaimInput) map[string]string {
	managed := brokerSelector(in.Cluster.Name, in.Broker)
	managed[LabelPVCRoles] = pvcRoles(in.Cluster.Spec.KRaft, in.Config)
	return clusterLabels(in.Cluster, managed)
}

func claimAnnotations(in ClaimInput) map[string]string {
	annotations := map[string]string{AnnotationMountPath: in.Storage.MountPath}
	if format := in.Format.String(); format != "" {
		annotations[AnnotationFormat] = format
		if in.Format.Formatted && len(in.Disks) > 0 {
			annotations[AnnotationNodeDisks] = strings.Join(in.Disks, ",")
		}
	}
	if retained(in.Cluster) {
		annotations[AnnotationRetainedClaim] = in.Cluster.Name
	}
	return annotations
}

// claimOwners is empty while claims outlive their cluster: garbage collection follows owner references, also when the
// cluster is deleted with --cascade=foreground and no daemon runs.
func claimOwners(cluster *v1beta1.KafkaCluster) []metav1.OwnerReference {
	if retained(cluster) {
		return nil
	}
	return owners(cluster)
}

func retained(cluster *v1beta1.KafkaCluster) bool {
	return cluster.Spec.GetRetentionWhenDeleted() == v1beta1.RetentionRetain
}

// ClaimFor finds among a broker's claims the one to mount at a path. Label and annotation must both agree: a claim
// that was restored or relabelled by hand could otherwise hand one broker the disk of another.
func ClaimFor(claims []*corev1.PersistentVolumeClaim, broker messages.BrokerID, mountPath string) (*corev1.PersistentVolumeClaim, error) {
	var found *corev1.PersistentVolumeClaim
	for _, claim := range claims {
		if claim.Annotations[AnnotationMountPath] != mountPath || claim.DeletionTimestamp != nil {
			continue
		}
		if label := claim.Labels[LabelBrokerID]; label != broker.String() {
			return nil, fmt.Errorf("claim %s is for %s of broker %s, not %d: correct its label %s",
				claim.Name, mountPath, label, broker, LabelBrokerID)
		}
		if found != nil {
			return nil, fmt.Errorf("claims %s and %s are both for %s of broker %d: correct annotation %s of one of them",
				found.Name, claim.Name, mountPath, broker, AnnotationMountPath)
		}
		found = claim
	}
	return found, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
