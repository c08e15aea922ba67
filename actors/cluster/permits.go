package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

const (
	// restartPause is how long to wait after a broker is back and leads again: without it the next restart hits producers
	// that have only just found the new leaders.
	restartPause = 5 * time.Second
	// leadersPatience is how long a broker that is back may be without what it led before, electAgain how long an election may take.
	leadersPatience = 30 * time.Second
	electAgain      = 5 * time.Second
	// justStarted is how long a broker counts as down after its start: Kafka may still show what was before.
	justStarted = 10 * time.Second
	// recoveryPatience is how long a broker may take to come up: then a restart that it waits for is taken for a cure, and nobody waits for it.
	recoveryPatience = 10 * time.Minute
	// refusedPause is how long a permit rests whose eviction a PodDisruptionBudget refused.
	refusedPause = 5 * time.Second
	// unusedPermit is how long a permit stands that its broker cannot use, for example while the API server is away: whether it may
	// still be stopped is judged anew then. A step of a broker takes at most half of it.
	unusedPermit = time.Minute
)

// roll is what the cluster actor remembers of restarts under way. It is a cache: a new leader begins without, and finds
// in stopped brokers nothing but brokers that are down.
type roll struct {
	permits map[messages.BrokerID]permit
	// inherits is set while an earlier daemon's roll goes on of which this one does not know who came back last.
	inherits bool
	// index is that of the newest Replication.
	index *kafka.ReplicationIndex
	// adrift are the brokers that run and that Kafka has lost.
	adrift map[messages.BrokerID]lostBroker
	// refused are the brokers that wait although they had a permit, since budgets refuse their evictions.
	refused map[messages.BrokerID]refusals
	// unprotected are the partitions that the restarts which now go on make unavailable, and that no order keeps available.
	unprotected []string
}

// permit is the right to stop one Pod, and then what is known of its broker until it is back.
type permit struct {
	messages.Permit
	// why is the reason for which it was given.
	why string
	// granted is when it was, zero for that of a broker which serves nobody as long as its Pod stands.
	granted time.Time
	// before are the partitions that it was out of sync in when it was stopped: nobody waits for those.
	before []kafka.TopicPartition
	// refused is when the API server refused the eviction last, zero when it did not.
	refused time.Time
	// missed is set once Kafka was without the broker: that Kafka knows it again is news then, whatever its Pod's probe has seen.
	missed bool
	// back is when the broker was seen back in sync, zero before, elected when its leaders were to come back last.
	back, elected time.Time
	// withdrawn is the revision of the last wish that carried the permit, 0 while it stands. An eviction may be under way
	// until the broker has answered a later one.
	withdrawn int64
}

// unused reports whether a permit that asks for gates is so old that they have to be asked again.
func (p permit) unused(now time.Time) bool {
	return !p.granted.IsZero() && now.Sub(p.granted) >= unusedPermit
}

// told is what the broker hears of its permit.
func (p permit) told() messages.Permit {
	if p.withdrawn > 0 {
		return messages.Permit{}
	}
	return p.Permit
}

// rollView is all that decisions about restarts are made from.
type rollView struct {
	nodes []node
	kafka messages.KafkaObserved
	// asked is the watch that the health actor was told last: an answer to another one is about other nodes.
	asked messages.Watch
	index *kafka.ReplicationIndex
	roll  roll
	// errorCount is the number of alerts that speak against restarts, threshold where they and impaired brokers stop them.
	errorCount, threshold int
	// limit is how many brokers of one rack may restart together.
	limit int
	kraft bool
	// dynamic says that the voters of the quorum can be changed, formed that it was there and that this is recorded.
	dynamic, formed bool
	// runsController says whether a node's Pod was made with the controller role.
	runsController func(messages.BrokerID) bool
	// keepsDisks says whether all that is on a node's disks outlives its Pod.
	keepsDisks       func(messages.BrokerID) bool
	blockUnprotected bool
	// ownBudget says that the operator has PodDisruptionBudgets for the nodes, budgetShut that these are to let nobody go now, zeroBudget
	// that the user has them let nobody go ever.
	ownBudget, budgetShut, zeroBudget bool
	// budgetsStand says whether those of the operator are as they should be.
	budgetsStand func() bool
	rackOf       map[messages.BrokerID]string
	// strangers is set while there are nodes of the cluster that nobody speaks of; only recovery asks.
	strangers bool
	// recorded are the brokers that status knows Kafka to have registered.
	recorded map[messages.BrokerID]bool
	// voters are those that Kafka told of last, also while it does not answer; none where it has told this daemon of none.
	voters []messages.BrokerID
	// votesChange is set while a vote in the metadata quorum is being changed, or what is known is from before; voteStays is why one is
	// not taken before a restart.
	votesChange bool
	voteStays   string
	now         time.Time
}

