package broker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// scene is a blueprint with what is there.
type scene struct {
	w blueprint
	o observed
}

// planned is a node of which everything is made and runs; changes take away or spoil something.
func planned(t *testing.T, change func(*messages.BrokerWanted), spoil func(*scene)) scene {
	t.Helper()
	wanted := wish(demo())
	if change != nil {
		change(&wanted)
	}
	w, err := newBlueprint(wanted)
	require.NoError(t, err)
	s := scene{w: w, o: observed{nodes: true, written: &kube.Written{}}}
	claim, err := w.claim(w.disks[0], "", w.newClaimFormat())
	require.NoError(t, err)
	claim.UID = claimUID
	s.o.claims = []*corev1.PersistentVolumeClaim{claim}
	for _, disk := range w.disks[1:] {
		other := claim.DeepCopy()
		other.Name, other.UID = kube.ClaimName("demo", 0, disk.MountPath), w.Formatted[disk.MountPath]
		other.Annotations[kube.AnnotationMountPath] = disk.MountPath
		s.o.claims = append(s.o.claims, other)
	}
	names, problem := w.claimNames(s.o.claims)
	require.Empty(t, problem)
	if config, ok := w.applyConfig(s.o, "").(apply); ok {
		s.o.config = config.objects[0].(*corev1.ConfigMap).DeepCopy()
	}
	pod, err := w.pod(names, w.openRights(s.o.claims))
	require.NoError(t, err)
	pod.UID, pod.Spec.NodeName = "pod-1", "node-1"
	ready(pod)
	s.o.pods = []*corev1.Pod{pod}
	if spoil != nil {
		spoil(&s)
	}
	return s
}

// unbound is a Pod that has no node since its claim, of one class, has no volume, while the spec asks for another class; empty is none.
func unbound(has, wants string) func(*scene) {
	return func(s *scene) {
		s.pod().Spec.NodeName = ""
		s.pod().Status = corev1.PodStatus{Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "unbound immediate PersistentVolumeClaims",
		}}}
		s.claim().Spec.StorageClassName, s.claim().Status.Phase = &has, corev1.ClaimPending
		if wanted := s.w.wantedClaims["/kafka-logs"]; wants != "" {
			wanted.Spec.StorageClassName = &wants
		}
	}
}

func (s *scene) pod() *corev1.Pod                     { return s.o.pods[0] }
func (s *scene) claim() *corev1.PersistentVolumeClaim { return s.o.claims[0] }

// planCase is a node, what is wrong with it, and the step that follows.
type planCase struct {
	change func(*messages.BrokerWanted)
	spoil  func(*scene)
	step   string // its name
	reason string
}

func (c planCase) check(t *testing.T) {
	t.Helper()
	s := planned(t, c.change, c.spoil)
	next := nextStep(s.w, s.o, now)
	require.Equal(t, c.step, nameOf(next))
	if c.reason == "" {
		return
	}
	reason := reasonOf(next)
	if waits, ok := next.(wait); ok {
		reason = waits.reason
	}
	require.Contains(t, reason, c.reason)
}

func checkPlans(t *testing.T, cases map[string]planCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, c.check)
	}
}

func racks(w *messages.BrokerWanted) {
	w.Cluster.Spec.RackAwareness = &v1beta1.RackAwareness{Labels: []string{corev1.LabelTopologyZone}}
}

func ranBefore(w *messages.BrokerWanted) { w.Formatted = map[string]types.UID{"/kafka-logs": claimUID} }

func inPause(w *messages.BrokerWanted) { w.Paused = true }

