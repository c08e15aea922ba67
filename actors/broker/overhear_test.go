package broker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
)

// crashed is a Kafka container that has ended and that its kubelet will start again.
func crashed(code int32, at time.Time) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name:                 kube.KafkaContainer,
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: metav1.NewTime(at)}},
	}
}

func TestTheLastWordsOfAContainerStayWhileTheNextOneIsNotReady(t *testing.T) {
	s := planned(t, nil, nil)
	pod := s.pod()
	require.Empty(t, s.o.lastWords(), "it never ended")
	pod.Status.Conditions, pod.Status.ContainerStatuses = nil, []corev1.ContainerStatus{crashed(3, now)}
	require.Equal(t, "container kafka ended: exit code 3, no reason given", s.o.lastWords(), "its log was not read yet")
	left, due := s.w.untilOverhear(s.o, now)
	require.True(t, due)
	require.Zero(t, left)

	s.o.overheard = s.o.overheard.after(overhear{pod}, "fatal error", now)
	const words = "container kafka ended: exit code 3, no reason given; its log ends with: fatal error"
	require.Equal(t, words, s.o.lastWords())
	_, due = s.w.untilOverhear(s.o, now)
	require.False(t, due, "once is enough")

	pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
	s.o.overheard = s.o.overheard.after(overhear{pod}, "starting", now)
	require.Equal(t, words, s.o.lastWords(), "the next one has not ended")
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{crashed(3, now.Add(time.Minute))}
	_, due = s.w.untilOverhear(s.o, now)
	require.True(t, due, "it has ended again")

	ready(pod)
	require.Empty(t, s.o.lastWords(), "it came up")
	other := pod.DeepCopy()
	other.UID = "another"
	other.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
	require.Empty(t, s.o.overheard.after(overhear{other}, "starting", now).words, "words of a Pod that is gone")
}
