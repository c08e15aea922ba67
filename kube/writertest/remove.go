package writertest

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/koperator-go/koperator/kube"
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
		require.ErrorAs(t, s.Writer.Evict(t.Context(), pod), &refusal, why)
		require.ErrorAs(t, s.Writer.MayEvict(t.Context(), pod), &refusal, why)
		require.Equal(t, pod.UID, s.Read(pod).GetUID())
	}
	refused("two budgets select the Pod")
	require.NoError(t, s.Writer.Delete(t.Context(), s.Read(first)))
	refused("one budget has nothing left")
	require.NoError(t, s.Writer.Delete(t.Context(), s.Read(second)))
	err := s.Writer.Evict(t.Context(), changed(pod, func(p *corev1.Pod) { p.UID = another }))
	require.True(t, apierrors.IsConflict(err), "another Pod: %v", err)
	require.NoError(t, s.Writer.MayEvict(t.Context(), pod))
	require.NotNil(t, s.Read(pod), "a question evicts nothing")
	require.NoError(t, s.Writer.Evict(t.Context(), pod))
	require.Nil(t, s.Read(pod))
	require.NoError(t, s.Writer.Evict(t.Context(), pod), "gone already")
}
