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
	p.missed = p.missed || v.fresh() && n.broker && !v.kafka.Knows(n.id, n.broker)
	d.permits[n.id] = p
	if back, why := v.returned(n, p); !back {
		d.blocked = fmt.Sprintf("broker %d was restarted and is not back: %s", n.id, why)
		if n.failsNewest() { // the words of a daemon that knows of no permit: it is the same case
			d.blocked = failsNewestText(n)
		}
		return
	}
	d.elects(kafka.PreferredLeaders(n.id, v.index))
	p.back, p.elected = v.now, v.now
	d.permits[n.id] = p
	d.soon(restartPause)
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
	why, leads := "", false
	switch {
	case !n.observed.PodReady: // its probe is seconds behind Kafka
		why = "is not back: its Pod is not ready"
	case !v.fresh():
		why = "is back, and Kafka has not answered since"
	default:
		away := kafka.PreferredLeaders(n.id, v.index)
		if leads = len(away) == 0; leads {
			break
		}
		if why = "does not lead again yet what it should: " + away[0].String(); len(away) > 1 {
			why += fmt.Sprintf(" and %d more", len(away)-1)
		}
		if since < leadersPatience && v.index.Replication().At.After(p.elected) && v.now.Sub(p.elected) >= electAgain {
			d.elects(away)
			p.elected = v.now
		}
	}
	if leads || since >= leadersPatience {
		return
	}
	d.permits[n.id] = p
	d.soon(electAgain)
	d.blocked = fmt.Sprintf("broker %d was restarted and %s", n.id, why)
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
