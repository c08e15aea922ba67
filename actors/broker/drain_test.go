package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// going is a broker whose node is about to go.
func going(t *testing.T) scene {
	t.Helper()
	s := planned(t, nil, nil)
	s.claim().Spec.VolumeName = "pv-1"
	s.o.node = &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{corev1.LabelHostname: "node-1", corev1.LabelTopologyZone: "a"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "karpenter.sh/disrupted", Effect: corev1.TaintEffectNoSchedule}}},
	}
	return s
}

func only(label, value string) *corev1.NodeSelector {
	return &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
		{Key: label, Operator: corev1.NodeSelectorOpIn, Values: []string{value}},
	}}}}
}

func TestABrokerOnANodeThatIsAboutToGo(t *testing.T) {
	t.Run("is asked first where its volumes can be", func(t *testing.T) {
		s := going(t)
		require.Equal(t, locate{claims: s.o.claims}, drain(s.w, s.o, now))
		require.Empty(t, s.w.restart(s.o))
		require.Empty(t, s.w.held(s.o))
	})
	t.Run("moves when they can leave", func(t *testing.T) {
		s := going(t)
		s.o.places = map[string]place{"pv-1": {at: now, required: only(corev1.LabelTopologyZone, "a")}}
		require.Nil(t, drain(s.w, s.o, now))
		require.Contains(t, s.w.restart(s.o), "node node-1 is about to go (taint karpenter.sh/disrupted)")
	})
	t.Run("stays with one that cannot", func(t *testing.T) {
		s := going(t)
		s.o.places = map[string]place{"pv-1": {at: now, required: only(corev1.LabelHostname, "node-1")}}
		require.Empty(t, s.w.restart(s.o))
		require.Contains(t, s.w.held(s.o), "volume pv-1 is on that node alone")
	})
	t.Run("stays while nobody may look, and asks again after a while", func(t *testing.T) {
		s := going(t)
		s.o.places = map[string]place{"pv-1": {at: now, unreadable: "grant it"}}
		require.Empty(t, s.w.restart(s.o))
		require.Contains(t, s.w.held(s.o), "grant it")
		require.Nil(t, drain(s.w, s.o, now.Add(placesAgain-1)))
		require.IsType(t, locate{}, drain(s.w, s.o, now.Add(placesAgain)))
	})
	t.Run("moves for another reason, too", func(t *testing.T) {
		s := going(t)
		s.pod().Annotations["kafka.banzaicloud.io/restart"] = "please"
		require.Contains(t, s.w.restart(s.o), "asked for by annotation")
	})
	t.Run("does not move before it is up", func(t *testing.T) {
		s := going(t)
		s.o.places = map[string]place{"pv-1": {at: now}}
		s.pod().Status.Conditions = nil
		require.Empty(t, s.w.restart(s.o))
	})
	t.Run("is left alone when it leaves the cluster", func(t *testing.T) {
		s := going(t)
		s.w.Leaving = true
		require.Nil(t, drain(s.w, s.o, now))
	})
}

func TestACordonIsToldOnce(t *testing.T) {
	s := going(t)
	s.o.node.Spec = corev1.NodeSpec{Unschedulable: true}
	told, ok := drain(s.w, s.o, now).(announce)
	require.True(t, ok)
	require.Contains(t, told.text, "node node-1 is cordoned")
	s.o.announced = told.of
	require.Nil(t, drain(s.w, s.o, now))
	require.Empty(t, s.w.restart(s.o))
}