// rollDecision is what follows.
type rollDecision struct {
	permits map[messages.BrokerID]permit
	// elect are partitions that should go back to their preferred leaders.
	elect []messages.Partition
	// watch is set while Kafka has to be looked at closely.
	watch bool
	// blocked says why nobody may be stopped although somebody waits, but for refusal; empty otherwise.
	blocked string
	// blockedSince is when that began; the actor keeps it.
	blockedSince time.Time
	// unprotected are the partitions that a restart makes unavailable and that no order keeps available.
	unprotected []string
	// waiting are the brokers whose Pod has to be replaced.
	waiting []messages.BrokerID
	// takeVote is the vote that is to be taken now, nil when there is none.
	takeVote *goingVote
	// again is when to decide anew although nothing has happened, zero when an event will tell.
	again time.Duration
	// adrift are the brokers that run and that Kafka has lost.
	adrift map[messages.BrokerID]lostBroker
	// refused is roll's, of those that still wait.
	refused map[messages.BrokerID]refusals
	// refusal says of a broker that budgets refuse its eviction, refusedSince since when; empty when none has to be told of.
	refusal      string
	refusedSince time.Time
	// forceWaits says why a broker is not stopped though a person asks for it by force, empty when there is none.
	forceWaits string
	// inherits is what is left of the view's.
	inherits bool
}

// decide says who may be stopped now to come back. Who leaves is stopped by nextRemoval, and a vote is taken by keepVoters: these wait
// for permits, and permits for them.
func decide(v rollView) rollDecision {
	d := rollDecision{
		permits: map[messages.BrokerID]permit{}, refused: map[messages.BrokerID]refusals{}, inherits: v.roll.inherits,
	}
	for _, n := range v.nodes {
		if wantsRestart(n) {
			d.waiting = append(d.waiting, n.id)
		}
		d.remember(v, n)
		if p, held := v.roll.permits[n.id]; held {
			d.keep(v, n, p)
		}
	}
	d.watch = len(d.waiting) > 0 || len(d.permits) > 0
	d.repair(v)
	waits := d.inherit(v)
	d.fetchBack(v)
	switch {
	case len(d.permits) > 0:
		d.unprotected = v.roll.unprotected
		if d.linger(v) { // a person does not wait for one that may not come back
			d.force(v)
		}
	case waits == "" || len(d.waiting) == 0:
		d.grant(v)
	case !d.force(v):
		d.blocked = waits
		d.soon(time.Second)
	}
	d.tell(v)
	return d
}

// wantsRestart reports whether a node's Pod has to be replaced and stands. What it says must be about its newest wish.
func wantsRestart(n node) bool {
	return n.observed.Restart.Reason != "" && n.current() && !n.leaving && n.observed.Pod != "" && !n.observed.Stopping
}

// keep follows one permit: until the Pod is gone, until the broker is back, until the pause after that is over. Or until
// the broker has answered that it will not use it any more: an eviction may be on its way meanwhile.
func (d *rollDecision) keep(v rollView, n node, p permit) {
	o := n.observed
	stands := p.Pod != "" && o.Pod == p.Pod && !o.Stopping
	switch {
	case o.Gone, n.leaving && o.Pod == "" && o.Phase == messages.PhaseBlocked, n.atRest(): // it does not come back
		return
	case p.Pod != "" && o.Pod == p.Pod && n.current() && o.Phase == messages.PhaseFailing && p.withdrawn == 0 && p.unused(v.now):
		// it may yet be stopped by a request that it repeats
		d.withdraw(n, p)
		return
	case stands && !n.current(): // it has yet to hear of the permit, or is using it
		d.permits[n.id] = p
		return
	case stands && p.withdrawn > 0 && n.told > p.withdrawn:
		return
	case stands && (o.Restart.Reason == "" && p.Because == "" || p.WhileStuck && !o.Restart.Stuck || p.Because != "" && !v.adrift(n)):
		// a change of mind, or it has helped itself
		d.withdraw(n, p)
		return
	case stands && n.refused() && p.Asked != messages.NoBudget:
		if p.refused.IsZero() {
			p.refused = v.now
		}
		patience := refusedPause
		if len(v.roll.permits) > 1 { // the budget has yet to be raised for the others of a set
			patience += budgetPause
		}
		if left := patience - v.now.Sub(p.refused); left > 0 { // the broker tries again meanwhile
			d.permits[n.id] = p
			d.soon(left)
			return
		}
		d.withdraw(n, p)
		return
	case stands && p.Asked == messages.OthersBudgets && v.asks(n) == messages.AllBudgets: // ours has a say again
		d.withdraw(n, p)
		return
	case stands && p.unused(v.now): // others may have gone down since
		d.withdraw(n, p)
		return
	case stands:
		if d.permits[n.id] = p; !p.granted.IsZero() {
			d.soon(unusedPermit - v.now.Sub(p.granted))
		}
		return
	case p.Because != "" && o.PodReady && !o.Stopping: // whether it has helped is not for others to wait for
		return
	case wantsRestart(n) && !o.PodReady: // it came back with what is not wanted any more
		return
	}
	if back, _ := v.returned(n, p); wantsRestart(n) && !back && p.back.IsZero() { // and does not find the others by it
		return
	}
	d.await(v, n, p)
}

