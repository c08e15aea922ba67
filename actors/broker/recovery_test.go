package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// takenOver is a broker that Koperator made, and that nobody here has seen run.
func takenOver(w *messages.BrokerWanted) {
	brokerOnly(w)
	w.RanBefore = true
}

// withoutAnything has neither Pod nor claims.
func withoutAnything(s *scene) { s.o.pods, s.o.claims = nil, nil }

// deleted is a claim that goes when no Pod has it any more.
func deleted(s *scene) { s.claim().DeletionTimestamp = &metav1.Time{Time: now} }

// onNodeThatIsGone is a Pod that can be nowhere: the volume of its claim was on a node that is gone.
func onNodeThatIsGone(s *scene) {
	unbound("local", "")(s)
	s.claim().Spec.VolumeName = "pv"
	s.o.places = map[string]place{"pv": {required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{"gone"}}},
	}}}}}
}

func TestWhichDisksAreLost(t *testing.T) {
	lost := []string{"/kafka-logs"}
	for name, test := range map[string]struct {
		change func(*messages.BrokerWanted)
		spoil  func(*scene)
		want   []string
	}{
		"one on which Kafka ran":                        {change: ranBefore, spoil: withoutAnything, want: lost},
		"not one on which it never did":                 {spoil: withoutAnything},
		"that of a broker taken over, which surely ran": {change: takenOver, spoil: withoutAnything, want: lost},
		"also when its file alone tells whose it was": {
			change: brokerOnly, spoil: func(s *scene) { withoutAnything(s); s.o.config.Annotations = nil }, want: lost,
		},
		"not that of a controller taken over, whose vote the others may know by its claim": {
			change: func(w *messages.BrokerWanted) { w.RanBefore = true }, spoil: withoutAnything,
		},
		"with ZooKeeper there are no votes": {
			change: func(w *messages.BrokerWanted) { w.RanBefore, w.Cluster.Spec.KRaft = true, false }, spoil: withoutAnything, want: lost,
		},
		"not one that came after somebody had seen it run on others": {
			change: func(w *messages.BrokerWanted) { takenOver(w); w.RanOnPod = true }, spoil: withoutAnything,
		},
		"not an emptyDir, which no claim can bring back": {
			change: takenOver, spoil: func(s *scene) { withoutAnything(s); s.w.disks[0].PvcSpec = nil },
		},
		"not while its claim is there":         {change: takenOver, spoil: withoutPod},
		"not while its claim is being deleted": {change: takenOver, spoil: func(s *scene) { withoutPod(s); deleted(s) }},
		"nor while a Pod runs on it":           {change: takenOver, spoil: deleted},
		"nor while one that has ended goes": {change: takenOver, spoil: func(s *scene) {
			deleted(s)
			s.pod().Status.Phase, s.pod().DeletionTimestamp = corev1.PodFailed, s.claim().DeletionTimestamp
		}},
		"but when it was deleted and the Pod has ended": {
			change: takenOver, spoil: func(s *scene) { deleted(s); s.pod().Status.Phase = corev1.PodFailed }, want: lost,
		},
		"one whose claim was on a node that is gone, also where nobody saw Kafka": {change: brokerOnly, spoil: onNodeThatIsGone, want: lost},
		"not that of a controller":                  {spoil: onNodeThatIsGone},
		"unless Kafka was seen there, too":          {change: ranBefore, spoil: onNodeThatIsGone, want: lost},
		"not while nobody knows where its claim is": {change: brokerOnly, spoil: func(s *scene) { onNodeThatIsGone(s); s.o.places = nil }},
		"nor while it has another claim": {change: brokerOnly, spoil: func(s *scene) {
			onNodeThatIsGone(s)
			other := s.claim().DeepCopy()
			other.Name, other.Spec.VolumeName = "demo-0-other", ""
			s.o.claims = append(s.o.claims, other)
		}},
		"all of them, sorted": {
			change: func(w *messages.BrokerWanted) {
				takenOver(w)
				disks := &w.Entry.BrokerConfig.StorageConfigs
				other := *(*disks)[0].DeepCopy()
				other.MountPath = "/a"
				*disks = append(*disks, other)
			}, spoil: withoutAnything, want: []string{"/a", "/kafka-logs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := planned(t, test.change, test.spoil)
			require.Equal(t, test.want, s.w.lostDisks(s.o))
			require.Equal(t, test.want, s.w.observation(s.o, rest{}).Lost)
		})
	}
}

func TestALostDiskOfABrokerTakenOverIsReplacedWhenAllOnItIsElsewhere(t *testing.T) {
	replace := func(w *messages.BrokerWanted) { takenOver(w); w.Replace = []string{"/kafka-logs"} }
	checkPlans(t, map[string]planCase{
		"not before": {change: takenOver, spoil: withoutAnything, step: "broker.wait", reason: "DataVolumeLost: there is no claim for /kafka-logs"},
		"then it gets a new claim": {
			change: replace, spoil: withoutAnything, step: "apply PersistentVolumeClaim demo-0-9e423fa7", reason: "the broker gets empty ones",
		},
		"once its Pod, which waits for the old one, is gone": {
			change: replace, spoil: func(s *scene) { onNodeThatIsGone(s); s.o.claims = nil },
			step: "delete Pod demo-node-0", reason: "waits for the claims of /kafka-logs",
		},
		"and before that the claim on a node that is gone": {
			change: replace, spoil: onNodeThatIsGone, step: "delete PersistentVolumeClaim demo-0-9e423fa7", reason: "on a node that is gone",
		},
	})
	s := planned(t, replace, withoutAnything)
	next := nextStep(s.w, s.o, now).(apply)
	require.Equal(t, notice{"DiskReplaced", "Create"}, next.notice)
	require.True(t, kube.FormatStateOf(next.objects[0].GetAnnotations()).Allowed, "the start script may format it")
}
