package kafka

import (
	"fmt"
	"slices"

	"github.com/koperator-go/koperator/messages"
)

// VoterChange is what to do next about the voters of a dynamic quorum.
type VoterChange int

const (
	// VotersStand says that the voters are those that are wanted.
	VotersStand VoterChange = iota
	// VotersWait says that something is to be changed and cannot be yet.
	VotersWait
	// VoterAdd and VoterRemove change one.
	VoterAdd
	VoterRemove
)

// VoterStep is one change of the voters, or why there is none.
type VoterStep struct {
	Change VoterChange
	// ID and DirectoryID name the voter to add or to remove.
	ID          messages.BrokerID
	DirectoryID string
	Reason      string
}

// VotersInput is what decisions about the voters of a dynamic quorum are made from.
type VotersInput struct {
	// Wanted are the controllers of the spec, sorted.
	Wanted []messages.BrokerID
	// Running are the nodes whose Pod is ready and runs a controller, sorted. Brokers observe the quorum, too: nobody else gets a vote.
	// And a voter that has just stopped looks for a moment as if it were there.
	Running []messages.BrokerID
	// Lost are the controllers whose metadata went with the emptyDir of their Pod: what has their vote is nowhere any more.
	Lost []messages.BrokerID
	// Going is a controller whose Pod is about to be stopped, and its metadata with it, so that its vote goes before; nil when none is.
	Going  *messages.BrokerID
	Quorum QuorumState
}

// VotersDiffer reports whether there is anything to change.
func VotersDiffer(wanted []messages.BrokerID, observed messages.KafkaObserved) bool {
	return !slices.Equal(wanted, observed.Voters) || len(observed.Elsewhere) > 0
}

// PlanVoters is the next single change: Kafka takes one after the other (KIP-853), and each is made on a fresh look. Kafka proves
// nothing itself: three voters become two and one without a word, so a majority of those that vote afterwards must be there.
//
// First go entries of disks that are lost and of nodes that are down: they count against the majority. Then goes the vote of a controller
// that is about to lose its metadata. Then controllers get their votes, and only when all of them have one, and all are there, votes of
// healthy nodes are taken: there are never fewer than people want.
func PlanVoters(in VotersInput) VoterStep {
	if reason := in.unhealthy(); reason != "" {
		return VoterStep{Change: VotersWait, Reason: reason}
	}
	for _, consider := range []func(VotersInput) (VoterStep, bool){removeReplaced, removeLost, removeGone, removeGoing, addRunning, removeUnwanted} {
		if step, found := consider(in); found {
			return step
		}
	}
	return VoterStep{}
}

// unhealthy says why nothing may be changed now.
func (in VotersInput) unhealthy() string {
	voters := in.voters()
	here := in.here(voters)
	switch {
	case in.Quorum.Leader < 0 || !slices.ContainsFunc(voters, func(v messages.QuorumReplica) bool { return v.ID == in.Quorum.Leader }):
		return "the leader of the metadata quorum is not known"
	case !in.Quorum.Dynamic():
		return "the voters of the metadata quorum are those of controller.quorum.voters"
	case len(here) < majority(len(voters)):
		return fmt.Sprintf("of the voters %s only %s are there and caught up, %d are needed to change anything",
			brokerNames(idsOf(voters)), brokerNames(idsOf(here)), majority(len(voters)))
	}
	return ""
}

// removeReplaced takes the vote of a disk whose node runs on another one.
func removeReplaced(in VotersInput) (VoterStep, bool) {
	for _, v := range in.voters() {
		now, observes := in.observer(v.ID)
		if !observes || !slices.Contains(in.Running, v.ID) || in.behind(v) == "" || in.behind(now) != "" {
			continue
		}
		return in.removal(v, fmt.Sprintf("controller %d runs on another disk (directory %s) than the one with its vote (%s)",
			v.ID, now.DirectoryID, v.DirectoryID)), true
	}
	return VoterStep{}, false
}

// removeLost takes the votes of controllers whose emptyDir is gone, so that nobody waits for what has them.
func removeLost(in VotersInput) (VoterStep, bool) {
	for _, v := range in.voters() {
		if slices.Contains(in.Lost, v.ID) && in.behind(v) != "" {
			return in.removal(v, fmt.Sprintf("controller %d had its metadata on an emptyDir, which went with its Pod", v.ID)), true
		}
	}
	return VoterStep{}, false
}

// removeGoing takes the vote of a controller before its metadata go with its Pod: its successor has an empty log, and another directory.
func removeGoing(in VotersInput) (VoterStep, bool) {
	for _, v := range in.voters() {
		if !in.goes(v.ID) || v.ID == in.Quorum.Leader { // which would resign, and may find no other controller while it runs
			continue
		}
		reason := fmt.Sprintf("controller %d is to be restarted, and its metadata are on an emptyDir, which goes with its Pod", v.ID)
		if rest := len(in.voters()) - 1; rest < fewestVoters {
			return waitFor("%s, but only %d others have a vote, and %d have to", reason, rest, fewestVoters), true
		}
		return in.removal(v, reason), true
	}
	return VoterStep{}, false
}

func (in VotersInput) goes(id messages.BrokerID) bool { return in.Going != nil && *in.Going == id }

// removeGone takes the votes of nodes that nobody wants and that are not there.
func removeGone(in VotersInput) (VoterStep, bool) {
	for _, v := range in.voters() {
		if !slices.Contains(in.Wanted, v.ID) && in.behind(v) != "" {
			return in.removal(v, fmt.Sprintf("node %d is no controller of the spec, and %s", v.ID, in.behind(v))), true
		}
	}
	return VoterStep{}, false
}

