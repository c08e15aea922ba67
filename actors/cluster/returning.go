package cluster

import (
	"fmt"
	"strings"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// await keeps the permit of a broker that was stopped until it is back.
func (d *rollDecision) await(v rollView, n node, p permit) {
	if !p.back.IsZero() {
		d.rest(v, n, p)
		return
	}
	if p.granted.IsZero() {
		p.granted = v.now
	}
	p.missed = p.missed || v.fresh() && n.broker && !v.kafka.Knows(n.id, n.broker)
	d.permits[n.id] = p
	if back, why := v.returned(n, p); !back {
		d.blocked = fmt.Sprintf("broker %d was restarted and is not back: %s", n.id, why)
		if n.failsNewest() { // the words of a daemon that knows of no permit: it is the same case
			d.blocked = failsNewestText(n)
		}
		if n.observed.Pod == p.Pod && n.observed.Phase == messages.PhaseFailing { // it was not restarted, as far as is known
			d.blocked = fmt.Sprintf("broker %d: %s", n.id, n.observed.Reason)
		}
		return
	}
	d.elects(kafka.PreferredLeaders(n.id, v.index))
	p.back, p.elected = v.now, v.now
	d.permits[n.id] = p
	d.soon(restartPause)
}

// inherit follows the return of the broker that an earlier daemon stopped last, as that one would have: which one it was is known by its
// process, which is the youngest. The result is why others have to wait for it, empty when they do not. What it was out of sync in before is
// not known, so they do not wait for ever.
func (d *rollDecision) inherit(v rollView) string {
	if !v.roll.inherits || len(d.permits) > 0 {
		return ""
	}
	last := -1
	for i, n := range v.nodes {
		switch {
		case !n.broker || n.leaving || n.atRest():
		case !n.current(): // it may be the one
			return fmt.Sprintf("broker %d has not been looked at yet", n.id)
		case n.observed.Started.IsZero(): // or is, and closes the gates anyway
			return ""
		case last < 0 || n.observed.Started.After(v.nodes[last].observed.Started):
			last = i
		}
	}
	if last < 0 {
		return ""
	}
	n := v.nodes[last]
	back, why := v.returned(n, permit{})
	switch {
	case back:
		d.inherits = false
		d.await(v, n, permit{})
	case !wantsRestart(n) && !n.failsNewest() && v.now.Sub(n.observed.Started) < recoveryPatience: // else it is the next, or closes the gates
		return fmt.Sprintf("broker %d was restarted and is not back: %s", n.id, why)
	}
	return ""
}

// rest keeps the permit of a broker that is back for a pause, and until it leads again what it should: an election can fail, and leaders
// that are away would move once more with each restart. Kafka elects by itself in minutes, so nobody waits for that for long.
func (d *rollDecision) rest(v rollView, n node, p permit) {
	since := v.now.Sub(p.back)
	if since < restartPause {
		d.permits[n.id] = p
		d.soon(restartPause - since)
		return
	}
	away, why := v.unled(n)
	if why == "" || since >= leadersPatience {
		return
	}
	if len(away) > 0 && v.index.Replication().At.After(p.elected) && v.now.Sub(p.elected) >= electAgain {
		d.elects(away)
		p.elected = v.now
	}
	d.permits[n.id] = p
	d.soon(electAgain)
	d.blocked = fmt.Sprintf("broker %d was restarted and %s", n.id, why)
}

// unled are the partitions that a broker which is back should lead and does not, and why they are waited for; why is empty once it leads
// all of them. Of a broker whose Pod is not ready, or of which Kafka has told nothing since, they are not known.
func (v rollView) unled(n node) (away []kafka.TopicPartition, why string) {
	switch {
	case !n.observed.PodReady: // its probe is seconds behind Kafka
		return nil, "is not back: its Pod is not ready"
	case !v.fresh():
		return nil, "is back, and Kafka has not answered since"
	}
	away = kafka.PreferredLeaders(n.id, v.index)
	switch len(away) {
	case 0:
		return nil, ""
	case 1:
		return away, "does not lead again yet what it should: " + away[0].String()
	default:
		return away, fmt.Sprintf("does not lead again yet what it should: %s and %d more", away[0], len(away)-1)
	}
}

func (d *rollDecision) elects(partitions []kafka.TopicPartition) {
	for _, name := range partitions {
		d.elect = append(d.elect, messages.Partition{Topic: name.Topic, Number: name.Number})
	}
}

// returned tells whether a broker is back: known to Kafka, in sync, with its vote. The probe of its Pod is seconds behind that, and
// is waited for where nobody has seen Kafka without the broker: what is told of it may be from before. Nobody else is stopped
// before the Pod is ready either (closed), but the pause need not begin that late.
func (v rollView) returned(n node, p permit) (bool, string) {
	switch {
	case n.observed.Pod == p.Pod || n.observed.Stopping:
		return false, "its Pod is stopping"
	case n.observed.Started.IsZero(), !n.observed.PodReady && !p.missed:
		return false, strings.TrimSpace("its Pod is not ready. " + n.observed.Reason)
	case n.observed.Unhealthy != "":
		return false, n.observed.Unhealthy
	case !v.fresh():
		return false, "Kafka has not answered since"
	case !v.kafka.Knows(n.id, n.broker):
		return false, "Kafka does not know it yet"
	}
	return kafka.Returned(kafka.ReturnInput{
		Broker: n.id, Before: p.before, Now: v.index, Started: n.observed.Started, Controller: n.controller && !n.leaving && v.kraft,
	})
}

// fresh reports whether the newest answer is about the nodes as they are.
func (v rollView) fresh() bool {
	return v.answered() && v.index != nil
}
