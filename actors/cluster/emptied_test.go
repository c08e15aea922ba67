package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// emptied has lost the Pods of some brokers, and with them all that these had. Broker 3 was the last in sync of its partition, of
// which 2 has an older copy.
func emptied(ids ...messages.BrokerID) rollView {
	v := lostDisks(ids...)
	for _, id := range ids {
		v.nodes[id].observed = messages.BrokerObserved{Revision: 7, Phase: messages.PhaseBlocked, Emptied: true, Since: now.Add(-time.Minute)}
		v.nodes[id].volatile, v.nodes[id].allVolatile, v.nodes[id].controller = true, true, false
	}
	v.index = kafka.Index(&messages.Replication{At: now, Partitions: []messages.Partition{
		{Topic: "old", Leader: 1, Replicas: []messages.BrokerID{1, 2, 3}, ISR: []messages.BrokerID{1}},
		{Topic: "orders", Leader: -1, Replicas: []messages.BrokerID{2, 3}, ISR: []messages.BrokerID{3}},
	}})
	return v
}

func TestWhoStartsWithEmptiedLogDirs(t *testing.T) {
	unanswered := func(v *rollView) { v.kafka.Answered = false }
	for name, test := range map[string]struct {
		view  rollView
		spoil func(*rollView)
		start []messages.BrokerID
		text  string
		again time.Duration
	}{
		"who was not the last in sync": {view: emptied(2), start: []messages.BrokerID{2}},
		"not who was":                  {view: emptied(3), text: "broker 3 has lost what was on its emptyDir: other brokers have copies of these partitions that are not in sync, and would give them up for the empty ones here: orders-0; elect"},
		"unless nobody else has it":    {view: emptied(2, 3), start: []messages.BrokerID{2, 3}},
		"a Pod that leaves lasts":      {view: emptied(3), spoil: func(v *rollView) { v.nodes[3].leaving = true }},
		"an old look is none":          {view: emptied(2), spoil: func(v *rollView) { v.nodes[2].told = 8 }},
		"not while Kafka counts on it": {view: emptied(2), spoil: func(v *rollView) { v.kafka.Brokers = append(v.kafka.Brokers, 2) }, text: "given it up yet"},
		"not unheard":                  {view: emptied(2), spoil: unanswered, text: "Kafka has not answered since"},
		"what is new is no news": {view: emptied(2), spoil: func(v *rollView) {
			unanswered(v)
			v.nodes[2].observed.Since = now.Add(time.Second - goneFor)
		}, again: time.Second},
		"a controller whom the quorum may need": {view: emptied(2), spoil: func(v *rollView) {
			unanswered(v)
			v.nodes[2].controller, v.nodes[2].allVolatile = true, false
		}, start: []messages.BrokerID{2}},
		"where nobody has anything, without a word": {view: emptied(0, 1, 2, 3), spoil: unanswered, start: []messages.BrokerID{0, 1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.spoil != nil {
				test.spoil(&test.view)
			}
			r := test.view.decideRecovery(recovery{granted: -1}, nil, nil)
			var start []messages.BrokerID
			for _, n := range test.view.nodes {
				if r.startEmpty[n.id] {
					start = append(start, n.id)
				}
			}
			require.Equal(t, test.start, start)
			require.Equal(t, test.again, r.again)
			if test.text == "" {
				require.Empty(t, r.texts)
			} else {
				require.Len(t, r.texts, 1)
				require.Contains(t, r.texts[0], test.text)
			}
		})
	}
}