// addRunning gives the next controller its vote once it has all of the metadata log: before, Kafka would wait for it in vain.
func addRunning(in VotersInput) (step VoterStep, found bool) {
	for _, id := range in.Wanted {
		if in.goes(id) {
			continue
		}
		if slices.Contains(idsOf(in.voters()), id) {
			if now, observes := in.observer(id); observes && in.behind(now) == "" && !found {
				step, found = waitFor("controller %d observes with directory %s and votes with another one", id, now.DirectoryID), true
			}
			continue
		}
		switch now, observes := in.observer(id); {
		case slices.Contains(in.Running, id) && observes && in.behind(now) == "":
			return VoterStep{VoterAdd, id, now.DirectoryID, fmt.Sprintf("controller %d has all of the metadata log and no vote", id)}, true
		case found:
		case !slices.Contains(in.Running, id):
			step, found = waitFor("controller %d does not run as one yet", id), true
		case !observes:
			step, found = waitFor("the quorum does not know controller %d yet", id), true
		default:
			step, found = waitFor("controller %d does not vote yet: %s", id, in.behind(now)), true
		}
	}
	return step, found
}

// removeUnwanted takes the vote of a healthy node that is no controller any more, that of the active controller last.
func removeUnwanted(in VotersInput) (VoterStep, bool) {
	unwanted := slices.DeleteFunc(in.voters(), func(v messages.QuorumReplica) bool { return slices.Contains(in.Wanted, v.ID) })
	if len(unwanted) == 0 {
		return VoterStep{}, false
	}
	next := unwanted[0]
	if next.ID == in.Quorum.Leader && len(unwanted) > 1 {
		next = unwanted[1]
	}
	for _, v := range in.voters() {
		if why := in.away(v); v.ID != next.ID && why != "" {
			return waitFor("node %d keeps its vote although it is no controller of the spec: %s", next.ID, why), true
		}
	}
	return in.removal(next, fmt.Sprintf("node %d is no controller of the spec any more", next.ID)), true
}

// removal is a step unless the others would be no majority.
func (in VotersInput) removal(v messages.QuorumReplica, reason string) VoterStep {
	rest := slices.DeleteFunc(in.voters(), func(o messages.QuorumReplica) bool { return o == v })
	if here := in.here(rest); len(rest) == 0 || len(here) < majority(len(rest)) {
		return waitFor("%s, but without it only %s of the voters %s are there and caught up", reason, brokerNames(idsOf(here)), brokerNames(idsOf(rest)))
	}
	return VoterStep{VoterRemove, v.ID, v.DirectoryID, reason}
}

func waitFor(format string, args ...any) VoterStep {
	return VoterStep{Change: VotersWait, Reason: fmt.Sprintf(format, args...)}
}

func majority(voters int) int { return voters/2 + 1 }

func (in VotersInput) voters() []messages.QuorumReplica {
	return slices.DeleteFunc(slices.Clone(in.Quorum.Replicas), func(r messages.QuorumReplica) bool { return !r.Voter })
}

// observer is what observes under a node's id. Of several it is the one that was there last: those that are gone are listed for minutes.
func (in VotersInput) observer(id messages.BrokerID) (found messages.QuorumReplica, observes bool) {
	for _, r := range in.Quorum.Replicas {
		if !r.Voter && r.ID == id && (!observes || r.LastCaughtUp.After(found.LastCaughtUp)) {
			found, observes = r, true
		}
	}
	return found, observes
}

func (in VotersInput) here(replicas []messages.QuorumReplica) []messages.QuorumReplica {
	return slices.DeleteFunc(slices.Clone(replicas), func(r messages.QuorumReplica) bool { return in.away(r) != "" })
}

// away says why a replica is not one that can be counted on, "" when it is.
func (in VotersInput) away(r messages.QuorumReplica) string {
	if why := in.behind(r); why != "" || slices.Contains(in.Running, r.ID) {
		return why
	}
	return fmt.Sprintf("controller %d does not run", r.ID)
}

// behind says why a voter or an observer has not all of the metadata log, "" when it has.
func (in VotersInput) behind(r messages.QuorumReplica) string {
	at := slices.IndexFunc(in.Quorum.Replicas, func(o messages.QuorumReplica) bool { return o.Voter && o.ID == in.Quorum.Leader })
	if at < 0 {
		return "the leader of the metadata quorum is not known"
	}
	if behindLeader(in.Quorum.Replicas[at], r) == "" {
		return ""
	}
	return fmt.Sprintf("controller %d has not all of the metadata log", r.ID) // how far it is behind changes with every look
}

func idsOf(replicas []messages.QuorumReplica) []messages.BrokerID {
	var ids []messages.BrokerID
	for _, r := range replicas {
		ids = append(ids, r.ID)
	}
	return ids
}

// VoterGone reports whether a node has no vote in the metadata quorum, so that it may stop for ever: with a vote it would count
// against the majority. Otherwise it says why not, or that nobody knows.
func VoterGone(id messages.BrokerID, observed messages.KafkaObserved) (bool, string) {
	switch {
	case !observed.Answered || len(observed.Voters) == 0:
		return false, "the voters of the metadata quorum are not known"
	case slices.Contains(observed.Voters, id):
		return false, fmt.Sprintf("node %d has a vote in the metadata quorum, which is taken first", id)
	}
	return true, ""
}
