package broker

import (
	"cmp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// onPod is a controller with its metadata on an emptyDir; first says that there was no quorum yet.
func onPod(first bool, changes ...func(*messages.BrokerWanted)) func(*messages.BrokerWanted) {
	return func(w *messages.BrokerWanted) {
		w.FirstVoter, w.Quorum.Formed = first, !first
		w.Cluster.Spec.Brokers[0].BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{
			{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{}},
		}
		w.Entry = w.Cluster.Spec.Brokers[0]
		for _, change := range changes {
			change(w)
		}
	}
}

// nodeOnPod is such a node; of what is made of it something is missing.
func nodeOnPod(t *testing.T, change func(*messages.BrokerWanted), spoil ...func(*scene)) scene {
	t.Helper()
	wanted := wish(demo())
	change(&wanted)
	w, err := newBlueprint(wanted)
	require.NoError(t, err)
	s := scene{w: w, o: observed{nodes: true, written: &kube.Written{}}}
	for _, do := range spoil {
		do(&s)
	}
	return s
}

// withPod has the Pod that the scene's wish makes.
func withPod(t *testing.T, started bool) func(*scene) {
	return func(s *scene) {
		next, ok := s.w.createPod(s.o, nil).(apply)
		require.True(t, ok)
		pod := next.objects[0].(*corev1.Pod)
		if pod.UID, pod.Status.Phase = "pod-1", corev1.PodPending; started {
			pod.Spec.NodeName = "node-1"
			ready(pod)
		}
		s.o.pods = []*corev1.Pod{pod}
	}
}

// withConfig has the ConfigMap that is written then.
func withConfig(t *testing.T) func(*scene) {
	return func(s *scene) {
		next, ok := s.w.applyConfig(s.o, "").(apply)
		require.True(t, ok)
		s.o.config = next.objects[0].(*corev1.ConfigMap).DeepCopy()
	}
}

func withoutPod(s *scene) { s.o.pods = nil }

// created has the Pod there for so long.
func created(ago time.Duration) func(*scene) {
	return func(s *scene) { s.o.pods[0].CreationTimestamp = metav1.NewTime(now.Add(-ago)) }
}

func unpullable(s *scene) {
	s.o.pods[0].Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: kube.KafkaContainer, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}},
	}}
}

func scheduled(s *scene) { s.o.pods[0].Spec.NodeName = "node-1" }

// crashing is a Pod whose container ends again and again.
func crashing(s *scene) {
	booting(s)
	s.o.pods[0].Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: kube.KafkaContainer, ContainerID: "containerd://1", RestartCount: 3,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
	}}
}

// edited has another read-only configuration in the spec.
func edited(t *testing.T) func(*scene) {
	return func(s *scene) {
		next := s.w.BrokerWanted
		next.Cluster = next.Cluster.DeepCopy()
		next.Cluster.Spec.ReadOnlyConfig += "\nqueued.max.requests=600\n"
		w, err := newBlueprint(next)
		require.NoError(t, err)
		s.w = w
	}
}

// booting is a Pod whose container starts again.
func booting(s *scene) {
	s.o.pods[0].Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
}

// unmade is a Pod that is being deleted and whose kubelet has ended it without a container.
func unmade(s *scene) {
	pod, now := s.o.pods[0], metav1.Now()
	pod.DeletionTimestamp, pod.Status.Phase = &now, corev1.PodFailed
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: kube.KafkaContainer, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "ContainerStatusUnknown", ExitCode: 137}},
	}}
}

// disrupted is one that somebody else ended, as the garbage collector of Pods does whose node is gone.
func disrupted(s *scene) {
	s.o.pods[0].Status.Conditions = append(s.o.pods[0].Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue})
}

// lastWordOn has heard that there never was a container, which is the last word on a Pod that is gone.
func lastWordOn(pod types.UID) func(*scene) {
	return func(s *scene) { s.o.neverRan = func(uid types.UID) bool { return uid == pod } }
}

func told(first bool) func(*scene) {
	return func(s *scene) { s.w.FirstVoter = first }
}

func outdated(s *scene) {
	s.o.pods[0].Annotations[kube.AnnotationRenderedHash], s.o.pods[0].Annotations[kube.AnnotationUserInputsHash] = "v1:other", "v1:other"
}