func TestDisksComeFirstAndAreNeverGuessed(t *testing.T) {
	checkPlans(t, map[string]planCase{
		"a node that runs as wanted rests": {step: "broker.rest"},
		"a disk without a claim gets one": {
			spoil: func(s *scene) { s.o.claims = nil }, step: "apply PersistentVolumeClaim demo-0-9e423fa7", reason: "disks have no claim",
		},
		"a disk on which Kafka ran gets no empty claim": {
			change: ranBefore, spoil: func(s *scene) { s.o.claims = nil }, step: "broker.wait", reason: "DataVolumeLost",
		},
		"a claim with data that is being deleted is not called gone": {
			change: ranBefore, spoil: func(s *scene) { s.o.claims[0].DeletionTimestamp, s.o.pods = &metav1.Time{Time: now}, nil },
			step: "broker.wait", reason: "for /kafka-logs is being deleted, and Kafka has run on it",
		},
		"a claim that is being deleted is waited for": {
			spoil: func(s *scene) { s.claim().DeletionTimestamp, s.o.pods = &metav1.Time{Time: now}, nil }, step: "broker.wait", reason: "is being deleted",
		},
		"a claim that is deleted under a Pod that runs is there as long": {
			change: ranBefore, spoil: func(s *scene) { s.claim().DeletionTimestamp = &metav1.Time{Time: now} }, step: "broker.rest",
		},
		"a claim that is deleted goes with the Pod that stops": {
			change: ranBefore, spoil: func(s *scene) {
				s.claim().DeletionTimestamp, s.pod().DeletionTimestamp = &metav1.Time{Time: now}, &metav1.Time{Time: now}
			}, step: "broker.wait", reason: "was deleted, and goes with Pod",
		},
		"a claim with the label of another broker stops the start": {
			spoil: func(s *scene) { s.claim().Labels[kube.LabelBrokerID] = "7" }, step: "broker.wait", reason: "correct its label",
		},
		"two claims for one disk stop the start": {
			spoil: func(s *scene) {
				twin := s.claim().DeepCopy()
				twin.Name = "demo-0-copy"
				s.o.claims = append(s.o.claims, twin)
			}, step: "broker.wait", reason: "demo-0-copy",
		},
		"an object of somebody else stops everything": {
			spoil: func(s *scene) { s.pod().OwnerReferences = nil }, step: "broker.wait", reason: "does not belong to the cluster",
		},
		"two Pods stop everything": {
			spoil: func(s *scene) {
				twin := s.pod().DeepCopy()
				twin.Name = "demo-0-copy"
				s.o.pods = append(s.o.pods, twin)
			}, step: "broker.wait", reason: "both claim to be this broker",
		},
		"a Pod that ran before comes back on the same disks": {
			change: ranBefore, spoil: func(s *scene) { s.o.pods = nil }, step: "apply Pod demo-node-0", reason: "same disks",
		},
		"a Pod that lost its disk comes back with an empty one": {
			change: func(w *messages.BrokerWanted) { w.Formatted = map[string]types.UID{"/kafka-logs": "lost"} },
			spoil:  func(s *scene) { s.o.pods = nil }, step: "apply Pod demo-node-0", reason: "empty disk for /kafka-logs",
		},
		"a first voter waits for the claims of the others": {
			change: func(w *messages.BrokerWanted) { w.Quorum.Initial = nil },
			spoil:  func(s *scene) { s.o.pods = nil }, step: "broker.wait", reason: "claims of the other first controllers",
		},
		"a first voter that ran before waits for nobody": {
			change: func(w *messages.BrokerWanted) { w.Quorum.Initial = nil; ranBefore(w) },
			spoil:  func(s *scene) { s.o.pods = nil }, step: "apply Pod demo-node-0",
		},
		"a controller's metadata are never left on a disk that is not the first one any more": {
			change: func(w *messages.BrokerWanted) { w.Formatted = map[string]types.UID{"/old": claimUID} },
			spoil:  func(s *scene) { s.o.pods = nil }, step: "broker.wait", reason: "on one of /old",
		},
		"the right to format is taken back when Kafka was seen": {
			change: ranBefore, step: "apply PersistentVolumeClaim demo-0-9e423fa7", reason: "Kafka runs on the disks",
		},
	})
}

