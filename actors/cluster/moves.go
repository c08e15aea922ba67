package cluster

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

const (
	// betweenAnswers is how far apart two answers are that must show the same of a partition before it moves.
	betweenAnswers = 5 * time.Second
	// givenUpAfter is how long a broker may be away before what is on its way to it goes elsewhere: a restart takes less.
	givenUpAfter = 5 * time.Minute
	// slowAfter is how long no move may have ended before people are told.
	slowAfter = 30 * time.Minute
	// unfitFor is how long a broker gets nothing that said that it cannot take anything.
	unfitFor = time.Minute
)

// mover takes the replicas off brokers that left the spec, where there is no Cruise Control. It is a cache: a new daemon begins
// without, and finds in Kafka what is under way.
type mover struct {
	job job
	// started are the moves that were begun here and are under way.
	started []kafka.Move
	// plan is what was decided last, waits what keeps all of it, failure why the last request failed; these are empty otherwise.
	plan           kafka.MovesPlan
	waits, failure string
	// looks are the answers that partitions are compared in.
	looks looks
	// asked is when the last request had its answer: what Kafka said before does not show it.
	asked time.Time
	// down are the brokers that stay and do not run, since when; unfit those that cannot take replicas, until when that is believed.
	down, unfit map[messages.BrokerID]time.Time
	// why says why they cannot.
	why map[messages.BrokerID]string
	// left is how many replicas have yet to move, and since when it is so many; slow says that this is long, empty otherwise.
	left  int
	since time.Time
	slow  string
	// told says that people know of the moves.
	told bool
	// throttle bounds them.
	throttle throttler
}

// looks are two answers far enough apart, and the newest.
type looks struct {
	before, between, newest *kafka.ReplicationIndex
	// planned is the one from which was decided last.
	planned *kafka.ReplicationIndex
}

// take adds an answer.
func (l *looks) take(index *kafka.ReplicationIndex) {
	if index == nil || index == l.newest {
		return
	}
	l.newest = index
	if l.between == nil || index.Replication().At.Sub(l.between.Replication().At) >= betweenAnswers {
		l.before, l.between = l.between, index
	}
}

// movesView is all that moves are decided from.
type movesView struct {
	removalView
	started     []kafka.Move
	before      *kafka.ReplicationIndex
	down, unfit map[messages.BrokerID]time.Time
	why         map[messages.BrokerID]string
	// restarts are the brokers that wait for a restart.
	restarts int
}

// held says why no move begins whatever it is; empty when nothing does.
func (v movesView) held() string {
	for _, n := range v.nodes {
		if _, restarts := v.roll.permits[n.id]; restarts && !n.leaving {
			return fmt.Sprintf("broker %d restarts first", n.id)
		}
	}
	return ""
}

// input is what Kafka's rules need to know.
func (v movesView) input() kafka.MovesInput {
	in := kafka.MovesInput{
		Index: v.index, Before: v.before, RackOf: v.rackOf, Started: v.started, Unfit: v.why,
		Batchwise: v.restarts > 0, // between two batches the gates may open
	}
	for _, n := range v.nodes {
		switch up := v.up(n); {
		case n.observed.Gone:
		case n.leaving:
			in.Leaving = append(in.Leaving, n.id)
			if !n.observed.PodReady && !v.kafka.Knows(n.id, true) {
				in.Dead = append(in.Dead, n.id)
			}
		case n.broker:
			in.Staying = append(in.Staying, n.id)
			if up {
				in.Up = append(in.Up, n.id)
			}
			if up && v.takes(n) {
				in.Takers = append(in.Takers, n.id)
			}
			if since, down := v.down[n.id]; down && v.now.Sub(since) >= givenUpAfter {
				in.GivenUp = append(in.GivenUp, n.id)
			}
		}
	}
	return in
}

// up reports whether a broker runs, by Kubernetes' word and by Kafka's.
func (v movesView) up(n node) bool {
	return n.observed.PodReady && !n.observed.Stopping && v.kafka.Knows(n.id, true)
}

// takes reports whether a broker that runs may get replicas.
func (v movesView) takes(n node) bool {
	return !n.maintenance && len(n.observed.FailedDisks) == 0 && !v.now.Before(v.unfit[n.id])
}

// downSince keeps since when each broker that stays does not run.
func (v movesView) downSince() map[messages.BrokerID]time.Time {
	down := map[messages.BrokerID]time.Time{}
	for _, n := range v.nodes {
		if n.leaving || !n.broker || v.up(n) {
			continue
		}
		if down[n.id] = v.now; !v.down[n.id].IsZero() {
			down[n.id] = v.down[n.id]
		}
	}
	return down
}

// text says how far the moves off a broker are.
func (m *mover) text(id messages.BrokerID) string {
	text := "its replicas are about to move to other brokers"
	switch {
	case m.waits != "":
		return "moving its replicas to other brokers waits: " + m.waits
	case m.plan.Left != nil:
		text = m.plan.MovesText(id) + m.slow
	}
	if m.failure != "" {
		text += "; Kafka did not take the last request: " + m.failure
	}
	return text
}

// follow notices when moves are under way and none ends. A move that gets less a second than is written to its partition never does.
func (m *mover) follow(now time.Time, rate int64) {
	left := 0
	for _, n := range m.plan.Left {
		left += n
	}
	if left != m.left || m.plan.Running == 0 || m.since.IsZero() {
		m.left, m.since = left, now
	}
	m.slow = ""
	if now.Sub(m.since) >= slowAfter {
		m.slow = fmt.Sprintf("; none has arrived for more than %d minutes: where more is written to them than "+
			"spec.cruiseControlConfig.replicationThrottle lets through, %d bytes a second for each broker, raise it", slowAfter/time.Minute, rate)
	}
}

// busy reports whether there is something left to be done that no broker on its way out asks for.
func (m *mover) busy() bool { return m.job.running || len(m.started) > 0 }

// done reports whether nothing is left on brokers that leave, nor under way.
func (m *mover) done() bool {
	left := 0
	for _, n := range m.plan.Left {
		left += n
	}
	return left == 0 && m.plan.Running == 0 && len(m.started) == 0
}

// reset forgets all but what is under way outside, or set there.
func (m *mover) reset() { *m = mover{job: m.job, asked: m.asked, throttle: m.throttle} }

// stillUnfit drops what was believed for long enough.
func (m *mover) stillUnfit(now time.Time) {
	maps.DeleteFunc(m.unfit, func(_ messages.BrokerID, until time.Time) bool { return !now.Before(until) })
	maps.DeleteFunc(m.why, func(id messages.BrokerID, _ string) bool { return m.unfit[id].IsZero() })
}

// named lists partitions for a log: the first few.
func movedNames(moves []kafka.Move) string {
	const most = 5
	var names []string
	for _, m := range moves[:min(most, len(moves))] {
		names = append(names, m.Partition.String())
	}
	return fmt.Sprintf("%d: %v", len(moves), slices.Clip(names))
}
