package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

func TestCachedPodsKeepWhatActorsRead(t *testing.T) {
	data := corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "kafka-1-data"},
	}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "kafka-1", Annotations: map[string]string{
				AnnotationUserInputsHash: "v1:a", AnnotationLastApplied: "{}", corev1.LastAppliedConfigAnnotation: "{}",
			},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: FieldManager}},
		},
		Spec: corev1.PodSpec{
			NodeName: "node-1", RestartPolicy: corev1.RestartPolicyNever, Volumes: []corev1.Volume{{Name: "config"}, data},
			InitContainers: []corev1.Container{{Name: "jmx"}},
			Containers: []corev1.Container{{
				Name: KafkaContainer, Image: "kafka:1", Env: []corev1.EnvVar{{Name: envClusterID, Value: "abc"}},
				Command: []string{"sh"}, VolumeMounts: []corev1.VolumeMount{
					{Name: "config", MountPath: "/config"}, {Name: "data", MountPath: "/kafka-logs", SubPath: "not kept"},
				},
			}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
	got, err := Trimmed(pod)
	require.NoError(t, err)
	require.Equal(t, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "kafka-1", Annotations: map[string]string{AnnotationUserInputsHash: "v1:a", AnnotationLastApplied: "{}"},
		},
		Spec: corev1.PodSpec{
			NodeName: "node-1", RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: KafkaContainer, Image: "kafka:1", Env: []corev1.EnvVar{{Name: envClusterID, Value: "abc"}},
				VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/kafka-logs"}},
			}},
			Volumes: []corev1.Volume{data},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}, got)
	require.Equal(t, "abc", ClusterIDOf(pod))
}

func TestTombstonesAreNotTrimmed(t *testing.T) {
	tombstone := cache.DeletedFinalStateUnknown{Key: "ns/kafka-1"}
	got, err := Trimmed(tombstone)
	require.NoError(t, err)
	require.Equal(t, tombstone, got)
}
