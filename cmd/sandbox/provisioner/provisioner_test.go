package provisioner

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func claim(change func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	class := "standard"
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: "data", UID: "u1", Annotations: map[string]string{selectedNode: "node-2"}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
	change(c)
	return c
}

func TestWantsVolume(t *testing.T) {
	classes := map[string]bool{"standard": true, "other": false}
	other := "other"
	for name, test := range map[string]struct {
		change func(*corev1.PersistentVolumeClaim)
		want   bool
	}{
		"the scheduler has chosen a node":         {func(*corev1.PersistentVolumeClaim) {}, true},
		"no node is chosen yet":                   {func(c *corev1.PersistentVolumeClaim) { c.Annotations = nil }, false},
		"it has a volume already":                 {func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "x" }, false},
		"the class is another provisioner's":      {func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = &other }, false},
		"without a class nobody may provision":    {func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = nil }, false},
		"a claim that is being deleted gets none": {func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &metav1.Time{Time: time.Now()} }, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, wantsVolume(claim(test.change), classes)) })
	}
}

func TestAVolumeStaysOnItsNode(t *testing.T) {
	volume := volumeFor(claim(func(*corev1.PersistentVolumeClaim) {}), "/volumes")
	require.Equal(t, "/volumes/node-2/pvc-u1", volume.Spec.Local.Path)
	require.Equal(t, []string{"node-2"}, volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values)
	require.Equal(t, "u1", string(volume.Spec.ClaimRef.UID))
}

func TestTheLifeOfAVolume(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	client := fake.NewClientset(
		&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard"}, Provisioner: Name},
		claim(func(*corev1.PersistentVolumeClaim) {}),
	)
	root := t.TempDir()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, client, root) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	path := filepath.Join(root, "node-2", "pvc-u1")
	volumes, claims := client.CoreV1().PersistentVolumes(), client.CoreV1().PersistentVolumeClaims("kafka")

	require.Eventually(t, func() bool {
		_, err := volumes.Get(ctx, "pvc-u1", metav1.GetOptions{})
		return err == nil
	}, 10*time.Second, 10*time.Millisecond, "a volume appears")
	require.DirExists(t, path)

	bound := claim(func(c *corev1.PersistentVolumeClaim) {
		c.Spec.VolumeName = "pvc-u1"
		c.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("3Gi")
		c.Status.Phase = corev1.ClaimBound
		c.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	})
	_, err := claims.Update(ctx, bound, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		c, err := claims.Get(ctx, "data", metav1.GetOptions{})
		return err == nil && c.Status.Capacity.Storage().String() == "3Gi"
	}, 10*time.Second, 10*time.Millisecond, "it grows")

	volume, err := volumes.Get(ctx, "pvc-u1", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "3Gi", volume.Spec.Capacity.Storage().String())
	require.NoError(t, claims.Delete(ctx, "data", metav1.DeleteOptions{}))
	volume.Status.Phase = corev1.VolumeReleased
	_, err = volumes.Update(ctx, volume, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := volumes.Get(ctx, "pvc-u1", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, 10*time.Second, 10*time.Millisecond, "it goes with its claim")
	require.NoDirExists(t, path)
}

func TestNothingOutsideOfTheDirectoryIsRemoved(t *testing.T) {
	outside := t.TempDir()
	volume := volumeFor(claim(func(*corev1.PersistentVolumeClaim) {}), outside)
	require.NoError(t, os.MkdirAll(volume.Spec.Local.Path, 0o755))
	w := &world{client: fake.NewClientset(volume), root: t.TempDir()}
	require.ErrorContains(t, w.remove(context.Background(), volume), "outside")
	require.DirExists(t, volume.Spec.Local.Path)
}
