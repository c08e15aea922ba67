package cluster

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// quiet is a cluster of three combined nodes in which all is well and nobody waits; one partition has replicas on all.
func quiet(changes ...func(*rollView)) rollView {
	at := now.Add(-time.Second)
	replication := &messages.Replication{
		At: at, MinISR: map[string]int32{"orders": 2}, QuorumLeader: 2,
		Partitions: []messages.Partition{{
			Topic: "orders", Leader: 0, Replicas: []messages.BrokerID{0, 1, 2}, ISR: []messages.BrokerID{0, 1, 2},
		}},
	}
	v := rollView{
		threshold: 1, limit: 1, kraft: true, now: now, rackOf: map[messages.BrokerID]string{},
		recorded:     map[messages.BrokerID]bool{0: true, 1: true, 2: true},
		budgetsStand: func() bool { return true },
	}
	v.kafka = messages.KafkaObserved{Answered: true, QuorumLeader: 2, Replication: replication}
	for _, id := range []messages.BrokerID{0, 1, 2} {
		replication.Quorum = append(replication.Quorum, messages.QuorumReplica{ID: id, Voter: true, LogEndOffset: 9, LastCaughtUp: at})
		v.kafka.Brokers, v.kafka.Voters = append(v.kafka.Brokers, id), append(v.kafka.Voters, id)
		v.nodes = append(v.nodes, node{id: id, broker: true, controller: true, told: 1, observed: messages.BrokerObserved{
			ID: id, Revision: 1, Phase: messages.PhaseRunning, Pod: podOf(id), PodReady: true, Started: now.Add(-time.Hour),
		}})
	}
	v.index = kafka.Index(replication)
	for _, change := range changes {
		change(&v)
	}
	return v
}

func podOf(id messages.BrokerID) types.UID { return types.UID("pod-" + id.String()) }

func waits(ids ...messages.BrokerID) func(*rollView) {
	return func(v *rollView) {
		for _, id := range ids {
			v.nodes[id].observed.Restart.Reason = "restart: `a` changes"
		}
	}
}

func unready(id messages.BrokerID, stuck bool) func(*rollView) {
	return func(v *rollView) { v.nodes[id].observed.PodReady, v.nodes[id].observed.Restart.Stuck = false, stuck }
}

// holding is a permit that was granted before.
func holding(id messages.BrokerID, changes ...func(*permit)) func(*rollView) {
	return func(v *rollView) {
		p := permit{Permit: messages.Permit{Pod: podOf(id)}}
		for _, change := range changes {
			change(&p)
		}
		v.roll.permits = map[messages.BrokerID]permit{id: p}
	}
}

// missed is a permit whose broker Kafka was without.
func missed(p *permit) { p.missed = true }

// replaced gives a broker another Pod than the one that the permit was for.
func replaced(id messages.BrokerID) func(*rollView) {
	return func(v *rollView) {
		v.nodes[id].observed.Pod, v.nodes[id].observed.Started = "another", now.Add(-30*time.Second)
	}
}

// outOfSync takes a broker out of the in-sync replicas of the topic, whose min.insync.replicas becomes the given one.
func outOfSync(id messages.BrokerID, minISR int32) func(*rollView) {
	return func(v *rollView) {
		r := v.index.Replication()
		r.MinISR["orders"] = minISR
		p := &r.Partitions[0]
		p.ISR = slices.DeleteFunc(slices.Clone(p.ISR), func(replica messages.BrokerID) bool { return replica == id })
		if p.Leader == id {
			p.Leader = p.ISR[0]
		}
		v.index = kafka.Index(r)
	}
}

// controllerOnly takes the broker role from a node.
func controllerOnly(id messages.BrokerID) func(*rollView) {
	return func(v *rollView) { v.nodes[id].broker = false }
}

// stopped is who may be stopped in a view, and why nobody else may.
type stopped struct {
	view    rollView
	granted []messages.BrokerID
	blocked string
}