func TestThePodAndItsFileAreKept(t *testing.T) {
	checkPlans(t, map[string]planCase{
		"without Pod and file the file comes first": {
			spoil: func(s *scene) { s.o.pods, s.o.config = nil, nil }, step: "apply ConfigMap demo-config-0",
		},
		"without Pod the Pod is made": {spoil: func(s *scene) { s.o.pods = nil }, step: "apply Pod demo-node-0", reason: "no Pod"},
		"with racks an old file goes before the Pod comes": {
			change: racks, spoil: func(s *scene) { s.o.pods = nil }, step: "delete ConfigMap demo-config-0", reason: "rack is known",
		},
		"with racks the Pod comes without a file": {
			change: racks, spoil: func(s *scene) { s.o.pods, s.o.config = nil, nil }, step: "apply Pod demo-node-0",
		},
		"racks without the right to read nodes are told of": {
			change: racks, spoil: func(s *scene) { s.o.pods, s.o.nodes = nil, false }, step: "broker.wait", reason: "right to read Nodes",
		},
		"with racks the file comes when the node is known": {
			change: racks, spoil: func(s *scene) {
				s.o.config = nil
				s.o.node = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{corev1.LabelTopologyZone: "a"}}}
			}, step: "apply ConfigMap demo-config-0",
		},
		"with racks a node that is not known yet is waited for": {
			change: racks, spoil: func(s *scene) { s.o.config = nil }, step: "broker.wait", reason: "is not known yet",
		},
		"a file that somebody deleted is made again": {
			spoil: func(s *scene) { s.o.config = nil }, step: "apply ConfigMap demo-config-0",
		},
		"a file that somebody edited is set back": {
			spoil: func(s *scene) { s.o.config.Data[kube.KeyBrokerConfig] = "node.id=7\n" }, step: "apply ConfigMap demo-config-0",
		},
		"the file of a Pod with other settings is left alone": {
			spoil: func(s *scene) {
				s.pod().Annotations[kube.AnnotationUserInputsHash] = "v1:other"
				s.o.config.Data[kube.KeyBrokerConfig] = "node.id=7\n"
			}, step: "ask whether Pod demo-node-0 could be made",
		},
		"a Pod that ended and is started by nobody is removed": {
			spoil: func(s *scene) { s.pod().Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"} },
			step:  "delete Pod demo-node-0", reason: "Evicted",
		},
		"a Pod that ended again soon is waited with": {
			spoil: func(s *scene) {
				s.pod().Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}
				s.o.endings = endings{count: 3, last: now.Add(-time.Second)}
			}, step: "broker.wait", reason: "growing delays",
		},
		"a container that its kubelet restarts is left to it": {
			spoil: func(s *scene) {
				s.pod().Status.Conditions = nil
				s.pod().Status.ContainerStatuses = []corev1.ContainerStatus{{Name: kube.KafkaContainer, State: corev1.ContainerState{
					Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"},
				}, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}}}
				s.o.overheard = overheard{pod: s.pod().UID}
			}, step: "broker.wait", reason: "Kafka ended once in this Pod (last: exit code 3, no reason given) and does not listen: condition PodsEnded has",
		},
		"one that runs once more says so in the same words": {
			spoil: func(s *scene) {
				s.pod().Status.Conditions = nil
				s.pod().Status.ContainerStatuses = []corev1.ContainerStatus{crashed(3, now)}
				s.pod().Status.ContainerStatuses[0].RestartCount = 2
				s.pod().Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
			}, step: "broker.wait", reason: "Kafka ended 2 times in this Pod (last: exit code 3, no reason given) and does not listen",
		},
		"an image without Kafka's shell is told by the runtime's words": {
			spoil: func(s *scene) {
				s.pod().Status.Conditions = nil
				s.pod().Status.ContainerStatuses = []corev1.ContainerStatus{{Name: kube.KafkaContainer, State: corev1.ContainerState{
					Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"},
				}, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
					ExitCode: 128, Reason: "StartError", Message: "exec: \"bash\":\nnot found, password=1234567",
				}}}}
				s.o.overheard = overheard{pod: s.pod().UID}
			}, step: "broker.wait",
			reason: `Kafka could not be started, once in this Pod (last: exit code 128, StartError: exec: "bash": not found, password=[hidden])`,
		},
		"a Pod whose volumes are not there": {
			spoil: func(s *scene) {
				waiting := func(reason string) corev1.ContainerState {
					return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
				}
				s.pod().Status.Conditions = nil
				s.pod().Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "jmx-exporter", State: waiting("PodInitializing")}}
				s.pod().Status.ContainerStatuses = []corev1.ContainerStatus{{Name: kube.KafkaContainer, State: waiting("PodInitializing")}}
			}, step: "broker.wait",
			reason: "the Pod's containers have not been started yet; if that lasts, kubectl describe pod demo-node-0 tells why",
		},
		"a container that fails before Kafka starts": {
			spoil: func(s *scene) {
				s.pod().Status.Conditions, s.pod().Status.ContainerStatuses = nil, nil
				s.pod().Status.InitContainerStatuses = []corev1.ContainerStatus{crashed(1, now)}
				s.pod().Status.InitContainerStatuses[0].Name = "jmx-exporter"
				s.pod().Status.InitContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
				s.pod().Status.InitContainerStatuses[0].RestartCount = 2
				s.pod().Status.InitContainerStatuses[0].LastTerminationState.Terminated.Message = "login with what nobody should see"
			}, step: "broker.wait",
			reason: "container jmx-exporter, which comes before Kafka, failed 2 times (last: exit code 1, no reason given): " +
				"kubectl logs demo-node-0 -c jmx-exporter tells why",
		},
		"an image that went away since it ended is told first": {
			spoil: func(s *scene) {
				s.pod().Status.Conditions = nil
				s.pod().Status.ContainerStatuses = []corev1.ContainerStatus{crashed(3, now)}
				s.pod().Status.ContainerStatuses[0].State.Waiting.Reason = "ImagePullBackOff"
				s.o.overheard = overheard{pod: s.pod().UID, ended: now}
			}, step: "broker.wait", reason: "cannot be pulled",
		},
		"the log of a container that ended is read before its next start": {
			spoil: func(s *scene) {
				s.pod().Status.Conditions = nil
				s.pod().Status.ContainerStatuses = []corev1.ContainerStatus{crashed(3, now)}
				s.o.overheard = overheard{pod: s.pod().UID, ended: now.Add(-time.Hour)}
			}, step: "read the log of Pod demo-node-0",
		},
		"an image that cannot be pulled is named": {
			spoil: func(s *scene) {
				s.pod().Status.Conditions = nil
				s.pod().Status.ContainerStatuses = []corev1.ContainerStatus{{Name: kube.KafkaContainer, State: corev1.ContainerState{
					Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"},
				}}}
				s.pod().Spec.Containers[0].Image = "kafka:typo"
			}, step: "broker.wait", reason: "container kafka: image kafka:typo cannot be pulled: correct spec.clusterImage",
		},
		"that of an init container, which the cache does not have, too": {
			spoil: func(s *scene) {
				s.pod().Status.Conditions, s.pod().Spec.InitContainers = nil, nil // kube.Trimmed
				s.pod().Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "jmx-exporter", Image: "jmx:typo", State: corev1.ContainerState{
					Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"},
				}}}
			}, step: "broker.wait", reason: "container jmx-exporter: image jmx:typo cannot be pulled: correct spec.monitoringConfig.jmxImage",
		},
		"a Pod that stops is waited for": {
			spoil: func(s *scene) { s.pod().DeletionTimestamp = &metav1.Time{Time: now} }, step: "broker.wait", reason: "is stopping",
		},
		"a Pod without a node tells why": {
			spoil: func(s *scene) {
				s.pod().Spec.NodeName = ""
				s.pod().Status = corev1.PodStatus{Conditions: []corev1.PodCondition{{
					Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available",
				}}}
			}, step: "broker.wait", reason: "0/3 nodes are available",
		},
		"a claim that keeps a Pod from a node is named with its class": {
			spoil: unbound("nosuch", "nosuch"), step: "broker.wait",
			reason: "Pod has no node: claim demo-0-9e423fa7 for /kafka-logs (storage class nosuch) has no volume: unbound immediate PersistentVolumeClaims",
		},
		"with the way out where the spec asks for another class": {
			spoil: unbound("nosuch", "fast"), step: "broker.wait",
			reason: "; the spec asks for storage class fast: nothing is on this claim, delete it and it is made anew: kubectl delete pvc demo-0-9e423fa7",
		},
		"and where it asks for none": {
			spoil: unbound("nosuch", ""), step: "broker.wait",
			reason: "; the spec names no class, so if that is not the default one: nothing is on this claim, delete it and it is made anew: kubectl delete pvc",
		},
		"without headless mode the node's Service is made": {
			change: func(w *messages.BrokerWanted) { w.Cluster.Spec.HeadlessServiceEnabled = false },
			step:   "apply Service demo-0",
		},
	})
}

