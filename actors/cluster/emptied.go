package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// decideEmptied says which brokers may start although what they had on emptyDirs went with their Pods. Each may for itself: who is down
// gets back into sync nowhere, so that a proof holds until he is up, also when others have started after it. An unclean election alone may
// change that, which Kafka then tells.
func (r *recovery) decideEmptied(v rollView, known recovery, accepted, tokens map[messages.BrokerID]string) {
	if !slices.ContainsFunc(v.nodes, func(n node) bool { return n.observed.Emptied }) {
		return
	}
	gone := v.withNothing()
	answering := v.controllersThatAnswer(known)
	for _, n := range v.nodes {
		if !n.observed.Emptied || n.leaving && n.allVolatile { // the latter is never made again
			continue
		}
		r.lost = true
		waits, proof := "", gone
		given := tokens[n.id] != "" && accepted[n.id] == tokens[n.id]
		if was := known.startEmpty[n.id]; was != nil && !(v.fresh() && len(kafka.LastCopyOn(n.id, withAll(gone, was, known.startEmpty), v.index)) > 0) {
			proof = was
		} else if !given {
			waits = v.keepsEmptied(n, gone, answering, tokens[n.id])
		}
		left := goneFor - v.now.Sub(n.observed.Since)
		switch {
		case waits == "":
			r.startEmpty[n.id], answering[n.id] = proof, n.controller && v.votes(n)
		case left > 0: // each restart takes the emptyDir away, and Kafka is asked within seconds
			r.soon(left)
		default:
			r.texts = append(r.texts, fmt.Sprintf("broker %d has lost what was on its emptyDir: %s", n.id, waits))
		}
	}
}

// withAll are nodes that have nothing: now, when a proof was made, or by a proof of their own.
func withAll(now, then map[messages.BrokerID]bool, started map[messages.BrokerID]map[messages.BrokerID]bool) map[messages.BrokerID]bool {
	all := maps.Clone(now)
	for id, gone := range then {
		all[id] = all[id] || gone
	}
	for id := range started {
		all[id] = true
	}
	return all
}

// controllersThatAnswer are the voters that have a Pod, or are about to get one.
func (v rollView) controllersThatAnswer(known recovery) map[messages.BrokerID]bool {
	ids := map[messages.BrokerID]bool{}
	for _, n := range v.nodes {
		ids[n.id] = n.controller && v.votes(n) && (n.observed.Pod != "" || known.startEmpty[n.id] != nil)
	}
	return ids
}

// votes reports whether a controller is one of the voters, as far as these are known.
func (v rollView) votes(n node) bool { return len(v.voters) == 0 || slices.Contains(v.voters, n.id) }

// keepsEmptied says why a broker may not start with emptied log dirs, empty when it may. Kafka would make a replica that was the last in
// sync the leader again, whatever is left of it, and all others would cut theirs to it. gone are those that have nothing, answering the
// voters with a Pod: without a majority of them nobody can be asked, so that a node which has its metadata is needed whatever its replicas
// are.
func (v rollView) keepsEmptied(n node, gone, answering map[messages.BrokerID]bool, token string) string {
	voters := cmp.Or(len(v.voters), len(nodesWhere(v.nodes, func(n node) bool { return n.controller && !n.leaving })))
	majority := 0
	for _, answers := range answering {
		if answers {
			majority++
		}
	}
	switch {
	case !v.strangers && !slices.ContainsFunc(v.nodes, func(other node) bool { return other.id != n.id && !gone[other.id] && v.hasReplicas(other) }):
		return "" // there is nothing that could be cut
	case v.kraft && n.controller && v.votes(n) && 2*majority <= voters && v.now.Sub(n.observed.Since) >= goneFor:
		return ""
	case !v.freshSince(n.observed.Since):
		return "Kafka has not answered since, so nobody knows who has the newest copies: bring the other brokers back" + emptiedWayOut(token)
	case v.registered(n):
		return "Kafka has not given it up yet"
	}
	if waits := outOfSyncText(kafka.LastCopyOn(n.id, gone, v.index)); waits != "" {
		return waits + emptiedWayOut(token)
	}
	return ""
}

// hasReplicas reports whether a node may have replicas: also one that is to lose the broker role.
func (v rollView) hasReplicas(n node) bool {
	return n.broker || v.recorded[n.id] || n.observed.PodRole == "true"
}

// emptiedWayOut is what is left where nobody can bring back who has a copy.
func emptiedWayOut(token string) string {
	return fmt.Sprintf("; or let it start empty, whatever others lose by that, with annotation %s: %q", kube.AnnotationAllowDataLoss, token)
}

// withNothing are the nodes that had everything on emptyDirs and were seen to have no Pod.
func (v rollView) withNothing() map[messages.BrokerID]bool {
	gone := map[messages.BrokerID]bool{}
	for _, n := range v.nodes {
		gone[n.id] = n.allVolatile && n.observed.Revision > 0 && n.observed.Pod == ""
	}
	return gone
}

// outOfSyncText is what people can do about partitions of which the last replica in sync is gone, and others have copies; empty without any.
func outOfSyncText(last []kafka.TopicPartition) string {
	if len(last) == 0 {
		return ""
	}
	return fmt.Sprintf("other brokers have copies of these partitions that are not in sync, and would give them up for the empty ones here: %s; "+
		"elect leaders among them (kafka-leader-election.sh --election-type UNCLEAN), or delete the topics", kafka.NamedPartitions(last))
}
