package kube

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// koperatorsService is a Service as Koperator left it.
func koperatorsService(t *testing.T, client *Client) *corev1.Service {
	t.Helper()
	service := &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns1", Name: "demo-headless", Labels: map[string]string{LabelCluster: "demo"},
			Annotations: map[string]string{AnnotationLastApplied: "UEsDBBQ=", "from the spec": "of yesterday"},
		},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "kafka"}},
	}
	made, err := client.core.CoreV1().Services("ns1").Create(t.Context(), service, metav1.CreateOptions{FieldManager: koperatorsManager})
	require.NoError(t, err)
	made.Annotations["of somebody"] = "else"
	made, err = client.core.CoreV1().Services("ns1").Update(t.Context(), made, metav1.UpdateOptions{FieldManager: "people"})
	require.NoError(t, err)
	made.TypeMeta = service.TypeMeta
	return made
}

func ours() *corev1.Service {
	return signed(&corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns1", Name: "demo-headless", Labels: map[string]string{LabelCluster: "demo"},
		},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "kafka"}},
	})
}

func TestWhatKoperatorSetAndNobodyWantsAnyMoreGoes(t *testing.T) {
	_, _, client := clients()
	standing := koperatorsService(t, client)
	wanted := ours()
	written, err := Write(t.Context(), client, filled(map[Kind][]Object{KindService: {standing}}), wanted)
	require.NoError(t, err)
	annotations := written.GetAnnotations()
	require.NotContains(t, annotations, "from the spec")
	require.Equal(t, "else", annotations["of somebody"])
	require.Equal(t, wanted.Annotations[AnnotationWantedHash], annotations[AnnotationWantedHash])
	for _, fields := range written.GetManagedFields() {
		require.NotEqual(t, koperatorsManager, fields.Manager)
	}
}

func TestKoperatorsRecordFollowsWhatIsWritten(t *testing.T) {
	_, _, client := clients()
	standing, wanted := koperatorsService(t, client), ours()
	written, err := Write(t.Context(), client, filled(map[Kind][]Object{KindService: {standing}}), wanted)
	require.NoError(t, err)
	archive, err := base64.StdEncoding.DecodeString(written.GetAnnotations()[AnnotationLastApplied])
	require.NoError(t, err)
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	require.Len(t, files.File, 1)
	require.Equal(t, "original", files.File[0].Name)
	entry, err := files.File[0].Open()
	require.NoError(t, err)
	text, err := io.ReadAll(entry)
	require.NoError(t, err)
	patch, err := applyPatch(wanted)
	require.NoError(t, err)
	require.JSONEq(t, string(patch), string(text))

	again, err := Write(t.Context(), client, filled(map[Kind][]Object{KindService: {written}}), wanted)
	require.NoError(t, err)
	require.Equal(t, written.GetAnnotations(), again.GetAnnotations())
}

func TestOfClaimsAndPodsKoperatorsRecordStays(t *testing.T) {
	recorded := metav1.ObjectMeta{Annotations: map[string]string{AnnotationLastApplied: "UEsDBBQ="}}
	require.False(t, takenOver(&corev1.PersistentVolumeClaim{ObjectMeta: recorded}))
	require.False(t, takenOver(&corev1.Pod{ObjectMeta: recorded}))
	require.True(t, takenOver(&corev1.ConfigMap{ObjectMeta: recorded}))
	require.False(t, takenOver(&corev1.ConfigMap{}))
}
