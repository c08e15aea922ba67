package simulation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func unprotected(policy v1beta1.UnprotectedPartitions) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.RollingUpgradeConfig.UnprotectedPartitions = policy }
}

// withUnprotected is a trio with topics of which no order of restarts keeps one available: each broker has one partition.
func (w *World) withUnprotected(changes ...func(*v1beta1.KafkaCluster)) {
	w.t.Helper()
	w.apply(kafkaCluster("demo", append(changes, nodes(3))...))
	w.eventuallyReady("demo")
	w.topic("demo", "orders", 3, 3, 2)
	w.topic("demo", "single", 3, 1, 1)
	w.advance(time.Minute)
}

func TestPartitionsThatNoOrderKeepsAreNamedAndStopNobody(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]v1beta1.UnprotectedPartitions{
		"by default": "", "by wish": v1beta1.UnprotectedPartitionsProceed,
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.withUnprotected(unprotected(policy))
				before := w.podUIDs("demo")
				w.edit("demo", readOnly("queued.max.requests=7\n"))
				named := map[messages.BrokerID]bool{}
				w.eventually(5*time.Minute, "each is named while its broker is away", func() bool {
					for n := range messages.BrokerID(3) { // single-n is on broker n alone
						named[n] = named[n] || !w.serves("demo", n) && strings.HasPrefix(w.conditionText("demo", kube.ConditionUnprotected),
							fmt.Sprintf("restarts make these partitions unavailable, no order of restarts keeps them: single-%d;", n))
					}
					return named[0] && named[1] && named[2]
				})
				w.rolled("demo", before)
				w.settled()
				require.Nil(w.t, w.condition("demo", kube.ConditionUnprotected), "nobody is restarted any more")
			})
		})
	}
}

func TestPartitionsThatNoOrderKeepsBlockWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	for name, goOn := range map[string]func(*World){
		"until the policy changes": func(w *World) { w.edit("demo", unprotected(v1beta1.UnprotectedPartitionsProceed)) },
		"until the topic is gone":  func(w *World) { w.deleteTopic("demo", "single") },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.withUnprotected(unprotected(v1beta1.UnprotectedPartitionsBlock))
				before := w.podUIDs("demo")
				w.edit("demo", readOnly("queued.max.requests=7\n"))
				w.says("demo", kube.ConditionRollBlocked, "cannot keep min.insync.replicas 1")
				w.advance(time.Hour)
				w.kill()
				w.advance(time.Hour)
				require.Empty(w.t, w.changedSince(before))
				require.Contains(w.t, w.conditionText("demo", kube.ConditionRollBlocked), "single-")
				goOn(w)
				w.rolled("demo", before)
				require.Nil(w.t, w.condition("demo", kube.ConditionRollBlocked))
				w.settled()
			})
		})
	}
}

// deleteTopic is kafka-topics --delete.
func (w *World) deleteTopic(name, topic string) {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	c.partitions = slices.DeleteFunc(slices.Clone(c.partitions), func(p *partition) bool { return p.topic == topic })
	w.kafka.evaluate(c)
}

// Six brokers, two replicas, one of them in sync is enough: brokers n and n+3 share no partition, n and n+1 do.
func TestBrokersThatShareNoPartitionGoTogetherWhereThereAreNoRacks(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(6), budgeted("2"), func(c *v1beta1.KafkaCluster) {
			c.Spec.RollingUpgradeConfig.ConcurrentBrokerRestartCountPerRack = 2
		}))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 2, 1)
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		down, stops := w.countDown("demo"), w.stops("demo")
		w.edit("demo", readOnly("queued.max.requests=700\n"))
		w.rolled("demo", before)
		require.Equal(w.t, 2, down(), "so many brokers were down at a time")
		for _, pair := range pairsOf(stops()) {
			apart := (pair[1] - pair[0] + 6) % 6
			require.NotContains(w.t, []messages.BrokerID{1, 5}, apart, "%v share a partition, and were stopped together", pair)
		}
		_, ours := w.shortage("demo")
		require.Zero(w.t, ours)
		w.settled()
	}, machines(6, 3))
}

// pairsOf are the brokers, no controllers, that were stopped within seconds.
func pairsOf(order []podStop) (pairs [][2]messages.BrokerID) {
	for i := 1; i < len(order); i++ {
		if a, b := order[i-1], order[i]; b.at.Sub(a.at) < 2*time.Second && a.id >= 3 && b.id >= 3 {
			pairs = append(pairs, [2]messages.BrokerID{a.id, b.id})
		}
	}
	return pairs
}

// Kafka's own way back to preferred leaders begins five minutes after the first broker has gone.
func TestLeadersAreWhereTheyShouldBeAfterARoll(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		before := w.trio()
		started := time.Now()
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.rolled("demo", before)
		w.eventually(10*time.Second, "every preferred leader leads", func() bool {
			return !slices.ContainsFunc(w.partitions("demo"), func(p messages.Partition) bool { return p.Leader != p.Replicas[0] })
		})
		require.Less(w.t, time.Since(started), 5*time.Minute)
	})
}

func TestTheNextRestartWaitsForAnElectionThatFailed(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		before := w.trio()
		elections := 0
		w.kafka.election = func() error {
			if elections++; elections%2 == 1 {
				return errors.New("read tcp: i/o timeout")
			}
			return nil
		}
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.rolled("demo", before)
		w.eventually(time.Minute, "every election was tried again", func() bool { return elections == 2*len(before) })
		w.settled()
	})
}

func TestLeadersGoBackToABrokerWhoseDaemonDiedWhileItWasDown(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		before := w.trio()
		elections := 0
		w.kafka.election = func() error { elections++; return nil }
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.eventually(5*time.Minute, "the first one is stopped", func() bool { return len(w.changedSince(before)) == 1 })
		w.kill()
		require.Zero(w.t, elections)
		w.rolled("demo", before)
		w.eventually(time.Minute, "leaders went back to each", func() bool { return elections == len(before) })
		w.settled()
	})
}

func TestAlertsCloseTheGatesAndLetThemOpenAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), alerted(2)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.eventually(5*time.Minute, "the first one is stopped", func() bool { return len(w.changedSince(before)) == 1 })
		w.counted(2)
		w.says("demo", kube.ConditionRollBlocked, "2 alerts speak against restarts: spec.rollingUpgradeConfig.failureThreshold is 2")
		w.advance(time.Hour)
		w.kill()
		w.advance(time.Hour)
		require.Len(w.t, w.changedSince(before), 1, "nobody is stopped against alerts")
		require.Equal(w.t, 2, w.cluster("demo").Status.RollingUpgrade.ErrorCount, "who counts them is not corrected")
		w.counted(1)
		w.rolled("demo", before)
		require.Nil(w.t, w.condition("demo", kube.ConditionRollBlocked))
		require.Equal(w.t, 1, w.cluster("demo").Status.RollingUpgrade.ErrorCount)
		w.settled()
	})
}
