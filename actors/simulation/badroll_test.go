package simulation

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// badEdit is an edit that no broker comes up with.
type badEdit struct {
	bad, back func(*v1beta1.KafkaCluster)
	// why is what people are told of the broker that has it.
	why string
}

func badEdits() map[string]badEdit {
	return map[string]badEdit{
		"a configuration that Kafka crashes with": {readOnly("crash.at.start=true\n"), readOnly(""), "times in this Pod (last: exit code 1, Error)"},
		"an image whose Kafka crashes":            {image("kafka:broken"), image(""), "times in this Pod (last: exit code 1, Error)"},
		"an image that no registry has":           {kafkaImage("unpullable"), image(""), "image registry.example/kafka:unpullable cannot be pulled"},
	}
}

// trio is a cluster of three that may miss one, and that is used.
func (w *World) trio() map[messages.BrokerID]types.UID {
	w.t.Helper()
	w.apply(kafkaCluster("demo", nodes(3)))
	w.eventuallyReady("demo")
	w.topic("demo", "orders", 6, 3, 2)
	w.advance(time.Minute)
	return w.podUIDs("demo")
}

// changedSince are the brokers whose Pod is another, or none.
func (w *World) changedSince(before map[messages.BrokerID]types.UID) []messages.BrokerID {
	after := w.podUIDs("demo")
	var changed []messages.BrokerID
	for id := range messages.BrokerID(len(before)) {
		if after[id] != before[id] {
			changed = append(changed, id)
		}
	}
	return changed
}

// stopsAtTheFirst requires that half an hour of a bad spec costs one broker, and that the condition says which one, and why.
func (w *World) stopsAtTheFirst(before map[messages.BrokerID]types.UID, why string) {
	w.t.Helper()
	w.advance(30 * time.Minute)
	changed := w.changedSince(before)
	require.Len(w.t, changed, 1, "so many brokers have the bad spec")
	blocked := w.condition("demo", kube.ConditionRollBlocked)
	require.NotNil(w.t, blocked)
	require.Contains(w.t, blocked.Message, fmt.Sprintf("broker %d does not come up with the newest spec, so nobody else is restarted: ", changed[0]))
	require.Contains(w.t, blocked.Message, why)
	require.False(w.t, w.isReady("demo"))
}

// healed requires that the spec as it was brings the one broker back, by itself.
func (w *World) healed(before map[messages.BrokerID]types.UID) {
	w.t.Helper()
	w.eventuallyReady("demo")
	require.Len(w.t, w.changedSince(before), 1, "nobody else was stopped on the way back")
	w.eventually(time.Minute, "every replica is in sync", func() bool { return w.inSync("demo") })
	_, ours := w.shortage("demo")
	require.Zero(w.t, ours, "acks=all was never refused for our doing")
	w.settled()
	require.Nil(w.t, w.condition("demo", kube.ConditionRollBlocked))
	require.Len(w.t, w.changedSince(before), 1)
}

func TestARollStopsAtTheFirstBrokerThatDoesNotComeBackAndARollbackHeals(t *testing.T) {
	t.Parallel()
	for name, edit := range badEdits() {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				before := w.trio()
				w.edit("demo", edit.bad)
				w.stopsAtTheFirst(before, edit.why)
				w.edit("demo", edit.back)
				w.healed(before)
			})
		})
	}
}

// Later writes only tell how often Kafka has ended.
const writesOfABadRoll = 12

// The next daemon knows of the bad spec and of the way back what it finds, whichever write was the last one's last.
func TestTheDaemonMayDieAtAnyWriteOfARollThatFailsAndOfItsRollback(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a configuration that Kafka crashes with", "an image that no registry has"} {
		edit := badEdits()[name]
		for way, dies := range map[string]func(*World, int) bool{
			"on the way down": func(w *World, writes int) bool { return w.rolledBack(edit, writes, 0) },
			"on the way back": func(w *World, writes int) bool { return w.rolledBack(edit, 0, writes) },
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				writes := 0
				for died := true; died && writes < writesOfABadRoll; {
					writes++
					run(t, func(w *World) { died = dies(w, writes) })
				}
				require.Greater(t, writes, 8, "so many writes there are on that way, and one more")
			})
		}
	}
}

// rolledBack lets the daemon die at a write of either half, 0 for not, and reports whether it did.
func (w *World) rolledBack(edit badEdit, down, back int) (died bool) {
	w.t.Helper()
	before := w.trio()
	w.killAfterWrites(down)
	w.edit("demo", edit.bad)
	w.stopsAtTheFirst(before, edit.why)
	w.killAfterWrites(back)
	w.edit("demo", edit.back)
	w.eventuallyReady("demo")
	w.killAfterWrites(0)
	w.healed(before)
	return w.reborn()
}
