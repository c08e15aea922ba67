package broker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
)

const tooSmall = "Invalid value 2 for configuration log.retention.ms: Value must be at least 3"

func TestWhatABrokersNextPodIsMadeFrom(t *testing.T) {
	keeps := func(was string, answer described) scene {
		return edit{was: was, is: "log.retention.ms=2\nqueued.max.requests=7\n", answer: answer, ours: map[string]string{retentionKey: ""}}.
			refusedBy(t, tooSmall)
	}
	t.Run("is the wish with the file's value in place of a refused one", func(t *testing.T) {
		s := keeps("log.retention.ms=9\n", inFile("9"))
		require.Equal(t, "log.retention.ms=9\nqueued.max.requests=7\n", s.w.starting(s.o).userProperties)
		require.Contains(t, s.w.starting(s.o).properties, "log.retention.ms=9\n")
	})
	t.Run("has nothing in place of a refused value that is new", func(t *testing.T) {
		s := keeps("", described{ofBroker: map[string]string{retentionKey: "9"}})
		require.Equal(t, "queued.max.requests=7\n", s.w.starting(s.o).userProperties)
		require.NotContains(t, s.w.starting(s.o).properties, retentionKey)
	})
	t.Run("is the wish again when that has changed", func(t *testing.T) {
		s := keeps("log.retention.ms=9\n", inFile("9"))
		next := edit{is: "log.retention.ms=4\n"}.scene(t)
		next.o.record = s.o.record
		require.Equal(t, next.w.userHash, next.w.starting(next.o).userHash)
	})
	t.Run("is the wish when Kafka has nothing against the value at a start", func(t *testing.T) {
		s := edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", answer: inFile("1"), ours: map[string]string{retentionKey: ""}}.
			refusedBy(t, "Cannot update these configs dynamically: [log.retention.ms]")
		require.Equal(t, s.w.userHash, s.w.starting(s.o).userHash)
	})
	t.Run("tells other hashes, so that the Pod is not taken for one that has all", func(t *testing.T) {
		s := keeps("log.retention.ms=9\n", inFile("9"))
		made := planned(t, nil, nil)
		pod := made.pod()
		pod.Annotations[kube.AnnotationUserInputsHash] = s.w.starting(s.o).userHash
		require.True(t, s.w.fileDiffers(pod))
		require.False(t, s.w.podDiffers(pod))
	})
}

func TestARecordedRefusal(t *testing.T) {
	e := edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", answer: inFile("1"), ours: map[string]string{retentionKey: ""}}
	t.Run("stays until a new process was asked", func(t *testing.T) {
		s := e.refusedBy(t, tooSmall)
		s.o.asked.refused = nil
		s.look()
		require.Contains(t, s.o.live.refusals, retentionKey)
		require.NotEmpty(t, changes(s.o.live), "Kafka is asked again")
	})
	t.Run("goes when Kafka takes the value after all", func(t *testing.T) {
		s := e.refusedBy(t, tooSmall)
		s.o.asked.refused = nil
		s.answers(described{file: map[string]string{retentionKey: "1"}, ofBroker: map[string]string{retentionKey: "2"}})
		require.Empty(t, s.o.live.refusals)
	})
	t.Run("is remembered while its record is gone", func(t *testing.T) {
		s := e.refusedBy(t, tooSmall)
		s.o.asked = s.w.remembered(s.o, now)
		s.o.record, s.o.live = nil, nil
		again, ok := configure(s.w, s.o, now.Add(time.Hour)).(apply)
		require.True(t, ok)
		require.Contains(t, again.objects[0].(*corev1.ConfigMap).Data["refused.json"], retentionKey)
	})
	t.Run("asks for no restart of a stuck Pod, which would start with the same file", func(t *testing.T) {
		s := e.refusedBy(t, tooSmall)
		pod := s.pod()
		pod.Annotations[kube.AnnotationUserInputsHash] = s.w.starting(s.o).userHash
		pod.Status = corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}}}
		require.True(t, stuck(pod))
		require.Empty(t, s.w.restart(s.o))
	})
}
