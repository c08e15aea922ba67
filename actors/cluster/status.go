package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// maxReason is what the schema takes for a broker's reason, in bytes: with a thousand brokers it decides about the size
// of the object.
const maxReason = 200

// view is everything that the status is made from.
type view struct {
	cluster *v1beta1.KafkaCluster
	// known is the status as it stands; what nobody here computes is kept from it.
	known v1beta1.KafkaClusterStatus
	// problems are those of the newest spec. If one is an error, brokers follow an older spec, or none.
	problems []messages.FieldProblem
	nodes    []node
	// states are the entries of the status that is being made.
	states map[string]v1beta1.BrokerState
	kafka  messages.KafkaObserved
	// objectsError says why the cluster's own objects could not be written, empty when they stand.
	objectsError string
	listeners    *v1beta1.ListenerStatuses
	paused       bool
	// roll is what was decided about restarts last.
	roll rollDecision
	// ingress are the names of the ways from outside to each node.
	ingress map[messages.BrokerID][]string
	// existing are the brokers that have objects or an actor.
	existing []messages.BrokerID
	unkept   unkept
	// remembered are the brokers without objects that status remembers, lostRole the nodes without the broker role that Kafka has yet to forget.
	remembered, lostRole []node
	// removals say what the brokers that leave wait for.
	removals map[messages.BrokerID]string
	// lost say of each node with lost disks what it waits for.
	lost []string
	// copied says that Kafka, asked since the last Pod became ready, has all replicas in sync.
	copied bool
	// forgotten are those that Kafka has forgotten: what is on their disks is nobody's.
	forgotten map[messages.BrokerID]bool
	// wide says what of the configuration of all brokers cannot be had, wideRefused that Kafka has refused some of it.
	// version and metadata are what is known of the Kafka that runs, metadataWaits says why metadata.version is not the wanted one.
	version, metadata, metadataWaits string
	wide                             []string
	wideRefused                      bool
	// voters says what is awaited before the voters of the quorum can be those of the spec, votersTold that it has been for long.
	voters, votersTold string
	// index is what Kafka said of the partitions last, nil before.
	index *kafka.ReplicationIndex
	// wantedVoters are those who should have a vote now.
	wantedVoters []messages.BrokerID
	// staticQuorum says what people can do about voters that cannot be changed, dynamicQuorum that Kafka keeps them itself.
	staticQuorum  string
	dynamicQuorum bool
	// build is that of the daemon.
	build string
	now   time.Time
}

// node is one broker or controller with what it was told and what it said.
type node struct {
	id     messages.BrokerID
	broker bool // has the broker role
	// controller is set for a node with the controller role.
	controller bool
	leaving    bool
	// maintenance is set for a node that the spec wants stopped.
	maintenance bool
	// volatile is set for a node with a log dir on an emptyDir: its Pod's end is the end of the replicas there. voteVolatile
	// says that a controller's metadata are on one, and with them its vote.
	volatile, voteVolatile bool
	// allVolatile is set for a node that has nothing but emptyDirs, and had nothing else.
	allVolatile bool
	told        int64
	observed    messages.BrokerObserved
}

// atRest reports whether a node is stopped because the spec says so.
func (n node) atRest() bool {
	return n.maintenance && n.current() && n.observed.Phase == messages.PhaseStopped
}

// undecided reports whether a node runs with other settings than those wanted, and it is yet to be found out how it gets
// them.
func (n node) undecided() bool {
	return n.observed.ConfigStale && !n.observed.ConfigSettled && !n.leaving && n.broker
}

// surelyDown reports whether a node that should run does not, by its newest word.
func (n node) surelyDown() bool {
	return n.current() && !n.leaving && !n.maintenance && !n.observed.PodReady
}

// current reports whether the node has looked at what it was told last.
func (n node) current() bool { return n.told > 0 && n.observed.Revision == n.told }

