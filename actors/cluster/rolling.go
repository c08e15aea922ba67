package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// tookKafka takes an answer about Kafka. The index of its partitions is made once, for all decisions that follow.
func (a *cluster) tookKafka(observed messages.KafkaObserved) {
	a.kafka, a.asked = observed, true
	a.roll.index = kafka.Index(observed.Replication)
	if len(observed.Voters) > 0 {
		a.voters.last = observed.Voters
	}
	a.tookRelease()
}

// keepConsent looks whether people agree to restarts that only a newer daemon asks for: by annotation, or by a maintenance
// window, whose beginning and end nobody else tells.
func (a *cluster) keepConsent(c actor.Context) {
	now := time.Now()
	open, again := a.windows.Open(now)
	a.consent = open || consents(a.known.Consent, a.newest.Annotations, a.Build)
	if !again.IsZero() {
		a.again.SetSooner(c, again.Sub(now), lookNow{})
	}
}

// keepRoll decides anew who may be stopped. Nobody is while the cluster is paused.
func (a *cluster) keepRoll(c actor.Context) {
	if a.paused() {
		a.roll.permits, a.decision = withdrawn(a.roll.permits, a.nodes()), rollDecision{}
		return
	}
	now := time.Now()
	a.decision = decide(a.rollView(now)).goesOn(a.decision, now)
	for _, n := range a.nodes() {
		if p, held := a.decision.permits[n.id]; held && a.roll.permits[n.id].Permit != p.Permit && !(n.refused() && p.Asked != messages.NoBudget) {
			a.Log.Info("permit", "broker", n.id, "pod", p.Pod, "budgets", p.Asked, "reason", p.why)
			a.Metrics.Restart(a.Key.String())
		}
	}
	a.roll.permits, a.roll.adrift, a.roll.unprotected = a.decision.permits, a.decision.adrift, a.decision.unprotected
	a.roll.inherits, a.roll.refused = a.decision.inherits, a.decision.refused
	if len(a.decision.elect) > 0 && a.health != nil {
		c.Send(a.health, messages.ElectLeaders{Partitions: a.decision.elect})
	}
	if a.decision.again > 0 {
		a.again.SetSooner(c, a.decision.again, lookNow{})
	}
}

// keepRecovery decides anew who gets empty disks in place of lost ones. Nobody does while the cluster is paused.
func (a *cluster) keepRecovery(c actor.Context) {
	if a.paused() {
		a.recovery = recovery{granted: -1, inherits: true}
		return
	}
	before, nodes := a.recovery, a.nodes()
	v := a.rollView(time.Now())
	v.strangers = slices.ContainsFunc(a.existing(), func(id messages.BrokerID) bool { return a.children[id] == nil })
	a.recovery = v.decideRecovery(before, givenUp(a.newest), lossTokens(a.uid, nodes, a.known.BrokersState))
	if a.recovery.again > 0 {
		a.again.SetSooner(c, a.recovery.again, lookNow{})
	}
	if len(a.recovery.replace) > 0 && len(before.replace) == 0 {
		a.Log.Warn("lost disks are replaced by empty ones", "broker", a.recovery.granted, "disks", strings.Join(a.recovery.replace, ","))
	}
}

// setUnderWay is how many brokers have been allowed to restart together, while the Pod of one of them still stands.
func setUnderWay(permits map[messages.BrokerID]permit, nodes []node) int {
	together, pending := 0, false
	for _, n := range nodes {
		p, held := permits[n.id]
		if !held || p.withdrawn > 0 || p.Asked != messages.AllBudgets || !p.back.IsZero() || !n.broker {
			continue
		}
		together++
		pending = pending || n.observed.Pod == p.Pod && !n.observed.Stopping
	}
	if !pending {
		return 0
	}
	return together
}

// withdrawn takes back all permits that are not used yet.
func withdrawn(permits map[messages.BrokerID]permit, nodes []node) map[messages.BrokerID]permit {
	d := rollDecision{permits: map[messages.BrokerID]permit{}}
	for _, n := range nodes {
		if p, held := permits[n.id]; held {
			d.withdraw(n, p)
		}
	}
	return d.permits
}

