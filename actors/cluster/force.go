package cluster

import (
	"fmt"
	"strings"
	"time"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// force lets a broker go on a person's word, whatever becomes of its partitions: with two replicas, a minimum of two and one broker
// that is dead for good nothing else helps. The quorum has its say all the same, but not the order of those that wait.
func (d *rollDecision) force(v rollView) bool {
	if !v.fresh() || v.votesChange {
		return false
	}
	all := v.eligibleIDs()
	for _, n := range v.nodes {
		if _, held := d.permits[n.id]; held || !n.observed.Restart.Forced || !v.eligible(n) {
			continue
		}
		in := v.restartInput(all)
		in.Set, in.Forced, in.Waiting = []messages.BrokerID{n.id}, true, nil
		verdict := kafka.CanRestart(in)
		if !verdict.OK {
			d.forceWaits = fmt.Sprintf("broker %d waits for its restart, also by force: %s", n.id, strings.Join(verdict.Reasons, "; ")) +
				restingText(v.nodes)
			d.soon(time.Second)
			continue
		}
		if !d.takesVote(v, in.Set, true) {
			d.permits[n.id] = permit{
				Permit: messages.Permit{Pod: n.observed.Pod, Asked: messages.NoBudget}, why: n.observed.Restart.Reason + "; by force",
				granted: v.now, before: v.index.OutOfSync(n.id),
			}
		}
		return true
	}
	return false
}

// linger reports whether all who were stopped are away for so long that they may not come back: a machine can go, also while the Pod ends.
func (d *rollDecision) linger(v rollView) bool {
	if len(stopping(d.permits, v.nodes)) > 0 {
		return false
	}
	for _, n := range v.nodes {
		p, held := d.permits[n.id]
		if !held {
			continue
		}
		if !p.back.IsZero() {
			return false
		}
		if left := recoveryPatience - v.now.Sub(p.granted); left > 0 {
			d.soon(left)
			return false
		}
	}
	return true
}
