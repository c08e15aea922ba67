package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

func TestABrokerThatIsOutOfSyncGoesBeforeOthersOrSpeaksAgainstThem(t *testing.T) {
	all := []messages.BrokerID{0, 1, 2}
	within := func(v *rollView) { v.threshold = 2 }
	requireStopped(t, map[string]stopped{
		"it is the next, whatever its turn":                   {quiet(waits(all...), outOfSync(2, 2)), all[2:], ""},
		"within the threshold, too":                           {quiet(waits(all...), outOfSync(2, 1), within), all[2:], ""},
		"nobody, when it waits for nothing":                   {quiet(waits(0, 1), outOfSync(2, 1)), nil, "1 brokers have replicas offline or out of sync"},
		"others within the threshold":                         {quiet(waits(0, 1), outOfSync(2, 1), within), all[1:2], ""},
		"nobody, when something else comes before":            {quiet(waits(0, 1, 2), outOfSync(2, 1), votes(2)), nil, "1 brokers have replicas offline or out of sync"},
		"not one that is out of sync before one that is down": {quiet(waits(0, 1), outOfSync(1, 1), unready(0, false), within), all[:1], ""},
	})
}

// recovering is a broker that may be reading its log.
func recovering(id messages.BrokerID) func(*rollView) {
	return func(v *rollView) { v.nodes[id].observed.Started = now.Add(-time.Minute) }
}

// votes has a node wait for its vote to be taken, for it is no controller of the spec any more.
func votes(id messages.BrokerID) func(*rollView) {
	return func(v *rollView) {
		v.dynamic, v.nodes[id].controller = true, false
		v.runsController = func(messages.BrokerID) bool { return true }
	}
}

func TestARestartThatIsAskedForAnewIsNotOvertaken(t *testing.T) {
	v := quiet(waits(0, 1, 2), outOfSync(2, 1), replaced(2), holding(2), func(v *rollView) { v.threshold = 9 })
	d := decide(v)
	require.Equal(t, v.nodes[2].observed.Pod, d.permits[2].Pod, "broker 2 came back with what is not wanted any more, and is not in sync")
	require.Len(t, d.permits, 1)
}

func TestAPersonsWordComesBeforeThoseThatAreOutOfSync(t *testing.T) {
	forced := func(v *rollView) {
		v.nodes[0].observed.Restart.Forced = true
		outOfSync(1, 2)(v)
		outOfSync(2, 2)(v)
	}
	without := decide(quiet(waits(0, 1, 2), forced, func(v *rollView) { v.nodes[0].observed.Restart.Forced = false }))
	require.Empty(t, without.permits, "broker 0 has the only replica that is in sync, and the others may yet catch up")
	d := decide(quiet(waits(0, 1, 2), forced))
	require.Equal(t, messages.Permit{Pod: podOf(0), Asked: messages.NoBudget}, d.permits[0].Permit)

	behind := func(v *rollView) { // by a daemon that was there before
		v.roll.inherits, v.nodes[2].observed.Started = true, now.Add(-time.Minute)
		outOfSync(2, 1)(v)
	}
	require.Empty(t, decide(quiet(waits(0), behind)).permits)
	require.Equal(t, podOf(0), decide(quiet(waits(0), behind, forced)).permits[0].Pod)
}

func TestOthersGoWhereThoseThatAreOutOfSyncMayNot(t *testing.T) {
	// Brokers 1 and 2 have failed disks: either may be the first to catch up. Broker 0 leads another topic, and so may not.
	stuck := func(threshold int) rollView {
		return quiet(waits(0, 1, 2), outOfSync(1, 2), outOfSync(2, 2), func(v *rollView) {
			v.threshold = threshold
			r := v.index.Replication()
			r.Partitions[0].Replicas[0], r.Partitions[0].Leader, r.Partitions[0].ISR = 9, 9, []messages.BrokerID{9}
			v.index = kafka.Index(r)
		})
	}
	within := decide(stuck(3))
	require.Equal(t, podOf(0), within.permits[0].Pod)
	beyond := decide(stuck(2))
	require.Empty(t, beyond.permits)
	require.Contains(t, beyond.blocked, "broker 1 waits for its restart: ")
	require.Contains(t, beyond.blocked, "with all that are out of sync 2 brokers have replicas offline or out of sync and 0 alerts speak against restarts, and "+
		"spec.rollingUpgradeConfig.failureThreshold is 2")
}

