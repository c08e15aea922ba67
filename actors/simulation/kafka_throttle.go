package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// ThrottledReplicas is DescribeConfigs of topics, for the lists of throttled replicas.
func (a kafkaAdmin) ThrottledReplicas(ctx context.Context, topics []string) (lists map[string]kafkaclient.ThrottledReplicas, err error) {
	err = a.do(ctx, "describe topics", func(c *kafkaState, _ *process) error {
		lists = map[string]kafkaclient.ThrottledReplicas{}
		for _, topic := range topics {
			lists[topic] = c.listedOf(topic)
		}
		return nil
	})
	return lists, err
}

// listedOf are the lists of a topic.
func (c *kafkaState) listedOf(topic string) (lists kafkaclient.ThrottledReplicas) {
	for r := range c.throttled {
		entry := fmt.Sprintf("%d:%d", r.Partition.Number, r.Broker)
		switch {
		case r.Partition.Topic != topic:
		case r.Adding:
			lists.Followers = append(lists.Followers, entry)
		default:
			lists.Leaders = append(lists.Leaders, entry)
		}
	}
	return lists
}

// asked is how long it may take from the question what is under way to the request that follows from it. Who gets in sync meanwhile is
// listed for a moment, which slows nobody down: Kafka lets a replica in sync fetch whatever the rate is.
const asked = 15 * time.Second

// Throttle is IncrementalAlterConfigs that appends to the lists.
func (a kafkaAdmin) Throttle(ctx context.Context, replicas kafkaclient.Throttle) error {
	return a.do(ctx, "throttle", func(c *kafkaState, _ *process) error {
		if !c.active() {
			return errors.New("REQUEST_TIMED_OUT: no active controller")
		}
		for r := range replicas.Replicas {
			for _, p := range c.partitions {
				arrived := slices.Contains(p.isr, r.Broker) && !slices.Contains(p.adding, r.Broker)
				if r.Adding && p.is(r.Partition) && arrived && time.Since(p.moved) > asked {
					a.kafka.harm("%s of %s is throttled on broker %d, which is in sync", p, c.name, r.Broker)
				}
			}
			if _, listed := c.throttled[r]; !listed {
				c.throttled[r] = true
			}
		}
		a.kafka.heard()
		return nil
	})
}

// Unthrottle is IncrementalAlterConfigs that takes from the lists.
func (a kafkaAdmin) Unthrottle(ctx context.Context, replicas kafkaclient.Throttle) error {
	return a.do(ctx, "unthrottle", func(c *kafkaState, _ *process) error {
		if !c.active() {
			return errors.New("REQUEST_TIMED_OUT: no active controller")
		}
		for r := range replicas.Replicas {
			if ours, listed := c.throttled[r]; listed && !ours {
				a.kafka.harm("the throttle of somebody else, of %s on broker %d, was taken away", r.Partition, r.Broker)
			}
			delete(c.throttled, r)
		}
		a.kafka.heard()
		return nil
	})
}

// heard tells a test of a request.
func (k *kafka) heard() {
	if k.asked != nil {
		k.asked()
	}
}

func (p *partition) is(name kafkaclient.TopicPartition) bool {
	return p.topic == name.Topic && p.number == name.Number
}

// unbound says what of a move that begins no throttle bounds: who gets the replica has to have a rate, and be listed; empty when all
// is bound.
func (c *kafkaState) unbound(m kafkaclient.Move) string {
	for _, id := range m.To {
		_, listed := c.throttled[kafkaclient.ThrottledReplica{Partition: m.Partition, Broker: id, Adding: true}]
		if c.dynamic[id][followerRate] == "" || !listed {
			return fmt.Sprintf("the new replica on broker %d", id)
		}
	}
	return ""
}

const followerRate = "follower.replication.throttled.rate"

// throttles are the rates and the lists that the daemon has left, by what has them.
func (c *kafkaState) throttles() (left []string) {
	for _, id := range slices.Sorted(maps.Keys(c.dynamic)) {
		for _, key := range slices.Sorted(maps.Keys(c.dynamic[id])) {
			if strings.Contains(key, kafkaclient.ThrottleKeys) && c.dynamic[id][key] != rateOfOthers {
				left = append(left, fmt.Sprintf("broker %d: %s", id, key))
			}
		}
	}
	for r, ours := range c.throttled {
		if ours {
			left = append(left, fmt.Sprintf("%s on broker %d", r.Partition, r.Broker))
		}
	}
	slices.Sort(left)
	return left
}

// rateOfOthers is a rate that somebody else than the daemon has set.
const rateOfOthers = "777"

// throttlesLeft says what bounds replicas although the daemon moves none, in any cluster: nothing may, once all is at rest.
func (k *kafka) throttlesLeft() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.clusters {
		up := func(text string) bool {
			for id, p := range c.processes {
				if p.serves && strings.HasPrefix(text, fmt.Sprintf("broker %d:", id)) {
					return true
				}
			}
			return !strings.HasPrefix(text, "broker ")
		}
		if left := slices.DeleteFunc(c.throttles(), func(text string) bool { return !up(text) }); len(left) > 0 && len(c.moving()) == 0 {
			return c.name + " has " + strings.Join(left, ", ")
		}
	}
	return ""
}

// throttleByHand is kafka-configs in somebody's hands: a rate of a broker, and a replica in the list of those that are being made.
func (c *kafkaState) throttleByHand(p *partition, id messages.BrokerID) {
	if c.dynamic[id] == nil {
		c.dynamic[id] = map[string]string{}
	}
	c.dynamic[id][followerRate] = rateOfOthers
	replica := kafkaclient.ThrottledReplica{Partition: kafkaclient.TopicPartition{Topic: p.topic, Number: p.number}, Broker: id, Adding: true}
	if _, listed := c.throttled[replica]; !listed {
		c.throttled[replica] = false
	}
}