// stopping are the permits that are not used yet: their Pods stand, as far as is known.
func stopping(permits map[messages.BrokerID]permit, nodes []node) []permit {
	var standing []permit
	for _, n := range nodes {
		if p, held := permits[n.id]; held && p.Pod != "" && n.observed.Pod == p.Pod && !n.observed.Stopping {
			standing = append(standing, p)
		}
	}
	return standing
}

// withdraw takes a permit back. It keeps others from being stopped until the broker has heard of that.
func (d *rollDecision) withdraw(n node, p permit) {
	if p.withdrawn == 0 {
		p.withdrawn = n.told
	}
	d.permits[n.id] = p
}

// repair lets go at once who serves nobody and will not come up by itself: with a changed spec it may, and a healthy
// broker's gate is no reason to wait. While Kafka still counts on it, it may serve.
func (d *rollDecision) repair(v rollView) {
	for _, n := range v.nodes {
		stuck := n.observed.Restart.Stuck && !n.observed.PodReady && !(v.fresh() && v.registered(n))
		if wantsRestart(n) && stuck && !n.volatile && !v.keepsVote(n) && !v.strandsReplicas(n) {
			d.permits[n.id] = permit{
				Permit: messages.Permit{Pod: n.observed.Pod, Asked: messages.NoBudget, WhileStuck: true}, why: n.observed.Restart.Reason,
			}
		}
	}
}

// grant opens the gates for the next brokers, or says why not.
func (d *rollDecision) grant(v rollView) {
	if d.force(v) {
		return
	}
	candidates := v.candidates()
	if len(candidates) == 0 {
		d.blocked = v.mayLoseVote()
		return
	}
	if d.blocked = v.closed(); d.blocked != "" {
		d.soon(time.Second)
		return
	}
	next, away := v.voteless(candidates)
	if away != "" {
		d.blocked = fmt.Sprintf("broker %d waits for its restart: %s", next[0], away)
		d.soon(time.Second)
		return
	}
	set, judged, verdict := v.nextSet(next, candidates)
	if d.unprotected = verdict.Unprotected; len(set) == 0 {
		d.blocked = fmt.Sprintf("broker %d waits for its restart: %s", judged, strings.Join(verdict.Reasons, "; ")) + restingText(v.nodes)
		d.soon(time.Second)
		return
	}
	if d.takesVote(v, set, false) {
		return
	}
	for _, id := range set {
		n := v.nodes[slices.IndexFunc(v.nodes, func(n node) bool { return n.id == id })]
		p := messages.Permit{Pod: n.observed.Pod, Asked: v.asks(n)}
		if p.Asked == messages.OthersBudgets && !v.budgetsStand() { // somebody else's eviction may pass yet
			d.blocked = fmt.Sprintf("broker %d waits for its restart until the operator's PodDisruptionBudget lets nobody else go", id)
			d.soon(time.Second)
			return
		}
		if p.Asked != messages.AllBudgets && len(d.permits) > 0 { // nobody counts how many go past our budget
			break
		}
		d.permits[id] = permit{Permit: p, why: n.observed.Restart.Reason, granted: v.now, before: v.index.OutOfSync(id)}
	}
}

// mayLoseVote says which node cannot be restarted because its vote would go with its Pod, or would stay without it; empty when there
// is none.
func (v rollView) mayLoseVote() string {
	for _, n := range v.nodes {
		if wantsRestart(n) && v.keepsVote(n) {
			return fmt.Sprintf("broker %d waits for its restart: it is no controller of the spec any more, and its vote in the metadata quorum "+
				"is taken first", n.id)
		}
		if wantsRestart(n) && v.strandsReplicas(n) && v.leftOn(n.id) != "" {
			return fmt.Sprintf("broker %d is to be no broker any more, and %s; move them to other brokers first, or give it the broker role back",
				n.id, v.leftOn(n.id))
		}
		if wantsRestart(n) && v.votesForever(n) {
			return fmt.Sprintf("broker %d has its metadata, and with them its vote, on an emptyDir, and no vote of a static quorum can be "+
				"taken; agree to the dynamic quorum, see condition %s", n.id, kube.ConditionStaticQuorum)
		}
	}
	return ""
}