func TestWhoIsDownWaitsForNobodysCopies(t *testing.T) {
	both := []messages.BrokerID{0, 1}
	v := quiet(waits(both...), outOfSync(1, 1), unready(0, false), unready(1, false), controllerOnly(0), recovering(1))
	_, judged, _ := v.nextSet(both, both)
	require.Equal(t, messages.BrokerID(0), judged, "broker 1 is out of sync, and may be reading its log")
}

func TestAPersonDoesNotWaitForABrokerThatMayNotComeBack(t *testing.T) {
	gone := func(changes ...func(*rollView)) rollView { // broker 1 was stopped, and its machine went
		long := func(p *permit) { p.granted = now.Add(-recoveryPatience) }
		return quiet(append([]func(*rollView){waits(2), holding(1, long), unready(1, false), replaced(1), func(v *rollView) {
			v.nodes[2].observed.Restart.Forced = true
		}}, changes...)...)
	}
	require.NotContains(t, decide(gone()).permits, messages.BrokerID(2), "the quorum has its say")
	brokersOnly := func(v *rollView) {
		v.nodes[1].controller, v.nodes[2].controller = false, false
		r := v.index.Replication()
		r.Quorum, r.QuorumLeader = r.Quorum[:1], 0
		v.kafka.Voters, v.kafka.QuorumLeader = []messages.BrokerID{0}, 0
	}
	require.Equal(t, podOf(2), decide(gone(brokersOnly)).permits[2].Pod)
	for why, soon := range map[string]func(*rollView){
		"it was stopped a moment ago": func(v *rollView) { v.roll.permits[1] = permit{Permit: messages.Permit{Pod: podOf(1)}, granted: now} },
		"it is back": func(v *rollView) {
			p := v.roll.permits[1]
			p.back, p.elected = now, now
			v.roll.permits[1] = p
		},
	} {
		require.NotContains(t, decide(gone(brokersOnly, soon)).permits, messages.BrokerID(2), why)
	}
	for why, change := range map[string]func(*rollView){
		"its Pod never ends":  func(v *rollView) { v.nodes[1].observed.Pod, v.nodes[1].observed.Stopping = podOf(1), true },
		"it never catches up": func(v *rollView) { outOfSync(1, 1)(v); v.nodes[1].observed.PodReady = true },
	} {
		require.Equal(t, podOf(2), decide(gone(brokersOnly, change)).permits[2].Pod, why)
	}
	repaired := decide(gone(brokersOnly, func(v *rollView) {
		v.roll.permits[1] = permit{Permit: messages.Permit{Pod: podOf(1), WhileStuck: true}}
	}))
	require.Equal(t, now, repaired.permits[1].granted, "a repair's ten minutes begin when the Pod is gone")
	stands := func(v *rollView) { v.nodes[1].observed.Pod = podOf(1) }
	require.NotContains(t, decide(gone(brokersOnly, stands)).permits, messages.BrokerID(2), "broker 1 is yet to be stopped")
}

func TestAPermitPastOurBudgetEndsWhenOursHasASayAgain(t *testing.T) {
	past := holding(0, func(p *permit) { p.Asked, p.granted = messages.OthersBudgets, now })
	ours := func(v *rollView) { v.ownBudget = true }
	shut := decide(quiet(waits(0), past, ours, func(v *rollView) { v.budgetShut = true }))
	require.Equal(t, podOf(0), shut.permits[0].told().Pod)
	open := decide(quiet(waits(0), past, ours))
	require.Empty(t, open.permits[0].told())
}

func TestAControllerWithoutAVoteGoesBeforeABrokerThatIsOutOfSync(t *testing.T) {
	v := quiet(waits(0, 1, 2), outOfSync(2, 1), metadataOnPods(0), metadataOnPods(1), func(v *rollView) {
		v.dynamic, v.kafka.Voters = true, []messages.BrokerID{1, 2}
		v.runsController = func(messages.BrokerID) bool { return true }
	})
	next, away := v.voteless(v.candidates())
	require.Equal(t, []messages.BrokerID{0}, next)
	require.Empty(t, away)
}
