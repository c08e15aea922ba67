package cluster

import (
	"slices"
	"strings"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// throttler bounds the operator's own moves of replicas. People and Cruise Control set the same keys, so what is ours is recorded before
// it is set: a new daemon deletes what its predecessor left, and nothing else.
type throttler struct {
	state throttleState
}

// throttleState is what is known of the throttle.
type throttleState struct {
	// recorded is what the record says is ours; it is true once this daemon has written it (known), and read before.
	recorded kafka.Throttle
	known    bool
	// set is what this daemon has set, others what it was about to set and found there.
	set, others kafka.Throttle
	// raised says that this daemon has set something that may still be there, leftover that it has deleted what an earlier one had set.
	raised, leftover bool
}

func (t *throttler) take(state throttleState) {
	state.leftover = false
	t.state = state
}

// throttleWish is all that it takes to keep a throttle.
type throttleWish struct {
	cluster *v1beta1.KafkaCluster
	state   throttleState
	input   kafka.ThrottleInput
	// up are the addresses of the brokers that can be told a rate, away those that cannot and will be back.
	up   map[messages.BrokerID]string
	away []messages.BrokerID
}

// throttleState is what is known now.
func (a *cluster) throttleState() throttleState {
	if a.moves.throttle.state.known {
		return a.moves.throttle.state
	}
	record := a.Cache.ConfigMap(a.Key.Namespace, kube.ThrottleName(a.Key.Name))
	return throttleState{recorded: kafka.ThrottleRecorded(kube.Applied(record, a.valid))}
}

// throttleWish is what to keep while these moves are decided on.
func (a *cluster) throttleWish(in kafka.MovesInput) throttleWish {
	wish := throttleWish{cluster: a.valid, state: a.throttleState(), up: map[messages.BrokerID]string{}}
	view := movesView{removalView: removalView{rollView: rollView{kafka: a.kafka}}}
	for _, n := range a.nodes() {
		switch {
		case !n.broker || n.observed.Gone:
		case view.up(n):
			wish.up[n.id] = broker.AdminAddress(a.valid, n.id)
		default:
			wish.away = append(wish.away, n.id)
		}
	}
	wish.input = kafka.ThrottleInput{
		Index: in.Index, Leaving: in.Leaving, Staying: in.Staying, Rate: a.valid.Spec.CruiseControlConfig.GetReplicationThrottle(),
		Recorded: wish.state.recorded, Under: in.Index.Replication().Reassigning,
		Free: a.throttlesOfPeople() || in.Before == nil, // what a daemon finds at once may be recorded, and the cache be behind
	}
	for id := range wish.up {
		wish.input.Up = append(wish.input.Up, id)
	}
	return wish
}

// throttlesOfPeople reports whether the spec has such keys: who writes them bounds moves himself.
func (a *cluster) throttlesOfPeople() bool {
	return strings.Contains(a.wide.elsewhere, kafka.ThrottleKeys) || strings.Contains(a.valid.Spec.ClusterWideConfig, kafka.ThrottleKeys)
}

// throttleLeft reports whether something is recorded that can be deleted, now or once moves have ended.
func (a *cluster) throttleLeft() bool {
	recorded := a.throttleState().recorded
	if len(recorded.Replicas) > 0 {
		return true
	}
	nodes := a.nodes()
	return slices.ContainsFunc(recorded.Brokers(), func(id messages.BrokerID) bool {
		at := slices.IndexFunc(nodes, func(n node) bool { return n.id == id && !n.observed.Gone })
		return at < 0 || nodes[at].observed.PodReady
	})
}

// wanted is what is to be ours: for the moves under way, and for those that begin.
func (w throttleWish) wanted(under []messages.Reassignment, begin []kafka.Move) kafka.Throttle {
	in := w.input
	in.Under = under
	wanted := kafka.PlanThrottle(in)
	if !in.Free && len(begin) > 0 {
		wanted = wanted.With(kafka.ThrottleOf(begin, in.Rate).For(in.Up))
	}
	return wanted.Beyond(w.state.others)
}

// left is what is recorded and not needed any more, as far as it can be deleted.
func (w throttleWish) left(ours kafka.Throttle) kafka.Throttle {
	left := w.state.recorded.Beyond(ours)
	for _, id := range w.away {
		delete(left.Rates, id)
	}
	return left
}

// done reports whether all is as it should be while nothing begins.
func (w throttleWish) done() bool {
	ours := w.wanted(w.input.Under, nil)
	return ours.Without(w.state.set).Empty() && w.left(ours).Empty()
}