func TestAPauseKeepsWhatRuns(t *testing.T) {
	checkPlans(t, map[string]planCase{
		"paused, a Pod that runs is at rest": {change: inPause, step: "broker.rest"},
		"paused, a lost Pod is made again": {
			change: inPause, spoil: func(s *scene) { s.o.pods = nil }, step: "apply Pod demo-node-0",
		},
		"paused, a lost Pod is not made with other settings": {
			change: inPause, spoil: func(s *scene) {
				s.o.pods = nil
				s.o.config.Annotations[kube.AnnotationUserInputsHash] = "v1:other"
			}, step: "broker.wait", reason: "paused",
		},
		"paused, nothing else is written": {
			change: inPause, spoil: func(s *scene) { s.o.claims = nil }, step: "broker.rest",
		},
	})
}

func TestAPodThatKoperatorMadeIsReplacedWhenItsContainerEnded(t *testing.T) {
	s := planned(t, nil, func(s *scene) {
		s.pod().Spec.RestartPolicy = corev1.RestartPolicyNever
		s.pod().Status.ContainerStatuses = []corev1.ContainerStatus{{Name: kube.KafkaContainer, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"},
		}}}
	})
	next, ok := nextStep(s.w, s.o, now).(remove)
	require.True(t, ok)
	require.EqualValues(t, 1, next.endings, "its last words are kept")
	require.Contains(t, next.reason, "exit code 137, OOMKilled")
}

