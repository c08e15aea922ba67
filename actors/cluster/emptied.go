package cluster

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// decideEmptied says which brokers may start although what they had on emptyDirs went with their Pods, by a proof that is made once:
// who is down gets back into sync nowhere, so that he can take nothing from anybody later, either. Each may for itself.
func (r *recovery) decideEmptied(v rollView, known recovery, accepted, tokens map[messages.BrokerID]string) {
	answering := v.controllersThatAnswer()
	for _, n := range v.nodes {
		if !n.observed.Emptied || n.leaving && n.allVolatile { // the latter is never made again
			continue
		}
		r.lost = true
		waits := ""
		given := tokens[n.id] != "" && accepted[n.id] == tokens[n.id]
		if !given && !known.startEmpty[n.id] {
			waits = v.keepsEmptied(n, len(answering), tokens[n.id])
		}
		left := goneFor - v.now.Sub(n.observed.Since)
		switch {
		case waits == "":
			r.startEmpty[n.id] = true
			answering = append(answering, n.id)
		case left > 0: // each restart takes the emptyDir away, and Kafka is asked within seconds
			r.soon(left)
		default:
			r.texts = append(r.texts, fmt.Sprintf("broker %d has lost what was on its emptyDir: %s", n.id, waits))
		}
	}
}

// controllersThatAnswer are the voters that have a Pod.
func (v rollView) controllersThatAnswer() []messages.BrokerID {
	var ids []messages.BrokerID
	for _, n := range v.nodes {
		if n.controller && n.observed.Pod != "" && v.votes(n) {
			ids = append(ids, n.id)
		}
	}
	return ids
}

// votes reports whether a controller is one of the voters, as far as these are known.
func (v rollView) votes(n node) bool { return len(v.voters) == 0 || slices.Contains(v.voters, n.id) }

// keepsEmptied says why a broker may not start with emptied log dirs, empty when it may. Kafka would make a replica that was the last in
// sync the leader again, whatever is left of it, and all others would cut theirs to it. answering are the voters with a Pod: without a
// majority of them nobody can be asked, so that a node which has its metadata is needed whatever its replicas are.
func (v rollView) keepsEmptied(n node, answering int, token string) string {
	gone := v.emptied()
	voters := cmp.Or(len(v.voters), len(nodesWhere(v.nodes, func(n node) bool { return n.controller && !n.leaving })))
	othersHold := slices.ContainsFunc(v.nodes, func(other node) bool { return other.broker && other.id != n.id && !gone[other.id] })
	switch {
	case !othersHold: // there is nothing that could be cut
		return ""
	case v.kraft && n.controller && v.votes(n) && 2*answering <= voters && v.now.Sub(n.observed.Since) >= goneFor:
		return ""
	case !v.fresh():
		return "Kafka has not answered since, so nobody knows who has the newest copies: bring the other brokers back" + emptiedWayOut(token)
	case v.registered(n):
		return "Kafka has not given it up yet"
	}
	if waits := outOfSyncText(kafka.LastCopyOn(n.id, gone, v.index)); waits != "" {
		return waits + emptiedWayOut(token)
	}
	return ""
}

// emptiedWayOut is what is left where nobody can bring back who has a copy.
func emptiedWayOut(token string) string {
	return fmt.Sprintf("; or let it start empty, whatever others lose by that, with annotation %s: %q", kube.AnnotationAllowDataLoss, token)
}

// emptied are the nodes that had everything on emptyDirs and were seen to have no Pod.
func (v rollView) emptied() map[messages.BrokerID]bool {
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
