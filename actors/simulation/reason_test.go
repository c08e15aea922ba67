package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// A plan is a value: whoever is told why a broker is restarted is told the same, before and after.
func TestTheReasonOfARestartIsTheSameTextInStatusEventAndLog(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ask  func(*World)
		text string
	}{
		"a setting": {
			func(w *World) { w.edit("demo", readOnlyOf(1, "queued.max.requests=7\n")) }, "restart: `queued.max.requests` is read-only",
		},
		"a size":       {func(w *World) { w.edit("demo", sizedAs(1, "1", "3Gi")) }, "restart: resources of kafka change"},
		"an image":     {func(w *World) { w.edit("demo", imageOf(1, "kafka:3.9.2")) }, "restart: image of kafka changes"},
		"a person":     {func(w *World) { w.askRestart(1) }, "restart: asked for by annotation " + kube.AnnotationRestart},
		"a label":      {func(w *World) { w.label(1, "restart", "me") }, "restart: the Pod's labels match spec.taintedBrokersSelector"},
		"node to go":   {func(w *World) { w.onNode(w.nodeOf(1), draining("karpenter.sh/disrupted")) }, "restart: node node-"},
		"its consent":  {func(w *World) { w.builtOtherwise("demo"); w.edit("demo", annotated(kube.AnnotationConsent, "true")) }, "restart: the operator would"},
		"maintenance":  {func(w *World) { w.edit("demo", maintained(1)) }, "stop: the spec has it in maintenance"},
		"two settings": {func(w *World) { w.edit("demo", readOnlyOf(1, "queued.max.requests=7\nbroker.rack=a\n")) }, "; `"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), alerted(0), taintedBy(labelled("restart", "me"))))
				w.eventuallyReady("demo")
				test.ask(w)
				w.says("demo", kube.ConditionReconciling, test.text)
				_, reason, _ := strings.Cut(w.conditionText("demo", kube.ConditionReconciling), ": ")
				from := time.Now()
				w.edit("demo", alerted(1))
				w.eventually(5*time.Minute, "broker 1 is stopped", func() bool { return w.toldOfStop(1) != "" })
				require.Equal(w.t, reason, w.toldOfStop(1), "the Event")
				w.eventually(5*time.Second, "status says why while it is down", func() bool {
					return strings.Contains(w.conditionText("demo", kube.ConditionReconciling), "broker 1 now: "+reason)
				})
				require.Contains(w.t, reason, test.text)
				require.True(w.t, w.logged(from, "INFO permit broker=1 pod=", " reason="+reason), "the permit in %v", w.said.since(from))
				require.True(w.t, w.logged(from, "INFO step step=evict Pod demo-node-1 ", "reason="+reason), "the step in %v", w.said.since(from))
			}, machines(6, 3))
		})
	}
}

// toldOfStop is what the Event of a broker's stop says.
func (w *World) toldOfStop(id messages.BrokerID) string {
	for _, told := range append(w.events.with("Restarting"), w.events.with("Stopping")...) {
		if told.about == "demo-node-"+id.String() {
			return told.note
		}
	}
	return ""
}

// logged reports whether a line begins so and holds a text.
func (w *World) logged(from time.Time, begins, holds string) bool {
	return slices.ContainsFunc(w.said.since(from), func(line string) bool {
		return strings.HasPrefix(line, begins) && strings.Contains(line, holds)
	})
}

// askRestart is kubectl annotate of a broker's Pod.
func (w *World) askRestart(id messages.BrokerID) {
	for _, pod := range w.podsOf("demo", id) {
		w.store.update(keyOf(pod), func(o kube.Object) {
			annotations := o.GetAnnotations()
			annotations[kube.AnnotationRestart] = "true"
			o.SetAnnotations(annotations)
		})
	}
}

func TestWhatABrokerIsAboutToDoIsToldOnceAndThenDone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), readOnly("log.retention.ms=1000\n")))
		w.eventuallyReady("demo")
		w.settled()
		from := time.Now()
		w.edit("demo", readOnly("log.retention.ms=2000\nqueued.max.requests=700\n"))
		w.eventuallyReady("demo")
		w.settled()
		for _, id := range []string{"0", "1", "2"} {
			steps := w.stepsOf(id, from)
			_, then, told := strings.Cut(steps[0], " then=")
			require.True(w.t, told, "what follows the first step of %v", steps)
			require.Greater(w.t, len(steps), 3)
			for _, later := range steps[1:4] { // what it reads in its file it needs no dynamic value for: that is another plan
				text := strings.Replace(strings.TrimPrefix(later, "INFO step step="), " reason=", ": ", 1)
				_, after, found := strings.Cut(then, text)
				require.True(w.t, found, "%q is in its order in %q", text, then)
				then = after
			}
		}
	}, machines(3, 3))
}

// stepsOf are the log's lines about objects of one broker.
func (w *World) stepsOf(id string, from time.Time) []string {
	return slices.DeleteFunc(w.said.since(from), func(line string) bool {
		return !strings.HasPrefix(line, "INFO step ") || !slices.ContainsFunc([]string{"demo-applied-", "demo-config-", "demo-node-"}, func(name string) bool {
			return strings.Contains(line, " "+name+id+" ")
		})
	})
}
