package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// A broker is killed and comes back: what is seen of it, and how it leads again.
func TestRealKafkaLosesABroker(t *testing.T) {
	first := startRealKafka(t, "4.3.1")
	second := joinRealKafka(first)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	admin, err := DialAdmin(ctx, first.address, open)
	require.NoError(t, err)
	defer admin.Close()
	createOn(ctx, t, admin, "both", 2, 1)
	createOn(ctx, t, admin, "moving", 1)
	session, err := NewSession([]string{first.address}, open)
	require.NoError(t, err)
	defer session.Close()
	becomes := func(brokers []messages.BrokerID, underReplicated bool, both messages.Partition) *messages.Replication {
		t.Helper()
		return observedUntil(ctx, t, session, func(c *assert.CollectT, o messages.KafkaObserved) {
			require.Equal(c, brokers, o.Brokers)
			require.Equal(c, underReplicated, o.UnderReplicated)
			require.Equal(c, both, o.Replication.Partitions[0])
		})
	}
	whole := messages.Partition{Topic: "both", Leader: 2, Replicas: []messages.BrokerID{2, 1}, ISR: []messages.BrokerID{2, 1}}
	becomes([]messages.BrokerID{1, 2}, false, whole)

	second.kill()
	becomes([]messages.BrokerID{1}, true, messages.Partition{
		Topic: "both", Leader: 1, Replicas: whole.Replicas, ISR: []messages.BrokerID{1}, Offline: []messages.BrokerID{2},
	})
	move(ctx, t, admin, "moving", 1, 2) // it cannot end before broker 2 is back
	observedUntil(ctx, t, session, func(c *assert.CollectT, o messages.KafkaObserved) {
		require.Equal(c, []messages.Reassignment{{Topic: "moving", Adding: []messages.BrokerID{2}}}, o.Replication.Reassigning)
	})

	second.start()
	follows := whole
	follows.Leader, follows.ISR = 1, []messages.BrokerID{1, 2}
	r := becomes([]messages.BrokerID{1, 2}, false, follows)
	require.NoError(t, session.ElectPreferred(ctx, r.Partitions))
	follows.Leader = 2
	require.Empty(t, becomes([]messages.BrokerID{1, 2}, false, follows).Reassigning)
}

func observedUntil(
	ctx context.Context, t *testing.T, session *Session, holds func(*assert.CollectT, messages.KafkaObserved),
) *messages.Replication {
	t.Helper()
	var last *messages.Replication
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		observed, err := session.Observe(ctx, Ask{KRaft: true, Detail: true})
		require.NoError(c, err)
		last = observed.Replication
		holds(c, observed)
	}, 15*time.Second, 100*time.Millisecond)
	return last
}

// createOn makes a topic with one partition on these brokers.
func createOn(ctx context.Context, t *testing.T, admin *Admin, name string, replicas ...int32) {
	t.Helper()
	createWith(ctx, t, admin, name, nil, replicas...)
}

// createWith makes it with settings of its own.
func createWith(ctx context.Context, t *testing.T, admin *Admin, name string, settings map[string]string, replicas ...int32) {
	t.Helper()
	assignment := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	assignment.Replicas = replicas
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
	topic.ReplicaAssignment = append(topic.ReplicaAssignment, assignment)
	for key, value := range settings {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = key, &value
		topic.Configs = append(topic.Configs, config)
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, topic)
	answer, err := told[*kmsg.CreateTopicsResponse](ctx, admin, "create a topic", request)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(answer.Topics[0].ErrorCode))
}

// move begins to bring the topic's partition to these brokers.
func move(ctx context.Context, t *testing.T, admin *Admin, name string, replicas ...int32) {
	t.Helper()
	partition := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	partition.Replicas = replicas
	topic := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	topic.Topic, topic.Partitions = name, append(topic.Partitions, partition)
	request := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	request.Topics = append(request.Topics, topic)
	answer, err := told[*kmsg.AlterPartitionAssignmentsResponse](ctx, admin, "move a partition", request)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode))
}
