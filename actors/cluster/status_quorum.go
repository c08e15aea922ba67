package cluster

import (
	"fmt"
	"slices"

	"github.com/koperator-go/koperator/messages"
)

// quorumProblem says why the metadata quorum is not the one of the spec. A controller without a vote, or a vote without a
// controller, counts against the majority while everything seems to run.
func quorumProblem(v view) string {
	wanted := map[messages.BrokerID]bool{}
	for _, n := range v.nodes {
		wanted[n.id] = n.controller && !n.leaving && !n.restsWithoutVote()
		if wanted[n.id] && (slices.Contains(v.kafka.Elsewhere, n.id) || !slices.Contains(v.kafka.Voters, n.id) && slices.Contains(v.kafka.Observers, n.id)) {
			return fmt.Sprintf("controller %d has no vote with the disk that it runs on yet%s", n.id, because(v.voters))
		}
	}
	for _, id := range v.kafka.Voters {
		leaves := slices.ContainsFunc(v.nodes, func(n node) bool { return n.id == id && n.leaving && n.broker }) // it keeps its vote until it is empty
		if !wanted[id] && !leaves {
			return fmt.Sprintf("node %d has a vote in the metadata quorum but is no controller of the spec%s", id, because(v.voters))
		}
	}
	return ""
}

// because adds what is awaited.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
