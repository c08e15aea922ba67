package cluster

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
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
	orders := messages.Partition{Topic: "orders", Leader: 3, Replicas: []messages.BrokerID{2, 3}, ISR: []messages.BrokerID{3}}
	if slices.Contains(ids, 3) {
		orders.Leader = -1
	}
	v.index = kafka.Index(&messages.Replication{At: now, Partitions: []messages.Partition{
		{Topic: "old", Leader: 1, Replicas: []messages.BrokerID{1, 2, 3}, ISR: []messages.BrokerID{1}}, orders,
	}})
	return v
}

// mixed are combined nodes of which the given ones had their replicas, but not their metadata, on an emptyDir.
func mixed(ids ...messages.BrokerID) rollView {
	v := emptied(ids...)
	for _, id := range ids {
		v.nodes[id].allVolatile, v.nodes[id].controller = false, id < 3
	}
	v.kafka.Answered = false
	return v
}

// started has been let start while others had nothing.
func started(id messages.BrokerID, gone ...messages.BrokerID) recovery {
	proof := map[messages.BrokerID]bool{id: true}
	for _, other := range gone {
		proof[other] = true
	}
	return recovery{startEmpty: map[messages.BrokerID]map[messages.BrokerID]bool{id: proof}}
}

func TestWhoStartsWithEmptiedLogDirs(t *testing.T) {
	unanswered := func(v *rollView) { v.kafka.Answered = false }
	tokens := map[messages.BrokerID]string{3: "3/0a1b2c3d"}
	for name, test := range map[string]struct {
		view     rollView
		spoil    func(*rollView)
		known    recovery
		accepted map[messages.BrokerID]string
		start    []messages.BrokerID
		text     string
		again    time.Duration
	}{
		"whose partitions are led by others": {view: emptied(2), start: []messages.BrokerID{2}},
		"not who was the last in sync": {view: emptied(3), text: "broker 3 has lost what was on its emptyDir: other brokers have copies of these " +
			"partitions that are not in sync, and would give them up for the empty ones here: orders-0; elect leaders among them " +
			"(kafka-leader-election.sh --election-type UNCLEAN), or delete the topics; or let it start empty, whatever others lose by that, with " +
			"annotation kafka.banzaicloud.io/allow-data-loss: \"3/0a1b2c3d\""},
		"nor whom an unclean election could take": {view: emptied(2), spoil: func(v *rollView) {
			v.index.Replication().Partitions[1].Leader = -1
		}, text: "orders-0"},
		"unless a person lets it":               {view: emptied(3), accepted: tokens, start: []messages.BrokerID{3}},
		"by the word for this loss":             {view: emptied(3), accepted: map[messages.BrokerID]string{3: "3/ffffffff"}, text: "orders-0"},
		"or nobody else has it":                 {view: emptied(2, 3), start: []messages.BrokerID{2, 3}},
		"what was let start stays so":           {view: emptied(3), known: started(3, 2), start: []messages.BrokerID{3}},
		"but not when others have it after all": {view: emptied(3), known: started(3), text: "orders-0"},
		"who is to be no broker may have it": {view: emptied(0, 1, 2, 3), spoil: func(v *rollView) {
			unanswered(v)
			v.nodes[0].broker, v.nodes[0].observed = false, messages.BrokerObserved{Revision: 7, Pod: "pod", PodRole: "true"}
		}, text: "Kafka has not answered since"},
		"or somebody of whom nobody knows": {view: emptied(0, 1, 2, 3), spoil: func(v *rollView) { unanswered(v); v.strangers = true }, text: "Kafka has not answered since"},
		"an answer of before says nothing": {view: emptied(2), spoil: func(v *rollView) { v.nodes[2].observed.Since = now.Add(time.Second); v.now = now.Add(time.Minute) }, text: "Kafka has not answered since"},
		"who leaves is not made again":     {view: emptied(3), spoil: func(v *rollView) { v.nodes[3].leaving = true }},
		"but for its claims":               {view: emptied(3), spoil: func(v *rollView) { v.nodes[3].leaving, v.nodes[3].allVolatile = true, false }, text: "orders-0"},
		"who has not looked may have it":   {view: emptied(2, 3), spoil: func(v *rollView) { v.nodes[2].observed.Emptied, v.nodes[2].observed.Revision = false, 0 }, text: "orders-0"},
		"not while Kafka counts on it":     {view: emptied(2), spoil: func(v *rollView) { v.kafka.Brokers = append(v.kafka.Brokers, 2) }, text: "given it up yet"},
		"not unheard":                      {view: emptied(2), spoil: unanswered, text: "Kafka has not answered since"},
		"what is new is no news": {view: emptied(2), spoil: func(v *rollView) {
			unanswered(v)
			v.nodes[2].observed.Since = now.Add(time.Second - goneFor)
		}, again: time.Second},
		"a controller beside a majority waits, too": {view: mixed(2), text: "Kafka has not answered since"},
		"as many controllers as a majority needs":   {view: mixed(0, 1, 2), start: []messages.BrokerID{0, 1}, text: "broker 2 has lost"},
		"one beside one":                            {view: mixed(0, 2), start: []messages.BrokerID{0}, text: "broker 2 has lost"},
		"not one without a vote":                    {view: mixed(0, 1, 2), spoil: func(v *rollView) { v.voters = []messages.BrokerID{1} }, start: []messages.BrokerID{1}, text: "broker 0 has lost"},
		"where nobody has anything, without a word": {view: emptied(0, 1, 2, 3), spoil: unanswered, start: []messages.BrokerID{0, 1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.spoil != nil {
				test.spoil(&test.view)
			}
			test.known.granted = -1
			r := test.view.decideRecovery(test.known, test.accepted, tokens)
			var start []messages.BrokerID
			for _, n := range test.view.nodes {
				if r.startEmpty[n.id] != nil {
					start = append(start, n.id)
				}
			}
			require.Equal(t, test.start, start)
			require.Equal(t, test.again, r.again)
			if test.text == "" {
				require.Empty(t, r.texts)
			} else {
				require.NotEmpty(t, r.texts)
				require.Contains(t, r.texts[0], test.text)
			}
		})
	}
}

func TestTheWordForAnEmptyDirIsThePodThatItWentWith(t *testing.T) {
	nodes := emptied(3).nodes
	states := map[string]v1beta1.BrokerState{"3": {RanOnEmptyDir: "0a1b2c3d-0000"}}
	require.Equal(t, map[messages.BrokerID]string{3: "3/0a1b2c3d"}, lossTokens("cluster-uid", nodes, states))
	require.Equal(t, map[messages.BrokerID]string{3: "3/cluster-"}, lossTokens("cluster-uid", nodes, nil), "of Koperator's Pods nobody knows it")
}