func requireStopped(t *testing.T, tests map[string]stopped) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := decide(test.view)
			var granted []messages.BrokerID
			for _, id := range []messages.BrokerID{0, 1, 2} {
				if d.permits[id].told().Pod != "" {
					granted = append(granted, id)
				}
			}
			require.Equal(t, test.granted, granted)
			if test.blocked == "" {
				require.Empty(t, d.blocked)
			}
			require.Contains(t, d.blocked, test.blocked)
		})
	}
}

// A permit that was granted while all was well says nothing once a broker has failed to use it for long: the API server may have been
// away, and another controller may have died.
func TestAPermitThatIsNotUsedIsJudgedAnew(t *testing.T) {
	granted := func(ago time.Duration) func(*permit) { return func(p *permit) { p.granted = now.Add(-ago) } }
	young := decide(quiet(waits(1), unready(0, false), holding(1, granted(unusedPermit-time.Second))))
	require.Zero(t, young.permits[1].withdrawn)
	require.Equal(t, time.Second, young.again, "it is looked at when its time is over")

	old := decide(quiet(waits(1), unready(0, false), holding(1, granted(unusedPermit))))
	require.Equal(t, int64(1), old.permits[1].withdrawn)
	require.Empty(t, old.permits[1].told().Pod)

	heard := decide(quiet(waits(1), unready(0, false), holding(1, granted(unusedPermit), func(p *permit) { p.withdrawn = 1 }), func(v *rollView) {
		v.nodes[1].told, v.nodes[1].observed.Revision = 2, 2
	}))
	require.NotContains(t, heard.permits, messages.BrokerID(1))
	require.Contains(t, heard.blocked, "broker 0 is not back")
}

func TestWhoMayBeStoppedNow(t *testing.T) {
	requireStopped(t, map[string]stopped{
		"nobody waits": {quiet(), nil, ""},
		"one at a time, the active controller last":       {quiet(waits(2, 1, 0)), []messages.BrokerID{1}, ""},
		"the active controller, when all others are done": {quiet(waits(2)), []messages.BrokerID{2}, ""},
		"nobody, while Kafka has not answered":            {quiet(waits(1), func(v *rollView) { v.kafka.Answered = false }), nil, "Kafka has not answered"},
		"nobody, while the answer is about others":        {quiet(waits(1), func(v *rollView) { v.asked.Bootstrap = []string{"new"} }), nil, "Kafka has not answered"},
		"nobody, while a broker was never looked at":      {quiet(waits(1), func(v *rollView) { v.nodes[0].observed.Revision = 0 }), nil, "not been looked at"},
		"nobody, while another one is down":               {quiet(waits(1), unready(0, false)), nil, "broker 0 is not back"},
		"nobody else, while one fails with the newest spec": {
			quiet(waits(1), unready(0, true)), nil, "broker 0 does not come up with the newest spec",
		},
		"who is stuck with an older spec, at once, also without Kafka": {
			quiet(waits(0, 1), unready(0, true), func(v *rollView) { v.kafka.Answered = false }), []messages.BrokerID{0}, "",
		},
		"not who is to be no broker any more, while Kafka counts on replicas there": {
			quiet(waits(1), controllerOnly(1)), nil, "broker 1 is to be no broker any more, and",
		},
		"nor while nobody knows, even when its Pod cannot start": {
			quiet(waits(1), unready(1, true), controllerOnly(1), func(v *rollView) { v.index = nil }), nil,
			"broker 1 is to be no broker any more, and Kafka has not said yet which partitions are on it",
		},
		"whose Pod was never a broker is not asked about": {
			quiet(waits(1), unready(1, true), controllerOnly(1), func(v *rollView) {
				v.nodes[1].observed.PodRole, v.index = "false", nil
			}), []messages.BrokerID{1}, "",
		},
		"who is to be no broker any more, when nothing is on it": {
			quiet(waits(1), controllerOnly(1), func(v *rollView) {
				v.kafka.Replication.Partitions[0].Replicas = []messages.BrokerID{0, 2}
				v.kafka.Replication.Partitions[0].ISR = []messages.BrokerID{0, 2}
				v.index = kafka.Index(v.kafka.Replication)
			}), []messages.BrokerID{1}, "",
		},
		"not before status says that Kafka has it registered": {
			quiet(waits(1), controllerOnly(1), func(v *rollView) {
				v.kafka.Replication.Partitions[0].Replicas = []messages.BrokerID{0, 2}
				v.kafka.Replication.Partitions[0].ISR = []messages.BrokerID{0, 2}
				v.index, v.recorded = kafka.Index(v.kafka.Replication), nil
			}), nil, "",
		},
		"nobody, when alerts reach the threshold": {quiet(waits(1), func(v *rollView) { v.errorCount = 1 }), nil, "failureThreshold is 1"},
		"nobody, under a threshold of none":       {quiet(waits(1), func(v *rollView) { v.threshold = 0 }), nil, "failureThreshold is 0"},
		"nobody, about an older wish":             {quiet(waits(1), func(v *rollView) { v.nodes[1].told = 2 }), nil, ""},
	})
}