func TestOnePodAloneIsAFirstVoterOnAnEmptyDir(t *testing.T) {
	replace := func(w *messages.BrokerWanted) { w.Replace = []string{"/kafka-logs"} }
	for name, test := range map[string]struct {
		scene  scene
		step   string
		reason string
		first  bool // the Pod that is made is one
		names  string
	}{
		"the Pod comes before its ConfigMap, so that this tells whether Kafka may have run": {
			scene: nodeOnPod(t, onPod(true)), step: "apply Pod demo-node-0", first: true,
		},
		"which is not written before the Pod has a node: until then it surely never ran": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false)), step: "broker.wait", reason: "no node",
		},
		"then its ConfigMap names it": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), scheduled), step: "apply ConfigMap demo-config-0",
		},
		"while it starts its right stands": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), scheduled, withConfig(t), told(false)), step: "broker.wait",
		},
		"when it runs in a quorum its right is spent": {
			scene: nodeOnPod(t, onPod(true), withPod(t, true), withConfig(t), told(false)), step: "apply ConfigMap demo-config-0", names: "spent",
		},
		"for good": {
			scene: nodeOnPod(t, onPod(true), withPod(t, true), withConfig(t), told(false), withConfig(t), told(true), booting), step: "broker.wait",
		},
		"a Pod that is gone after that has no successor": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), withoutPod), step: "broker.wait", reason: "went with its Pod",
		},
		"when the proof is there the next one joins": {
			scene: nodeOnPod(t, onPod(false, replace), withConfig(t)), step: "apply Pod demo-node-0",
		},
		"nor has one that nobody has seen while a quorum is there": {
			scene: nodeOnPod(t, onPod(false)), step: "broker.wait", reason: "went with its Pod",
		},
		"not in a pause": {
			scene: nodeOnPod(t, onPod(false, replace, inPause), withConfig(t)), step: "broker.wait", reason: "paused",
		},
		"not in maintenance": {
			scene: nodeOnPod(t, onPod(false, replace, func(w *messages.BrokerWanted) { w.Entry.Maintenance = true }), withConfig(t)),
			step:  "broker.wait", reason: "in maintenance",
		},
		"not before all first voters are known": {
			scene: nodeOnPod(t, onPod(true, func(w *messages.BrokerWanted) { w.Quorum.Initial = nil })), step: "broker.wait", reason: "other first controllers",
		},
		"a Pod that came too late to be one goes before it starts": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), told(false)), step: "delete Pod demo-node-0", reason: "began without this Pod",
		},
		"one that cannot start by its file finds the newest one in its place, since no other Pod could be a first voter": {
			scene: nodeOnPod(t, onPod(true), withPod(t, true), withConfig(t), crashing, edited(t)), step: "apply ConfigMap demo-config-0",
		},
		"not when there is a quorum": {
			scene: nodeOnPod(t, onPod(true), withPod(t, true), withConfig(t), crashing, edited(t), told(false)), step: "ask whether Pod demo-node-0 could be made",
		},
		"the ConfigMap of a first voter that runs is written anew, so that it is not forgotten": {
			scene: nodeOnPod(t, onPod(true), withPod(t, true)), step: "apply ConfigMap demo-config-0",
		},
		"a Pod that never started goes when its wish changes, what says that it may have stays": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), outdated), step: "delete Pod demo-node-0", reason: "never started",
		},
		"not while its container may have been made": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), outdated, scheduled), step: "delete Pod demo-node-0", reason: "never started",
		},
		"but when its kubelet has said that it was not": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), scheduled, unmade), step: "delete ConfigMap demo-config-0", reason: "never started",
		},
		"also when nobody looked before the Pod was gone": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), withoutPod, lastWordOn("pod-1")),
			step:  "delete ConfigMap demo-config-0", reason: "never started",
		},
		"not by what was said of another Pod": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), withoutPod, lastWordOn("pod-0")), step: "broker.wait", reason: "went with its Pod",
		},
		"nor when a quorum has formed": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), withoutPod, lastWordOn("pod-1"), told(false)),
			step:  "broker.wait", reason: "went with its Pod",
		},
		"and not when somebody else has": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), scheduled, unmade, disrupted), step: "broker.wait", reason: "stopping",
		},
		"nor when it had one": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), scheduled, unmade, func(s *scene) {
				s.o.pods[0].Status.ContainerStatuses[0].ContainerID = "containerd://1"
			}), step: "broker.wait", reason: "stopping",
		},
		"nor of one that is no first voter any more": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), scheduled, unmade, told(false)), step: "broker.wait", reason: "stopping",
		},
		"the ConfigMap of one that was never made is not written again": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), scheduled, unmade), step: "broker.wait", reason: "stopping",
		},
		"it is left alone while it may yet start: no other Pod has its vote": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), outdated, scheduled, created(time.Minute)), step: "broker.wait", reason: "after its start",
		},
		"unless it is stuck": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), outdated, scheduled, created(time.Minute), unpullable),
			step:  "delete Pod demo-node-0", reason: "never started",
		},
		"or takes too long": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t), outdated, scheduled, created(firstStart)),
			step:  "delete Pod demo-node-0", reason: "never started",
		},
		"one that never had a node goes alone": {
			scene: nodeOnPod(t, onPod(true), withPod(t, false), outdated), step: "delete Pod demo-node-0", reason: "never started",
		},
	} {
		t.Run(name, func(t *testing.T) {
			next := nextStep(test.scene.w, test.scene.o, now)
			require.Equal(t, test.step, nameOf(next))
			reason := reasonOf(next)
			if waits, ok := next.(wait); ok {
				reason = waits.reason
			}
			require.Contains(t, reason, test.reason)
			if made, ok := next.(apply); ok {
				switch object := made.objects[0].(type) {
				case *corev1.Pod:
					require.Equal(t, test.first, kube.FirstVoterPod(object))
				case *corev1.ConfigMap:
					require.Equal(t, cmp.Or(test.names, "pod-1"), object.Data[kube.KeyFirstVoter])
				}
			}
		})
	}
}

