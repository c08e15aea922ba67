package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// movesOff is what is decided from while broker 3 leaves a cluster in order.
func movesOff(change func(*movesView)) movesView {
	watch := messages.Watch{Brokers: []messages.BrokerID{0, 1, 2, 3}}
	v := movesView{
		down: map[messages.BrokerID]time.Time{}, unfit: map[messages.BrokerID]time.Time{},
		removalView: removalView{rollView: rollView{
			kafka: messages.KafkaObserved{Answered: true, Watch: watch, Brokers: watch.Brokers}, asked: watch, now: now,
			roll: roll{permits: map[messages.BrokerID]permit{}},
		}},
	}
	for id := range messages.BrokerID(4) {
		v.nodes = append(v.nodes, node{id: id, broker: true, leaving: id == 3, observed: messages.BrokerObserved{PodReady: true}})
	}
	change(&v)
	return v
}

func TestWhoMayTakeReplicas(t *testing.T) {
	type ids = []messages.BrokerID
	for name, c := range map[string]struct {
		change     func(*movesView)
		up, takers ids
	}{
		"all that stay and run":          {func(*movesView) {}, ids{0, 1, 2}, ids{0, 1, 2}},
		"nobody whose Pod is not ready":  {func(v *movesView) { v.nodes[1].observed.PodReady = false }, ids{0, 2}, ids{0, 2}},
		"nobody whose Pod stops":         {func(v *movesView) { v.nodes[1].observed.Stopping = true }, ids{0, 2}, ids{0, 2}},
		"nobody whom Kafka has given up": {func(v *movesView) { v.kafka.Brokers = ids{0, 2, 3} }, ids{0, 2}, ids{0, 2}},
		"nobody who is to be stopped":    {func(v *movesView) { v.nodes[1].maintenance = true }, ids{0, 1, 2}, ids{0, 2}},
		"nobody with a failed disk":      {func(v *movesView) { v.nodes[1].observed.FailedDisks = []string{"/d"} }, ids{0, 1, 2}, ids{0, 2}},
		"nobody who said that he cannot": {func(v *movesView) { v.unfit[1] = now.Add(time.Second) }, ids{0, 1, 2}, ids{0, 2}},
		"again when that is a while ago": {func(v *movesView) { v.unfit[1] = now }, ids{0, 1, 2}, ids{0, 1, 2}},
		"nobody without the broker role": {func(v *movesView) { v.nodes[1].broker = false }, ids{0, 2}, ids{0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			in := movesOff(c.change).input()
			require.Equal(t, ids{3}, in.Leaving)
			require.Equal(t, c.up, in.Up)
			require.Equal(t, c.takers, in.Takers)
			require.Empty(t, in.Dead)
			require.Empty(t, in.GivenUp)
		})
	}
}

func TestABrokerThatLeavesIsDeadWhenNeitherKubernetesNorKafkaKnowsItToRun(t *testing.T) {
	require.Empty(t, movesOff(func(v *movesView) { v.nodes[3].observed.PodReady = false }).input().Dead)
	require.Empty(t, movesOff(func(v *movesView) { v.kafka.Brokers = v.kafka.Brokers[:3] }).input().Dead)
	require.Equal(t, []messages.BrokerID{3}, movesOff(func(v *movesView) {
		v.nodes[3].observed.PodReady, v.kafka.Brokers = false, v.kafka.Brokers[:3]
	}).input().Dead)
}

func TestABrokerThatStaysAwayForLongIsGivenUp(t *testing.T) {
	away := func(v *movesView) { v.nodes[1].observed.PodReady = false }
	v := movesOff(away)
	require.Equal(t, map[messages.BrokerID]time.Time{1: now}, v.downSince())
	v.down = v.downSince()
	v.now = now.Add(givenUpAfter - time.Second)
	require.Equal(t, map[messages.BrokerID]time.Time{1: now}, v.downSince())
	require.Empty(t, v.input().GivenUp)
	v.now = now.Add(givenUpAfter)
	require.Equal(t, []messages.BrokerID{1}, v.input().GivenUp)
	v.nodes[1].observed.PodReady = true
	require.Empty(t, v.downSince())
}

func TestNoMoveBeginsWhileABrokerThatStaysRestarts(t *testing.T) {
	require.Empty(t, movesOff(func(*movesView) {}).held())
	require.Equal(t, "broker 1 restarts first", movesOff(func(v *movesView) { v.roll.permits[1] = permit{} }).held())
	require.Empty(t, movesOff(func(v *movesView) { v.roll.permits[3] = permit{} }).held(), "who never comes back must not keep its own replicas")
	require.True(t, movesOff(func(v *movesView) { v.restarts = 1 }).input().Batchwise)
}

func TestPartitionsAreComparedInAnswersThatAreFarEnoughApart(t *testing.T) {
	at := func(seconds time.Duration) *kafka.ReplicationIndex {
		return kafka.Index(&messages.Replication{At: now.Add(seconds * time.Second)})
	}
	var l looks
	first, soon, second, third := at(0), at(1), at(5), at(11)
	l.take(first)
	l.take(soon)
	require.Nil(t, l.before)
	l.take(second)
	require.Same(t, first, l.before)
	l.take(second)
	l.take(nil)
	require.Same(t, first, l.before)
	l.take(third)
	require.Same(t, second, l.before)
}

func TestATextSaysHowFarTheMovesAre(t *testing.T) {
	plan := kafka.MovesPlan{Left: map[messages.BrokerID]int{3: 37}, UnderWay: map[messages.BrokerID]int{3: 10}}
	for want, m := range map[string]mover{
		"its replicas are about to move to other brokers":                                                            {},
		"moving: 37 partitions left, 10 under way":                                                                   {plan: plan},
		"moving: 37 partitions left, 10 under way; Kafka did not take the last request: no answer":                   {plan: plan, failure: "no answer"},
		"moving its replicas to other brokers waits: broker 1 restarts first":                                        {plan: plan, waits: "broker 1 restarts first"},
		"its replicas are about to move to other brokers; Kafka did not take the last request: no active controller": {failure: "no active controller"},
	} {
		require.Equal(t, want, m.text(3))
	}
}

func TestMovesOfWhichNoneEndsAreTold(t *testing.T) {
	m := mover{plan: kafka.MovesPlan{Left: map[messages.BrokerID]int{3: 2}, UnderWay: map[messages.BrokerID]int{3: 2}, Running: 2}}
	m.follow(now, 7)
	m.follow(now.Add(slowAfter-time.Second), 7)
	require.Equal(t, "moving: 2 partitions left, 2 under way", m.text(3))
	m.follow(now.Add(slowAfter), 7)
	require.Equal(t, "moving: 2 partitions left, 2 under way; none has arrived for more than 30 minutes: where more is written to them than "+
		"spec.cruiseControlConfig.replicationThrottle lets through, 7 bytes a second for each broker, raise it", m.text(3))
	m.plan.Left[3] = 1
	m.follow(now.Add(slowAfter+time.Second), 7)
	require.Equal(t, "moving: 1 partition left, 2 under way", m.text(3))
	m.plan.Running = 0
	m.follow(now.Add(3*slowAfter), 7)
	require.NotContains(t, m.text(3), "arrived", "what waits for something else is told so")
}