func TestNobodyElseIsStoppedUntilABrokerIsBack(t *testing.T) {
	requireStopped(t, map[string]stopped{
		"nobody else, while a permit is used": {quiet(waits(0, 1), holding(0)), []messages.BrokerID{0}, ""},
		"nobody else, while a Pod is on its way out": {
			quiet(waits(0, 1), holding(0), func(v *rollView) { v.nodes[0].observed.Stopping = true }), []messages.BrokerID{0}, "is stopping",
		},
		"nobody else, until it is in sync again": {
			quiet(waits(1), holding(0), replaced(0), func(v *rollView) {
				v.kafka.Replication.Partitions[0].ISR = []messages.BrokerID{1, 2}
				v.index = kafka.Index(v.kafka.Replication)
			}), []messages.BrokerID{0}, "not in sync yet in orders-0",
		},
		"nobody else, in the pause after it is back": {quiet(waits(1), holding(0), replaced(0)), []messages.BrokerID{0}, ""},
		"nobody else, until its Pod is ready": {
			quiet(waits(1), holding(0), replaced(0), unready(0, false)), []messages.BrokerID{0}, "its Pod is not ready",
		},
		"nobody else, in the pause, which begins when Kafka knows a broker again that it had missed": {
			quiet(waits(1), holding(0, missed), replaced(0), unready(0, false)), []messages.BrokerID{0}, "",
		},
		"nobody else, while no container runs, whatever Kafka says": {
			quiet(waits(1), holding(0, missed), replaced(0), unready(0, false), func(v *rollView) { v.nodes[0].observed.Started = time.Time{} }),
			[]messages.BrokerID{0}, "its Pod is not ready",
		},
		"nobody, after that pause, while its Pod is not ready": {
			quiet(waits(1), holding(0, missed, func(p *permit) { p.back = now.Add(-restartPause) }), replaced(0), unready(0, false)),
			[]messages.BrokerID{0}, "broker 0 was restarted and is not back: its Pod is not ready",
		},
		"the next one, after that pause": {
			quiet(waits(1), holding(0, func(p *permit) { p.back = now.Add(-restartPause) }), replaced(0)), []messages.BrokerID{1}, "",
		},
	})
}

