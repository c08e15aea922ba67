package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const oldUID = types.UID("6f1c2b9e-0000-4000-8000-0000000000bb")

// brokerOnly has no metadata of its own.
func brokerOnly(w *messages.BrokerWanted) {
	w.Entry.BrokerConfig.ProcessRoles = []string{v1beta1.BrokerRole}
	w.InitialController = false
}

// leftDisk is a broker whose disk /old left the spec after Kafka ran on it.
func leftDisk(w *messages.BrokerWanted) {
	w.Formatted = map[string]types.UID{"/kafka-logs": claimUID, "/old": oldUID}
}

func logDirsOf(t *testing.T, config *corev1.ConfigMap) string {
	t.Helper()
	file, err := kafka.Parse(config.Data[kube.KeyBrokerConfig])
	require.NoError(t, err)
	dirs, found := file.Get("log.dirs")
	require.True(t, found)
	return dirs
}

func TestADiskThatLeftTheSpecStaysMounted(t *testing.T) {
	with := func(spoil func(*scene)) scene {
		return planned(t, func(w *messages.BrokerWanted) { brokerOnly(w); leftDisk(w) }, spoil)
	}
	t.Run("in the next Pod, too", func(t *testing.T) {
		s := with(func(s *scene) { s.o.pods = nil })
		pod := nextStep(s.w, s.o, now).(apply).objects[0].(*corev1.Pod)
		require.True(t, mounts(pod, kube.ClaimName("demo", 0, "/old")))
		require.Equal(t, "/kafka-logs/kafka,/old/kafka", logDirsOf(t, s.w.configMap))
		require.Contains(t, s.w.pending(s.o), "disk /old left the spec: it stays mounted")
	})
	t.Run("and asks for no restart", func(t *testing.T) {
		both := planned(t, func(w *messages.BrokerWanted) {
			brokerOnly(w)
			disks := &w.Entry.BrokerConfig.StorageConfigs
			*disks = append([]v1beta1.StorageConfig{{MountPath: "/old", PvcSpec: (*disks)[0].PvcSpec}}, *disks...)
		}, nil)
		after := with(func(*scene) {})
		require.Equal(t, both.w.userHash, after.w.userHash, "also when it was the first of them")
	})
	t.Run("until its claim is deleted by hand", func(t *testing.T) {
		s := with(func(s *scene) { s.o.pods, s.o.claims = nil, s.o.claims[:1] })
		require.Contains(t, nextStep(s.w, s.o, now).(wait).reason, "DataVolumeLost: the claim for /old, which left the spec, is gone")
		require.Equal(t, []string{"/old"}, s.w.lostDisks(s.o))
		s.w.Replace = []string{"/old"} // all that was on it is elsewhere
		config := nextStep(s.w, s.o, now).(apply).objects[0].(*corev1.ConfigMap)
		require.Equal(t, "/kafka-logs/kafka", logDirsOf(t, config))
		require.Equal(t, s.w.userHash, config.Annotations[kube.AnnotationUserInputsHash])
	})
	t.Run("and then the Pod is known by what it has, when nothing is remembered of the disk, too", func(t *testing.T) {
		s := with(func(s *scene) { s.o.claims = s.o.claims[:1] })
		require.Equal(t, s.w.userHash, s.w.asMade(s.o).userHash, "it was made with the disk")
		s.o.pods = nil
		without := planned(t, brokerOnly, nil).w
		require.Equal(t, without.userHash, s.w.asMade(s.o).userHash)
		require.Equal(t, without.renderedHash, s.w.asMade(s.o).renderedHash)
		pod, err := without.pod(without.expectedClaims(), nil)
		require.NoError(t, err)
		s.o.pods, s.o.claims = []*corev1.Pod{pod}, nil
		require.Equal(t, without.userHash, s.w.asMade(s.o).userHash, "also when it loses another one under a Pod that was made so")
	})
	t.Run("a controller without it is not started", func(t *testing.T) {
		s := planned(t, leftDisk, func(s *scene) { s.o.pods, s.o.claims = nil, s.o.claims[:1] })
		require.Contains(t, nextStep(s.w, s.o, now).(wait).reason, "DataVolumeLost: the claim for /old")
	})
}

func TestOnlyAControllerThatNeverRanGetsTheFirstVoters(t *testing.T) {
	s := planned(t, func(w *messages.BrokerWanted) {
		w.Entry.BrokerConfig.StorageConfigs[0].MountPath = "/new"
		w.Formatted = map[string]types.UID{"/kafka-logs": claimUID}
	}, nil)
	require.Contains(t, s.w.disks[1].MountPath, "/kafka-logs", "the metadata stays mounted")
	pod, err := s.w.pod(s.w.expectedClaims(), []string{"/new"})
	require.NoError(t, err)
	for _, env := range pod.Spec.Containers[0].Env {
		require.NotEqual(t, "KAFKA_INITIAL_CONTROLLERS", env.Name)
	}
}

