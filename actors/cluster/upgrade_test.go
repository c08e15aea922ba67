package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

func TestMetadataAreRaisedOnlyWhileNothingElseMoves(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*rollView, *rollDecision)
		steady bool
		why    string
	}{
		"all run with all that is wanted":           {func(*rollView, *rollDecision) {}, true, ""},
		"a node has yet to hear of the newest wish": {func(v *rollView, _ *rollDecision) { v.nodes[1].told = 2 }, false, ""},
		"a node runs with other settings": {
			func(v *rollView, _ *rollDecision) { v.nodes[1].observed.ConfigStale = true }, false, "broker 1 (other settings)",
		},
		"a node is down": {func(v *rollView, _ *rollDecision) { v.nodes[1].observed.PodReady = false }, false, "broker 1 (down)"},
		"nodes are in maintenance": {func(v *rollView, _ *rollDecision) {
			for _, i := range []int{0, 2} {
				v.nodes[i].maintenance, v.nodes[i].observed.PodReady = true, false
			}
		}, false, "brokers 0, 2 (in maintenance)"},
		"Kafka does not know a node": {func(v *rollView, _ *rollDecision) { v.kafka.Brokers = v.kafka.Brokers[1:] }, false, ""},
		"Kafka does not answer":      {func(v *rollView, _ *rollDecision) { v.kafka.Answered = false }, false, ""},
		"somebody waits for a restart": {
			func(_ *rollView, d *rollDecision) { d.waiting = []messages.BrokerID{1} }, false, "broker 1 (yet to restart)",
		},
		"somebody is being restarted": {func(_ *rollView, d *rollDecision) {
			d.permits = map[messages.BrokerID]permit{1: {}}
		}, false, "broker 1 (yet to restart)"},
	} {
		t.Run(name, func(t *testing.T) {
			v, d := quiet(), rollDecision{}
			test.change(&v, &d)
			is, why := steady(v.nodes, v.kafka, d)
			require.Equal(t, test.steady, is)
			require.Equal(t, test.why, why)
		})
	}
}
