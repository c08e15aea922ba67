package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// reassigned reports whether a partition is on its way to other brokers. Its replicas are then the new ones and, after them, those
// that are to go.
func (p *partition) reassigned() bool { return len(p.adding)+len(p.removing) > 0 }

// reassign is AlterPartitionReassignments of one partition: to these brokers, or back where there are none.
func (c *kafkaState) reassign(p *partition, to []messages.BrokerID) error {
	if to == nil {
		return c.revert(p)
	}
	for at, id := range to {
		if c.brokers[id] == nil || slices.Contains(to[:at], id) {
			return fmt.Errorf("INVALID_REPLICA_ASSIGNMENT: %s cannot have replicas on %v", p, to)
		}
	}
	if major, minor := release(c.version); len(to) != len(p.replicas)-len(p.adding) && (major > 4 || major == 4 && minor >= 1) {
		return fmt.Errorf("INVALID_REPLICATION_FACTOR: %s has %v, not %v", p, p.replicas, to)
	}
	p.since = time.Now()
	removing, adding := outside(p.replicas, to), outside(to, p.replicas)
	for _, id := range adding {
		p.dirs[id] = ""
		if c.serving(id) {
			p.dirs[id] = c.emptiest(id)
		}
	}
	p.replicas, p.adding, p.removing = slices.Concat(to, removing), append(slices.Clone(p.adding), adding...), removing
	p.adding = slices.DeleteFunc(p.adding, func(id messages.BrokerID) bool { return !slices.Contains(to, id) })
	c.completes(p)
	return nil
}

// revert takes a move back. The replicas that stay keep the order that the move has given them.
func (c *kafkaState) revert(p *partition) error {
	if !p.reassigned() {
		return nil // NO_REASSIGNMENT_IN_PROGRESS
	}
	if len(outside(p.isr, p.adding)) == 0 && len(outside(p.eligible, p.adding)) == 0 {
		return fmt.Errorf("INVALID_REPLICA_ASSIGNMENT: %s would have nobody in sync", p)
	}
	c.letGo(p, p.adding)
	return nil
}

// completes ends a move when all that it adds is in sync.
func (c *kafkaState) completes(p *partition) {
	stays := outside(p.isr, p.removing)
	if !p.reassigned() || len(stays) == 0 || len(outside(p.adding, stays)) > 0 {
		return
	}
	c.letGo(p, p.removing)
}

// letGo takes replicas away for good, and ends the move.
func (c *kafkaState) letGo(p *partition, ids []messages.BrokerID) {
	p.replicas, p.isr, p.eligible = outside(p.replicas, ids), outside(p.isr, ids), outside(p.eligible, ids)
	for _, id := range ids {
		delete(p.dirs, id)
	}
	p.adding, p.removing, p.moved = nil, nil, time.Now()
	c.lead(p)
}

// outside are those of some that are not among others.
func outside(some, others []messages.BrokerID) []messages.BrokerID {
	return slices.DeleteFunc(slices.Clone(some), func(id messages.BrokerID) bool { return slices.Contains(others, id) })
}

// copyOver lets new replicas be made: they have the partition after a while, if they and its leader run on.
func (c *kafkaState) copyOver(k *kafka, p *partition) {
	for _, id := range p.adding {
		if p.copying[id] || !c.lags(p, id) || !c.serving(id) {
			continue
		}
		if p.copying == nil {
			p.copying = map[messages.BrokerID]bool{}
		}
		p.copying[id] = true
		process := c.processes[id]
		k.later(c, k.faults.between("copying of "+c.name+" "+p.String()+" to "+id.String(), time.Second, 40*time.Second), func() {
			delete(p.copying, id)
			if c.processes[id] == process && c.active() && slices.Contains(p.adding, id) {
				c.joins(p, id)
				c.completes(p)
			}
		})
	}
}

// moving are the partitions under way, as the active controller lists them.
func (c *kafkaState) moving() (all []messages.Reassignment) {
	for _, p := range c.partitions {
		if p.reassigned() {
			all = append(all, messages.Reassignment{Topic: p.topic, Number: p.number, Adding: p.adding, Removing: p.removing})
		}
	}
	return all
}

// Reassignments is ListPartitionReassignments.
func (a kafkaAdmin) Reassignments(ctx context.Context) (all []messages.Reassignment, err error) {
	err = a.do(ctx, "list reassignments", func(c *kafkaState, _ *process) error {
		if !c.active() {
			return errors.New("REQUEST_TIMED_OUT: no active controller")
		}
		all = c.moving()
		return nil
	})
	return all, err
}

// Move is AlterPartitionReassignments.
func (a kafkaAdmin) Move(ctx context.Context, moves []kafkaclient.Move) error {
	return a.moveAll(ctx, moves, func(p *partition, m kafkaclient.Move, c *kafkaState) error {
		if len(m.Replicas) != len(p.replicas)-len(p.adding) {
			a.kafka.harm("%s of %s, on %v, was to get the replicas %v: another number of them", p, c.name, p.replicas, m.Replicas)
		}
		if p.reassigned() && !slices.Equal(p.removing, m.From) && time.Since(p.since) > time.Second {
			a.kafka.harm("%s of %s was moved to %v although somebody else moves it", p, c.name, m.Replicas)
		}
		if unbound := c.unbound(m); unbound != "" {
			a.kafka.harm("the move of %s of %s began although nothing bounds %s", p, c.name, unbound)
		}
		return c.reassign(p, m.Replicas)
	})
}

// TakeBack ends moves, and puts the order of replicas right.
func (a kafkaAdmin) TakeBack(ctx context.Context, moves []kafkaclient.Move) error {
	return a.moveAll(ctx, moves, func(p *partition, m kafkaclient.Move, c *kafkaState) error {
		taken := p.reassigned()
		if err := c.reassign(p, nil); err != nil || !taken || m.Before == nil {
			return err
		}
		return c.reassign(p, m.Before)
	})
}

func (a kafkaAdmin) moveAll(ctx context.Context, moves []kafkaclient.Move, one func(*partition, kafkaclient.Move, *kafkaState) error) error {
	return a.do(ctx, "move", func(c *kafkaState, _ *process) error {
		if !c.active() {
			return errors.New("REQUEST_TIMED_OUT: no active controller")
		}
		var all []error
		for _, m := range moves {
			for _, p := range c.partitions {
				if p.topic == m.Partition.Topic && p.number == m.Partition.Number {
					all = append(all, one(p, m, c))
				}
			}
		}
		a.kafka.evaluate(c)
		a.kafka.heard()
		return errors.Join(all...)
	})
}
