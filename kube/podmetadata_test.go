package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func TestTheLastWordOnAFirstVoterIsRemembered(t *testing.T) {
	// unmade is the Pod of a first voter as its kubelet leaves it when it never made a container.
	unmade := func() *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: labelled("ns1", "a", "demo", "1"),
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: KafkaContainer, Env: []corev1.EnvVar{{Name: envFirstPod, Value: "x"}}}}},
			Status:     corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{Name: KafkaContainer}}},
		}
	}
	for name, test := range map[string]struct {
		change func(*corev1.Pod)
		never  bool
	}{
		"its kubelet ended it without a container": {func(*corev1.Pod) {}, true},
		"it may still start":                       {func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }, false},
		"it had a container":                       {func(p *corev1.Pod) { p.Status.ContainerStatuses[0].ContainerID = "containerd://1" }, false},
		"its kubelet says nothing of it":           {func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }, false},
		"somebody else ended it": {func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
		}, false},
		"it was no first voter": {func(p *corev1.Pod) { p.Spec.Containers[0].Env = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, pod := NewCache(nil), unmade()
			pod.UID = "pod-1"
			test.change(pod)
			c.Notify(KindPod, pod)
			require.Equal(t, test.never, c.NeverRan("pod-1"))
			require.False(t, c.NeverRan("pod-2"))
		})
	}
}