// closed says why no healthy broker may be stopped, whoever it is.
func (v rollView) closed() string {
	for _, n := range v.nodes {
		if n.observed.Revision == 0 {
			return fmt.Sprintf("broker %d has not been looked at yet", n.id)
		}
		if n.failsNewest() {
			return failsNewestText(n)
		}
	}
	for _, n := range v.nodes {
		if !n.leaving && !n.atRest() && !wantsRestart(n) && (!n.healthy() || n.observed.Stopping) {
			return fmt.Sprintf("broker %d is not back: %s", n.id, cmp.Or(n.observed.Unhealthy, n.observed.Reason, "its Pod is not ready"))
		}
	}
	if !v.fresh() {
		return "Kafka has not answered since the Pods became as they are: " + v.kafka.Error
	}
	if v.votesChange {
		return "a vote in the metadata quorum is being changed"
	}
	impaired := len(v.impairedForLong())
	if v.errorCount+impaired >= v.threshold {
		return fmt.Sprintf("%d brokers have replicas offline or out of sync and %d alerts speak against restarts: "+
			"spec.rollingUpgradeConfig.failureThreshold is %d; mend them, or raise it (alerts are counted in status.rollingUpgradeStatus.errorCount)",
			impaired, v.errorCount, v.threshold)
	}
	return ""
}

// healthy reports whether Kubernetes counts a node's Pod as ready.
func (n node) healthy() bool { return n.observed.PodReady && n.observed.Unhealthy == "" }

// asks are the budgets that have a say before a node's Pod is stopped by the rules of Kafka. Ours, where there are any, say what those rules
// said: they are closed for everybody else while any broker is down or out of sync, and the restart may be the only cure of that, as
// for a failed disk that is to go. Nobody else can be faster then while this one goes.
func (v rollView) asks(n node) messages.Budgets {
	servesNobody := n.observed.Restart.Stuck && !n.observed.PodReady && v.fresh() && !v.registered(n)
	switch {
	case servesNobody, v.voteAway(n):
		return messages.NoBudget
	case v.ownBudget && (v.zeroBudget || v.budgetShut || v.budgetClosed() || len(v.index.OutOfSync(n.id)) > 0):
		return messages.OthersBudgets
	default:
		return messages.AllBudgets
	}
}

// budgetClosed reports whether our PodDisruptionBudget lets nobody go because some broker's Pod is not ready for Kubernetes.
func (v rollView) budgetClosed() bool {
	return slices.ContainsFunc(v.nodes, func(n node) bool {
		return !n.observed.Gone && (!n.healthy() || n.observed.Stopping)
	})
}

// restartInput is what Kafka's rules need to know.
func (v rollView) restartInput(candidates []messages.BrokerID) kafka.RestartInput {
	in := kafka.RestartInput{
		Index: v.index, Now: v.now, RackOf: v.rackOf, KRaft: v.kraft, BlockUnprotected: v.blockUnprotected,
	}
	for _, n := range v.nodes {
		if n.controller && !n.leaving && v.kraft && !n.restsWithoutVote() { // who leaves loses its vote first, and may have to wait for its replicas after that
			in.Controllers = append(in.Controllers, n.id)
			if slices.Contains(candidates, n.id) && v.roll.refused[n.id].lasted() < blockedAfter { // the active controller waits for no other for ever
				in.Waiting = append(in.Waiting, n.id)
			}
		}
		switch {
		case n.observed.Gone:
		case n.observed.Pod == "":
			in.Stopped = append(in.Stopped, n.id)
		case n.volatile && slices.Contains(candidates, n.id) && v.down(n):
			in.Volatile = append(in.Volatile, n.id)
		case n.volatile && slices.Contains(candidates, n.id): // what is on its disks is lost with the Pod, however it is
		case v.down(n):
			in.Down = append(in.Down, n.id)
		}
		if v.losesVoteWithPod(n) {
			in.PodVotes = append(in.PodVotes, n.id)
		}
		if v.mayRecover(n) {
			in.Recovering = append(in.Recovering, n.id)
		}
	}
	return in
}

// down reports whether a broker counts as down whatever Kafka says.
func (v rollView) down(n node) bool {
	o := n.observed
	return !o.PodReady || o.Stopping || !v.kafka.Knows(n.id, n.broker) || v.now.Sub(o.Started) < justStarted
}

// mayRecover reports whether a broker may be reading its log after a crash, which a restart would begin again. The metric that
// tells (BrokerState 2) is not to be had before the broker is up, so whoever runs and is not ready has a while for it.
func (v rollView) mayRecover(n node) bool {
	o := n.observed
	return n.broker && !o.PodReady && !o.Stopping && !o.Restart.Stuck && !o.Started.IsZero() && v.now.Sub(o.Started) < recoveryPatience
}

// soon asks to decide again after a while, or sooner.
func (d *rollDecision) soon(after time.Duration) {
	if d.again == 0 || after < d.again {
		d.again = after
	}
}
