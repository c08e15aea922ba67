package cluster

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
)

// readyEvent is the summary that people get when Ready changes.
type readyEvent struct{ kind, reason, note string }

// told is what people were told of Ready last. The zero value is ready: of what stood before this daemon, somebody has told.
type told struct {
	conditions []metav1.Condition
	at         time.Time
}

// sameReasonPause is the least time between two Events where only the field or the broker is another: client-go lets 25 in a
// row through, and then one in five minutes. What is left out is told with the next status, if it holds then.
const sameReasonPause = 10 * time.Second

// next is the Event that a written status calls for; before is what stood until then.
func (t *told) next(before, after []metav1.Condition, now time.Time) (event readyEvent, due bool) {
	if t.conditions == nil {
		t.conditions = before
	}
	was, is := readyOf(t.conditions), readyOf(after)
	event = readyEvent{kind: corev1.EventTypeNormal, reason: is.Reason, note: is.Message}
	if kube.Condition(after, kube.ConditionStalled) != nil {
		event.kind = corev1.EventTypeWarning
	}
	if was.Status == is.Status && (is.Status == metav1.ConditionTrue || was.Reason == is.Reason) {
		// Where a person must act, another field or another broker is news; other words of the same are not.
		if event.kind != corev1.EventTypeWarning || subject(was.Message) == subject(is.Message) || now.Sub(t.at) < sameReasonPause {
			return readyEvent{}, false
		}
	}
	t.conditions, t.at = after, now
	return event, true
}

// turned are the conditions beside Ready and those that follow it which have become true, and those that are no more, as False.
func turned(before, after []metav1.Condition) []metav1.Condition {
	holds := func(list []metav1.Condition, kind string) bool {
		c := kube.Condition(list, kind)
		return c != nil && c.Status == metav1.ConditionTrue
	}
	var turned []metav1.Condition
	for _, c := range after {
		if holds(after, c.Type) && !holds(before, c.Type) {
			turned = append(turned, c)
		}
	}
	for _, c := range before {
		if holds(before, c.Type) && !holds(after, c.Type) {
			turned = append(turned, metav1.Condition{Type: c.Type, Status: metav1.ConditionFalse, Reason: c.Reason})
		}
	}
	return slices.DeleteFunc(turned, func(c metav1.Condition) bool {
		return slices.Contains([]string{kube.ConditionReady, kube.ConditionReconciling, kube.ConditionStalled}, c.Type)
	})
}

func readyOf(conditions []metav1.Condition) metav1.Condition {
	if ready := kube.Condition(conditions, kube.ConditionReady); ready != nil {
		return *ready
	}
	return metav1.Condition{}
}

// subject is what a condition's message speaks of: the field, or the broker.
func subject(message string) string {
	before, _, _ := strings.Cut(message, ": ")
	return before
}
