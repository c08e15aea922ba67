package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 123_456_789, time.UTC)

// healthy is a view in which three nodes run and Kafka knows them.
func healthy(changes ...func(*view)) view {
	v := view{cluster: demo(0, 1, 2), kafka: messages.KafkaObserved{Answered: true, Brokers: []messages.BrokerID{0, 1, 2}}}
	for id := range messages.BrokerID(3) {
		v.nodes = append(v.nodes, node{id: id, broker: true, told: 5, observed: messages.BrokerObserved{
			ID: id, Revision: 5, Phase: messages.PhaseRunning, PodReady: true, Pod: "pod", Since: now,
			Claims:  map[string]types.UID{"/kafka-logs": types.UID("claim-" + id.String())},
			Mounted: map[string]types.UID{"/kafka-logs": types.UID("claim-" + id.String())},
		}})
	}
	for _, change := range changes {
		change(&v)
	}
	return v
}

func phase(id int, p messages.Phase, reason string) func(*view) {
	return func(v *view) {
		o := &v.nodes[id].observed
		o.Phase, o.Reason, o.PodReady = p, reason, p == messages.PhaseRunning
	}
}

func problem(reason messages.ProblemReason, severity messages.ProblemSeverity, field string) func(*view) {
	return func(v *view) {
		v.problems = append(v.problems, messages.FieldProblem{Field: field, Reason: reason, Severity: severity, Message: "change it"})
	}
}

func TestReadinessNamesTheGravestReason(t *testing.T) {
	for name, test := range map[string]struct {
		changes []func(*view)
		ready   bool
		reason  string
		message string
		stalled bool
	}{
		"all run and Kafka knows them": {ready: true, reason: kube.ReasonRunning, message: "3/3"},
		"a spec that cannot work": {
			changes: []func(*view){problem(messages.ReasonInvalidSpec, messages.SeverityError, "spec.brokers"), phase(0, messages.PhaseBlocked, "x")},
			reason:  "InvalidSpec", message: "spec.brokers: change it", stalled: true,
		},
		"a field that is not served and must not be ignored": {
			changes: []func(*view){problem(messages.ReasonNotSupported, messages.SeverityError, "spec.listenersConfig")},
			reason:  "NotSupported", message: "spec.listenersConfig", stalled: true,
		},
		"a warning is no reason": {
			changes: []func(*view){problem(messages.ReasonInvalidSpec, messages.SeverityWarning, "spec.brokers")},
			ready:   true, reason: kube.ReasonRunning,
		},
		"the cluster's own objects": {
			changes: []func(*view){func(v *view) { v.objectsError = "Service demo-headless: refused" }},
			reason:  kube.ReasonFailing, message: "demo-headless",
		},
		"a node that waits for a person, before one that starts": {
			changes: []func(*view){phase(0, messages.PhaseStarting, "boots"), phase(2, messages.PhaseBlocked, "DataVolumeLost")},
			reason:  kube.ReasonWaiting, message: "broker 2: DataVolumeLost", stalled: true,
		},
		"not yet, for what went with a Pod that is restarted: its vote is taken, and it comes back": {
			changes: []func(*view){phase(2, messages.PhaseBlocked, "went with its Pod"), func(v *view) {
				v.nodes[2].observed.Emptied, v.nodes[2].observed.Since = true, now.Add(time.Second-goneFor)
			}}, reason: kube.ReasonStarting, message: "broker 2: went with its Pod",
		},
		"but a step of it that failed is": {
			changes: []func(*view){phase(2, messages.PhaseFailing, "refused"), func(v *view) {
				v.nodes[2].observed.Emptied, v.nodes[2].observed.Since = true, now.Add(time.Second-goneFor)
			}}, reason: kube.ReasonFailing, message: "broker 2: refused",
		},
		"when that lasts": {
			changes: []func(*view){phase(2, messages.PhaseBlocked, "went with its Pod"), func(v *view) {
				v.nodes[2].observed.Emptied, v.nodes[2].observed.Since = true, now.Add(-goneFor)
			}}, reason: kube.ReasonWaiting, message: "broker 2: went with its Pod", stalled: true,
		},
		"a node whose step failed": {
			changes: []func(*view){phase(1, messages.PhaseFailing, "refused")}, reason: kube.ReasonFailing, message: "broker 1: refused",
		},
		"a node that starts": {
			changes: []func(*view){phase(1, messages.PhaseStarting, "no node")}, reason: kube.ReasonStarting, message: "broker 1: no node",
		},
		"a node that has not looked at the newest wish": {
			changes: []func(*view){func(v *view) { v.nodes[1].told = 6 }}, reason: kube.ReasonStarting, message: "broker 1",
		},
		"a Kafka that does not answer": {
			changes: []func(*view){func(v *view) { v.kafka = messages.KafkaObserved{Error: "i/o timeout"} }},
			reason:  kube.ReasonUnreachable, message: "i/o timeout",
		},
		"a node that Kafka does not know": {
			changes: []func(*view){func(v *view) { v.kafka.Brokers = v.kafka.Brokers[:2] }},
			reason:  kube.ReasonNotRegistered, message: "broker 2",
		},
		"a node that leaves is not waited for": {
			changes: []func(*view){phase(2, messages.PhaseStarting, "stops"), func(v *view) {
				v.nodes[2].leaving = true
				v.kafka.Brokers = v.kafka.Brokers[:2]
			}}, ready: true, reason: kube.ReasonRunning, message: "2/2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			status := statusOf(healthy(test.changes...), now)
			ready := kube.Condition(status.Conditions, kube.ConditionReady)
			require.Equal(t, test.ready, ready.Status == metav1.ConditionTrue)
			require.Equal(t, test.reason, ready.Reason)
			require.Contains(t, ready.Message, test.message)
			require.Equal(t, test.stalled, kube.Condition(status.Conditions, kube.ConditionStalled) != nil)
			require.Equal(t, !test.ready && !test.stalled, kube.Condition(status.Conditions, kube.ConditionReconciling) != nil)
			require.Equal(t, test.ready, status.State == v1beta1.ClusterRunning)
			require.Equal(t, int64(1), status.ObservedGeneration)
		})
	}
}

