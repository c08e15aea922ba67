package broker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
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

func TestLastWordsSayWhereTheSettingStandsForWhichKafkaEnded(t *testing.T) {
	const log = "INFO starting\norg.apache.kafka.common.config.ConfigException: Invalid value banana for configuration queued.max.requests: Not a number\n at X"
	words := "exit code 1, Error" + kube.LogEnds + log
	for name, test := range map[string]struct {
		spec  func(*messages.BrokerWanted)
		words string
		want  string
	}{
		"of all brokers": {
			func(w *messages.BrokerWanted) { w.Cluster.Spec.ReadOnlyConfig = "queued.max.requests=banana\n" }, words,
			"exit code 1, Error; `queued.max.requests` stands in spec.readOnlyConfig" + kube.LogEnds + log,
		},
		"of one broker": {
			func(w *messages.BrokerWanted) {
				w.Cluster.Spec.ReadOnlyConfig, w.Entry.ReadOnlyConfig = "queued.max.requests=7\n", "queued.max.requests=banana\n"
			}, words, "exit code 1, Error; `queued.max.requests` stands in spec.brokers[id=0].readOnlyConfig" + kube.LogEnds + log,
		},
		"of nobody any more": {nil, words, words},
		"for something else": {nil, "exit code 137, OOMKilled" + kube.LogEnds + "INFO starting", "exit code 137, OOMKilled" + kube.LogEnds + "INFO starting"},
		"without a word":     {nil, "exit code 137, OOMKilled", "exit code 137, OOMKilled"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, planned(t, test.spec, nil).w.withField(test.words))
		})
	}
	require.Equal(t, words, blueprint{}.withField(words), "a spec that cannot be worked out")
}
