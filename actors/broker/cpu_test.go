package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

func amounts(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

func size(requests, limits corev1.ResourceList) func(*messages.BrokerWanted) {
	return func(w *messages.BrokerWanted) {
		w.Entry.BrokerConfig.Resources = &corev1.ResourceRequirements{Requests: requests, Limits: limits}
	}
}

// scaled is a broker that runs with one size and is to have another.
func scaled(t *testing.T, was, is func(*messages.BrokerWanted)) scene {
	t.Helper()
	s, before := planned(t, is, nil), planned(t, was, nil)
	s.o.pods, s.o.config = before.o.pods, before.o.config
	return s
}

func TestTheCPUOfAPodIsMarkedThenChangedThenWritten(t *testing.T) {
	s := scaled(t, size(amounts("1", "2Gi"), nil), size(amounts("2", "2Gi"), nil))
	require.Empty(t, s.w.restart(s.o))
	marked := cpu(s.w, s.o, now).(annotate)
	require.Equal(t, map[string]string{kube.AnnotationResizing: s.w.userHash}, marked.annotations)
	s.done(marked)
	resized := cpu(s.w, s.o, now).(resizeCPU)
	require.Equal(t, "2", resized.resources.Requests.Cpu().String())
	containerOf(s.pod(), kube.KafkaContainer).Resources = resized.resources
	require.Empty(t, s.w.restart(s.o))
	s.done(cpu(s.w, s.o, now))
	require.Nil(t, cpu(s.w, s.o, now))
	require.True(t, s.w.madeFrom(s.pod()))
	require.Empty(t, s.w.restart(s.o))
	require.Empty(t, s.w.update(s.pod()))
}

func TestAChangeOfMindWhileAPodIsResizedIsSeen(t *testing.T) {
	s := scaled(t, size(amounts("1", "2Gi"), nil), size(amounts("1", "2Gi"), nil))
	s.pod().Annotations[kube.AnnotationResizing] = "another"
	containerOf(s.pod(), kube.KafkaContainer).Resources.Requests = amounts("2", "2Gi")
	back := cpu(s.w, s.o, now).(resizeCPU)
	require.Equal(t, "1", back.resources.Requests.Cpu().String())
	containerOf(s.pod(), kube.KafkaContainer).Resources = back.resources
	s.done(cpu(s.w, s.o, now))
	require.Empty(t, s.pod().Annotations[kube.AnnotationResizing])
	require.Nil(t, cpu(s.w, s.o, now))
}

func TestWhichSizesNeedANewPod(t *testing.T) {
	small := size(amounts("1", "2Gi"), amounts("1", "2Gi"))
	for name, test := range map[string]struct {
		is   func(*messages.BrokerWanted)
		also func(*scene)
	}{
		"memory":            {is: size(amounts("1", "3Gi"), amounts("1", "3Gi"))},
		"memory beside CPU": {is: size(amounts("2", "3Gi"), amounts("2", "3Gi"))},
		"a limit that goes": {is: size(amounts("2", "2Gi"), nil)},
		"CPU beside the heap": {is: func(w *messages.BrokerWanted) {
			size(amounts("2", "2Gi"), amounts("2", "2Gi"))(w)
			w.Entry.BrokerConfig.KafkaHeapOpts = "-Xmx2G"
		}},
		"CPU that is refused": {is: size(amounts("2", "2Gi"), amounts("2", "2Gi")), also: func(s *scene) { s.o.cpuRefused.cpuWish = s.w.cpuWish(s.pod()) }},
		"CPU that the container's policy restarts it for": {is: size(amounts("2", "2Gi"), amounts("2", "2Gi")), also: func(s *scene) {
			containerOf(s.pod(), kube.KafkaContainer).ResizePolicy = []corev1.ContainerResizePolicy{
				{ResourceName: corev1.ResourceCPU, RestartPolicy: corev1.RestartContainer},
			}
		}},
		"CPU of a Pod of which nobody knows how it was made": {is: size(amounts("2", "2Gi"), amounts("2", "2Gi")), also: func(s *scene) {
			delete(s.pod().Annotations, kube.AnnotationConfigurationBackup)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := scaled(t, small, test.is)
			if test.also != nil {
				test.also(&s)
			}
			require.Nil(t, cpu(s.w, s.o, now))
			require.NotEmpty(t, s.w.restart(s.o))
		})
	}
}

func TestABrokerIsNotStoppedForASizeThatNoNodeHas(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Status: corev1.NodeStatus{Allocatable: amounts("4", "8Gi")}}
	among := func(s *scene) { s.o.listNodes = func() []*corev1.Node { return []*corev1.Node{node} } }
	t.Run("and people are told", func(t *testing.T) {
		s := scaled(t, size(amounts("1", "2Gi"), nil), size(amounts("1", "16Gi"), nil))
		among(&s)
		require.Empty(t, s.w.restart(s.o))
		require.Contains(t, s.w.noRoom(s.o), "16Gi memory")
	})
	t.Run("but one that is stuck may try", func(t *testing.T) {
		s := scaled(t, size(amounts("1", "2Gi"), nil), size(amounts("1", "16Gi"), nil))
		among(&s)
		s.pod().Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}}
		require.NotEmpty(t, s.w.restart(s.o))
	})
	t.Run("and one that gets smaller is never asked about", func(t *testing.T) {
		s := scaled(t, size(amounts("1", "32Gi"), nil), size(amounts("1", "16Gi"), nil))
		among(&s)
		require.NotEmpty(t, s.w.restart(s.o))
	})
}

func TestAPodWhoseNodeCannotGiveItItsCPUIsTold(t *testing.T) {
	s := planned(t, nil, nil)
	s.pod().Status.Conditions = append(s.pod().Status.Conditions, corev1.PodCondition{
		Type: corev1.PodResizePending, Status: corev1.ConditionTrue, Reason: corev1.PodReasonInfeasible, Message: "Node didn't have enough capacity: cpu",
	})
	require.Contains(t, s.w.cramped(s.pod()), "enough capacity")
	s.pod().Status.Conditions[len(s.pod().Status.Conditions)-1].Reason = corev1.PodReasonDeferred
	require.Empty(t, s.w.cramped(s.pod()))
}
