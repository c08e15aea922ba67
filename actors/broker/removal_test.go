package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// leavingOnEmptyDir left the spec and had its replicas on an emptyDir.
func leavingOnEmptyDir(w *messages.BrokerWanted) {
	brokerOnly(w)
	w.Entry.BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	w.Leaving = true
}

// Nobody has recorded that Koperator's brokers ran, but they did: what they had is asked for all the same.
func TestABrokerThatLeavesAndMayHaveHadReplicasOnAnEmptyDirIsNoneThatNeverRan(t *testing.T) {
	also := func(change func(*messages.BrokerWanted)) func(*messages.BrokerWanted) {
		return func(w *messages.BrokerWanted) { leavingOnEmptyDir(w); change(w) }
	}
	const gone, never = "a disk of it is gone: nothing is made again", "before it ever ran"
	for name, test := range map[string]struct {
		change  func(*messages.BrokerWanted)
		reason  string
		emptied bool
	}{
		"one that Koperator left in status": {also(func(w *messages.BrokerWanted) { w.RanBefore = true }), gone, true},
		"one that was seen":                 {also(func(w *messages.BrokerWanted) { w.RanOnPod = true }), gone, true},
		"one that had a claim before": {also(func(w *messages.BrokerWanted) {
			w.Formatted = map[string]types.UID{"/kafka-logs": claimUID}
		}), gone, true},
		"one that never ran": {leavingOnEmptyDir, never, false},
		"one that Kafka has nothing on stays stopped": {also(func(w *messages.BrokerWanted) {
			w.RanBefore, w.Removal.Stopped = true, true
		}), "is stopped; Kafka has yet to forget it", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := nodeOnPod(t, test.change)
			next, waits := nextStep(s.w, s.o, now).(wait)
			require.True(t, waits, "no Pod is made")
			require.Contains(t, next.reason, test.reason)
			require.Equal(t, test.emptied, s.w.observation(s.o, next).Emptied)
		})
	}
	for name, test := range map[string]struct {
		change func(*messages.BrokerWanted)
		step   string
	}{
		"a Pod of Koperator's that does not start yet stays": {also(func(w *messages.BrokerWanted) { w.RanBefore = true }), "broker.wait"},
		"one of a broker that never ran goes":                {leavingOnEmptyDir, "delete Pod demo-node-0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := nodeOnPod(t, test.change, withPod(t, false), withConfig(t))
			require.Equal(t, test.step, nameOf(nextStep(s.w, s.o, now)))
		})
	}
}
