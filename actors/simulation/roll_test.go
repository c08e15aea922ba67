package simulation

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// rolled waits until every broker of a cluster has another Pod than before, and all is well.
func (w *World) rolled(name string, before map[messages.BrokerID]types.UID) {
	w.t.Helper()
	w.eventually(30*time.Minute, "every broker has a new Pod", func() bool {
		after := w.podUIDs(name)
		for id, uid := range before {
			if after[id] == uid || after[id] == "" {
				return false
			}
		}
		return true
	})
	w.eventuallyReady(name)
}

func TestAChangeThatOnlyARestartBringsInRollsOneBrokerAfterTheOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(2)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		down := w.countDown("demo")
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.rolled("demo", before)
		require.Equal(w.t, 1, down(), "so many brokers were down at a time")
		for id := range before {
			require.Equal(w.t, "7", w.kubelets.fileOf(w.podsOf("demo", id)[0])["queued.max.requests"])
		}
		require.NotEmpty(w.t, w.cluster("demo").Status.RollingUpgrade.LastSuccess)
		w.settled()
	})
}

// The next broker is stopped five seconds after Kafka has the last one back, or when its Pod is ready if that is later: probes look
// seldom, and a roll must not wait for each of them on top.
func TestARollDoesNotPauseAfterEachProbe(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.kubelets.probe = 8 * time.Second
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(4)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		stops := w.stops("demo")
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.rolled("demo", before)
		order := stops()
		require.Len(w.t, order, 7)
		for i, s := range order[1:] {
			if last := order[i].id; last >= 3 { // of a controller Kafka does not tell whether it is up
				pause := s.at.Sub(w.kafka.servesSince(keyed("demo"), last))
				require.GreaterOrEqual(w.t, pause, 8*time.Second, "broker %d was stopped before the Pod of %d was ready", s.id, last)
				require.Less(w.t, pause, 12*time.Second, "between %d and %d: replicas take up to five seconds to catch up", last, s.id)
			}
		}
	})
}

type podStop struct {
	id messages.BrokerID
	at time.Time
}

// stops are when Pods of a cluster are told to stop from now on, in their order.
func (w *World) stops(name string) func() []podStop {
	var mu sync.Mutex
	var seen []podStop
	w.store.observe(func(c change) {
		if c.key.kind != kube.KindPod || c.before == nil || c.after == nil || clusterOf(c.after) != keyed(name) {
			return
		}
		if c.before.GetDeletionTimestamp() == nil && c.after.GetDeletionTimestamp() != nil {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, podStop{idOf(c.after), time.Now()})
		}
	})
	return func() []podStop {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

func TestBrokersOfARackRestartTogetherWherePartitionsAndBudgetLetThem(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(6), racks, func(c *v1beta1.KafkaCluster) {
			c.Spec.RollingUpgradeConfig.ConcurrentBrokerRestartCountPerRack = 2
			c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: true, Budget: "2"}
		}))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 12, 3, 1)
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		down := w.countDown("demo")
		w.edit("demo", readOnly("queued.max.requests=700\n"))
		w.rolled("demo", before)
		require.Equal(w.t, 2, down(), "so many brokers were down at a time")
		require.Empty(w.t, w.lostPartitions("demo"))
		w.settled()
	}, machines(6, 3))
}

func TestAChangeOfMindTakesOverInTheMiddleOfARoll(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.eventually(5*time.Minute, "the first broker is on its way", func() bool { return w.podUIDs("demo")[0] != before[0] })
		w.edit("demo", readOnly("queued.max.requests=8\n"))
		w.rolled("demo", before)
		for id := range before {
			require.Equal(w.t, "8", w.kubelets.fileOf(w.podsOf("demo", id)[0])["queued.max.requests"])
		}
		w.settled()
	})
}

func TestAPodAskedToRestartByHandRestartsAlone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.expectRestarts("demo", 1)
		w.askRestart(1)
		w.eventually(5*time.Minute, "broker 1 has another Pod", func() bool { return w.podUIDs("demo")[1] != before[1] && w.serves("demo", 1) })
		w.eventuallyReady("demo")
		after := w.podUIDs("demo")
		require.Equal(w.t, before[0], after[0])
		require.Equal(w.t, before[2], after[2])
		w.settled()
	})
}

func TestARollGoesOnUnderANewDaemon(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		down := w.countDown("demo")
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		for range 20 {
			w.killAfterWrites(2)
			w.advance(7 * time.Second)
		}
		w.rolled("demo", before)
		require.Equal(w.t, 1, down(), "so many brokers were down at a time")
		w.settled()
	})
}

func TestNobodyIsRestartedWhileThePauseLasts(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", paused)
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.edit("demo", resumed)
		w.rolled("demo", before)
	})
}

func TestAFailureThresholdOfNoneRestartsNobodyAndSaysSo(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), func(c *v1beta1.KafkaCluster) { c.Spec.RollingUpgradeConfig.FailureThreshold = 0 }))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.eventually(5*time.Minute, "the condition says why", func() bool { return w.condition("demo", kube.ConditionRollBlocked) != nil })
		require.Contains(w.t, w.condition("demo", kube.ConditionRollBlocked).Message, "failureThreshold is 0")
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

// countDown watches how many of a cluster's brokers are on their way out or not back at a time.
func (w *World) countDown(name string) (most func() int) {
	watch := &downCounter{ready: map[string]bool{}}
	for id := range w.podUIDs(name) {
		watch.ready[keyed(name).String()+"/"+id.String()] = true
	}
	w.store.observe(func(c change) {
		if c.key.kind == kube.KindPod {
			watch.changed(c)
		}
	})
	return watch.most
}

type downCounter struct {
	mu    sync.Mutex
	ready map[string]bool
	worst int
}

func (d *downCounter) changed(c change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	pod, _ := c.after.(*corev1.Pod)
	d.ready[brokerOf(c.newest())] = pod != nil && podIsReady(pod) && pod.DeletionTimestamp == nil
	down := 0
	for _, ready := range d.ready {
		if !ready {
			down++
		}
	}
	d.worst = max(d.worst, down)
}

func (d *downCounter) most() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.worst
}
