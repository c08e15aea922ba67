package writertest

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
)

func appliesOnce(t testing.TB, s Server) {
	for _, wanted := range []kube.Object{s.config("once", map[string]string{"a": "1"}), s.service("once")} {
		require.Nil(t, s.Read(wanted))
		made := s.apply(t, wanted)
		require.NotEmpty(t, made.GetUID())
		require.NotEmpty(t, made.GetResourceVersion())
		again := s.apply(t, wanted)
		require.Equal(t, made.GetUID(), again.GetUID())
		require.Equal(t, made.GetResourceVersion(), again.GetResourceVersion(), "%T", wanted)
		s.same(t, made)
	}
}

func appliesItsOwn(t testing.TB, s Server) {
	wanted := s.config("own", map[string]string{"a": "1", "b": "2"})
	wanted.Labels = map[string]string{"ours": "1", "more": "2"}
	made := s.apply(t, wanted).(*corev1.ConfigMap)
	s.Put(changed(made, func(c *corev1.ConfigMap) { c.Data["theirs"], c.Labels["theirs"] = "3", "3" }))
	wanted = s.config("own", map[string]string{"a": "1"})
	wanted.Labels = map[string]string{"ours": "1"}
	applied := s.apply(t, wanted).(*corev1.ConfigMap)
	require.Equal(t, map[string]string{"a": "1", "theirs": "3"}, applied.Data)
	require.Equal(t, map[string]string{"ours": "1", "theirs": "3"}, applied.Labels)
	s.same(t, applied)
}

func appliesOverOthers(t testing.TB, s Server) {
	s.Put(s.config("over", map[string]string{"a": "theirs", "b": "theirs"}))
	applied := s.apply(t, s.config("over", map[string]string{"a": "ours"})).(*corev1.ConfigMap)
	require.Equal(t, map[string]string{"a": "ours", "b": "theirs"}, applied.Data)
	applied = s.apply(t, s.config("over", map[string]string{"c": "ours"})).(*corev1.ConfigMap)
	require.Equal(t, map[string]string{"b": "theirs", "c": "ours"}, applied.Data, "a was ours")
}

func leavesWhatOthersTook(t testing.TB, s Server) {
	made := s.apply(t, s.config("took", map[string]string{"a": "ours", "b": "ours"})).(*corev1.ConfigMap)
	s.Put(changed(made, func(c *corev1.ConfigMap) { c.Data["b"] = "theirs" }))
	applied := s.apply(t, s.config("took", map[string]string{"a": "ours"})).(*corev1.ConfigMap)
	require.Equal(t, map[string]string{"a": "ours", "b": "theirs"}, applied.Data)
}

func createsNothingTwice(t testing.TB, s Server) {
	pod, config, service := s.pod("twice"), s.config("twice", map[string]string{"a": "1"}), s.service("twice")
	for _, test := range []struct {
		stands, wanted kube.Object
		refused        func(error) bool
	}{
		{pod, pod, apierrors.IsAlreadyExists},
		{config, s.config("twice", map[string]string{"b": "2"}), apierrors.IsConflict},
		{service, changed(service, func(s *corev1.Service) { s.Spec.Selector["app"] = "another" }), apierrors.IsConflict},
	} {
		stood := s.Put(test.stands)
		_, err := s.Writer.Create(t.Context(), test.wanted)
		require.True(t, test.refused(err), "%T: %v", test.wanted, err)
		is := s.Read(test.stands)
		require.Equal(t, stood.GetUID(), is.GetUID())
		require.Equal(t, fields(t, stood), fields(t, is))
	}
}

func givesLabelsBack(t testing.TB, s Server) {
	owner := s.Put(s.config("owner", nil))
	ours := func(name string) *corev1.Pod {
		pod := s.pod(name)
		pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: owner.GetUID()}}
		maps.Copy(pod.Labels, map[string]string{kube.LabelApp: "kafka", kube.LabelCluster: "demo", kube.LabelBrokerID: "1"})
		return pod
	}
	without := func(pod *corev1.Pod) *corev1.Pod {
		return changed(pod, func(p *corev1.Pod) {
			delete(p.Labels, kube.LabelCluster)
			p.Labels[kube.LabelBrokerID], p.Labels["theirs"] = "2", "stays"
		})
	}
	stood := s.Put(without(ours("labelled")))
	var err error
	const tries = 10
	for range tries { // the scheduler writes its status meanwhile, which is a conflict; the next one finds the same labels gone
		_, err = s.Writer.Create(t.Context(), ours("labelled"))
		require.True(t, apierrors.IsAlreadyExists(err), "%v", err)
		require.ErrorContains(t, err, kube.LabelBrokerID+", "+kube.LabelCluster)
		if !strings.Contains(err.Error(), "not given back") {
			break
		}
	}
	is := s.Read(stood)
	require.Equal(t, stood.GetUID(), is.GetUID())
	want := ours("labelled").Labels
	want["theirs"] = "stays"
	require.Equal(t, want, is.GetLabels())

	foreign := s.Put(changed(without(ours("foreign")), func(p *corev1.Pod) { p.OwnerReferences = nil }))
	_, err = s.Writer.Create(t.Context(), ours("foreign"))
	require.True(t, apierrors.IsAlreadyExists(err), "%v", err)
	is = s.Read(foreign) // the scheduler writes its status meanwhile
	require.Equal(t, foreign.GetUID(), is.GetUID())
	require.Equal(t, foreign.GetLabels(), is.GetLabels())
}

func appliesToNoOther(t testing.TB, s Server) {
	gone := s.claim("gone")
	gone.UID = another
	_, err := s.Writer.Apply(t.Context(), gone)
	require.True(t, apierrors.IsConflict(err), "%v", err)
	require.Nil(t, s.Read(gone))
	made := s.apply(t, s.claim("gone"))
	_, err = s.Writer.Apply(t.Context(), gone)
	require.True(t, apierrors.IsInvalid(err), "another claim: %v", err)
	gone.UID = made.GetUID()
	require.Equal(t, made.GetUID(), s.apply(t, gone).GetUID())
}

func keepsWhatIsFixed(t testing.TB, s Server) {
	class, other := "one", "another"
	claim := s.claim("fixed")
	claim.Spec.StorageClassName = &class
	for _, test := range []struct {
		name          string
		stands, wants kube.Object
	}{
		{"a claim's class", claim, changed(claim, func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = &other })},
		{"a claim that shrinks", claim, changed(claim, func(c *corev1.PersistentVolumeClaim) {
			c.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("5Mi")
		})},
		{"a Service's address", s.service("fixed"), changed(s.service("fixed"), func(s *corev1.Service) { s.Spec.ClusterIP = corev1.ClusterIPNone })},
	} {
		made := s.apply(t, test.stands)
		_, err := s.Writer.Apply(t.Context(), test.wants)
		require.True(t, apierrors.IsInvalid(err), "%s: %v", test.name, err)
		require.Equal(t, fields(t, made), fields(t, s.Read(made)), test.name)
	}
}
