package simulation

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/koperator-go/koperator/messages"
)

// partition is one partition as the controllers know it. Its slices are replaced, never changed: answers share them.
type partition struct {
	topic    string
	number   int32
	replicas []messages.BrokerID
	isr      []messages.BrokerID
	// eligible are the eligible leader replicas (KIP-966): those that left an ISR that was too small already.
	eligible []messages.BrokerID
	leader   messages.BrokerID
	// adding and removing are the replicas that a move brings and takes, copying those that are being made; since is when it began.
	since time.Time
	// moved is when the last move ended.
	moved            time.Time
	adding, removing []messages.BrokerID
	copying          map[messages.BrokerID]bool
	// dirs is the log dir of each replica, by directory id.
	dirs map[messages.BrokerID]string
	// lost is set when all records went with a disk; Kafka shows nothing of it.
	lost bool
	// pending is set while Kafka does not know whom to make leader of a partition without records.
	pending bool
	produce accounts
}

func (p *partition) String() string { return fmt.Sprintf("%s-%d", p.topic, p.number) }

// create makes a topic on the brokers that are there, replicas round robin.
func (c *kafkaState) create(topic string, partitions, factor, minISR int) error {
	var ids []messages.BrokerID
	for _, id := range slices.Sorted(maps.Keys(c.brokers)) {
		if !c.brokers[id].fenced && c.serving(id) && c.dynamic[id]["cordoned.log.dirs"] != "*" {
			ids = append(ids, id)
		}
	}
	if !c.active() || len(ids) < factor {
		return fmt.Errorf("replication factor %d is larger than the number of brokers %v", factor, ids)
	}
	if minISR > 0 {
		c.minISR[topic] = int32(minISR)
	}
	for n := range partitions {
		p := &partition{topic: topic, number: int32(n), dirs: map[messages.BrokerID]string{}}
		for r := range factor {
			id := ids[(n+r)%len(ids)]
			p.replicas = append(p.replicas, id)
			p.dirs[id] = c.emptiest(id)
		}
		p.isr, p.leader = p.replicas, p.replicas[0]
		c.partitions = append(c.partitions, p)
	}
	slices.SortFunc(c.partitions, func(a, b *partition) int {
		if a.topic != b.topic {
			return compareTexts(a.topic, b.topic)
		}
		return int(a.number - b.number)
	})
	return nil
}

