package simulation

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// SIGSTOP, or a pause of the machine: another daemon leads when it goes on, and its context ends only with its next look at the lease.
func TestADaemonThatSleptWhileAnotherOneBeganToLeadChangesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 3, 2)
		before, from, slept := w.podUIDs("demo"), time.Now(), w.daemon.number
		w.outlives(time.Minute)
		w.edit("demo", readOnly("queued.max.requests=700\n"))
		w.deleteObject(keyOf(w.podsOf("demo", 3)[0]))
		w.rolled("demo", before)
		w.settled()
		tried := 0
		for _, write := range w.writesSince(from) {
			if write.daemon == slept {
				tried++
				require.True(w.t, errors.Is(write.err, errNotLeading), "%s", write)
			}
		}
		require.Positive(w.t, tried, "it has not noticed")
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}
