package writertest

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

func deletesWhatWasRead(t testing.TB, s Server) {
	read := s.apply(t, s.config("read", map[string]string{"a": "1"})).(*corev1.ConfigMap)
	stands := s.Put(changed(read, func(c *corev1.ConfigMap) { c.Data["b"] = "2" })).(*corev1.ConfigMap)
	err := s.Writer.Delete(t.Context(), read)
	require.True(t, apierrors.IsConflict(err), "an old version: %v", err)
	err = s.Writer.Delete(t.Context(), changed(stands, func(c *corev1.ConfigMap) { c.UID = another }))
	require.True(t, apierrors.IsConflict(err), "another object: %v", err)
	s.same(t, stands)
	require.NoError(t, s.Writer.Delete(t.Context(), stands))
	require.Nil(t, s.Read(stands))
	require.NoError(t, s.Writer.Delete(t.Context(), stands), "gone already")
}

func evictsWithinBudgets(t testing.TB, s Server) {
	pod := s.Put(s.pod("evicted")).(*corev1.Pod)
	s.Report(running(pod))
	first, second := s.Put(s.budget("first", "evicted")), s.Put(s.budget("second", "evicted"))
	refused := func(why string) {
		var refusal *kube.EvictionRefused
		require.ErrorAs(t, s.Writer.Evict(t.Context(), pod, messages.AllBudgets), &refusal, why)
		require.ErrorAs(t, s.Writer.MayEvict(t.Context(), pod, messages.AllBudgets), &refusal, why)
		require.Equal(t, pod.UID, s.Read(pod).GetUID())
	}
	refused("two budgets select the Pod")
	require.NoError(t, s.Writer.Delete(t.Context(), s.Read(first)))
	refused("one budget has nothing left")
	require.NoError(t, s.Writer.Delete(t.Context(), s.Read(second)))
	err := s.Writer.Evict(t.Context(), changed(pod, func(p *corev1.Pod) { p.UID = another }), messages.AllBudgets)
	require.True(t, apierrors.IsConflict(err), "another Pod: %v", err)
	require.NoError(t, s.Writer.MayEvict(t.Context(), pod, messages.AllBudgets))
	require.NotNil(t, s.Read(pod), "a question evicts nothing")
	require.NoError(t, s.Writer.Evict(t.Context(), pod, messages.AllBudgets))
	require.Nil(t, s.Read(pod))
	require.NoError(t, s.Writer.Evict(t.Context(), pod, messages.AllBudgets), "gone already")
}

func evictsPastOurBudget(t testing.TB, s Server) {
	cluster := s.Put(s.config("past-ours", nil))
	ours := func(object metav1.Object) {
		object.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: cluster.GetName(), UID: cluster.GetUID()}})
		labels := object.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[kube.LabelCluster] = cluster.GetName()
		object.SetLabels(labels)
	}
	pod := s.Put(changed(s.pod("past-ours"), func(p *corev1.Pod) { ours(p) })).(*corev1.Pod)
	s.Report(running(pod))
	pod = s.Read(pod).(*corev1.Pod)
	s.Put(changed(s.budget("past-ours", "past-ours"), func(b *policyv1.PodDisruptionBudget) { ours(b) }))
	theirs := s.Put(s.budget("theirs", "past-ours"))
	var refusal *kube.EvictionRefused
	require.ErrorAs(t, s.Writer.Evict(t.Context(), pod, messages.OthersBudgets), &refusal)
	require.Contains(t, refusal.Message, theirs.GetName())
	require.ErrorAs(t, s.Writer.MayEvict(t.Context(), pod, messages.OthersBudgets), &refusal)
	require.Equal(t, pod.UID, s.Read(pod).GetUID())
	require.NoError(t, s.Writer.Delete(t.Context(), s.Read(theirs)))
	require.NoError(t, s.Writer.MayEvict(t.Context(), pod, messages.OthersBudgets))
	require.Nil(t, s.Read(pod).GetDeletionTimestamp(), "a question evicts nothing")
	err := s.Writer.Evict(t.Context(), changed(pod, func(p *corev1.Pod) { p.UID = another }), messages.OthersBudgets)
	require.True(t, apierrors.IsConflict(err), "another Pod: %v", err)
	require.NoError(t, s.Writer.Evict(t.Context(), pod, messages.OthersBudgets))
	require.Nil(t, s.Read(pod))
	require.NoError(t, s.Writer.Evict(t.Context(), pod, messages.OthersBudgets), "gone already")
}
