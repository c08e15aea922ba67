package hollow

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func TestSummarize(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, test := range []struct {
		name string
		pods []Pod
		want Summary
	}{
		{"nothing runs", nil, Summary{}},
		{"who only waits does not count", []Pod{{Seen: at(0)}}, Summary{}},
		{"who is gone does not count", []Pod{{Seen: at(0), Running: at(1), Gone: at(2)}}, Summary{}},
		{"the median and the slowest are the nodes' part", []Pod{
			{Seen: at(10), Running: at(20)}, {Seen: at(5), Running: at(25)}, {Seen: at(7), Running: at(37)},
		}, Summary{Running: 3, First: at(5), Last: at(37), Lag: ms(20), Slowest: ms(30)}},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, Summarize(test.pods)) })
	}
}

func TestGap(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }
	old := Pod{Broker: "1", UID: "a", Seen: at(0), Gone: at(100)}
	next := Pod{Broker: "1", UID: "b", Seen: at(120)}
	other := Pod{Broker: "2", UID: "c", Seen: at(110)}
	for _, test := range []struct {
		name string
		old  Pod
		pods []Pod
		want time.Duration
		ok   bool
	}{
		{"a successor ends the gap", old, []Pod{other, old, next}, 20 * time.Millisecond, true},
		{"another broker's Pod is no successor", old, []Pod{other, old}, 0, false},
		{"a Pod that is still there has no gap", Pod{Broker: "1", UID: "a", Seen: at(0)}, []Pod{next}, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := Gap(test.pods, test.old)
			require.Equal(t, test.ok, ok)
			require.Equal(t, test.want, got)
		})
	}
}

func TestStatusPatchMakesAPodReady(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "jmx"}}, Containers: []corev1.Container{{Name: "kafka"}},
	}}
	pod.UID = "a"
	patch, err := statusPatch(pod, time.Unix(1_000_000, 0))
	require.NoError(t, err)
	got := &corev1.Pod{}
	require.NoError(t, json.Unmarshal(patch, got))
	require.Equal(t, corev1.PodRunning, got.Status.Phase)
	require.Len(t, got.Status.InitContainerStatuses, 1)
	require.True(t, got.Status.ContainerStatuses[0].Ready)
	ready := false
	for _, condition := range got.Status.Conditions {
		ready = ready || condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	}
	require.True(t, ready)
	require.Equal(t, nodeOf(pod), nodeOf(pod.DeepCopy()), "a Pod keeps its node")
}
