package simulation

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// upWith is a cluster that is up, with a topic of three replicas of which two must be in sync.
func upWith(w *World, changes ...func(*v1beta1.KafkaCluster)) {
	w.apply(kafkaCluster("demo", changes...))
	w.eventuallyReady("demo")
	w.topic("demo", "orders", 6, 3, 2)
	w.advance(time.Minute)
}

func (w *World) look(name string) messages.KafkaObserved {
	w.t.Helper()
	cluster := w.cluster(name)
	observed, err := w.session(name).Observe(context.Background(), kafkaclient.Ask{KRaft: cluster.Spec.KRaft, Detail: true})
	require.NoError(w.t, err)
	return observed
}

func (w *World) session(name string) kafkaSession {
	return kafkaSession{w.kafka, keyed(name), []string{kube.AddressesOf(w.cluster(name)).Bootstrap() + ":29092"}, (&term{}).held}
}

func (w *World) elect(name string, partitions ...messages.Partition) {
	w.t.Helper()
	require.NoError(w.t, w.session(name).ElectPreferred(context.Background(), partitions))
}

func TestReplicasAreSpreadRoundRobinAndInSync(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, nodes(3))
		for n, p := range w.partitions("demo") {
			require.Equal(w.t, messages.BrokerID(n%3), p.Leader)
			require.Equal(w.t, []messages.BrokerID{messages.BrokerID(n % 3), messages.BrokerID((n + 1) % 3), messages.BrokerID((n + 2) % 3)}, p.Replicas)
		}
		require.True(w.t, w.inSync("demo"))
		require.ErrorContains(w.t, w.tryTopic("demo", "wide", 1, 4, 2), "replication factor 4 is larger")
	})
}

func TestABrokerThatIsAskedToStopHandsOverAtOnce(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, controllersOnly(3), brokers(3))
		w.deleteObject(keyOf(w.podsOf("demo", 4)[0]))
		w.advance(100 * time.Millisecond)
		for _, p := range w.partitions("demo") {
			require.NotEqual(w.t, messages.BrokerID(4), p.Leader)
			require.NotContains(w.t, p.ISR, messages.BrokerID(4))
			require.Equal(w.t, []messages.BrokerID{4}, p.Offline)
		}
		require.Contains(w.t, w.look("demo").Brokers, messages.BrokerID(4), "it is listed until it is fenced")
		w.advance(2100 * time.Millisecond)
		require.NotContains(w.t, w.look("demo").Brokers, messages.BrokerID(4))
		short, ours := w.shortage("demo")
		require.Zero(w.t, short)
		require.Zero(w.t, ours)
		w.eventually(time.Minute, "it serves again", func() bool { return w.serves("demo", 4) })
		w.eventually(time.Second, "it is in sync again", func() bool { return w.inSync("demo") })
	})
}

func TestABrokerThatIsKilledIsInSyncUntilItsSessionEnds(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, controllersOnly(3), brokers(3))
		w.kubelets.crash(keyOf(w.podsOf("demo", 4)[0]), 137)
		w.advance(8 * time.Second)
		require.True(w.t, w.inSync("demo"), "metadata still calls it in sync")
		require.Contains(w.t, w.look("demo").Brokers, messages.BrokerID(4))
		require.False(w.t, w.serves("demo", 4), "and its successor may not register")
		w.advance(1100 * time.Millisecond)
		require.False(w.t, w.inSync("demo"))
		w.eventually(time.Minute, "it serves again", func() bool { return w.serves("demo", 4) })
		w.eventually(2*time.Second, "it is in sync again", func() bool { return w.inSync("demo") })
	})
}

func TestLeadersReturnByElectionOrAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, controllersOnly(3), brokers(3))
		back := func() {
			w.deleteObject(keyOf(w.podsOf("demo", 4)[0]))
			w.advance(time.Minute)
			require.True(w.t, w.inSync("demo"))
		}
		back()
		p := w.partition("demo", "orders", 1)
		require.Equal(w.t, messages.BrokerID(4), p.Replicas[0])
		require.NotEqual(w.t, messages.BrokerID(4), p.Leader)
		w.elect("demo", p)
		require.Equal(w.t, messages.BrokerID(4), w.partition("demo", "orders", 1).Leader)
		require.NotEqual(w.t, messages.BrokerID(4), w.partition("demo", "orders", 4).Leader, "that was not asked for")
		w.advance(6 * time.Minute)
		require.Equal(w.t, messages.BrokerID(4), w.partition("demo", "orders", 4).Leader)
	})
}

func TestAPartitionWithoutItsOnlyReplicaHasNoLeader(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, controllersOnly(3), brokers(3))
		w.topic("demo", "single", 3, 1, 1)
		w.deleteObject(keyOf(w.podsOf("demo", 4)[0]))
		w.advance(time.Second)
		require.Equal(w.t, messages.BrokerID(-1), w.partition("demo", "single", 1).Leader)
		w.eventually(time.Minute, "it leads again", func() bool { return w.partition("demo", "single", 1).Leader == 4 })
		require.Empty(w.t, w.lostPartitions("demo"))
		short, _ := w.shortage("demo")
		require.Positive(w.t, short)
	})
}

func TestTheQuorumSpeaksByItsLeadersClock(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, nodes(3))
		seen := w.look("demo")
		require.Equal(w.t, []messages.BrokerID{0, 1, 2}, seen.Voters)
		require.Equal(w.t, seen.QuorumLeader, seen.Replication.QuorumLeader)
		caughtUp := map[messages.BrokerID]time.Time{}
		for _, replica := range seen.Replication.Quorum {
			require.True(w.t, replica.Voter)
			require.NotEmpty(w.t, replica.DirectoryID)
			caughtUp[replica.ID] = replica.LastCaughtUp
		}
		other := (seen.QuorumLeader + 1) % 3
		require.Less(w.t, caughtUp[seen.QuorumLeader].Sub(caughtUp[other]), 2*time.Second)
		w.kubelets.lose(w.podsOf("demo", other)[0].Spec.NodeName, time.Minute)
		w.advance(10 * time.Second)
		for _, replica := range w.look("demo").Replication.Quorum {
			caughtUp[replica.ID] = replica.LastCaughtUp
		}
		require.Greater(w.t, caughtUp[w.activeController("demo")].Sub(caughtUp[other]), 9*time.Second)
	})
}

func TestAKilledControllerIsReplacedWithinSeconds(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, controllersOnly(3), brokers(3))
		before := w.activeController("demo")
		w.kubelets.crash(keyOf(w.podsOf("demo", before)[0]), 137)
		w.advance(time.Second)
		require.Equal(w.t, messages.BrokerID(-1), w.activeController("demo"))
		w.advance(2 * time.Second)
		require.NotContains(w.t, []messages.BrokerID{-1, before}, w.activeController("demo"))
	})
}

func TestAnEmptiedDiskLosesItsReplicas(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		upWith(w, controllersOnly(3), brokers(3))
		w.topic("demo", "single", 3, 1, 1)
		w.kafka.mu.Lock()
		c := w.kafka.clusters[keyed("demo")]
		process := c.processes[4]
		c.departs(w.kafka, 4, shutdown)
		again := *process
		again.serves, again.dirs = false, map[string]string{"/kafka-logs/kafka": "another"}
		c.processes[4] = &again
		w.kafka.evaluate(c)
		w.kafka.mu.Unlock()
		w.advance(30 * time.Second)
		require.True(w.t, len(w.partition("demo", "orders", 0).ISR) == 3, "others had its replicas")
		require.Equal(w.t, messages.BrokerID(-1), w.partition("demo", "single", 1).Leader)
		w.advance(80 * time.Second)
		require.Equal(w.t, messages.BrokerID(4), w.partition("demo", "single", 1).Leader, "online, and empty")
		require.Equal(w.t, []string{"single-1"}, w.lostPartitions("demo"))
	})
}
