package cluster

import (
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
