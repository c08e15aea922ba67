package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka/scenarios"
	"github.com/koperator-go/koperator/messages"
)

func TestRealKafkaKeepsReplicas(t *testing.T) { scenarios.Replicas(t, newRealBrokers(t)) }

func TestRealKafkaKeepsDynamicConfiguration(t *testing.T) {
	scenarios.Configuration(t, newRealBrokers(t))
}

// realBrokers are real nodes, and what is asked of node 1.
type realBrokers struct {
	*realControllers
}

func newRealBrokers(t *testing.T) realBrokers {
	c := newRealControllers(t, 1, 2, 3)
	c.lines = []string{"num.io.threads=4", "log.retention.bytes=1000"}
	c.format(1, "--standalone")
	c.nodes[1].start()
	return realBrokers{c}
}

func (b realBrokers) Stop(id messages.BrokerID) { b.nodes[id].stop() }

// do asks a broker for what has to work.
func (b realBrokers) do(id messages.BrokerID, what func(context.Context, *Admin) error) {
	b.t.Helper()
	require.NoError(b.t, b.try(id, what))
}

func (b realBrokers) try(id messages.BrokerID, what func(context.Context, *Admin) error) error {
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	admin, err := DialAdmin(ctx, b.nodes[id].address, open)
	if err != nil {
		return err
	}
	defer admin.Close()
	return what(ctx, admin)
}

func (b realBrokers) observed() (observed messages.KafkaObserved) {
	b.t.Helper()
	b.session(func(ctx context.Context, session *Session) (err error) {
		observed, err = session.Observe(ctx, Ask{KRaft: true, Detail: true})
		return err
	})
	return observed
}

// session asks node 1 as the health actor does.
func (b realBrokers) session(what func(context.Context, *Session) error) {
	b.t.Helper()
	session, err := NewSession([]string{b.nodes[1].address}, open)
	require.NoError(b.t, err)
	defer session.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(b.t, what(ctx, session))
}

func (b realBrokers) Registered() []messages.BrokerID {
	b.t.Helper()
	return slices.Sorted(slices.Values(b.observed().Brokers))
}

func (b realBrokers) Create(topic string, replicas ...messages.BrokerID) {
	b.t.Helper()
	var ids []int32
	for _, id := range replicas {
		ids = append(ids, int32(id))
	}
	b.do(1, func(ctx context.Context, admin *Admin) error {
		createWith(ctx, b.t, admin, topic, map[string]string{"min.insync.replicas": "2"}, ids...)
		return nil
	})
}

func (b realBrokers) Partition(topic string) messages.Partition {
	b.t.Helper()
	for _, p := range b.observed().Replication.Partitions {
		if p.Topic == topic {
			return p
		}
	}
	return messages.Partition{}
}

func (b realBrokers) Elect(topic string) {
	b.t.Helper()
	b.session(func(ctx context.Context, session *Session) error {
		return session.ElectPreferred(ctx, []messages.Partition{{Topic: topic}})
	})
}

func (b realBrokers) Move(topic string, to ...messages.BrokerID) {
	b.t.Helper()
	b.do(1, func(ctx context.Context, admin *Admin) error {
		return admin.Move(ctx, []Move{{Partition: TopicPartition{Topic: topic}, Replicas: to}})
	})
}

func (b realBrokers) TakeBack(topic string) {
	b.t.Helper()
	b.do(1, func(ctx context.Context, admin *Admin) error {
		return admin.TakeBack(ctx, []Move{{Partition: TopicPartition{Topic: topic}}})
	})
}

func (b realBrokers) Moving() (moving []messages.Reassignment) {
	b.t.Helper()
	b.do(1, func(ctx context.Context, admin *Admin) (err error) {
		moving, err = admin.Reassignments(ctx)
		return err
	})
	return moving
}

func (b realBrokers) Held(id messages.BrokerID) []string {
	b.t.Helper()
	topics := map[string]bool{}
	b.do(id, func(ctx context.Context, admin *Admin) error {
		dirs, err := admin.DescribeLogDirs(ctx)
		for _, dir := range dirs {
			for _, replica := range dir.Replicas {
				topics[replica.Topic] = true
			}
		}
		return err
	})
	return slices.Sorted(maps.Keys(topics))
}

func (b realBrokers) Unregister(id messages.BrokerID) {
	b.t.Helper()
	b.do(1, func(ctx context.Context, admin *Admin) error { return admin.Unregister(ctx, id) })
}

func (b realBrokers) Alter(target messages.BrokerID, changes ...scenarios.Setting) string {
	b.t.Helper()
	err := b.try(1, func(ctx context.Context, admin *Admin) error {
		var all []ConfigChange
		for _, s := range changes {
			change := ConfigChange{Key: s.Key}
			if !s.Delete {
				change.Value = &s.Value
			}
			all = append(all, change)
		}
		return admin.Alter(ctx, ConfigResource{Broker: target, ClusterWide: target == 0}, all, false)
	})
	var refused *ConfigRefused
	if errors.As(err, &refused) {
		return refused.Message
	}
	require.NoError(b.t, err)
	return ""
}

func (b realBrokers) Shown(key string) (value string, source int8) {
	b.t.Helper()
	b.do(1, func(ctx context.Context, admin *Admin) error {
		configs, err := admin.Describe(ctx, ConfigResource{Broker: 1})
		if err == nil {
			value, source = *configs[key].Value, int8(configs[key].Source)
		}
		return err
	})
	return value, source
}