// statusOf is the status that the view amounts to.
func statusOf(v view, now time.Time) v1beta1.KafkaClusterStatus {
	status := *v.known.DeepCopy()
	v.now = now
	status.ObservedGeneration, status.Consent = v.cluster.Generation, v.consent()
	status.BrokersState = brokerStates(v)
	v.states = status.BrokersState
	status.BrokersReady = brokersReady(v)
	status.Conditions = conditions(v, now)
	status.State = clusterState(status.Conditions)
	status.RollingUpgrade = rollingUpgradeStatus(v, status, now)
	v.versions(&status)
	if v.listeners != nil {
		status.ListenerStatuses = v.listeners
	}
	return status
}

func clusterState(conditions []metav1.Condition) v1beta1.ClusterState {
	if ready := kube.Condition(conditions, kube.ConditionReady); ready != nil && ready.Status == metav1.ConditionTrue {
		return v1beta1.ClusterRunning
	}
	if reconciling := kube.Condition(conditions, kube.ConditionReconciling); reconciling != nil && reconciling.Reason == kube.ReasonRolling {
		return v1beta1.ClusterRollingUpgrading
	}
	return v1beta1.ClusterReconciling
}

// runningText says how many nodes run, and who does not because nobody wants it to.
func runningText(v view) string {
	return brokersReady(v) + " nodes run" + restingText(v.nodes)
}

// restingText names who is stopped by wish, as the end of a sentence about others.
func restingText(nodes []node) string {
	if resting := nodesWhere(nodes, node.atRest); len(resting) > 0 {
		return "; in maintenance: " + named(resting)
	}
	return ""
}

func brokersReady(v view) string {
	ready, wanted := 0, 0
	for _, n := range v.nodes {
		if n.leaving {
			continue
		}
		wanted++
		if n.healthy() {
			ready++
		}
	}
	return fmt.Sprintf("%d/%d", ready, wanted)
}

