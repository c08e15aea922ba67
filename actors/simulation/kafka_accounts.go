package simulation

import (
	"slices"
	"time"

	"github.com/koperator-go/koperator/messages"
)

// accounts is how producers with acks=all fared on a partition.
type accounts struct {
	// alive are the in-sync replicas whose process served when it was looked last.
	alive []messages.BrokerID
	// gone is when each replica ceased to be one of them, without the daemon's doing.
	gone map[messages.BrokerID]time.Time
	// since is when there began to be fewer than min.insync.replicas, zero while there are enough; ours says that there
	// would be enough, had the daemon stopped nobody.
	since time.Time
	ours  bool
	// short is the sum of such times, shortOurs of those that the daemon made.
	short, shortOurs time.Duration
}

// alive are the in-sync replicas that answer: what an acks=all produce request waits for. Of a broker that was killed
// metadata says for a while that it is one.
func (c *kafkaState) alive(p *partition) []messages.BrokerID {
	if p.pending {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.isr), func(id messages.BrokerID) bool {
		return !c.serving(id) || c.brokers[id].failed[p.dirs[id]]
	})
}

// account notes for every partition whether producers could write until now, and whose doing it was.
func (c *kafkaState) account() {
	now := time.Now()
	for _, p := range c.partitions {
		a := &p.produce
		alive := c.alive(p)
		for _, id := range a.alive {
			if !slices.Contains(alive, id) && c.stopped[id].pod == "" {
				if a.gone == nil {
					a.gone = map[messages.BrokerID]time.Time{}
				}
				a.gone[id] = now
			}
		}
		a.alive = alive
		a.close(now)
		if required := int(c.required(p.topic)); len(alive) < required {
			stopped := 0
			for _, id := range p.replicas {
				if c.stopped[id].pod != "" && !slices.Contains(alive, id) {
					stopped++
				}
			}
			a.since, a.ours = now, len(alive)+stopped >= required
		}
	}
	c.backInSync()
}

func (a *accounts) close(now time.Time) {
	if a.since.IsZero() {
		return
	}
	a.short += now.Sub(a.since)
	if a.ours {
		a.shortOurs += now.Sub(a.since)
	}
	a.since = time.Time{}
}
