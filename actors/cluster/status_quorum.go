package cluster

import (
	"fmt"
	"slices"
)

// quorumProblem says why the metadata quorum is not the one of the spec. A controller without a vote, or a vote without a
// controller, counts against the majority while everything seems to run.
func quorumProblem(v view) string {
	for _, n := range v.nodes {
		lacks := slices.Contains(v.kafka.Elsewhere, n.id) || !slices.Contains(v.kafka.Voters, n.id) && slices.Contains(v.kafka.Observers, n.id)
		if slices.Contains(v.wantedVoters, n.id) && lacks {
			return fmt.Sprintf("controller %d has no vote with the disk that it runs on yet%s", n.id, because(v.voters))
		}
	}
	for _, id := range v.kafka.Voters {
		if !slices.Contains(v.wantedVoters, id) {
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
