package cluster

import (
	"cmp"
	"time"

	"github.com/koperator-go/koperator/messages"
)

// refusedTold is how long a refusal is told after the last try: others may have their turn meanwhile, which is no blocked roll.
const refusedTold = time.Minute

// refusals are the evictions of one Pod that were refused: since when, and until when it had a permit.
type refusals struct{ first, last time.Time }

// refused reports whether somebody's budget refused the eviction of the Pod that a node still has and is to lose.
func (n node) refused() bool {
	return n.observed.Restart.Refused != "" && n.observed.Pod != "" && !n.observed.Stopping
}

// remember keeps what is known of a node's refused evictions as long as its Pod stands.
func (d *rollDecision) remember(v rollView, n node) {
	if !n.refused() {
		return
	}
	r := v.roll.refused[n.id]
	if r.first.IsZero() {
		r.first = v.now
	}
	if p, held := v.roll.permits[n.id]; held && p.withdrawn == 0 {
		r.last = v.now
	}
	d.refused[n.id] = r
}

// tell says what a person should know first of those that wait: that even force does not help, or that an eviction is refused, also while
// others have their turn.
func (d *rollDecision) tell(v rollView) {
	if len(d.permits) == 0 {
		d.blocked = cmp.Or(d.forceWaits, d.blocked)
	}
	for _, n := range v.nodes {
		r, was := d.refused[n.id]
		p, held := d.permits[n.id]
		if !was || n.leaving || p.Asked == messages.NoBudget || !held && v.now.Sub(r.last) >= refusedTold {
			continue
		}
		if d.blocked == "" || v.now.Sub(r.first) >= blockedAfter && len(d.permits) > 0 {
			d.blocked, d.refusedSince = refusedText(n), r.first
			return
		}
	}
}
