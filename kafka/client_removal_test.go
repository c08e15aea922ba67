package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

// A broker is emptied, stopped, and forgotten; what it had dynamically is deleted while it does not run.
func TestRealKafkaForgetsABroker(t *testing.T) {
	first := startRealKafka(t, "4.3.1")
	second := joinRealKafka(first)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	admin, err := DialAdmin(ctx, first.address, open)
	require.NoError(t, err)
	defer admin.Close()
	leaver, err := DialAdmin(ctx, second.address, open)
	require.NoError(t, err)
	own := ConfigResource{Broker: 2}
	all, threads := AllLogDirs, "4"
	require.NoError(t, leaver.Alter(ctx, own, []ConfigChange{{Key: CordonKey, Value: &all}, {Key: "num.io.threads", Value: &threads}}, false))
	eventuallyOwns(ctx, t, leaver, CordonKey, "num.io.threads")
	dirs, err := leaver.DescribeLogDirs(ctx)
	require.NoError(t, err)
	require.Empty(t, LeftIn(Paths(dirs), dirs))
	require.Empty(t, NotCordoned(Paths(dirs), dirs))
	createOn(ctx, t, admin, "late", 2)                    // who names the broker himself is not kept away
	require.EventuallyWithT(t, func(c *assert.CollectT) { // and a moment passes between the metadata and the disk
		dirs, err := leaver.DescribeLogDirs(ctx)
		require.NoError(c, err)
		require.Equal(c, "1 partition has a replica there: late-0", LeftIn(Paths(dirs), dirs))
	}, 10*time.Second, 100*time.Millisecond)
	move(ctx, t, admin, "late", 1)
	session, err := NewSession([]string{first.address}, open)
	require.NoError(t, err)
	defer session.Close()
	observedUntil(ctx, t, session, func(c *assert.CollectT, o messages.KafkaObserved) {
		require.Empty(c, LeftOn(2, Index(o.Replication)))
	})
	leaver.Close()
	second.kill()
	observedUntil(ctx, t, session, func(c *assert.CollectT, o messages.KafkaObserved) {
		require.Equal(c, []messages.BrokerID{1}, o.Brokers)
	})

	deletions := []ConfigChange{{Key: CordonKey}, {Key: "num.io.threads"}}
	require.ErrorContains(t, admin.Alter(ctx, own, deletions, false), "Unexpected broker id", "another broker does not take them")
	controller, err := DialAdmin(ctx, first.controllers, open)
	require.NoError(t, err)
	defer controller.Close()
	require.NoError(t, controller.Alter(ctx, own, deletions, false))
	require.NoError(t, controller.Alter(ctx, own, deletions, false), "what is gone can be deleted")
	require.NoError(t, admin.Unregister(ctx, 2))
	require.NoError(t, admin.Unregister(ctx, 2), "who is not registered is fine")

	second.start() // under the same id, with nothing of what was
	leaver, err = DialAdmin(ctx, second.address, open)
	require.NoError(t, err)
	defer leaver.Close()
	eventuallyOwns(ctx, t, leaver)
}

func eventuallyOwns(ctx context.Context, t *testing.T, admin *Admin, keys ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		configs, err := admin.Describe(ctx, ConfigResource{Broker: 2})
		require.NoError(c, err)
		require.Equal(c, keys, configs.OwnKeys())
	}, 10*time.Second, 100*time.Millisecond)
}
