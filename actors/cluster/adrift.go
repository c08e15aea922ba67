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
	adriftTurn = unusedPermit + adriftFor

	adriftReason = "restart: Kafka has given it up although it runs, as it does with an active controller whose vote was taken"
)

// lostBroker is a broker that runs and that Kafka has given up.
type lostBroker struct {
	since time.Time
	// permitted is when it was given its last permit, zero before.
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
	for _, n := range v.nodes {
		lost, known := v.roll.adrift[n.id]
		switch {
		case known && !v.answered(): // Kafka is asked more closely now, and has yet to answer
			d.adrift[n.id], d.watch = lost, true
			continue
		case !v.adrift(n):
			continue
		case !known:
			lost.since = v.now
		}
		d.watch = true
		switch left := lost.wait(n, v.now); {
		case left > 0:
			d.soon(left)
		case len(d.permits) == 0 && !v.votesChange && v.mayRestart(n, lost.since):
			lost.permitted = v.now
			d.permits[n.id] = permit{Permit: messages.Permit{Pod: n.observed.Pod, Delete: true, Because: adriftReason}, granted: v.now}
		}
		d.adrift[n.id] = lost
	}
}

// wait is how long a broker that is lost has to wait for its permit; zero or less when it need not.
func (l lostBroker) wait(n node, now time.Time) time.Duration {
	left := max(adriftFor-now.Sub(l.since), adriftPause-now.Sub(n.observed.Started))
	if !l.permitted.IsZero() {
		left = max(left, adriftTurn-now.Sub(l.permitted))
	}
	return left
}
