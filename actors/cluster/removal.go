package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

const (
	// lookAtDisks is how often a broker that leaves is asked for its log dirs.
	lookAtDisks = 10 * time.Second
	// stoppedFor is how long a leaving broker without a Pod stays down while Kafka does not say whether something is on it. After
	// that it is started again: it may be needed.
	stoppedFor = time.Minute
)

// removal is what is remembered of one broker that leaves. A new daemon begins without, and finds all of it anew.
type removal struct {
	// empty is the first of the looks in a row that showed nothing on the broker, zero when the last one did not.
	empty time.Time
	// disks is its newest answer about its log dirs.
	disks diskAnswer
	// stopped is since when it is known to have no Pod.
	stopped time.Time
	// cleared says that its dynamic configuration was deleted before its stop, forgotten that Kafka has forgotten it.
	cleared, forgotten bool
	// waits says what for; empty while something is under way. failure is why a task failed last, empty when it did not.
	waits, failure string
}

// diskAnswer is what a broker said about its log dirs.
type diskAnswer struct {
	at time.Time
	// left is what is in them, open which of them may still get replicas although Kafka can cordon them.
	left string
	open []string
	// keys are those that the broker has dynamically for itself.
	keys []string
	// release is the Kafka that it runs, by its own word, such as "4.3"; empty while it has not said.
	release string
}

// removalTask is what has to be asked or done outside for a broker that leaves.
type removalTask int

const (
	taskNone removalTask = iota
	// taskDisks asks the broker what is in its log dirs.
	taskDisks
	// taskClear deletes its dynamic configuration through the broker itself.
	taskClear
	// taskForget deletes its dynamic configuration through the active controller and unregisters it.
	taskForget
)

// what names a task.
func (t removalTask) what() string {
	switch t {
	case taskDisks:
		return "it does not say what is on its disks"
	case taskClear:
		return "its dynamic configuration is not deleted"
	default:
		return "Kafka has not forgotten it"
	}
}

// removalView is all that the end of a broker is decided from.
type removalView struct {
	rollView
	// version is the Kafka that runs.
	version kafka.Version
	// voteGone says whether a node has no vote in the quorum, or why not.
	voteGone func(node) (bool, string)
	// moving says how the operator empties a broker itself, nil where it does not.
	moving func(messages.BrokerID) string
}

// removalStep is the next step of one broker's end.
type removalStep struct {
	told messages.Removal
	task removalTask
	// again is when to decide anew although nothing has happened, zero when an event will tell.
	again time.Duration
}

// nextRemoval says how a broker that left the spec goes on. It is stopped when nothing is on it, by the metadata and by its own
// word, twice; its objects go when Kafka has forgotten it. What was seen before is kept in the removal.
func (v removalView) nextRemoval(n node, r removal) (removal, removalStep) {
	if n.observed.Revision == 0 {
		return r, removalStep{}
	}
	if n.observed.Pod == "" || n.observed.Stopping {
		return v.withoutPod(n, r)
	}
	r.cleared = r.cleared && r.stopped.IsZero() // started again it is given its values again
	r.stopped, r.forgotten, r.waits = time.Time{}, false, ""
	if r.waits = v.held(n); r.waits != "" {
		r.empty, r.cleared = time.Time{}, false
		return r, removalStep{again: lookAtDisks}
	}
	if n.broker && n.observed.PodReady {
		return v.emptied(n, r)
	}
	if v.registered(n) { // it cannot be asked what is on its disks, but Kafka still counts on it
		r.empty, r.waits = time.Time{}, "its Pod is not ready, and Kafka has not given it up yet"
		return r, removalStep{again: lookAtDisks}
	}
	return v.provedTwice(n, r, v.answeredAt()) // it does not run: the metadata are all that there is to ask
}

// held says what keeps a broker from being stopped by what all others know; empty when nothing does.
func (v removalView) held(n node) string {
	if !v.fresh() {
		return "Kafka has not answered since the Pods became as they are"
	}
	left := kafka.LeftOn(n.id, v.index)
	switch {
	case left != "" && v.moving != nil:
		return v.moving(n.id)
	case left != "":
		return left + "; move them to other brokers, with kafka-reassign-partitions for example"
	}
	if n.broker && !slices.ContainsFunc(v.nodes, func(o node) bool { return o.broker && !o.leaving }) {
		return "no broker would be left"
	}
	if gone, why := v.voteGone(n); !gone {
		return why
	}
	return ""
}

// registered reports whether Kafka counts on a node.
func (v rollView) registered(n node) bool { return n.broker && v.kafka.Knows(n.id, true) }

// strandsReplicas reports whether a node is to lose the broker role while Kafka counts on replicas there, or has not said that it does
// not; or before status says that Kafka has it registered, since afterwards nobody sees that.
func (v rollView) strandsReplicas(n node) bool {
	never := v.dynamic && !v.formed
	return !n.broker && v.kraft && !never && runsBroker(n) && (v.leftOn(n.id) != "" || v.kafka.Knows(n.id, true) && !v.recorded[n.id])
}

// runsBroker reports whether a node's Pod may have been made with the broker role.
func runsBroker(n node) bool { return n.observed.PodRole != "false" }