func TestAPermitEndsWithItsReason(t *testing.T) {
	requireStopped(t, map[string]stopped{
		"nobody else, while the broker has yet to hear of its permit": {
			quiet(waits(0, 1), holding(0), func(v *rollView) { v.nodes[0].told = 2 }), []messages.BrokerID{0}, "",
		},
		"nobody, when the spec is taken back before the Pod is stopped": {quiet(holding(0)), nil, ""},
		"nobody, while a broker may still use a permit that was taken back": {
			quiet(waits(0, 1), holding(0, func(p *permit) { p.withdrawn = 1 })), nil, "",
		},
		"the next one, when it has answered that it does not": {
			quiet(waits(1), holding(0, func(p *permit) { p.withdrawn = 1 }), func(v *rollView) {
				v.nodes[0].told, v.nodes[0].observed.Revision = 2, 2
			}), []messages.BrokerID{1}, "",
		},
		"nobody, while a broker that left the spec is on its way back": {
			quiet(waits(1), holding(0), replaced(0), unready(0, false), func(v *rollView) { v.nodes[0].leaving = true }),
			[]messages.BrokerID{0}, "broker 0 was restarted and is not back",
		},
		"the next one, when it left the spec with its disks": {
			quiet(waits(1), holding(0), unready(0, false), func(v *rollView) {
				o := &v.nodes[0].observed
				v.nodes[0].leaving, o.Pod, o.Phase, o.Started = true, "", messages.PhaseBlocked, time.Time{}
			}), nil, "orders-0",
		},
		"who came back and does not find the others, at once, when the spec changes again": {
			quiet(waits(0), holding(0), replaced(0), func(v *rollView) {
				v.kafka.Brokers = []messages.BrokerID{1, 2}
				v.kafka.Replication.Partitions[0].ISR = []messages.BrokerID{1, 2}
				v.index = kafka.Index(v.kafka.Replication)
			}), []messages.BrokerID{0}, "",
		},
		"who came back with what is not wanted any more, at once": {
			quiet(waits(0), holding(0), replaced(0), unready(0, true)), []messages.BrokerID{0}, "",
		},
	})
}

func TestWhatIsOnAnEmptyDirIsLostWithThePod(t *testing.T) {
	volatile := func(v *rollView) { v.nodes[0].volatile = true }
	onlyCopy := func(v *rollView) {
		v.kafka.Replication.Partitions[0].ISR = []messages.BrokerID{0}
		v.index = kafka.Index(v.kafka.Replication)
		v.threshold = 9
	}
	require.NotEmpty(t, decide(quiet(waits(0), unready(0, true), onlyCopy)).permits, "a volume keeps what is on it")
	d := decide(quiet(waits(0), unready(0, true), onlyCopy, volatile))
	require.Empty(t, d.permits, "the only copy in sync, also of a broker that serves nobody")
	require.Contains(t, d.blocked, "orders-0")
	d = decide(quiet(waits(0), unready(0, true), volatile, func(v *rollView) { v.threshold = 9 }))
	require.Contains(t, d.permits, messages.BrokerID(0), "others have all")
	d = decide(quiet(waits(0), volatile, func(v *rollView) { v.nodes[0].voteVolatile = true }))
	require.Empty(t, d.permits)
	require.Contains(t, d.blocked, "no vote of a static quorum can be taken")
}

func TestABrokerThatIsBackGetsItsLeadersBack(t *testing.T) {
	v := quiet(holding(0), replaced(0), func(v *rollView) {
		v.kafka.Replication.Partitions[0].Leader = 1
		v.index = kafka.Index(v.kafka.Replication)
	})
	d := decide(v)
	require.Equal(t, []messages.Partition{{Topic: "orders", Number: 0}}, d.elect)
	require.Equal(t, restartPause, d.again)
	require.False(t, d.permits[0].back.IsZero())
	v.roll.permits = d.permits
	require.Empty(t, decide(v).elect, "once")
}