func TestTheSameViewIsTheSameStatus(t *testing.T) {
	v := healthy(phase(1, messages.PhaseStarting, "boots"), func(v *view) { v.paused = true })
	first := statusOf(v, now)
	v.known = first
	require.Equal(t, first, statusOf(v, now.Add(time.Hour)), "a repeated observation is no write")
}

func TestConditionsExistWhileTheyAreTrue(t *testing.T) {
	for kind, spoil := range map[string]func(*view){
		kube.ConditionPaused:          func(v *view) { v.paused = true },
		kube.ConditionUpdateAvailable: func(v *view) { v.nodes[1].observed.Update = "the Pod is built differently" },
		kube.ConditionRollBlocked: func(v *view) {
			v.roll = rollDecision{blocked: "Kafka does not answer", blockedSince: now.Add(-blockedAfter)}
		},
		kube.ConditionUnprotected:    func(v *view) { v.roll.unprotected = []string{"orders-0"} },
		kube.ConditionBrokersLeaving: func(v *view) { v.nodes[1].leaving = true },
		kube.ConditionStrayObjects:   func(v *view) { v.unkept.strays = []string{"Pod copy"} },
		kube.ConditionLeftoverClaims: func(v *view) { v.unkept.claims = []leftover{{7, "demo-7"}} },
		kube.ConditionNotSupported:   problem(messages.ReasonNotSupported, messages.SeverityWarning, "spec.envoyConfig"),
		kube.ConditionSpecWarning:    problem(messages.ReasonInvalidSpec, messages.SeverityWarning, "spec.disruptionBudget"),
	} {
		t.Run(kind, func(t *testing.T) {
			spoiled := healthy(spoil)
			status := statusOf(spoiled, now)
			require.NotNil(t, kube.Condition(status.Conditions, kind))
			cured := healthy()
			cured.known = status
			require.Nil(t, kube.Condition(statusOf(cured, now).Conditions, kind))
		})
	}
}