func TestDisksOfUncertainPastGetNoEmptyClaim(t *testing.T) {
	without := func(s *scene) { s.o.claims = nil }
	for name, test := range map[string]struct {
		change func(*messages.BrokerWanted)
		spoil  func(*scene)
		reason string
	}{
		"a broker that Koperator left in status": {
			change: func(w *messages.BrokerWanted) { w.RanBefore = true }, spoil: func(s *scene) { without(s); s.o.pods = nil },
			reason: "DataVolumeLost",
		},
		"a file that Koperator wrote": {
			spoil:  func(s *scene) { without(s); s.o.pods = nil; s.o.config.Annotations = nil },
			reason: "DataVolumeLost",
		},
		"a Pod that Koperator made": {
			spoil:  func(s *scene) { without(s); delete(s.pod().Annotations, kube.AnnotationRenderedHash) },
			reason: "DataVolumeLost",
		},
		"a claim of that name with another mount path": {
			spoil: func(s *scene) {
				s.o.pods = nil
				s.claim().Annotations[kube.AnnotationMountPath] = "/elsewhere"
			},
			reason: `its annotation mountPath says "/elsewhere"`,
		},
		"a claim of that name with the label of another broker": {
			spoil: func(s *scene) {
				other := s.claim()
				other.Labels[kube.LabelBrokerID] = "7"
				s.o.pods, s.o.claims = nil, nil
				s.o.claimNamed = func(name string) *corev1.PersistentVolumeClaim {
					if name == other.Name {
						return other
					}
					return nil
				}
			},
			reason: `its label brokerId says "7"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := planned(t, test.change, test.spoil)
			waits, ok := nextStep(s.w, s.o, now).(wait)
			require.True(t, ok)
			require.Equal(t, messages.PhaseBlocked, waits.phase)
			require.Contains(t, waits.reason, test.reason)
		})
	}
}

func TestClaimsOfKoperatorAreMarkedWhenKafkaWasSeenOnThem(t *testing.T) {
	s := planned(t, func(w *messages.BrokerWanted) {
		w.Formatted, w.Quorum = map[string]types.UID{"/kafka-logs": claimUID}, messages.Quorum{Mode: messages.QuorumStatic}
	}, func(s *scene) { delete(s.claim().Annotations, kube.AnnotationFormat) })
	claim := nextStep(s.w, s.o, now).(apply).objects[0].(*corev1.PersistentVolumeClaim)
	require.Equal(t, "formatted:Qk1hb2tqT3ZBUVlYbEE9PQ:Static", claim.Annotations[kube.AnnotationFormat])
}

func TestABrokerWhoseGroupIsGoneIsStillObserved(t *testing.T) {
	wanted := wish(demo(func(c *v1beta1.KafkaCluster) {
		c.Spec.RackAwareness = &v1beta1.RackAwareness{Labels: []string{corev1.LabelTopologyZone}}
	}))
	wanted.Entry.BrokerConfigGroup, wanted.Leaving = "gone", true
	w, err := newBlueprint(wanted)
	require.ErrorContains(t, err, "gone")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "pod-1"}, Spec: corev1.PodSpec{NodeName: "n"}}
	ready(pod)
	told := w.observation(observed{pods: []*corev1.Pod{pod}, node: &corev1.Node{}, written: &kube.Written{}}, blocked("%v", err))
	require.Equal(t, messages.PhaseBlocked, told.Phase)
	require.True(t, told.PodReady)
	require.Contains(t, told.Reason, "gone")
}

func TestTheBackupOfABrokerNeedsNoGroup(t *testing.T) {
	grouped := wish(demo(func(c *v1beta1.KafkaCluster) {
		config := c.Spec.Brokers[0].BrokerConfig
		c.Spec.Envs = []corev1.EnvVar{{Name: "EXTRA+", Value: "x"}}
		c.Spec.BrokerConfigGroups = map[string]v1beta1.BrokerConfig{"default": *config}
		c.Spec.Brokers[0].BrokerConfig, c.Spec.Brokers[0].BrokerConfigGroup = nil, "default"
	}))
	w, err := newBlueprint(grouped)
	require.NoError(t, err)
	entry, err := kube.BrokerFromBackup(w.configMap.Annotations[kube.AnnotationConfigurationBackup])
	require.NoError(t, err)
	grouped.Entry = entry
	grouped.Cluster = grouped.Cluster.DeepCopy()
	grouped.Cluster.Spec.BrokerConfigGroups = nil
	again, err := newBlueprint(grouped)
	require.NoError(t, err)
	require.Equal(t, w.userHash, again.userHash)
	require.Equal(t, w.renderedHash, again.renderedHash)
}

func TestADiskMadeAfterTheQuorumFormedBringsNoList(t *testing.T) {
	formed := func(w *messages.BrokerWanted) { w.Quorum.Formed = true }
	s := planned(t, formed, func(s *scene) { s.o.pods = nil })
	require.True(t, kube.FormatStateOf(s.claim().Annotations).Joins)
	for _, env := range nextStep(s.w, s.o, now).(apply).objects[0].(*corev1.Pod).Spec.Containers[0].Env {
		require.NotEqual(t, "KAFKA_INITIAL_CONTROLLERS", env.Name)
	}
	require.Empty(t, s.w.observation(s.o, rest{}).Claims, "its directory id is in nobody's list")
}

func TestAFirstVoterThatLeftTheSpecIsNamed(t *testing.T) {
	s := planned(t, func(w *messages.BrokerWanted) {
		w.Quorum.Initial, w.Quorum.Missing = nil, []messages.BrokerID{2}
	}, func(s *scene) { s.o.pods = nil })
	waits := nextStep(s.w, s.o, now).(wait)
	require.Equal(t, messages.PhaseBlocked, waits.phase)
	require.Contains(t, waits.reason, "controller 2")
}