func TestRightsToFormatGoWithTheFirstPodOnly(t *testing.T) {
	env := func(s scene) map[string]string {
		s.o.pods = nil
		next, ok := nextStep(s.w, s.o, now).(apply)
		require.True(t, ok)
		env := map[string]string{}
		for _, e := range next.objects[0].(*corev1.Pod).Spec.Containers[0].Env {
			env[e.Name] = e.Value
		}
		return env
	}
	first := env(planned(t, nil, nil))
	require.Equal(t, "/kafka-logs/kafka", first["KAFKA_FORMAT_DIRS"])
	require.Contains(t, first["KAFKA_INITIAL_CONTROLLERS"], "0@demo-0.demo-headless")
	seen := env(planned(t, func(w *messages.BrokerWanted) {
		w.Formatted = map[string]types.UID{"/kafka-logs": claimUID}
	}, nil))
	require.NotContains(t, seen, "KAFKA_FORMAT_DIRS", "status knows it although the claim still carries the right")
	withdrawn := env(planned(t, nil, func(s *scene) { s.claim().Annotations[kube.AnnotationFormat] = "formatted:x" }))
	require.NotContains(t, withdrawn, "KAFKA_FORMAT_DIRS")
	late := env(planned(t, func(w *messages.BrokerWanted) { w.InitialController = false }, nil))
	require.Equal(t, "/kafka-logs/kafka", late["KAFKA_FORMAT_DIRS"])
	require.NotContains(t, late, "KAFKA_INITIAL_CONTROLLERS", "who comes later joins")
}

func TestEndingDelayGrowsFromASecondToFiveMinutes(t *testing.T) {
	require.Equal(t, time.Second, endingDelay(1))
	require.Equal(t, 8*time.Second, endingDelay(4))
	require.Equal(t, 5*time.Minute, endingDelay(40))
}

func TestAClaimKeepsItsSizeWhenItsRightIsTakenBack(t *testing.T) {
	s := planned(t, func(w *messages.BrokerWanted) { w.Formatted = map[string]types.UID{"/kafka-logs": claimUID} }, func(s *scene) {
		s.claim().Spec.StorageClassName = ptr.To("fast")
	})
	next := nextStep(s.w, s.o, now).(apply)
	claim := next.objects[0].(*corev1.PersistentVolumeClaim)
	require.Equal(t, s.claim().Spec.Resources, claim.Spec.Resources)
	require.Empty(t, kube.Refused(s.claim(), claim))
	require.True(t, kube.FormatStateOf(claim.Annotations).Formatted)
}