func TestADiskIsRecordedWhenKafkaRunsOnItAndNeverForgotten(t *testing.T) {
	dirs := func(s v1beta1.KafkaClusterStatus) []v1beta1.FormattedLogDir {
		return s.BrokersState["1"].FormattedLogDirs
	}
	seen := []v1beta1.FormattedLogDir{{MountPath: "/kafka-logs", ClaimUID: "claim-1"}}
	silent := func(v *view) { v.kafka.Answered = false }
	controllers := func(v *view) {
		for i := range v.nodes {
			v.nodes[i].broker = false
		}
	}
	require.Equal(t, seen, dirs(statusOf(healthy(), now)))
	require.Equal(t, seen, dirs(statusOf(healthy(silent), now)), "a broker that is ready is registered")
	require.Equal(t, seen, dirs(statusOf(healthy(silent, func(v *view) { v.nodes[1].broker = false }), now)), "others are ready, so the quorum stands")
	young := func(v *view) {
		for i := range v.nodes {
			v.nodes[i].observed.Started = now.Add(-time.Second)
		}
	}
	require.Equal(t, seen, dirs(statusOf(healthy(young), now)))
	for name, unseen := range map[string]func(*view){
		"nobody has run for long, and Kafka has yet to answer": func(v *view) { silent(v); young(v) },
		"Pod not ready": phase(1, messages.PhaseStarting, "boots"),
		"a controller, and nobody knows whether there is a quorum": func(v *view) { silent(v); controllers(v) },
		"a controller that has not joined": func(v *view) {
			controllers(v)
			v.kafka.Brokers, v.kafka.Voters, v.kafka.Observers = nil, nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := healthy(unseen)
			require.Empty(t, dirs(statusOf(v, now)))
			v.known = statusOf(healthy(), now)
			require.Equal(t, seen, dirs(statusOf(v, now)))
		})
	}
}

func TestWhatKoperatorLeftInStatusStays(t *testing.T) {
	v := healthy()
	v.known.BrokersState = map[string]v1beta1.BrokerState{"1": {ConfigurationBackup: "backup", Version: "3.9.1"}}
	v.known.AlertCount = 3
	status := statusOf(v, now)
	require.Equal(t, "backup", status.BrokersState["1"].ConfigurationBackup)
	require.Equal(t, "3.9.1", status.BrokersState["1"].Version)
	require.Equal(t, 3, status.AlertCount)
}

func TestABrokerThatIsGoneLeavesStatus(t *testing.T) {
	v := healthy(func(v *view) { v.nodes[2].leaving, v.nodes[2].observed.Gone = true, true })
	v.known.BrokersState = map[string]v1beta1.BrokerState{"2": {Version: "3.9.1"}}
	status := statusOf(v, now)
	require.NotContains(t, status.BrokersState, "2")
	require.Equal(t, "2/2", status.BrokersReady)
}

func TestReasonsAreShortAndKeepTheWayOut(t *testing.T) {
	v := healthy(phase(1, messages.PhaseBlocked, "the claim "+strings.Repeat("€", 500)+" is gone: restore it"))
	status := statusOf(v, now)
	reason := status.BrokersState["1"].Reason
	require.LessOrEqual(t, len(reason), maxReason)
	require.True(t, strings.HasPrefix(reason, "the claim €"), reason)
	require.True(t, strings.HasSuffix(reason, " is gone: restore it"), reason)
	for _, c := range status.Conditions {
		require.LessOrEqual(t, len(c.Message), 1000)
	}
}

