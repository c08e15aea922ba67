package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// Two brokers on emptyDirs wait for their restart. Broker 0 has just been killed: Kafka still shows it in sync, for nine seconds.
// Its own restart is blocked by another partition.
func TestAVolatileBrokerThatIsDownCountsAsDownForOthers(t *testing.T) {
	view := func(volatile bool) rollView {
		return quiet(waits(0, 1), unready(0, false), func(v *rollView) {
			v.nodes[0].volatile, v.nodes[1].volatile = volatile, volatile
			v.threshold = 9
			v.kafka.Replication.MinISR["lagging"] = 1
			v.kafka.Replication.Partitions = append(v.kafka.Replication.Partitions, messages.Partition{
				Topic: "lagging", Leader: 0, Replicas: []messages.BrokerID{0, 2}, ISR: []messages.BrokerID{0},
			})
			for i := range v.nodes {
				v.nodes[i].controller = false
			}
			v.kraft = false
			v.index = kafka.Index(v.kafka.Replication)
		})
	}
	d := decide(view(false))
	require.NotContains(t, d.permits, messages.BrokerID(1), "on volumes it is right")
	d = decide(view(true))
	require.NotContains(t, d.permits, messages.BrokerID(1), "orders-0 has min.insync.replicas 2, and broker 0 is down: %v", d.permits)
}

// A restart would begin the recovery of its log anew.
func TestABrokerThatRecoversItsLogIsNotRestarted(t *testing.T) {
	d := decide(quiet(waits(0), unready(0, false), func(v *rollView) {
		v.threshold = 9
		v.nodes[0].observed.Started = now.Add(-20 * time.Second) // its container runs for 20 s after a kill -9
	}))
	require.Empty(t, d.permits)
	require.Contains(t, d.blocked, "recovers its logs")
}

// The limit is one. Combined node 2 was restarted, leads the quorum again and is not ready as a broker yet when the spec changes
// once more: as the active controller it comes last, so broker 1 is stopped while 2 is down by our doing.
func TestNobodyIsStoppedWhileAnotherThatWaitsIsDown(t *testing.T) {
	d := decide(quiet(waits(1, 2), unready(2, false), func(v *rollView) {
		v.threshold = 9
		v.nodes[1].controller = false // a broker alone; the voters are 0, 2 and 3
		for i := range v.kafka.Replication.Quorum {
			if v.kafka.Replication.Quorum[i].ID == 1 {
				v.kafka.Replication.Quorum[i].ID = 3
			}
		}
		v.kafka.Replication.MinISR["orders"] = 1
		v.index = kafka.Index(v.kafka.Replication)
	}))
	require.NotContains(t, d.permits, messages.BrokerID(1), "node 2 is down by our doing: %s", d.blocked)
}

// Two replicas, a minimum of two, and the other broker is dead for good.
func TestAPersonsWordRestartsABrokerPastItsPartitionsAndNotPastTheQuorum(t *testing.T) {
	forced := func(v *rollView) { v.nodes[1].observed.Restart.Forced = true }
	dead := func(v *rollView) {
		v.nodes[0].observed.PodReady = false
		v.kafka.Replication.Partitions[0].Replicas = []messages.BrokerID{0, 1}
		v.kafka.Replication.Partitions[0].ISR = []messages.BrokerID{1}
		v.index = kafka.Index(v.kafka.Replication)
	}
	noVotes := func(v *rollView) { v.kraft = false }
	require.Empty(t, decide(quiet(waits(1), dead, noVotes)).permits)
	require.Contains(t, decide(quiet(waits(1), dead, noVotes, forced)).permits, messages.BrokerID(1))
	d := decide(quiet(waits(1), dead, forced))
	require.Empty(t, d.permits, "two of three votes would be away")
	require.Contains(t, d.blocked, "broker 1 waits for its restart, also by force: quorum: of the voters {0,1,2} only {2} would be there")
	require.NotContains(t, d.blocked, "orders", "partitions are not what it waits for")
	resting := decide(quiet(waits(1), dead, forced, func(v *rollView) {
		v.nodes[0].maintenance, v.nodes[0].observed.Phase = true, messages.PhaseStopped
	}))
	require.Contains(t, resting.blocked, "; in maintenance: broker 0")
}

func TestAPersonsWordDoesNotKeepToTheOrderOfARoll(t *testing.T) {
	leads := func(v *rollView) { v.nodes[2].observed.Restart.Forced = true }
	require.Contains(t, decide(quiet(waits(0, 1, 2), leads)).permits, messages.BrokerID(2), "it leads the quorum, and others wait")
}
