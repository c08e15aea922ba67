package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// eligible reports whether a node waits for its restart, and for nothing else that comes before.
func (v rollView) eligible(n node) bool {
	return wantsRestart(n) && !v.votesForever(n) && !v.keepsVote(n) && !v.strandsReplicas(n)
}

// eligibleIDs are all such nodes.
func (v rollView) eligibleIDs() []messages.BrokerID {
	var ids []messages.BrokerID
	for _, n := range v.nodes {
		if v.eligible(n) {
			ids = append(ids, n.id)
		}
	}
	return ids
}

// candidates are the brokers that wait, the most urgent first.
func (v rollView) candidates() []messages.BrokerID {
	var order []kafka.RestartNode
	for _, n := range v.nodes {
		if !v.eligible(n) {
			continue
		}
		order = append(order, kafka.RestartNode{
			ID: n.id, Broker: n.broker, Controller: n.controller, Stuck: n.observed.Restart.Stuck, Unready: !n.healthy(),
			Rack: v.rackOf[n.id], Leaders: v.leaders(n.id), Active: n.id == v.kafka.QuorumLeader,
		})
	}
	// While one of them is down nobody else is stopped: two would be down by our doing.
	if slices.ContainsFunc(v.nodes, func(n node) bool { return wantsRestart(n) && !n.observed.PodReady }) {
		order = slices.DeleteFunc(order, func(n kafka.RestartNode) bool { return !n.Unready })
	}
	ids := kafka.RestartOrder(order)
	// Whom a budget refuses it may refuse for ever: others have their turn before.
	slices.SortStableFunc(ids, func(a, b messages.BrokerID) int { return v.roll.refused[a].last.Compare(v.roll.refused[b].last) })
	return ids
}

// nextSet is who of the next ones may be stopped now, together, and by which verdict about which broker. Those that are out of sync come
// first: their restart may be the only cure, as for a failed disk that is to go. Where none of them may be stopped the others may as far as
// the failure threshold allows. Who is down waits for nobody's copies.
func (v rollView) nextSet(next, candidates []messages.BrokerID) ([]messages.BrokerID, messages.BrokerID, kafka.RestartVerdict) {
	impaired := v.impaired()
	tried := func(id messages.BrokerID) time.Time { return v.roll.refused[id].last }
	var alone []messages.BrokerID
	var aloneVerdict kafka.RestartVerdict
	first := slices.DeleteFunc(slices.Clone(next), func(id messages.BrokerID) bool { return !slices.Contains(impaired, id) })
	down := slices.ContainsFunc(v.nodes, func(n node) bool { return slices.Contains(next, n.id) && !n.observed.PodReady })
	if len(first) > 0 && len(first) < len(next) && !down {
		set, verdict := kafka.LargestRestart(first, v.together(), v.restartInput(first))
		refused := !slices.ContainsFunc(set, func(id messages.BrokerID) bool { return v.roll.refused[id].first.IsZero() })
		others := v.errorCount+len(impaired) < v.threshold
		if len(set) > 0 && !(refused && others) {
			return set, first[0], verdict
		}
		alone, aloneVerdict = set, verdict
		if !others {
			verdict.Reasons = append(verdict.Reasons, fmt.Sprintf("others wait for it: with all that are out of sync %d brokers have replicas "+
				"offline or out of sync and %d alerts speak against restarts, and spec.rollingUpgradeConfig.failureThreshold is %d",
				len(impaired), v.errorCount, v.threshold))
			return nil, first[0], verdict
		}
	}
	set, verdict := kafka.LargestRestart(next, v.together(), v.restartInput(candidates))
	// The one that is refused may be what they wait for.
	if len(alone) > 0 && (len(set) == 0 || tried(alone[0]).Before(tried(set[0]))) {
		return alone, alone[0], aloneVerdict
	}
	return set, next[0], verdict
}

// leaders counts what a broker leads, as far as that is known.
func (v rollView) leaders(id messages.BrokerID) int {
	if v.index == nil {
		return 0
	}
	return v.index.Leaders(id)
}

// impairedForLong are those that no restart may cure now: they speak against restarts. The others are the next to be restarted.
func (v rollView) impairedForLong() []messages.BrokerID {
	return slices.DeleteFunc(v.impaired(), func(id messages.BrokerID) bool {
		return slices.ContainsFunc(v.nodes, func(n node) bool { return n.id == id && v.eligible(n) })
	})
}

// impaired are the brokers with replicas offline or out of sync. One in maintenance is so by wish.
func (v rollView) impaired() []messages.BrokerID {
	if v.index == nil {
		return nil
	}
	return slices.DeleteFunc(v.index.Impaired(), func(id messages.BrokerID) bool {
		return slices.ContainsFunc(v.nodes, func(n node) bool { return n.id == id && n.atRest() })
	})
}
