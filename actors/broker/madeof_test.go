package broker

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// fullWish has every field set.
func fullWish(t *testing.T) messages.BrokerWanted {
	t.Helper()
	w := wish(demo(func(c *v1beta1.KafkaCluster) {
		c.Spec.HeadlessServiceEnabled = false
		c.Spec.RackAwareness = &v1beta1.RackAwareness{Labels: []string{corev1.LabelTopologyZone}}
	}))
	w.Leaving, w.FirstVoter, w.RanBefore, w.Paused, w.Consent, w.RanOnPod, w.StartEmpty, w.Elsewhere, w.BrokersTook = true, true, true, true, true,
		true, true, true, true
	w.Quorum.Formed, w.Quorum.Missing = true, []messages.BrokerID{1}
	w.Formatted = map[string]types.UID{"/kafka-logs": claimUID, "/old": oldUID}
	w.Permit = messages.Permit{Pod: "pod-1", Asked: messages.NoBudget, WhileStuck: true, Because: "why"}
	w.Kafka = messages.KafkaRelease{Version: "4.3", ELR: true}
	w.ClusterApplied, w.Replace, w.MetadataDirectory = []string{"log.retention.ms"}, []string{"/kafka-logs"}, "directory"
	w.Removal = messages.Removal{Stop: "pod-1", Stopped: true, Retire: true, Remembered: true}
	fields := reflect.ValueOf(w)
	for i := range fields.NumField() {
		require.False(t, fields.Field(i).IsZero(), "%s is not set here: a blueprint that reads it would not be found out", fields.Type().Field(i).Name)
	}
	return w
}

// What madeOf leaves out makes no new blueprint when it changes (following): objects that were made from it would stay as they were.
func TestObjectsAreMadeOfNothingThatDecidesAboutStepsAlone(t *testing.T) {
	for name, change := range map[string]func(*messages.BrokerWanted){
		"all fields are set":         func(*messages.BrokerWanted) {},
		"nobody has seen it run":     func(w *messages.BrokerWanted) { w.Formatted = nil },
		"it is one that stays":       func(w *messages.BrokerWanted) { w.Leaving, w.RanBefore = false, false },
		"its quorum has yet to form": func(w *messages.BrokerWanted) { w.Formatted, w.Quorum.Formed, w.Quorum.Missing = nil, false, nil },
	} {
		t.Run(name, func(t *testing.T) {
			wanted := fullWish(t)
			change(&wanted)
			full, err := newBlueprint(wanted)
			require.NoError(t, err)
			less, err := newBlueprint(madeOf(wanted))
			require.NoError(t, err)
			require.Equal(t, full.userHash, less.userHash)
			require.Equal(t, full.renderedHash, less.renderedHash)
			require.Equal(t, full.properties, less.properties)
			require.Equal(t, full.configMap, less.configMap)
			less.BrokerWanted = full.BrokerWanted
			require.Equal(t, full, less, "nor anything else")
		})
	}
}

// A wish that differs in what the objects are made of has to make them anew, one that differs otherwise must not.
func TestWhatIsLeftOutOfAWishMakesNoObjectsAnew(t *testing.T) {
	full := fullWish(t)
	before, err := newBlueprint(full)
	require.NoError(t, err)
	made, none := reflect.ValueOf(madeOf(full)), messages.BrokerWanted{}
	for i := range made.NumField() {
		name := made.Type().Field(i).Name
		if name == "Cluster" || name == "Entry" { // another entry comes with another snapshot
			continue
		}
		t.Run(name, func(t *testing.T) {
			next := full
			reflect.ValueOf(&next).Elem().Field(i).Set(reflect.ValueOf(none).Field(i))
			next.Quorum.Mode = full.Quorum.Mode // without it there is no blueprint
			after, err := before.following(next)
			require.NoError(t, err)
			require.Equal(t, next, after.BrokerWanted)
			require.Equal(t, made.Field(i).IsZero(), after.configMap == before.configMap, "it is left out, and the same object stands")
		})
	}
}
