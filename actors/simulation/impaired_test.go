package simulation

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// withFailedDisk is a cluster whose broker 3 has replicas on a disk that has failed, and whose failure threshold is the given one.
func (w *World) withFailedDisk(threshold int) {
	w.apply(kafkaCluster("demo", controllersOnly(3), brokers(4), disks(2), alerted(threshold), kafkaImage("4.3.1")))
	w.eventuallyReady("demo")
	w.topic("demo", "orders", 8, 3, 1)
	w.advance(time.Minute)
	w.failDir("demo", 3, lastDisk+"/kafka")
	w.says("demo", kube.ConditionDisksFailed, "broker 3 cannot use "+lastDisk)
}

func TestARollGoesOnBesideAReplicaThatStaysOutOfSyncWithinTheThreshold(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.withFailedDisk(2)
		before := w.podUIDs("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			for id := range int32(3) {
				readOnlyOf(4+id, "queued.max.requests=7\n")(c)
			}
		})
		w.eventually(20*time.Minute, "the others are restarted past the operator's closed budget", func() bool { return len(w.changedSince(before)) == 3 })
		w.eventually(10*time.Minute, "nobody waits", func() bool { return w.condition("demo", kube.ConditionRollBlocked) == nil && w.isReady("demo") })
		require.Equal(w.t, []messages.BrokerID{4, 5, 6}, w.changedSince(before))
	})
}

func TestABrokerThatIsOutOfSyncIsRestartedFirst(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.withFailedDisk(1)
		before := w.podUIDs("demo")
		w.edit("demo", readOnly("queued.max.requests=7\n"))
		w.eventually(time.Minute, "the first one is stopped", func() bool { return len(w.changedSince(before)) > 0 })
		require.Equal(w.t, []messages.BrokerID{3}, w.changedSince(before), "before controllers, and those with a smaller id")
		w.rolled("demo", before)
		w.settled()
	})
}

// A budget may refuse one broker for ever: others have their turn meanwhile, and a person's word for them counts.
func TestABrokerThatABudgetKeepsHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	for name, asked := range map[string]func(*World){
		"another's maintenance": func(w *World) { w.edit("demo", maintained(4)) },
		"another's restart":     func(w *World) { w.askRestart(4) },
		"another's restart by force": func(w *World) {
			for _, pod := range w.podsOf("demo", 4) {
				w.store.update(keyOf(pod), func(o kube.Object) { o.GetAnnotations()[kube.AnnotationRestart] = kube.RestartForced })
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3)))
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 6, 3, 1)
				w.advance(time.Minute)
				theirs, before := w.keepBroker(3), w.podUIDs("demo")
				w.askRestart(3)
				w.says("demo", kube.ConditionRollBlocked, "broker 3: eviction refused")
				asked(w)
				w.eventually(2*time.Minute, "broker 4 is stopped", func() bool {
					told := w.condition("demo", kube.ConditionRollBlocked)
					require.Equal(w.t, metav1.ConditionTrue, told.Status, "it is told all the while")
					require.Contains(w.t, told.Message, "broker 3: eviction refused")
					return slices.Contains(w.changedSince(before), 4)
				})
				w.advance(10 * time.Minute)
				from := time.Now()
				w.advance(time.Hour)
				require.Empty(w.t, w.said.since(from), "a refusal that stays is no news")
				require.NotContains(w.t, w.changedSince(before), messages.BrokerID(3))
				require.Contains(w.t, w.conditionText("demo", kube.ConditionRollBlocked), "broker 3: eviction refused")
				require.Contains(w.t, w.conditionText("demo", kube.ConditionReady), "broker 3: eviction refused")
				w.deleteObject(theirs)
				w.eventually(10*time.Minute, "broker 3 is stopped", func() bool { return slices.Contains(w.changedSince(before), 3) })
				w.edit("demo", maintained())
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}

func TestTheActiveControllerIsStoppedWhileABudgetKeepsAnotherOne(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 3, 1)
		w.advance(time.Minute)
		active := w.look("demo").QuorumLeader
		kept := (active + 1) % 3
		theirs := w.keepBroker(kept)
		w.askRestart(kept)
		w.says("demo", kube.ConditionRollBlocked, fmt.Sprintf("broker %d: eviction refused", kept))
		w.edit("demo", maintained(int32(active)))
		w.eventually(3*time.Minute, "the active controller is stopped", func() bool { return len(w.podsOf("demo", active)) == 0 })
		w.edit("demo", maintained())
		w.deleteObject(theirs)
		w.eventuallyReady("demo")
		w.settled()
	})
}

// Our own budget is closed while a broker is in maintenance, so nobody is evicted then: those of others are asked all the same.
func TestBudgetsOfOthersAreAskedWhileOursIsClosed(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]func(*v1beta1.KafkaCluster){
		"a budget of ours, too": func(*v1beta1.KafkaCluster) {},
		"none of ours":          withoutBudget,
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(4), own))
				w.eventuallyReady("demo")
				w.edit("demo", maintained(3))
				w.eventually(10*time.Minute, "broker 3 is stopped", func() bool { return len(w.podsOf("demo", 3)) == 0 })
				w.advance(time.Minute)
				theirs := w.foreignBudget(map[string]string{kube.LabelCluster: "demo"})
				before := w.podUIDs("demo")
				w.edit("demo", readOnly("queued.max.requests=7\n"))
				w.says("demo", kube.ConditionRollBlocked, "eviction refused: ")
				require.Contains(w.t, w.conditionText("demo", kube.ConditionRollBlocked), "disruption budget foreign")
				w.advance(10 * time.Minute)
				from := time.Now()
				w.advance(time.Hour)
				require.Empty(w.t, w.said.since(from), "they have their turns, and refusals that stay are no news")
				require.Empty(w.t, w.changedSince(before))
				w.deleteObject(theirs)
				w.rolled("demo", before)
				w.edit("demo", maintained())
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}