func (v rollView) leftOn(id messages.BrokerID) string {
	if v.index == nil {
		return "Kafka has not said yet which partitions are on it"
	}
	return kafka.LeftOn(id, v.index)
}

// emptied asks a broker that runs for its own word.
func (v removalView) emptied(n node, r removal) (removal, removalStep) {
	if age := v.now.Sub(r.disks.at); r.disks.at.IsZero() || age >= lookAtDisks {
		return r, removalStep{task: taskDisks, again: lookAtDisks}
	}
	step := removalStep{again: lookAtDisks - v.now.Sub(r.disks.at)}
	switch {
	case len(r.disks.open) > 0:
		r.waits = fmt.Sprintf("Kafka still gives new replicas to its log dir %s", r.disks.open[0])
	case r.disks.left != "":
		r.waits = "on its disks: " + r.disks.left
	default:
		return v.provedTwice(n, r, r.disks.at)
	}
	r.empty = time.Time{}
	return r, step
}

// answeredAt is when Kafka was asked for what is known of the partitions.
func (v rollView) answeredAt() time.Time { return v.index.Replication().At }

// provedTwice lets a broker go whose second look, long enough after the first, showed it empty again. The metadata and its own
// word have both to be new: one answer, looked at twice, proves nothing more.
func (v removalView) provedTwice(n node, r removal, look time.Time) (removal, removalStep) {
	if r.empty.IsZero() {
		r.empty = latest(look, v.answeredAt())
	}
	if left := kafka.EmptyFor - earliest(look, v.answeredAt()).Sub(r.empty); left > 0 {
		r.waits = "nothing is on it; that is looked at once more"
		return r, removalStep{again: min(left, lookAtDisks)}
	}
	if n.broker && n.observed.PodReady && !r.cleared && !v.clearsAfter() {
		return r, removalStep{task: taskClear}
	}
	return r, removalStep{told: messages.Removal{Stop: n.observed.Pod}}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// clearsAfter reports whether the controllers take the dynamic configuration of a broker that does not run.
func (v removalView) clearsAfter() bool { return v.kraft && kafka.ControllersTakeConfigs(v.version) }

// withoutPod goes on with a broker that was stopped, by us or by somebody else: it stays so when nothing is on it.
func (v removalView) withoutPod(n node, r removal) (removal, removalStep) {
	stays := messages.Removal{Stopped: true}
	r.waits = ""
	if r.stopped.IsZero() {
		r.stopped = v.now
	}
	switch {
	case n.observed.Stopping:
		return r, removalStep{told: stays}
	case r.forgotten:
		remembered := n.broker && !r.cleared && !v.clearsAfter()
		return r, removalStep{told: messages.Removal{Stopped: true, Retire: true, Remembered: remembered}}
	case !v.freshSince(r.stopped):
		r.waits = "Kafka has not said since its stop whether something is on it"
		if v.now.Sub(r.stopped) >= stoppedFor {
			return r, removalStep{}
		}
		return r, removalStep{told: stays, again: time.Second}
	}
	if left := v.held(n); left != "" {
		again := "; it is started again"
		if len(n.observed.Lost) > 0 || n.allVolatile { // the latter has nothing that a Pod could be made with
			again = "; what it had is gone, so it is not started again"
		}
		r.empty, r.waits = time.Time{}, left+again
		return r, removalStep{}
	}
	if v.registered(n) {
		r.waits = "Kafka has not given it up yet"
		return r, removalStep{told: stays, again: time.Second}
	}
	if r.empty.IsZero() {
		r.empty = v.answeredAt()
	}
	if left := kafka.EmptyFor - v.answeredAt().Sub(r.empty); left > 0 {
		r.waits = "nothing is on it; that is looked at once more"
		return r, removalStep{told: stays, again: min(left, lookAtDisks)}
	}
	return r, removalStep{told: stays, task: taskForget}
}

// freshSince reports whether what is known of the partitions was asked for after a moment.
func (v rollView) freshSince(at time.Time) bool {
	return v.fresh() && v.index.Replication().At.After(at)
}

// leavingNodes are those that left the spec and still are there.
func leavingNodes(nodes []node) []node {
	return nodesWhere(nodes, func(n node) bool { return n.leaving && !n.observed.Gone })
}

// removalText says what the brokers that leave wait for.
func removalText(leaving []node, waits map[messages.BrokerID]string) string {
	if len(leaving) == 0 {
		return ""
	}
	told := leaving[0]
	if at := slices.IndexFunc(leaving, func(n node) bool { return waits[n.id] != "" }); at >= 0 {
		told = leaving[at]
	}
	text := fmt.Sprintf("broker %d left the spec and is being removed", told.id)
	switch {
	case !told.leaving:
		text = formerText(told, waits[told.id])
	case waits[told.id] != "":
		text = fmt.Sprintf("broker %d left the spec and waits: %s; to keep it put it back", told.id, waits[told.id])
	}
	others := nodesWhere(leaving, func(n node) bool { return n.id != told.id })
	if len(others) > 0 {
		text = withEnd(text, "; also "+named(others))
	}
	return text
}
