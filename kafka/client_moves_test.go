package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

// Partitions move from one broker to another, a move to a dead broker is taken back, and nobody gets more replicas than before.
func TestRealKafkaMovesPartitions(t *testing.T) {
	first := startRealKafka(t, "4.3.1")
	second := joinRealKafka(first)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	admin, err := DialAdmin(ctx, first.address, open)
	require.NoError(t, err)
	defer admin.Close()
	createOn(ctx, t, admin, "a", 2)
	createOn(ctx, t, admin, "b", 1)
	session, err := NewSession([]string{first.address}, open)
	require.NoError(t, err)
	defer session.Close()
	to := func(topic string, ids ...messages.BrokerID) Move {
		return Move{Partition: TopicPartition{Topic: topic}, Replicas: ids}
	}
	becomes := func(topic int, replicas ...messages.BrokerID) {
		t.Helper()
		observedUntil(ctx, t, session, func(c *assert.CollectT, o messages.KafkaObserved) {
			require.Greater(c, len(o.Replication.Partitions), topic)
			require.Equal(c, replicas, o.Replication.Partitions[topic].Replicas)
			require.Empty(c, o.Replication.Reassigning)
		})
	}
	becomes(0, 2)
	becomes(1, 1)
	require.NoError(t, admin.Move(ctx, []Move{to("a", 1), to("gone", 1)}), "a topic that was deleted has nothing to move")
	becomes(0, 1)
	require.NoError(t, admin.TakeBack(ctx, []Move{to("a"), to("gone")}), "what is not under way need not be taken back")
	err = admin.Move(ctx, []Move{to("a", 1, 2), to("b", 2)})
	require.ErrorContains(t, err, "move a-0 at "+first.address, "Kafka 4.1 and newer keep the number of replicas")
	becomes(1, 2)
	require.NoError(t, admin.Move(ctx, []Move{to("b", 1)}))
	becomes(1, 1)

	second.kill()
	observedUntil(ctx, t, session, func(c *assert.CollectT, o messages.KafkaObserved) {
		require.Equal(c, []messages.BrokerID{1}, o.Brokers)
	})
	require.NoError(t, admin.Move(ctx, []Move{to("b", 2)}), "Kafka takes it also for a broker that does not run")
	under, err := admin.Reassignments(ctx)
	require.NoError(t, err)
	require.Equal(t, []messages.Reassignment{{Topic: "b", Adding: []messages.BrokerID{2}, Removing: []messages.BrokerID{1}}}, under)
	observedUntil(ctx, t, session, func(c *assert.CollectT, o messages.KafkaObserved) {
		require.Equal(c, []messages.BrokerID{2, 1}, o.Replication.Partitions[1].Replicas, "the new ones first")
	})
	require.NoError(t, admin.TakeBack(ctx, []Move{to("b")}))
	becomes(1, 1)
	requirePreferredLeaderKept(ctx, t, admin, first, becomes)
}

// requirePreferredLeaderKept takes a move back in the middle, for which its end has to be kept from coming: broker 2 is dead.
func requirePreferredLeaderKept(ctx context.Context, t *testing.T, admin *Admin, first *realKafka, becomes func(int, ...messages.BrokerID)) {
	t.Helper()
	third := joinRealKafkaAs(first, 3)
	defer third.kill()
	createOn(ctx, t, admin, "c", 3, 1)
	becomes(2, 3, 1)
	move := Move{Partition: TopicPartition{Topic: "c"}, Replicas: []messages.BrokerID{2, 1}}
	require.NoError(t, admin.Move(ctx, []Move{move}))
	require.NoError(t, admin.TakeBack(ctx, []Move{move}))
	becomes(2, 1, 3) // the order that Kafka leaves
	require.NoError(t, admin.Move(ctx, []Move{{Partition: move.Partition, Replicas: []messages.BrokerID{3, 1}}}))
	becomes(2, 3, 1)
	move.Before = []messages.BrokerID{3, 1}
	require.NoError(t, admin.Move(ctx, []Move{move}))
	require.NoError(t, admin.TakeBack(ctx, []Move{move}))
	becomes(2, 3, 1)
}
