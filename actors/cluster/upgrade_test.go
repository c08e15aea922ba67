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
	}{
		"all run with all that is wanted":           {func(*rollView, *rollDecision) {}, true},
		"a node has yet to hear of the newest wish": {func(v *rollView, _ *rollDecision) { v.nodes[1].told = 2 }, false},
		"a node runs with other settings":           {func(v *rollView, _ *rollDecision) { v.nodes[1].observed.ConfigStale = true }, false},
		"a node is down":                            {func(v *rollView, _ *rollDecision) { v.nodes[1].observed.PodReady = false }, false},
		"Kafka does not know a node":                {func(v *rollView, _ *rollDecision) { v.kafka.Brokers = v.kafka.Brokers[1:] }, false},
		"Kafka does not answer":                     {func(v *rollView, _ *rollDecision) { v.kafka.Answered = false }, false},
		"somebody waits for a restart":              {func(_ *rollView, d *rollDecision) { d.waiting = []messages.BrokerID{1} }, false},
		"somebody is being restarted": {func(_ *rollView, d *rollDecision) {
			d.permits = map[messages.BrokerID]permit{1: {}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, d := quiet(), rollDecision{}
			test.change(&v, &d)
			require.Equal(t, test.steady, steady(v.nodes, v.kafka, d))
		})
	}
}
