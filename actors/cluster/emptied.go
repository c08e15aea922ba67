package cluster

import (
	"fmt"
	"slices"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// decideEmptied says which brokers may start although what they had on emptyDirs went with their Pods. Each may for itself: who is not in
// sync any more can take nothing from anybody, and does not get into sync again while it is down.
func (r *recovery) decideEmptied(v rollView) {
	for _, n := range v.nodes {
		if !n.observed.Emptied || n.leaving || !n.current() {
			continue
		}
		r.lost = true
		waits := v.keepsEmptied(n)
		left := goneFor - v.now.Sub(n.observed.Since)
		switch {
		case waits == "":
			r.startEmpty[n.id] = true
		case left > 0: // each restart takes the emptyDir away, and Kafka is asked within seconds
			r.again = max(r.again, left)
		default:
			r.texts = append(r.texts, fmt.Sprintf("broker %d has lost what was on its emptyDir: %s", n.id, waits))
		}
	}
}

// keepsEmptied says why a broker may not start with emptied log dirs, empty when it may. Kafka would make a replica that was the last in
// sync the leader again, whatever is left of it, and all others would cut theirs to it.
func (v rollView) keepsEmptied(n node) string {
	gone := v.emptied()
	othersHold := slices.ContainsFunc(v.nodes, func(other node) bool { return other.broker && other.id != n.id && !gone[other.id] })
	switch {
	case !othersHold: // there is nothing that could be cut
		return ""
	case !v.fresh() && n.controller && v.kraft && v.now.Sub(n.observed.Since) >= goneFor: // the controllers cannot answer without it
		return ""
	case !v.fresh():
		return "Kafka has not answered since, so nobody knows who has the newest copies"
	case v.registered(n):
		return "Kafka has not given it up yet"
	}
	return outOfSyncText(kafka.LastCopyOn(n.id, gone, v.index))
}

// emptied are the nodes that had everything on emptyDirs and have no Pod.
func (v rollView) emptied() map[messages.BrokerID]bool {
	gone := map[messages.BrokerID]bool{}
	for _, n := range v.nodes {
		gone[n.id] = n.allVolatile && n.current() && n.observed.Pod == ""
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
