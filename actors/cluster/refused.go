package cluster

import (
	"cmp"
	"time"

	"github.com/koperator-go/koperator/messages"
)

// refusedTold is how long a refusal is told after the last try: others may have their turn meanwhile, which is no blocked roll.
const refusedTold = time.Minute

// refusals are the stops of one Pod that were refused or failed: since when, and until when it had a permit. While others have their
// turn for long, first moves on: only the time in which it was tried counts.
type refusals struct{ first, last time.Time }

// lasted is for how long a Pod was tried to be stopped.
func (r refusals) lasted() time.Duration { return r.last.Sub(r.first) }

// refused reports whether the Pod that a node still has and is to lose was not stopped: somebody's budget refused it, or the request failed.
func (n node) refused() bool {
	o := n.observed
	return o.Restart.Refused != "" && o.Pod != "" && (!o.Stopping || o.Phase == messages.PhaseFailing)
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
		if gap := v.now.Sub(r.last); !r.last.IsZero() && gap >= refusedTold {
			r.first = r.first.Add(gap)
		}
		r.last = v.now
	}
	d.refused[n.id] = r
}

// tell says what a person should know first of those that wait: that even force does not help, or that evictions are refused, also while
// others have their turn. Of those it names the one that is refused for longest.
func (d *rollDecision) tell(v rollView) {
	if len(d.permits) == 0 {
		d.blocked = cmp.Or(d.forceWaits, d.blocked)
	}
	tried := false
	for _, n := range v.nodes {
		r, was := d.refused[n.id]
		if !was || n.leaving || d.permits[n.id].Asked == messages.NoBudget {
			continue
		}
		_, held := d.permits[n.id]
		tried = tried || held || v.now.Sub(r.last) < refusedTold
		if since := v.now.Add(-r.lasted()); d.refusal == "" || since.Before(d.refusedSince) {
			d.refusal, d.refusedSince = refusedText(n), since
		}
	}
	if !tried {
		d.refusal, d.refusedSince = "", time.Time{}
	}
}

// goesOn is the decision with what is known since the one before: what blocks a roll now may have done so then.
func (d rollDecision) goesOn(before rollDecision, now time.Time) rollDecision {
	if d.blocked != "" {
		if d.blockedSince = before.blockedSince; d.blockedSince.IsZero() {
			d.blockedSince = now
		}
	}
	return d
}

// blockedBy is what a person is told of why a roll does not go on, and since when: of two causes the one that lasts longer.
func (d rollDecision) blockedBy() (text string, since time.Time) {
	if d.refusal != "" && (d.blocked == "" || d.refusedSince.Before(d.blockedSince)) {
		return d.refusal, d.refusedSince
	}
	return d.blocked, d.blockedSince
}
