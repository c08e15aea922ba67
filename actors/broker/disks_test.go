package broker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// withoutDisk is a broker that runs on a disk which left its spec, and that has been seen empty twice.
func withoutDisk(t *testing.T) scene {
	t.Helper()
	s := planned(t, nil, nil)
	s.w.draining = []string{"/kafka-logs"}
	s.w.disks = nil
	s.w.Permit = messages.Permit{Pod: s.pod().UID}
	s.o.disks = disks{
		process: processOf(s.pod()), answered: now, empty: map[string]time.Time{"/kafka-logs": now.Add(-kafka.EmptyFor)},
	}
	return s
}

func TestAMarkThatADiskGoesIsTakenBackUnlessItsPodIsAboutToStop(t *testing.T) {
	unmarked := map[string]string{kube.AnnotationLogDirReleased: ""}
	for name, test := range map[string]struct {
		change func(*scene)
		want   map[string]string
	}{
		"about to stop":               {func(*scene) {}, nil},
		"it may not stop any more":    {func(s *scene) { s.w.Permit = messages.Permit{} }, unmarked},
		"the permit is of a dead Pod": {func(s *scene) { s.w.Permit.Pod = "another" }, unmarked},
		"something is on the disk":    {func(s *scene) { s.o.disks.empty = nil }, unmarked},
		"its process is another one":  {func(s *scene) { s.o.disks.process.started = now }, unmarked},
		"its eviction was refused":    {func(s *scene) { s.o.refused.pod = s.pod().UID }, unmarked},
	} {
		t.Run(name, func(t *testing.T) {
			s := withoutDisk(t)
			s.claim().Annotations[kube.AnnotationLogDirReleased] = "true"
			test.change(&s)
			step, _ := marks(s.w, s.o, now).(annotate)
			require.Equal(t, test.want, step.annotations)
		})
	}
}

func TestAClaimWhoseAnnotationSomebodyEditsIsNotGone(t *testing.T) {
	s := planned(t, ranBefore, func(s *scene) { ready(s.pod()) })
	require.Empty(t, s.w.letGoDisks(s.o))
	s.claim().Annotations[kube.AnnotationMountPath] = "/elsewhere"
	require.Empty(t, s.w.letGoDisks(s.o), "the Pod mounts it")
	s.o.claims = nil
	require.Empty(t, s.w.letGoDisks(s.o), "the Pod mounts it, whatever labels it has")
	s.pod().Spec.Volumes = nil
	require.Equal(t, []string{"/kafka-logs"}, s.w.letGoDisks(s.o), "the Pod runs without it")
}

func TestADiskThatMayHoldAControllersMetadataStays(t *testing.T) {
	second := types.UID("1f2e3d4c-0000-4000-8000-000000000001")
	first, err := kafka.DirectoryID(string(claimUID))
	require.NoError(t, err)
	for name, test := range map[string]struct {
		directory string
		holds     bool
	}{
		"nobody knows where its vote is":     {"", true},
		"its vote is on another disk":        {"another", true},
		"its vote is on the disk that stays": {first, false},
	} {
		t.Run(name, func(t *testing.T) {
			wanted := wish(demo())
			wanted.Formatted = map[string]types.UID{"/kafka-logs": claimUID, "/old": second}
			wanted.MetadataDirectory = test.directory
			w, err := newBlueprint(wanted)
			require.NoError(t, err)
			require.Equal(t, []string{"/old"}, w.draining)
			require.Equal(t, test.holds, w.holdsMetadata("/old"))
			require.False(t, w.holdsMetadata("/kafka-logs"), "it is in the spec")
		})
	}
}

func TestARefusedEvictionEndsWithTheMarkThatTheAPIServerLetsPass(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "asked"}}
	old := refusal{pod: "asked", text: "a budget", at: now}
	for name, test := range map[string]struct {
		step   letGo
		marked int
		want   refusal
	}{
		"it may go now":             {letGo{pod: pod}, 1, refusal{}},
		"nothing was marked":        {letGo{pod: pod}, 0, old},
		"no budget was asked":       {letGo{}, 1, old},
		"the refusal is of another": {letGo{pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "another"}}}, 1, old},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, old.passed(test.step, test.marked)) })
	}
}

func TestAClaimThatNeverHadAVolumeIsToBeDeletedRatherThanReplacedByAnotherDisk(t *testing.T) {
	s := planned(t, nil, unbound("nosuch", "fast"))
	require.Contains(t, s.w.pending(s.o), "spec.storageClassName of claim demo-0-9e423fa7 is not that of the spec, and nothing is on this claim: delete it")
	s.claim().Spec.VolumeName, s.claim().Status.Phase = "pv", corev1.ClaimBound
	require.Contains(t, s.w.pending(s.o), "a claim keeps it for life")
	require.Equal(t, "Pod has no node: unbound immediate PersistentVolumeClaims", s.w.startingReason(s.o), "it is not that claim")

	s = planned(t, ranBefore, unbound("nosuch", "fast"))
	require.NotContains(t, s.w.pending(s.o), "delete it", "Kafka ran on that disk: a claim in its place would be a lost one")
	require.NotContains(t, s.w.startingReason(s.o), "delete it")
	s = planned(t, func(w *messages.BrokerWanted) { w.RanBefore = true }, unbound("nosuch", "fast"))
	require.NotContains(t, s.w.startingReason(s.o), "delete it", "nobody has seen yet on which disks Koperator's broker ran")
}

// Whoever is allowed to stop a Pod for a reason of the cluster's keeps it all the same where data would go with it.
func TestABrokerThatKafkaHasLostKeepsThePodThatHoldsItsClaim(t *testing.T) {
	allowed := func(s *scene) {
		s.w.Permit = messages.Permit{Pod: s.pod().UID, Asked: messages.NoBudget, Because: "restart: Kafka has given it up"}
	}
	s := planned(t, ranBefore, allowed)
	require.IsType(t, remove{}, restartPod(s.w, s.o, now))
	s = planned(t, func(w *messages.BrokerWanted) { ranBefore(w); w.Leaving = true }, allowed)
	require.IsType(t, remove{}, restartPod(s.w, s.o, now), "also while it leaves")
	s.claim().DeletionTimestamp = &metav1.Time{Time: now}
	require.Nil(t, restartPod(s.w, s.o, now), "its claim was deleted, and goes when the Pod stops")
}