func TestTheNextRestartWaitsUntilLeadersAreBack(t *testing.T) {
	away := func(asked time.Duration) func(*rollView) {
		return func(v *rollView) {
			v.kafka.Replication.At = now.Add(-asked)
			v.kafka.Replication.Partitions[0].Leader = 1
			v.index = kafka.Index(v.kafka.Replication)
		}
	}
	back := func(since, elected time.Duration) func(*permit) {
		return func(p *permit) { p.back, p.elected = now.Add(-since), now.Add(-elected) }
	}
	orders := []messages.Partition{{Topic: "orders", Number: 0}}
	unknown := func(v *rollView) { v.asked.Bootstrap = []string{"new"} }
	for name, test := range map[string]struct {
		view  rollView
		elect []messages.Partition
		next  messages.BrokerID
		says  string
	}{
		"led again":                {quiet(waits(1), replaced(0), holding(0, back(restartPause, restartPause))), nil, 1, ""},
		"an election that failed":  {quiet(waits(1), replaced(0), away(0), holding(0, back(restartPause, restartPause))), orders, 0, "does not lead again yet what it should: orders-0"},
		"one that was tried again": {quiet(waits(1), replaced(0), away(0), holding(0, back(9*time.Second, 4*time.Second))), nil, 0, "does not lead again yet what it should: orders-0"},
		"an answer from before it": {quiet(waits(1), replaced(0), away(7*time.Second), holding(0, back(6*time.Second, 6*time.Second))), nil, 0, "does not lead again yet what it should: orders-0"},
		"one that fails for long":  {quiet(waits(1), replaced(0), away(0), holding(0, back(leadersPatience, electAgain))), nil, 1, ""},
		"a probe that is behind":   {quiet(waits(1), replaced(0), away(0), unready(0, false), holding(0, back(restartPause, restartPause))), nil, 0, "its Pod is not ready"},
		"no answer since":          {quiet(waits(1), replaced(0), unknown, holding(0, back(restartPause, restartPause))), nil, 0, "Kafka has not answered since"},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(test.view)
			require.Equal(t, test.elect, d.elect)
			require.Equal(t, []messages.BrokerID{test.next}, slices.Collect(maps.Keys(d.permits)))
			if test.next == 0 {
				require.Contains(t, d.blocked, test.says)
				require.Equal(t, electAgain, d.again)
			}
		})
	}
}

func TestABrokerIsMissedOnceKafkaIsWithoutIt(t *testing.T) {
	away := quiet(holding(0), replaced(0), unready(0, false), func(v *rollView) { v.kafka.Brokers = []messages.BrokerID{1, 2} })
	require.True(t, decide(away).permits[0].missed)
	away.asked.Bootstrap = []string{"new"}
	require.False(t, decide(away).permits[0].missed, "an answer about other nodes says nothing")
	there := quiet(holding(0), replaced(0), unready(0, false))
	require.False(t, decide(there).permits[0].missed, "it may be listed from before: a broker that was killed is, for seconds")
	controller := quiet(holding(0), replaced(0), unready(0, false), controllerOnly(0), func(v *rollView) { v.kafka.Voters = []messages.BrokerID{1, 2} })
	require.False(t, decide(controller).permits[0].missed, "a vote tells nothing of who is up")
}

func TestAnEvictionAsksTheBudgetUnlessThatCannotAnswer(t *testing.T) {
	asked := func(id messages.BrokerID, changes ...func(*rollView)) messages.Budgets {
		return decide(quiet(append([]func(*rollView){waits(id)}, changes...)...)).permits[id].Asked
	}
	ours := func(v *rollView) { v.ownBudget = true }
	require.Equal(t, messages.AllBudgets, asked(0, ours))
	require.Equal(t, messages.OthersBudgets, asked(0, ours, func(v *rollView) { v.zeroBudget = true }), "a budget of none")
	require.Equal(t, messages.OthersBudgets, asked(0, ours, unready(0, true)), "it may serve, and ours counts ready Pods")
	require.Equal(t, messages.NoBudget, asked(0, ours, unready(0, true), func(v *rollView) {
		v.nodes[0].volatile, v.kafka.Brokers, v.threshold = true, []messages.BrokerID{1, 2}, 9
	}), "it serves nobody")
	require.Equal(t, messages.OthersBudgets, asked(0, ours, func(v *rollView) { v.budgetShut = true }), "a threshold above one")
	require.Equal(t, messages.AllBudgets, asked(0, unready(0, true)), "none is ours")
	open := decide(quiet(waits(0), ours, func(v *rollView) { v.budgetShut, v.budgetsStand = true, func() bool { return false } }))
	require.Empty(t, open.permits, "somebody else may pass ours before it is closed")
	require.Contains(t, open.blocked, "broker 0 waits for its restart until the operator's PodDisruptionBudget lets nobody else go")
}

