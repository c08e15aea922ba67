package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/messages"
)

func TestReadyEventTellsOfChangesOnly(t *testing.T) {
	ready := statusOf(healthy(), now).Conditions
	starting := statusOf(healthy(phase(0, messages.PhaseStarting, "boots")), now).Conditions
	also := statusOf(healthy(phase(1, messages.PhaseStarting, "boots, too")), now).Conditions
	broken := statusOf(healthy(problem(messages.ReasonInvalidSpec, messages.SeverityError, "spec.brokers")), now).Conditions
	elsewhere := statusOf(healthy(problem(messages.ReasonInvalidSpec, messages.SeverityError, "spec.envs")), now).Conditions
	waits := statusOf(healthy(phase(0, messages.PhaseBlocked, "its disk is gone")), now).Conditions
	waitsStill := statusOf(healthy(phase(0, messages.PhaseBlocked, "its other disk is gone")), now).Conditions
	waitsElsewhere := statusOf(healthy(phase(2, messages.PhaseBlocked, "its disk is gone")), now).Conditions
	for name, test := range map[string]struct {
		before, after []metav1.Condition
		kind          string
	}{
		"ready at last":               {starting, ready, corev1.EventTypeNormal},
		"no longer ready":             {ready, starting, corev1.EventTypeNormal},
		"still ready":                 {ready, ready, ""},
		"another broker starts":       {starting, also, ""},
		"a spec that cannot work":     {ready, broken, corev1.EventTypeWarning},
		"for the first time":          {nil, starting, corev1.EventTypeNormal},
		"another field is wrong":      {broken, elsewhere, corev1.EventTypeWarning},
		"the same field is wrong":     {broken, broken, ""},
		"another broker needs a hand": {waits, waitsElsewhere, corev1.EventTypeWarning},
		"other words of one broker":   {waits, waitsStill, ""},
	} {
		t.Run(name, func(t *testing.T) {
			event, due := (&told{}).next(test.before, test.after, now)
			require.Equal(t, test.kind != "", due)
			require.Equal(t, test.kind, event.kind)
			require.Equal(t, due, event.note != "")
		})
	}
}

// A status that goes back and forth must not use up what client-go lets through.
func TestReadyEventsOfOneReasonArePaced(t *testing.T) {
	one := statusOf(healthy(phase(0, messages.PhaseBlocked, "its disk is gone")), now).Conditions
	other := statusOf(healthy(phase(2, messages.PhaseBlocked, "its disk is gone")), now).Conditions
	said := &told{}
	events := 0
	for second := range 60 {
		before, after := one, other
		if second%2 == 1 {
			before, after = other, one
		}
		if _, due := said.next(before, after, now.Add(time.Duration(second)*time.Second)); due {
			events++
		}
	}
	require.LessOrEqual(t, events, 6)
	require.Positive(t, events)
	said = &told{}
	_, due := said.next(one, other, now)
	require.True(t, due)
	_, due = said.next(other, one, now.Add(time.Second))
	require.False(t, due)
	event, due := said.next(one, one, now.Add(time.Minute))
	require.True(t, due, "what was left out is told with the next status")
	require.Contains(t, event.note, "broker 0")
	_, due = said.next(one, statusOf(healthy(), now).Conditions, now.Add(time.Minute+time.Second))
	require.True(t, due, "another reason does not wait")
}

func TestConditionsThatComeAndGoAreLogged(t *testing.T) {
	holds := func(kind, message string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: "Because", Message: message}
	}
	none := []metav1.Condition{holds("Ready", "3/3")}
	held := []metav1.Condition{holds("Ready", "2/3"), holds("Reconciling", "x"), holds("BrokersHeld", "broker 1")}
	require.Equal(t, []metav1.Condition{holds("BrokersHeld", "broker 1")}, turned(none, held))
	require.Equal(t, []metav1.Condition{{Type: "BrokersHeld", Status: metav1.ConditionFalse, Reason: "Because"}}, turned(held, none))
	require.Empty(t, turned(held, []metav1.Condition{holds("BrokersHeld", "brokers 1, 2")}), "other words")
}