// Ways out stand at the end, so they were the first to go.
func TestNothingThatIsAddedPushesTheWayOutAway(t *testing.T) {
	long := strings.Repeat("x", 3000)
	message := func(kind string, changes ...func(*view)) string {
		return kube.Condition(statusOf(healthy(changes...), now).Conditions, kind).Message
	}
	pending := message(kube.ConditionUpdateAvailable, func(v *view) {
		for id := range v.nodes {
			v.nodes[id].observed.Pending = "disk /a: is " + long + ": add another one"
		}
	})
	require.True(t, strings.HasPrefix(pending, "broker 0: disk /a: is xxx"), pending)
	require.True(t, strings.HasSuffix(pending, "xxx: add another one; also brokers 1, 2"), pending)
	blocked := message(kube.ConditionReady, phase(0, messages.PhaseBlocked, "claim "+long+" is gone: restore it"),
		phase(2, messages.PhaseBlocked, "too"))
	require.Contains(t, blocked, "xxx is gone: restore it (since ")
	require.True(t, strings.HasSuffix(blocked, "; also broker 2"), blocked)
	invalid := message(kube.ConditionReady, phase(1, messages.PhaseStarting, "boots"), func(v *view) {
		for range 2 {
			v.problems = append(v.problems, messages.FieldProblem{
				Field: "spec.envs", Message: long + "; remove it", Reason: messages.ReasonInvalidSpec, Severity: messages.SeverityError,
			})
		}
	})
	require.True(t, strings.HasPrefix(invalid, "spec.envs: xxx"), invalid)
	require.True(t, strings.HasSuffix(invalid, "xxx; remove it (and 1 more: spec.envs); not ready: broker 1 (boots)"), invalid)
	for _, text := range []string{pending, blocked, invalid} {
		require.LessOrEqual(t, len(text), 1000)
	}
}

func TestAllThatIsWrongIsToldAsFarAsThereIsRoom(t *testing.T) {
	wrong := func(message string, fields ...string) (problems []messages.FieldProblem) {
		for _, field := range fields {
			problems = append(problems, messages.FieldProblem{Field: field, Message: message})
		}
		return problems
	}
	require.Empty(t, problemText(nil, ""))
	require.Equal(t, "spec.a: is wrong; correct it", problemText(wrong("is wrong; correct it", "spec.a"), ""))
	require.Equal(t, "spec.a: is wrong; correct it; also spec.b: is wrong; correct it; down", problemText(wrong("is wrong; correct it", "spec.a", "spec.b"), "; down"))
	long := wrong(strings.Repeat("x", 400)+"; correct it", "spec.a", "spec.b", "spec.c", "spec.c", "spec.d")
	text := problemText(long, "; down")
	require.Contains(t, text, long[1].String())
	require.True(t, strings.HasSuffix(text, "; correct it (and 3 more: spec.c, spec.d); down"), text)
	require.LessOrEqual(t, len(text), 1000)
	longer := wrong(strings.Repeat("x", 900)+"; correct it", "spec.a", "spec.b", "spec.c", "spec.d", "spec.e", "spec.f", "spec.g")
	text = problemText(longer, "")
	require.True(t, strings.HasSuffix(text, "; correct it (and 6 more: spec.b, spec.c, spec.d, spec.e, spec.f, …)"), text)
	require.LessOrEqual(t, len(text), 1000)
}

func TestWhoIsDownIsNamedBesideWhateverElseIsWrong(t *testing.T) {
	down := func(v *view) { v.nodes[0].observed.PodReady = false }
	for name, what := range map[string]func(*view){
		"objects that cannot be written":         func(v *view) { v.objectsError = "cannot write" },
		"a configuration that is refused":        func(v *view) { v.wideRefused, v.wide = true, []string{"refused"} },
		"another broker that waits for a person": phase(1, messages.PhaseBlocked, "waits"),
		"another broker's step that fails":       phase(2, messages.PhaseFailing, "fails"),
	} {
		t.Run(name, func(t *testing.T) {
			verdict := readiness(healthy(what, down))
			require.False(t, verdict.ready)
			require.True(t, strings.HasSuffix(verdict.message, "; not ready: broker 0"), verdict.message)
		})
	}
	verdict := readiness(healthy(phase(1, messages.PhaseBlocked, "waits")))
	require.NotContains(t, verdict.message, "not ready", "it is told already")
}
