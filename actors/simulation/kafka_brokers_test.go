package simulation

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kafka/scenarios"
	"github.com/koperator-go/koperator/messages"
)

func TestSimulatedKafkaKeepsReplicas(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) { scenarios.Replicas(w.t, w.bareBrokers()) })
}

func TestSimulatedKafkaKeepsDynamicConfiguration(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) { scenarios.Configuration(w.t, w.bareBrokers()) })
}

// simulatedBrokers are nodes of the model, and what is asked of them.
type simulatedBrokers struct {
	*simulatedControllers
}

func (w *World) bareBrokers() simulatedBrokers {
	c := &simulatedControllers{
		w: w, disks: map[messages.BrokerID]int{}, file: map[string]string{"num.io.threads": "4", "log.retention.bytes": "1000"},
	}
	c.start(1, []voter{{id: 1, directory: "disk-1-0"}})
	b := simulatedBrokers{c}
	b.Eventually("node 1 serves", func() bool { return len(b.Registered()) == 1 })
	return b
}

// with looks at the model, or changes it, and lets it follow.
func (b simulatedBrokers) with(do func(*kafkaState)) {
	b.w.kafka.mu.Lock()
	defer b.w.kafka.mu.Unlock()
	do(b.state())
	b.w.kafka.evaluate(b.state())
}

func (b simulatedBrokers) Stop(id messages.BrokerID) {
	b.w.kafka.stop(keyed("bare"), id, b.state().processes[id].pod, shutdown)
}

func (b simulatedBrokers) Registered() (ids []messages.BrokerID) {
	b.with(func(c *kafkaState) { ids = c.listedBrokers() })
	return ids
}

func (b simulatedBrokers) Create(topic string, replicas ...messages.BrokerID) {
	b.with(func(c *kafkaState) {
		p := &partition{topic: topic, replicas: replicas, isr: replicas, leader: replicas[0], dirs: map[messages.BrokerID]string{}}
		for _, id := range replicas {
			p.dirs[id] = c.emptiest(id)
		}
		c.minISR[topic] = 2
		c.partitions = append(c.partitions, p)
	})
}

func (b simulatedBrokers) partition(c *kafkaState, topic string) *partition {
	return c.partitions[slices.IndexFunc(c.partitions, func(p *partition) bool { return p.topic == topic })]
}

func (b simulatedBrokers) Partition(topic string) (shown messages.Partition) {
	b.with(func(c *kafkaState) { shown = c.shown(b.partition(c, topic)) })
	return shown
}

func (b simulatedBrokers) Elect(topic string) {
	b.with(func(c *kafkaState) { c.prefer(b.partition(c, topic)) })
}

func (b simulatedBrokers) Move(topic string, to ...messages.BrokerID) {
	b.with(func(c *kafkaState) { require.NoError(b.w.t, c.reassign(b.partition(c, topic), to)) })
}

func (b simulatedBrokers) TakeBack(topic string) {
	b.with(func(c *kafkaState) { require.NoError(b.w.t, c.reassign(b.partition(c, topic), nil)) })
}

func (b simulatedBrokers) Moving() (moving []messages.Reassignment) {
	b.with(func(c *kafkaState) { moving = c.moving() })
	return moving
}

func (b simulatedBrokers) Held(id messages.BrokerID) (topics []string) {
	b.with(func(c *kafkaState) {
		for path := range c.processes[id].dirs {
			for _, replica := range c.logDirOf(c.processes[id], path).Replicas {
				topics = append(topics, replica.Topic)
			}
		}
	})
	slices.Sort(topics)
	return topics
}

func (b simulatedBrokers) Unregister(id messages.BrokerID) {
	b.with(func(c *kafkaState) { c.unregister(id) })
}

func (b simulatedBrokers) Alter(target messages.BrokerID, changes ...scenarios.Setting) string {
	var err error
	b.with(func(c *kafkaState) {
		var all []kafkaclient.ConfigChange
		for _, s := range changes {
			change := kafkaclient.ConfigChange{Key: s.Key}
			if !s.Delete {
				change.Value = &s.Value
			}
			all = append(all, change)
		}
		err = c.alter(c.processes[1], kafkaclient.ConfigResource{Broker: target, ClusterWide: target == 0}, all, false)
	})
	var refusal *kafkaclient.ConfigRefused
	if errors.As(err, &refusal) {
		return refusal.Message
	}
	require.NoError(b.w.t, err)
	return ""
}

func (b simulatedBrokers) Shown(key string) (value string, source int8) {
	b.with(func(c *kafkaState) {
		if entry := c.describeBroker(c.processes[1])[key]; entry.Value != nil {
			value, source = *entry.Value, int8(entry.Source)
		}
	})
	return value, source
}

func (b simulatedBrokers) Eventually(what string, holds func() bool) {
	b.w.t.Helper()
	b.w.eventually(2*time.Minute, what, holds)
}