func (a *cluster) rollView(now time.Time) rollView {
	config := a.valid.Spec.RollingUpgradeConfig
	v := rollView{
		nodes: a.nodes(), kafka: a.kafka, asked: a.watch, index: a.roll.index, roll: a.roll,
		threshold: config.FailureThreshold, kraft: a.valid.Spec.KRaft,
		limit:   min(config.GetConcurrentBrokerRestartCountPerRack(), kube.MostTogether(a.valid, a.known.Adopted, a.roles.brokers)),
		dynamic: recordedIdentity(a.known).quorum == messages.QuorumDynamic, formed: formed(a.known),
		runsController: a.runsController, keepsDisks: a.keepsDisks,
		blockUnprotected: config.GetUnprotectedPartitions() == v1beta1.UnprotectedPartitionsBlock,
		voters:           a.voters.last,
		votesChange:      a.voters.job.running || a.voters.newer(a.roll.index, now), voteStays: a.voters.stays,
		ownBudget: kube.WantsBudget(a.valid, a.known.Adopted), budgetShut: a.gatesClosed() != "", budgetsStand: a.budgetsStand,
		zeroBudget: kube.BudgetOfNone(a.valid),
		rackOf:     map[messages.BrokerID]string{}, recorded: registeredOf(a.known.BrokersState), now: now,
	}
	if a.known.RollingUpgrade != nil {
		v.errorCount = a.known.RollingUpgrade.ErrorCount
	}
	for id, k := range a.children {
		rack := k.observed.Rack
		if rack == "" {
			rack, _ = kafka.ConfiguredRack(&k.keep.entry)
		}
		if rack != "" {
			v.rackOf[id] = rack
		}
	}
	return v
}

// stoppedNow are the nodes that restart now.
func stoppedNow(d rollDecision, nodes []node) []node {
	return nodesWhere(nodes, func(n node) bool { p, held := d.permits[n.id]; return held && p.withdrawn == 0 })
}

// rollText says how far restarts have come.
func rollText(d rollDecision, nodes []node) string {
	refused := func(n node) bool { return n.refused() && d.permits[n.id].Asked != messages.NoBudget }
	stopped := slices.DeleteFunc(stoppedNow(d, nodes), refused)
	waiting := nodesWhere(nodes, func(n node) bool {
		p, held := d.permits[n.id]
		return wantsRestart(n) && (!held || p.withdrawn > 0 || refused(n))
	})
	now := named(stopped) + " now"
	if len(stopped) > 0 && d.permits[stopped[0].id].why != "" {
		now += ": " + messages.Elided(d.permits[stopped[0].id].why, maxReason)
	}
	if down := nodesWhere(stopped, func(n node) bool { return !n.observed.PodReady && n.observed.Reason != "" }); len(down) > 0 {
		now += " (" + messages.Elided(down[0].observed.Reason, maxReason) + ")"
	}
	switch {
	case len(stopped) > 0 && len(waiting) > 0:
		return now + "; then " + named(waiting)
	case len(stopped) > 0:
		return now
	case len(waiting) > 0:
		var alike, others []node
		reason := waiting[0].observed.Restart.Reason
		for _, n := range waiting {
			if n.observed.Restart.Reason == reason {
				alike = append(alike, n)
			} else {
				others = append(others, n)
			}
		}
		text := named(alike) + ": " + reason
		if len(others) > 0 {
			text += "; also " + named(others)
		}
		if d.refusal != "" {
			text += "; " + d.refusal
		}
		return text
	default:
		return "restarts are being decided"
	}
}

// failsNewest reports whether a node was started with all that is wanted of it, and does not come up.
func (n node) failsNewest() bool {
	return !n.leaving && !n.observed.PodReady && n.observed.Restart.Stuck && n.observed.Restart.Reason == ""
}

func failsNewestText(n node) string {
	return fmt.Sprintf("broker %d does not come up with the newest spec, so nobody else is restarted: %s; change the spec, or take the "+
		"change back", n.id, n.observed.Reason)
}

func refusedText(n node) string {
	return fmt.Sprintf("broker %d: %s", n.id, n.observed.Restart.Refused)
}

// blockedAfter is how long gates may stay closed before a person is told why: most open by themselves.
const blockedAfter = time.Minute

func unprotectedText(partitions []string) string {
	return "restarts make these partitions unavailable, no order of restarts keeps them: " + strings.Join(partitions, ", ") +
		"; give them more replicas or a smaller min.insync.replicas, or set spec.rollingUpgradeConfig.unprotectedPartitions: Block"
}

// rollingUpgradeStatus keeps when the last roll ended, in Koperator's form. The count of alerts belongs to somebody else.
func rollingUpgradeStatus(v view, next v1beta1.KafkaClusterStatus, now time.Time) *v1beta1.RollingUpgradeStatus {
	if v.known.State != v1beta1.ClusterRollingUpgrading || next.State != v1beta1.ClusterRunning {
		return v.known.RollingUpgrade
	}
	ended := v1beta1.RollingUpgradeStatus{}
	if v.known.RollingUpgrade != nil {
		ended = *v.known.RollingUpgrade
	}
	ended.LastSuccess = now.UTC().Format(time.DateTime)
	return &ended
}
