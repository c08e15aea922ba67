package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

func TestWhenPodsThatAreNotReadyMayBeEvictedWhateverTheCount(t *testing.T) {
	up := messages.BrokerObserved{Pod: "p", PodReady: true}
	starting := messages.BrokerObserved{Pod: "p"}
	stuck := messages.BrokerObserved{Pod: "p", Restart: messages.Restart{Stuck: true}}
	stopping := messages.BrokerObserved{Pod: "p", Stopping: true, Restart: messages.Restart{Stuck: true}}
	for name, test := range map[string]struct {
		observed []messages.BrokerObserved
		volatile bool
		want     bool
	}{
		"nobody while all are ready":             {observed: []messages.BrokerObserved{up, up}},
		"one that is stuck":                      {observed: []messages.BrokerObserved{up, stuck}, want: true},
		"several that are stuck":                 {observed: []messages.BrokerObserved{stuck, stuck, up}, want: true},
		"nobody while one may recover its log":   {observed: []messages.BrokerObserved{stuck, starting}},
		"nobody while one is on its way out":     {observed: []messages.BrokerObserved{stuck, stopping}},
		"nobody whose disks go with the Pod":     {observed: []messages.BrokerObserved{up, stuck}, volatile: true},
		"one that is stuck beside one at rest":   {observed: []messages.BrokerObserved{{}, stuck}, want: true},
		"one that is stuck beside one that left": {observed: []messages.BrokerObserved{{Gone: true}, stuck}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			var nodes []node
			for i, o := range test.observed {
				o.Revision = 1
				nodes = append(nodes, node{id: messages.BrokerID(i), told: 1, broker: true, volatile: test.volatile, observed: o})
			}
			nodes = append(nodes, node{id: 9, controller: true, observed: starting})
			require.Equal(t, test.want, stuckAlone(nodes, func(n node) bool { return n.broker }))
		})
	}
}