// conditions follow kstatus: Ready speaks of the newest generation; Reconciling and Stalled exist only while true.
func conditions(v view, now time.Time) []metav1.Condition {
	list, at := slices.Clone(v.known.Conditions), metav1.NewTime(now.Truncate(time.Second)) // the API server keeps seconds
	set := func(kind string, holds bool, reason, message string) {
		list, _ = kube.SetCondition(list, kube.ConditionOf(kind, holds, reason, message, v.cluster.Generation), at)
	}
	verdict := readiness(v)
	set(kube.ConditionReady, verdict.ready, verdict.reason, verdict.message)
	set(kube.ConditionReconciling, verdict.progressing, verdict.reason, verdict.message)
	set(kube.ConditionStalled, verdict.stalled, verdict.reason, verdict.message)
	unsupported := ofKind(v.problems, func(p messages.FieldProblem) bool {
		return p.Reason == messages.ReasonNotSupported && p.Severity == messages.SeverityWarning
	})
	set(kube.ConditionNotSupported, len(unsupported) > 0, kube.ReasonNotSupported, fieldList(unsupported))
	warnings := ofKind(v.problems, func(p messages.FieldProblem) bool {
		return p.Reason != messages.ReasonNotSupported && p.Severity == messages.SeverityWarning
	})
	set(kube.ConditionSpecWarning, len(warnings) > 0, kube.ReasonSpecWarning, problemText(warnings, ""))
	set(kube.ConditionPaused, v.paused, kube.ReasonPaused,
		"nothing is changed while annotation "+kube.AnnotationPause+" is set; remove it to go on")
	pending := nodesWhere(v.nodes, func(n node) bool { return n.observed.Update != "" || n.observed.Pending != "" })
	set(kube.ConditionUpdateAvailable, len(pending) > 0, kube.ReasonChangesWait, v.pendingText(pending))
	leaving := slices.Concat(leavingNodes(v.nodes), v.unkept.running, v.remembered, v.lostRole)
	set(kube.ConditionBrokersLeaving, len(leaving) > 0, kube.ReasonRemoving, removalText(leaving, v.removals))
	set(kube.ConditionDataVolumeLost, len(v.lost) > 0, kube.ReasonDisksGone, strings.Join(v.lost, "; "))
	offline := offlineText(v)
	set(kube.ConditionOffline, offline != "", kube.ReasonNoLeader, offline)
	failed := nodesWhere(v.nodes, func(n node) bool { return len(n.observed.FailedDisks) > 0 })
	full := nodesWhere(v.nodes, func(n node) bool { return strings.HasPrefix(n.observed.ScriptWaits, diskFull) })
	set(kube.ConditionDiskFull, len(full) > 0, kube.ReasonNoRoom, heldTexts(full))
	set(kube.ConditionDisksFailed, len(failed) > 0, kube.ReasonLogDirOffline, failedDisksText(failed))
	set(kube.ConditionStrayObjects, len(v.unkept.strays) > 0, kube.ReasonNotOwned, strayText(v.unkept.strays))
	set(kube.ConditionLeftoverClaims, len(v.unkept.claims) > 0, kube.ReasonNotInSpec, leftoverText(v.unkept.claims))
	blocked, since := v.roll.blockedBy()
	set(kube.ConditionRollBlocked, blocked != "" && now.Sub(since) >= blockedAfter, kube.ReasonGatesClosed, blocked)
	set(kube.ConditionUnprotected, len(v.roll.unprotected) > 0, kube.ReasonNoOrder, unprotectedText(v.roll.unprotected))
	problems := v.configProblems()
	set(kube.ConditionConfigRefused, problems != "", kube.ReasonConfigRefused, problems)
	set(kube.ConditionMetadata, v.metadataWaits != "", kube.ReasonMetadata, v.metadataWaits)
	held := nodesWhere(v.nodes, func(n node) bool { return n.observed.Held != "" })
	set(kube.ConditionHeld, len(held) > 0, kube.ReasonHeld, heldText(held))
	set(kube.ConditionStaticQuorum, v.staticQuorum != "", kube.ReasonChangesWait, v.staticQuorum)
	set(kube.ConditionVoters, v.votersTold != "", kube.ReasonQuorum, v.votersTold)
	ended := nodesWhere(v.nodes, func(n node) bool {
		return (n.observed.Ended > 0 || n.observed.LastWords != "") && !n.observed.PodReady && !n.observed.Gone
	})
	set(kube.ConditionPodsEnded, len(ended) > 0, kube.ReasonPodEnded, v.endedText(ended))
	slices.SortFunc(list, func(a, b metav1.Condition) int { return strings.Compare(a.Type, b.Type) })
	return list
}

func (v view) consent() *v1beta1.Consent {
	return consentOf(v.known.Consent, v.cluster.Annotations, v.build, v.known.Quorum)
}

// pendingText names what waits on the first node and which others have something that waits.
func (v view) pendingText(nodes []node) string {
	if len(nodes) == 0 {
		return ""
	}
	first := nodes[0].observed
	withRestart := first.Update + "; it comes with the broker's next restart, or set annotation " + kube.AnnotationConsent + "=true of the KafkaCluster"
	if given := v.consent(); given != nil && given.Build != v.build {
		withRestart += fmt.Sprintf("; the %q that stands there was for an earlier version of the operator: take it back first, or write another word (%s)",
			given.Words, strings.Join(kube.ConsentWords()[:2], ", "))
	}
	text := fmt.Sprintf("broker %d: %s", nodes[0].id, cmp.Or(first.Pending, withRestart))
	if len(nodes) > 1 {
		text = withEnd(text, "; also "+named(nodes[1:]))
	}
	return text
}

// verdict is what Ready says, and which of the other two kstatus conditions goes with it.
type verdict struct {
	ready, progressing, stalled bool
	reason, message             string
}

