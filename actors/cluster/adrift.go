package cluster

import (
	"slices"
	"time"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

const (
	// adriftFor is how long a broker has to be lost before it is restarted: its session, and the first look of a new controller.
	adriftFor = 30 * time.Second
	// adriftPause is how long its Pod has to have run: a restart that does not help must not be repeated again and again.
	adriftPause = 5 * time.Minute
	// adriftTurn is how long others come first after a permit that was not used: the next one may not be used either.
	adriftTurn = 30 * time.Second

	adriftReason = "restart: Kafka has given it up although it runs, as it does with an active controller whose vote was taken"
)

// lostBroker is a broker that runs and that Kafka has given up.
type lostBroker struct {
	since time.Time
	// permitted is until when it was seen to have a permit, zero before.
	permitted time.Time
}

// adrift reports whether a broker runs that Kafka has given up since its vote was taken. The active controller resigns then, and asks
// controller.quorum.bootstrap.servers who the next one is: that name is one of its own address, too. Who asks himself is told
// "nobody", for ever (seen with Kafka 4.3.1): Kafka fences it with all that only it has, nothing can be moved off it, and it cannot
// even be configured.
func (v rollView) adrift(n node) bool {
	return v.kraft && v.dynamic && v.answered() && n.broker && n.observed.PodReady && !n.observed.Stopping && !v.registered(n) &&
		len(v.kafka.Voters) > 0 && !slices.Contains(v.kafka.Voters, n.id) && v.runsController(n.id)
}

// answered reports whether Kafka has said whom it knows of the nodes as they are. It says more only where that is asked for.
func (v rollView) answered() bool { return v.kafka.Answered && v.kafka.Watch.AboutSame(v.asked) }

// mayRestart reports whether all that a broker has outlives its Pod, or is led by others since it was lost: what is on an emptyDir and
// nowhere else could still be copied out of it.
func (v rollView) mayRestart(n node, lost time.Time) bool {
	return v.keepsDisks(n.id) || v.index != nil && v.index.Replication().At.After(lost) && len(kafka.OnlyOn(n.id, v.index)) == 0
}

// fetchBack restarts such a broker, one at a time. No gate is asked: it serves nobody, has no vote, and loses nothing. It comes before
// others, whose evictions are refused while it is lost, and after them where it could not use its permit.
func (d *rollDecision) fetchBack(v rollView) {
	d.adrift = map[messages.BrokerID]lostBroker{}
	var next []node
	var turn time.Time // since when others may go first
	for _, n := range v.nodes {
		lost, known := v.roll.adrift[n.id]
		if !v.adrift(n) && (!known || v.answered()) { // Kafka is asked more closely at first, and has yet to answer
			continue
		}
		if !known {
			lost.since = v.now
		}
		if d.permits[n.id].Because != "" {
			lost.permitted = v.now
		}
		d.adrift[n.id], d.watch = lost, true
		if turn.Before(lost.permitted) {
			turn = lost.permitted
		}
		if left := max(adriftFor-v.now.Sub(lost.since), adriftPause-v.now.Sub(n.observed.Started)); left > 0 {
			d.soon(left)
		} else if v.adrift(n) && v.mayRestart(n, lost.since) {
			next = append(next, n)
		}
	}
	if len(next) == 0 || len(d.permits) > 0 || v.votesChange {
		return
	}
	if left := adriftTurn - v.now.Sub(turn); left > 0 {
		d.soon(left)
		return
	}
	n := slices.MinFunc(next, func(a, b node) int { return d.adrift[a.id].permitted.Compare(d.adrift[b.id].permitted) })
	d.adrift[n.id] = lostBroker{since: d.adrift[n.id].since, permitted: v.now}
	d.permits[n.id] = permit{Permit: messages.Permit{Pod: n.observed.Pod, Asked: messages.NoBudget, Because: adriftReason}, why: adriftReason, granted: v.now}
}
