package writertest

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func writesStatusOfOne(t testing.TB, s Server) {
	wanted := s.cluster("status")
	_, err := s.Writer.ApplyStatus(t.Context(), changed(wanted, func(c *v1beta1.KafkaCluster) { c.UID = another }))
	require.Error(t, err, "there is none")
	require.Nil(t, s.Read(wanted))
	read := s.Put(wanted).(*v1beta1.KafkaCluster)
	write := func(change func(*v1beta1.KafkaCluster)) (*v1beta1.KafkaCluster, error) {
		return s.Writer.ApplyStatus(t.Context(), changed(read, change))
	}

	applied, err := write(func(c *v1beta1.KafkaCluster) { c.Status.ClusterID, c.Status.State = "first", "ClusterRunning" })
	require.NoError(t, err)
	require.Equal(t, "first", applied.Status.ClusterID)
	require.Equal(t, read.Generation, applied.Generation, "a status is no wish")
	_, err = write(func(c *v1beta1.KafkaCluster) { c.Status.ClusterID = "late" })
	require.True(t, apierrors.IsConflict(err), "an old version: %v", err)
	s.same(t, applied)

	applied, err = write(func(c *v1beta1.KafkaCluster) { c.ResourceVersion, c.Status.ClusterID = "", "first" })
	require.NoError(t, err)
	require.Equal(t, "first", applied.Status.ClusterID)
	require.Empty(t, applied.Status.State, "what is applied no more goes")
	s.same(t, applied)

	_, err = write(func(c *v1beta1.KafkaCluster) { c.UID, c.ResourceVersion, c.Status.ClusterID = another, "", "late" })
	require.True(t, apierrors.IsConflict(err), "another cluster: %v", err)
	s.same(t, applied)
}

func mendsServices(t testing.TB, s Server) {
	wanted := s.service("mended")
	made := s.apply(t, wanted).(*corev1.Service)
	s.Put(changed(made, func(s *corev1.Service) {
		s.Spec.Selector["theirs"] = "1"
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "theirs", Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromInt32(80)})
	}))
	strayed := s.apply(t, wanted).(*corev1.Service)
	require.Equal(t, wanted.Spec.Selector, strayed.Spec.Selector, "it is one value")
	require.Len(t, strayed.Spec.Ports, 2, "an apply leaves ports of others")

	err := s.Writer.Mend(t.Context(), changed(strayed, func(s *corev1.Service) { s.UID = another }), wanted)
	require.True(t, apierrors.IsInvalid(err), "another Service: %v", err)
	s.same(t, strayed)
	require.NoError(t, s.Writer.Mend(t.Context(), strayed, wanted))
	mended := s.Read(wanted).(*corev1.Service)
	require.Equal(t, wanted.Spec.Selector, mended.Spec.Selector)
	require.Equal(t, made.Spec.Ports, mended.Spec.Ports)
	require.Equal(t, made.Spec.ClusterIP, mended.Spec.ClusterIP)
}

func annotates(t testing.TB, s Server) {
	pod := s.pod("annotated")
	pod.Annotations = map[string]string{"theirs": "1"}
	made := s.Put(pod).(*corev1.Pod)
	_, err := s.Writer.Annotate(t.Context(), changed(made, func(p *corev1.Pod) { p.UID = another }), map[string]string{"ours": "2"})
	require.True(t, apierrors.IsInvalid(err), "another Pod: %v", err)
	require.Equal(t, pod.Annotations, s.Read(pod).GetAnnotations())
	annotated, err := s.Writer.Annotate(t.Context(), made, map[string]string{"ours": "2"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"theirs": "1", "ours": "2"}, annotated.GetAnnotations())
	require.Equal(t, annotated.GetAnnotations(), s.Read(pod).GetAnnotations())
}

func releases(t testing.TB, s Server) {
	const finalizer = "example.com/kept"
	owner := s.Put(s.config("owner", nil))
	owned := s.config("owned", map[string]string{"a": "1"})
	owned.Finalizers = []string{finalizer}
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.GetName(), UID: owner.GetUID()}}
	read := s.apply(t, owned).(*corev1.ConfigMap)
	_, err := s.Writer.ReleaseOwners(t.Context(), changed(read, func(c *corev1.ConfigMap) { c.OwnerReferences[0].UID = another }))
	require.True(t, apierrors.IsInvalid(err), "other owners: %v", err)
	s.same(t, read)
	free, err := s.Writer.ReleaseOwners(t.Context(), read)
	require.NoError(t, err)
	require.Empty(t, free.GetOwnerReferences())

	require.NoError(t, s.Writer.Delete(t.Context(), free))
	leaving := s.Read(owned)
	require.NotNil(t, leaving.GetDeletionTimestamp(), "its finalizer keeps it")
	err = s.Writer.ReleaseFinalizers(t.Context(), changed(leaving.(*corev1.ConfigMap), func(c *corev1.ConfigMap) { c.UID = another }), []string{finalizer})
	require.True(t, apierrors.IsInvalid(err), "another object: %v", err)
	require.NoError(t, s.Writer.ReleaseFinalizers(t.Context(), leaving, []string{finalizer}))
	require.Nil(t, s.Read(owned))
}

// fields are what people and controllers wish of an object, without what an API server writes of it.
func fields(t testing.TB, object runtime.Object) map[string]any {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	require.NoError(t, err)
	delete(fields, "metadata")
	delete(fields, "status")
	delete(fields, "apiVersion")
	delete(fields, "kind")
	return fields
}
