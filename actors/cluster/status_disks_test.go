package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// onEmptyDir gives broker 1 a Pod with replicas on an emptyDir, in which Kafka runs, or not.
func onEmptyDir(runs bool) func(*view) {
	return func(v *view) {
		o := &v.nodes[1].observed
		o.Pod, o.PodRole, o.ReplicasOnPod, o.PodReady, o.Started = "next", "true", true, runs, now.Add(-time.Minute)
		o.Claims, o.Mounted = nil, nil
	}
}

// onClaims gives broker 1 a Pod without an emptyDir, in which Kafka runs, or not.
func onClaims(runs bool) func(*view) {
	return func(v *view) {
		onEmptyDir(runs)(v)
		v.nodes[1].observed.ReplicasOnPod = false
	}
}

// withoutPod takes broker 1's Pod away.
func withoutPod(v *view) {
	v.nodes[1].observed = messages.BrokerObserved{ID: 1, Revision: 5, Phase: messages.PhaseBlocked, Emptied: true, Since: now}
}

func leaves(v *view) { v.nodes[1].leaving = true }

func forgottenByKafka(v *view) { v.forgotten = map[messages.BrokerID]bool{1: true} }

func TestThePodInWhichKafkaRanOnAnEmptyDirIsRecorded(t *testing.T) {
	unheard := func(v *view) { // by Kafka, and no broker has run for long
		v.kafka.Answered = false
		for i := range v.nodes {
			v.nodes[i].observed.Started = now
		}
	}
	unstarted := func(v *view) { v.nodes[1].observed.Started = time.Time{} }
	controller := func(v *view) { v.nodes[1].broker, v.nodes[1].observed.PodRole = false, "false" }
	for name, test := range map[string]struct {
		known   string
		changes []func(*view)
		want    string
	}{
		"as soon as Kafka runs in it":            {changes: []func(*view){onEmptyDir(true)}, want: "next"},
		"not before":                             {changes: []func(*view){onEmptyDir(false)}},
		"nor while nobody knows whether it does": {changes: []func(*view){onEmptyDir(true), unheard}},
		"not a Pod on claims":                    {changes: []func(*view){onClaims(true)}},

		"it stays while its Pod starts again": {"next", []func(*view){onEmptyDir(false), unstarted}, "next"},
		"also when the spec has claims since": {"next", []func(*view){onClaims(true)}, "next"},
		"it stays when the Pod is gone":       {"last", []func(*view){withoutPod}, "last"},
		"and in maintenance": {"last", []func(*view){withoutPod, func(v *view) {
			v.nodes[1].maintenance, v.nodes[1].observed.Phase, v.nodes[1].observed.Emptied = true, messages.PhaseStopped, false
		}}, "last"},
		"and while nobody has looked": {"last", []func(*view){onClaims(true), func(v *view) { v.nodes[1].observed.Revision = 0 }}, "last"},

		"the next Pod takes its place from when its container starts, whether Kafka is heard of or not": {
			"last", []func(*view){onEmptyDir(false), unheard}, "next",
		},
		"not before it has one":                        {"last", []func(*view){onEmptyDir(false), unstarted}, "last"},
		"a next one on claims ends it when Kafka runs": {"last", []func(*view){onClaims(true)}, ""},
		"not before, since it may never":               {"last", []func(*view){onClaims(false)}, "last"},
		"nor one without the broker role":              {"last", []func(*view){onClaims(true), controller}, "last"},
		"with ZooKeeper all are brokers": {"last", []func(*view){onClaims(true), controller, func(v *view) {
			v.cluster.Spec.KRaft = false
		}}, ""},

		"a Pod that nobody knows any more is one, too":    {unknownUID, []func(*view){withoutPod}, unknownUID},
		"until the next one":                              {unknownUID, []func(*view){onEmptyDir(false)}, "next"},
		"or until it turns out that there is no emptyDir": {unknownUID, []func(*view){onClaims(true)}, ""},

		"of a broker that leaves it stays":        {"last", []func(*view){withoutPod, leaves}, "last"},
		"also when it has no objects any more":    {"last", []func(*view){withoutPod, leaves, func(v *view) { v.nodes[1].observed.Gone = true }}, "last"},
		"and goes when Kafka has forgotten it":    {"last", []func(*view){withoutPod, leaves, forgottenByKafka}, ""},
		"not that of one which is back meanwhile": {"last", []func(*view){withoutPod, forgottenByKafka}, "last"},
	} {
		t.Run(name, func(t *testing.T) {
			v := healthy(test.changes...)
			v.known.BrokersState = map[string]v1beta1.BrokerState{"1": {RanOnEmptyDir: test.known}}
			require.Equal(t, test.want, statusOf(v, now).BrokersState["1"].RanOnEmptyDir)
		})
	}
}

func TestABrokerRanOnAnEmptyDirAlsoByAStatusThatIsUnderWay(t *testing.T) {
	ran := v1beta1.KafkaClusterStatus{BrokersState: map[string]v1beta1.BrokerState{"1": {RanOnEmptyDir: "pod"}}}
	a := &cluster{}
	require.False(t, a.ranOnPod(1))
	a.status.sent = &ran
	require.True(t, a.ranOnPod(1), "nobody knows whether it stands")
	require.False(t, a.ranOnPod(2))
	a.status.sent, a.known = &v1beta1.KafkaClusterStatus{}, ran
	require.True(t, a.ranOnPod(1), "nobody knows whether what takes it away stands")
}