// readiness looks for the first reason why the cluster is not ready, the gravest first.
func readiness(v view) verdict {
	if errs := messages.Errors(v.problems); len(errs) > 0 {
		return verdict{stalled: true, reason: string(errs[0].Reason), message: problemText(errs, v.alsoUnready())}
	}
	if v.objectsError != "" {
		return verdict{progressing: true, reason: kube.ReasonFailing, message: withEnd(v.objectsError, v.alsoUnready())}
	}
	if len(v.nodes) == 0 {
		return verdict{progressing: true, reason: kube.ReasonProgressing, message: "the cluster is being set up"}
	}
	for _, group := range []struct {
		phase   messages.Phase
		reason  string
		stalled bool
	}{
		{messages.PhaseBlocked, kube.ReasonWaiting, true},
		{messages.PhaseFailing, kube.ReasonFailing, false},
	} {
		nodes := nodesWhere(v.nodes, func(n node) bool { return n.observed.Phase == group.phase && !(group.stalled && v.goneLately(n)) })
		if len(nodes) > 0 {
			return verdict{stalled: group.stalled, progressing: !group.stalled, reason: group.reason, message: withEnd(v.reasons(nodes), v.alsoUnready(nodes...))}
		}
	}
	if unfit := nodesWhere(v.nodes, func(n node) bool { return n.observed.Unfit != "" && !n.leaving }); len(unfit) > 0 {
		return verdict{stalled: true, reason: kube.ReasonUnfit, message: heldText(unfit)}
	}
	if v.configRefused() {
		return verdict{stalled: true, reason: kube.ReasonConfigRefused, message: withEnd(v.configProblems(), v.alsoUnready())}
	}
	if len(v.roll.permits) > 0 || len(v.roll.waiting) > 0 {
		return verdict{progressing: true, reason: kube.ReasonRolling, message: withEnd(rollText(v.roll, v.nodes), v.alsoUnready(stoppedNow(v.roll, v.nodes)...)+restingText(v.nodes))}
	}
	unready := nodesWhere(v.nodes, func(n node) bool {
		return !n.leaving && !n.atRest() && (!n.current() || n.observed.Phase != messages.PhaseRunning)
	})
	if len(unready) > 0 {
		return verdict{progressing: true, reason: kube.ReasonStarting, message: v.reasons(unready)}
	}
	asked := kafkaReadiness(v)
	if !asked.ready {
		return asked
	}
	if beside := nodesWhere(v.nodes, func(n node) bool { return n.observed.Unhealthy != "" && !n.leaving }); len(beside) > 0 {
		text := fmt.Sprintf("broker %d: %s", beside[0].id, beside[0].observed.Unhealthy)
		if len(beside) > 1 {
			text = withEnd(text, "; also "+named(beside[1:]))
		}
		return verdict{progressing: true, reason: kube.ReasonStarting, message: text}
	}
	if undecided := nodesWhere(v.nodes, node.undecided); len(undecided) > 0 {
		return verdict{progressing: true, reason: kube.ReasonProgressing, message: named(undecided) + ": the configuration has changed, " +
			"and the operator asks Kafka what of it needs a restart"}
	}
	return asked
}

// goneLately reports whether a node has nothing yet of what went with its Pod, as after each restart, and nobody has to do anything.
func (v view) goneLately(n node) bool {
	return (n.metadataGone() || n.observed.Emptied) && v.now.Sub(n.observed.Since) < goneFor
}

// alsoUnready names the nodes that are down while something graver is told, but for those that are told of.
func (v view) alsoUnready(told ...node) string {
	down := nodesWhere(v.nodes, func(n node) bool {
		isTold := slices.ContainsFunc(told, func(t node) bool { return t.id == n.id })
		return !isTold && !n.leaving && !n.atRest() && n.observed.Revision > 0 && !n.observed.PodReady
	})
	if len(down) == 0 {
		return ""
	}
	text := "; not ready: " + named(down)
	if reason := down[0].observed.Reason; reason != "" && len(down) == 1 {
		text += " (" + messages.Elided(reason, maxReason) + ")"
	}
	return text
}

