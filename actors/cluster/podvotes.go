package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// votesForever reports whether a node's metadata go with its Pod and its vote cannot be taken before.
func (v rollView) votesForever(n node) bool { return n.voteVolatile && v.kraft && !v.dynamic }

// losesVote reports whether a node has a vote that has to be taken before its Pod is stopped: its metadata go with it. That of the active
// controller is taken after: without its vote it resigns and may find no other as long as it runs (seen with Kafka 4.3.1: unattached for
// good, its broker fenced, and who asks it gets no answer). The others have to be a majority all the same.
func (v rollView) losesVote(id messages.BrokerID) bool {
	return id != v.kafka.QuorumLeader && slices.Contains(v.kafka.Voters, id) && slices.ContainsFunc(v.nodes, func(n node) bool {
		return n.id == id && n.voteVolatile && v.kraft && v.dynamic
	})
}

// voteless are the candidates that may be stopped together. A controller whose vote has been taken goes first, and alone: until it votes
// again no other controller may be stopped. One whose vote has yet to be taken goes alone, too, when it is its turn.
func (v rollView) voteless(candidates []messages.BrokerID) []messages.BrokerID {
	volatile := func(id messages.BrokerID) bool {
		return slices.ContainsFunc(v.nodes, func(n node) bool { return n.id == id && n.voteVolatile && n.controller })
	}
	for _, id := range candidates {
		if v.kraft && volatile(id) && !slices.Contains(v.kafka.Voters, id) {
			return []messages.BrokerID{id}
		}
	}
	if volatile(candidates[0]) {
		return candidates[:1]
	}
	return slices.DeleteFunc(slices.Clone(candidates), volatile)
}

// takesVote asks for the vote of a controller that may be stopped, where it has to lose it before.
func (d *rollDecision) takesVote(v rollView, set []messages.BrokerID) bool {
	at := slices.IndexFunc(set, v.losesVote)
	if at < 0 {
		return false
	}
	id := set[at]
	d.takeVote, d.blocked = &id, fmt.Sprintf("broker %d waits for its restart: its metadata are on an emptyDir, so its vote in the metadata "+
		"quorum is taken first", id)
	d.soon(time.Second)
	return true
}

// goneFor is how long metadata that went with a Pod are no news: each restart takes them away, and a vote is taken within seconds.
const goneFor = 30 * time.Second

// keepsEmptyPod says why a controller whose metadata went with its Pod may not come back yet, empty when it may. It comes back as one
// that never voted, so its old vote has to be gone, and the others have to have the log; and nobody may take what was on its Pod for
// the newest copy of a partition.
func (v rollView) keepsEmptyPod(n node) string {
	gone := v.metadataGone()
	switch {
	case !v.fresh():
		return "Kafka has not answered since, so nobody knows who has the metadata" + v.restOf(gone)
	case !v.formed:
		return "it is not recorded yet that there is a metadata quorum"
	case slices.Contains(v.kafka.Voters, n.id) && v.dynamic:
		return "its vote in the metadata quorum is taken first" + v.restOf(gone)
	}
	if why := kafka.OthersHoldQuorum(v.index, n.id); why != "" {
		return why + v.restOf(gone)
	}
	if only := kafka.LastCopyOn(n.id, v.index); n.broker && len(only) > 0 {
		return fmt.Sprintf("other brokers have copies of these partitions that are not in sync, and would give them up for the empty ones here: %s; "+
			"elect leaders among them (kafka-leader-election.sh --election-type UNCLEAN), or delete the topics", kafka.NamedPartitions(only))
	}
	if v.registered(n) {
		return "Kafka has not given it up yet"
	}
	return ""
}

// metadataGone are the controllers whose metadata are gone with their Pods.
func (v rollView) metadataGone() []node { return nodesWhere(v.nodes, node.metadataGone) }

// restOf says what people can do where the metadata of too many controllers are gone: those that are left can never change anything again.
func (v rollView) restOf(gone []node) string {
	controllers := nodesWhere(v.nodes, func(n node) bool { return n.controller && !n.leaving })
	if 2*(len(controllers)-len(gone)) > len(controllers) {
		return "; bring the other controllers back"
	}
	return fmt.Sprintf("; the metadata of %s went with their Pods, and of %d controllers the others are no majority without them, unless their "+
		"votes were taken before: then this cluster's metadata are lost, and nothing is formatted in their place; delete the KafkaCluster and make it anew",
		named(gone), len(controllers))
}

// votersWanted are the controllers of the spec, without those at rest whose metadata went with their Pod: they get their votes back
// when they run again.
func (a *cluster) votersWanted() []messages.BrokerID {
	wanted := slices.Clone(a.roles.controllers)
	for _, n := range a.nodes() {
		if n.restsWithoutVote() {
			wanted = slices.DeleteFunc(wanted, func(id messages.BrokerID) bool { return id == n.id })
		}
	}
	return wanted
}

// metadataGone reports whether the emptyDir with a controller's metadata is gone with its Pod, so that nothing has its vote.
func (n node) metadataGone() bool {
	return n.controller && n.voteVolatile && !n.leaving && n.current() && n.observed.Pod == "" && (len(n.observed.Lost) > 0 || n.atRest())
}

// restsWithoutVote reports whether a controller is stopped because the spec says so, and its metadata are gone with its Pod.
func (n node) restsWithoutVote() bool { return n.voteVolatile && n.atRest() }

// lostVotes are the controllers that have a vote and whose metadata are gone with their Pods.
func (a *cluster) lostVotes() []messages.BrokerID {
	var lost []messages.BrokerID
	for _, n := range a.nodes() {
		if n.metadataGone() && slices.Contains(a.kafka.Voters, n.id) {
			lost = append(lost, n.id)
		}
	}
	return lost
}
