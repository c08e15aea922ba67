package simulation

import (
	"maps"
	"slices"
	"time"

	"github.com/koperator-go/koperator/messages"
)

const (
	// session is broker.session.timeout.ms.
	session = 9 * time.Second
	// handover is how long a broker that shuts down stays in the list of brokers.
	handover = 2 * time.Second
	// emptied is when Kafka brings a partition back whose only replica was lost: without its records, and online.
	emptied = 80 * time.Second
)

// brokerState is what the controllers know of a broker.
type brokerState struct {
	id     messages.BrokerID
	fenced bool
	// sessionEnds is when a broker that is gone without a word is missed; zero while it lives, and when it said so.
	sessionEnds time.Time
	// listed is until when a fenced broker is still shown.
	listed time.Time
	// down is since when its process does not serve.
	down time.Time
	// catching is set while its replicas fetch what they missed.
	catching bool
	// failed are the log dirs that it cannot write to, by directory id.
	failed map[string]bool
}

// register lets a broker into the cluster; it has to wait until the session of its predecessor is over.
func (c *kafkaState) register(k *kafka, p *process) bool {
	b := c.brokers[p.id]
	if b == nil {
		b = &brokerState{id: p.id, failed: map[string]bool{}}
		c.brokers[p.id] = b
	}
	if time.Now().Before(b.sessionEnds) {
		return false // DUPLICATE_BROKER_REGISTRATION
	}
	if !b.sessionEnds.IsZero() {
		c.fence(b)
	}
	b.sessionEnds, b.fenced, b.failed = time.Time{}, false, map[string]bool{}
	c.findReplicas(k, p)
	return true
}

// departs is the end of a broker's process.
func (c *kafkaState) departs(k *kafka, id messages.BrokerID, how ending) {
	b := c.brokers[id]
	b.down = time.Now()
	if how == shutdown && c.active() {
		c.fence(b)
		b.listed = time.Now().Add(handover)
		if c.quorum.leader == id {
			c.resigned(k)
		}
		return
	}
	b.sessionEnds = time.Now().Add(session)
	k.later(c, session, nil)
}

// expire fences a broker whose session is over.
func (c *kafkaState) expire(k *kafka, b *brokerState) {
	if b.fenced || b.sessionEnds.IsZero() || time.Now().Before(b.sessionEnds) {
		return
	}
	c.fence(b)
	b.sessionEnds = time.Time{}
	if p := c.processes[b.id]; p != nil && !p.serves {
		k.later(c, 0, nil) // its successor may register now
	}
}

// fence takes a broker out of every ISR but those that it is the last of.
func (c *kafkaState) fence(b *brokerState) {
	b.fenced = true
	for _, p := range c.partitions {
		c.leaves(p, b.id)
		c.lead(p)
	}
}

// serving reports whether a broker's process answers.
func (c *kafkaState) serving(id messages.BrokerID) bool {
	p := c.processes[id]
	return p != nil && p.broker && p.serves && !(p.adrift && c.brokers[id].fenced)
}

// listedBrokers are those that DescribeCluster names, sorted. A broker that was killed is among them until it is missed.
func (c *kafkaState) listedBrokers() []messages.BrokerID {
	var ids []messages.BrokerID
	for _, id := range slices.Sorted(maps.Keys(c.brokers)) {
		if b := c.brokers[id]; !b.fenced || time.Now().Before(b.listed) {
			ids = append(ids, id)
		}
	}
	return ids
}