func TestAConfigMapNamesNoOtherPodAsFirstVoter(t *testing.T) {
	s := nodeOnPod(t, onPod(true), withPod(t, false), withConfig(t))
	require.Equal(t, "pod-1", string(s.w.firstVoter(s.o)))
	s.o.pods[0].UID = "pod-2" // made by a request that was long under way
	require.Empty(t, s.w.firstVoter(s.o))
	s.o.config = nil
	s.w.FirstVoter = false
	require.Empty(t, s.w.firstVoter(s.o), "nor when there is a quorum")
}

func TestReplicasOnAnEmptyDirWhosePodIsGoneWaitForKafka(t *testing.T) {
	onEmptyDir := func(w *messages.BrokerWanted) {
		brokerOnly(w)
		w.Entry.BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	}
	ran := func(w *messages.BrokerWanted) { onEmptyDir(w); w.RanOnPod = true }
	for name, test := range map[string]struct {
		change func(*messages.BrokerWanted)
		waits  bool
	}{
		"it ran":                 {change: ran, waits: true},
		"not before it ever ran": {change: onEmptyDir},
		"a broker of Koperator's, of which nobody knows": {change: func(w *messages.BrokerWanted) { onEmptyDir(w); w.RanBefore = true }, waits: true},
		"where a claim was before": {change: func(w *messages.BrokerWanted) {
			onEmptyDir(w)
			w.Formatted = map[string]types.UID{"/kafka-logs": "claim"}
		}, waits: true},
		"Kafka has answered": {change: func(w *messages.BrokerWanted) { ran(w); w.StartEmpty = true }},
		"also in a pause":    {change: func(w *messages.BrokerWanted) { ran(w); w.Paused = true }, waits: true},
		"a controller has no replicas": {change: func(w *messages.BrokerWanted) {
			w.RanOnPod = true
			w.Entry.BrokerConfig.ProcessRoles = []string{v1beta1.ControllerRole}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := nodeOnPod(t, test.change)
			_, waits := nextStep(s.w, s.o, now).(wait)
			require.Equal(t, test.waits, waits)
			require.Equal(t, test.waits || s.w.StartEmpty, s.w.observation(s.o, rest{}).Emptied)
		})
	}
	s := nodeOnPod(t, onEmptyDir)
	require.True(t, s.w.replicasOn(&corev1.Pod{}), "also in a Pod that does not say so itself")
}

func TestWhatWentWithAPodIsTold(t *testing.T) {
	gone := nodeOnPod(t, onPod(false))
	require.Equal(t, []string{"/kafka-logs"}, gone.w.observation(gone.o, rest{}).Lost)
	never := nodeOnPod(t, onPod(true))
	require.Empty(t, never.w.observation(never.o, rest{}).Lost)
	runs := nodeOnPod(t, onPod(true), withPod(t, true))
	told := runs.w.observation(runs.o, rest{})
	require.Empty(t, told.Lost)
	require.True(t, told.VoteOnPod)
}

func TestAClaimInThePlaceOfAFirstVotersEmptyDirJoins(t *testing.T) {
	before := nodeOnPod(t, onPod(true), withPod(t, true), withConfig(t))
	wanted := wish(demo())
	wanted.FirstVoter = true
	w, err := newBlueprint(wanted)
	require.NoError(t, err)
	next := nextStep(w, before.o, now).(apply)
	require.True(t, kube.FormatStateOf(next.objects[0].GetAnnotations()).Joins)
}