// kafkaReadiness asks Kafka, when all Pods are ready: a Pod that listens is not yet a broker that serves.
func kafkaReadiness(v view) verdict {
	if !v.kafka.Answered {
		return verdict{
			progressing: true, reason: kube.ReasonUnreachable,
			message: "all Pods are ready, but the operator cannot ask Kafka: " + cmp.Or(v.kafka.Error, "no answer yet"),
		}
	}
	unknown := nodesWhere(v.nodes, func(n node) bool { return !n.leaving && !n.atRest() && !v.kafka.Knows(n.id, n.broker) })
	if len(unknown) > 0 {
		return verdict{
			progressing: true, reason: kube.ReasonNotRegistered,
			message: "Kafka does not know " + named(unknown) + " yet",
		}
	}
	if problem := quorumProblem(v); problem != "" {
		return verdict{progressing: true, reason: kube.ReasonQuorum, message: problem}
	}
	return verdict{ready: true, reason: kube.ReasonRunning, message: runningText(v)}
}

func nodesWhere(nodes []node, holds func(node) bool) []node {
	var some []node
	for _, n := range nodes {
		if holds(n) {
			some = append(some, n)
		}
	}
	return some
}

// named lists nodes in words, at most ten.
func named(nodes []node) string {
	const most = 10
	var ids []string
	for i, n := range nodes {
		if i == most {
			return fmt.Sprintf("brokers %s and %d more", strings.Join(ids, ", "), len(nodes)-most)
		}
		ids = append(ids, n.id.String())
	}
	if len(ids) == 1 {
		return "broker " + ids[0]
	}
	return "brokers " + strings.Join(ids, ", ")
}

// reasons tells what the first node waits for and since when, and which others wait.
func (v view) reasons(nodes []node) string {
	first := nodes[0].observed
	reason := cmp.Or(first.Reason, "not looked at yet")
	text := fmt.Sprintf("broker %d: %s", nodes[0].id, reason)
	if since := v.states[nodes[0].id.String()].Since; since != nil && first.Reason != "" {
		text += since.UTC().Format(" (since 15:04:05 MST)")
	}
	if len(nodes) > 1 {
		text = withEnd(text, "; also "+named(nodes[1:]))
	}
	if len(v.unkept.strays) > 0 { // they may be why: anti-affinity and Services see them
		text = withEnd(text, "; see condition "+kube.ConditionStrayObjects)
	}
	return text
}

// withEnd is a message with something after it that must not be lost.
func withEnd(text, end string) string {
	return messages.Elided(text, kube.MaxConditionMessage-len(end)) + end
}

func ofKind(problems []messages.FieldProblem, holds func(messages.FieldProblem) bool) []messages.FieldProblem {
	var some []messages.FieldProblem
	for _, p := range problems {
		if holds(p) {
			some = append(some, p)
		}
	}
	return some
}

// problemText tells as many of the problems as there is room for, so that nobody has to correct one to learn of the next, the fields
// of the others, and something that must not be lost.
func problemText(problems []messages.FieldProblem, end string) string {
	if len(problems) == 0 {
		return ""
	}
	text, rest := problems[0].String(), others(problems[1:])
	for i, p := range problems[1:] {
		longer, fewer := text+"; also "+p.String(), others(problems[i+2:])
		if len(longer)+len(fewer)+len(end) > kube.MaxConditionMessage {
			break
		}
		text, rest = longer, fewer
	}
	return withEnd(text, rest+end)
}

// others names the fields of more problems; empty where there are none. A field may have several.
func others(problems []messages.FieldProblem) string {
	if len(problems) == 0 {
		return ""
	}
	const most, longest = 5, 100
	var fields []string
	for _, p := range problems {
		if field := messages.Elided(p.Field, longest); !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	text := fmt.Sprintf(" (and %d more: %s", len(problems), strings.Join(fields[:min(most, len(fields))], ", "))
	if len(fields) > most {
		text += ", …"
	}
	return text + ")"
}

func fieldList(problems []messages.FieldProblem) string {
	var fields []string
	for _, p := range problems {
		if !slices.Contains(fields, p.Field) {
			fields = append(fields, p.Field)
		}
	}
	return "accepted but without effect in this version: " + strings.Join(fields, ", ")
}