func TestANewDaemonFollowsTheReturnOfTheBrokerThatWasStoppedLast(t *testing.T) {
	inherited := func(changes ...func(*rollView)) rollView {
		return quiet(append([]func(*rollView){waits(1), func(v *rollView) {
			v.roll.inherits = true
			v.nodes[0].observed.Started = now.Add(-30 * time.Second)
			v.index.Replication().Partitions[0].Leader = 2
		}}, changes...)...)
	}
	d := decide(inherited())
	require.Equal(t, []messages.Partition{{Topic: "orders"}}, d.elect, "its leaders go back")
	require.Equal(t, now, d.permits[0].back, "and the next one waits for that")
	require.Empty(t, d.permits[0].told())
	require.NotContains(t, d.permits, messages.BrokerID(1))
	require.False(t, d.inherits, "once")

	down := decide(inherited(unready(0, false)))
	require.True(t, down.inherits, "it is waited for")
	require.Empty(t, down.permits)
	require.Contains(t, down.blocked, "broker 0")

	unknown := decide(inherited(func(v *rollView) { v.nodes[2].told = 2 }))
	require.True(t, unknown.inherits, "somebody has not been looked at")
	require.Empty(t, unknown.permits)
	require.Equal(t, "broker 2 has not been looked at yet", unknown.blocked)

	behind := func(since time.Duration) rollView { // of a threshold that would let others go
		return inherited(outOfSync(0, 1), func(v *rollView) { v.threshold, v.nodes[0].observed.Started = 2, now.Add(-since) })
	}
	copies := decide(behind(time.Minute))
	require.Empty(t, copies.permits)
	require.Contains(t, copies.blocked, "broker 0 was restarted and is not back")
	require.Equal(t, podOf(1), decide(behind(recoveryPatience)).permits[1].Pod, "what it was out of sync in before is not known")

	none := decide(quiet(waits(1)))
	require.Equal(t, podOf(1), none.permits[1].Pod, "nobody was stopped before")
}

func TestAnInheritedPermitEndsAlsoWhereTheBrokersPodIsGone(t *testing.T) {
	gone := func(since time.Duration) rollView {
		return quiet(waits(1), func(v *rollView) {
			v.roll.permits = map[messages.BrokerID]permit{0: {back: now.Add(-since), elected: now.Add(-since)}}
			v.nodes[0].observed.Pod, v.nodes[0].observed.PodReady, v.nodes[0].observed.Started = "", false, time.Time{}
		})
	}
	require.Contains(t, decide(gone(restartPause)).permits, messages.BrokerID(0))
	ended := decide(gone(leadersPatience))
	require.NotContains(t, ended.permits, messages.BrokerID(0))
	require.Contains(t, ended.blocked, "broker 0 is not back")
}

func TestARepairHasItsReasonAsLongAsItLasts(t *testing.T) {
	v := quiet(waits(1), unready(1, true), func(v *rollView) {
		v.kafka.Brokers = []messages.BrokerID{0, 2}
		v.roll.permits = map[messages.BrokerID]permit{
			1: {Permit: messages.Permit{Pod: podOf(1), Asked: messages.NoBudget, WhileStuck: true}, why: "restart: `a` changes"},
		}
	})
	require.Equal(t, "restart: `a` changes", decide(v).permits[1].why)
}