func compareTexts(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// emptiest is the log dir of a broker with the fewest partitions, as Kafka chooses.
func (c *kafkaState) emptiest(id messages.BrokerID) string {
	held := map[string]int{}
	for _, p := range c.partitions {
		held[p.dirs[id]]++
	}
	process, best := c.processes[id], ""
	for _, path := range slices.Sorted(maps.Keys(process.dirs)) {
		directory := process.dirs[path]
		if slices.Contains(splitList(c.dynamic[id]["cordoned.log.dirs"]), path) {
			continue
		}
		if !c.brokers[id].failed[directory] && (best == "" || held[directory] < held[best]) {
			best = directory
		}
	}
	return best
}

// required is the effective min.insync.replicas of a topic.
func (c *kafkaState) required(topic string) int32 {
	if own := c.minISR[topic]; own > 0 {
		return own
	}
	return c.defaultMinISR()
}

// online reports whether the controllers take a replica for one that answers.
func (c *kafkaState) online(p *partition, id messages.BrokerID) bool {
	b := c.brokers[id]
	return b != nil && !b.fenced && !b.failed[p.dirs[id]]
}

// leaves takes a replica out of the ISR. The last one stays, or becomes the only eligible leader.
func (c *kafkaState) leaves(p *partition, id messages.BrokerID) {
	if !slices.Contains(p.isr, id) {
		return
	}
	rest := without(p.isr, id)
	switch {
	case c.elr() && int32(len(rest)) < c.required(p.topic):
		p.eligible = append(slices.Clone(p.eligible), id)
		p.isr = rest
	case len(rest) > 0:
		p.isr = rest
	}
}

func without(ids []messages.BrokerID, id messages.BrokerID) []messages.BrokerID {
	return slices.DeleteFunc(slices.Clone(ids), func(other messages.BrokerID) bool { return other == id })
}

// lead keeps a leader that is online and in sync, and takes the first such replica otherwise.
func (c *kafkaState) lead(p *partition) {
	if p.pending || p.leader >= 0 && c.online(p, p.leader) && slices.Contains(p.isr, p.leader) {
		return
	}
	p.leader = -1
	for _, id := range p.replicas {
		if c.online(p, id) && slices.Contains(p.isr, id) {
			p.leader = id
			return
		}
	}
	for _, id := range p.replicas {
		if len(p.isr) == 0 && c.online(p, id) && slices.Contains(p.eligible, id) {
			p.leader, p.isr, p.eligible = id, []messages.BrokerID{id}, without(p.eligible, id)
			return
		}
	}
}

// joins takes a replica into the ISR that has all that its leader has.
func (c *kafkaState) joins(p *partition, id messages.BrokerID) {
	if c.lags(p, id) {
		p.isr = append(slices.Clone(p.isr), id)
		p.eligible = without(p.eligible, id)
		if int32(len(p.isr)) >= c.required(p.topic) {
			p.eligible = nil
		}
	}
}

// lags reports whether a replica misses records and can fetch them.
func (c *kafkaState) lags(p *partition, id messages.BrokerID) bool {
	return slices.Contains(p.replicas, id) && !slices.Contains(p.isr, id) && c.online(p, id) && p.leader >= 0 && c.serving(p.leader)
}

// catchUp lets the replicas of a broker that serves fetch what they missed: the longer it was away the more.
func (c *kafkaState) catchUp(k *kafka, b *brokerState) {
	behind := func(p *partition) bool { return c.lags(p, b.id) && !slices.Contains(p.adding, b.id) }
	if b.catching || b.fenced || !c.serving(b.id) || !slices.ContainsFunc(c.partitions, behind) {
		return
	}
	b.catching = true
	process := c.processes[b.id]
	took := k.faults.between("catching up of "+c.name+" "+b.id.String(), 40*time.Millisecond, 400*time.Millisecond)
	if !b.down.IsZero() {
		took += min(process.since.Sub(b.down)/50, time.Minute)
	}
	took += k.copyTime
	k.later(c, took, func() {
		b.catching = false
		if c.processes[b.id] != process || !c.active() {
			return
		}
		for _, p := range c.partitions {
			if behind(p) {
				c.joins(p, b.id)
				c.completes(p)
			}
		}
	})
}

// findReplicas compares a broker's disks with the replicas that it had. One that is on no disk any more is made again,
// empty; where it was the last one Kafka takes it for the truth after a while.
func (c *kafkaState) findReplicas(k *kafka, process *process) {
	there := map[string]bool{}
	for _, directory := range process.dirs {
		there[directory] = true
	}
	for _, p := range c.partitions {
		if !slices.Contains(p.replicas, process.id) || there[p.dirs[process.id]] {
			continue
		}
		p.dirs[process.id] = c.emptiest(process.id)
		last := len(without(p.isr, process.id)) == 0 && len(without(p.eligible, process.id)) == 0
		if !last {
			p.isr, p.eligible = without(p.isr, process.id), without(p.eligible, process.id)
			continue
		}
		if slices.Contains(p.isr, process.id) || slices.Contains(p.eligible, process.id) {
			p.leader, p.pending = -1, true
			k.later(c, emptied, func() {
				p.pending, p.lost = false, true
				p.isr, p.eligible = []messages.BrokerID{process.id}, nil
			})
		}
	}
}

// balance is Kafka's own way back to preferred leaders (leader.imbalance.check.interval.seconds).
func (c *kafkaState) balance(k *kafka) {
	if c.balancing || !slices.ContainsFunc(c.partitions, c.prefersAnother) {
		return
	}
	c.balancing = true
	k.later(c, 300*time.Second, func() {
		c.balancing = false
		if c.active() {
			for _, p := range c.partitions {
				c.prefer(p)
			}
		}
	})
}

// prefersAnother reports whether a partition's preferred leader could lead and does not.
func (c *kafkaState) prefersAnother(p *partition) bool {
	return !p.pending && p.leader != p.replicas[0] && slices.Contains(p.isr, p.replicas[0]) && c.online(p, p.replicas[0])
}

func (c *kafkaState) prefer(p *partition) {
	if c.prefersAnother(p) {
		p.leader = p.replicas[0]
	}
}

// shown is a partition in the metadata of a broker.
func (c *kafkaState) shown(p *partition) messages.Partition {
	is := messages.Partition{Topic: p.topic, Number: p.number, Leader: p.leader, Replicas: p.replicas, ISR: p.isr}
	for _, id := range p.replicas {
		if !c.online(p, id) {
			is.Offline = append(is.Offline, id)
		}
	}
	return is
}
