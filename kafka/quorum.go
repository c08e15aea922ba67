package kafka

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/koperator-go/koperator/messages"
)

// quorumFetchTimeout is Kafka's default of controller.quorum.fetch.timeout.ms: a voter that has not had all of the
// metadata log for longer begins an election, so it counts as one that is not there. It does so too where the user lets
// Kafka wait longer.
const quorumFetchTimeout = 2 * time.Second

// voterIDs are the voters of the quorum, each id once, ascending.
func voterIDs(r *messages.Replication) []messages.BrokerID {
	var ids []messages.BrokerID
	for _, v := range r.Quorum {
		if v.Voter {
			ids = append(ids, v.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// voterOf is the entry of a node as voter.
func voterOf(r *messages.Replication, id messages.BrokerID) (messages.QuorumReplica, bool) {
	at := slices.IndexFunc(r.Quorum, func(v messages.QuorumReplica) bool { return v.Voter && v.ID == id })
	if at < 0 {
		return messages.QuorumReplica{}, false
	}
	return r.Quorum[at], true
}

// behindQuorum says why a node is no voter that holds all of the metadata log, "" when it is. All times are the leader's:
// its entry is the reference, our clock may be wrong by more than the limit.
func behindQuorum(r *messages.Replication, id messages.BrokerID) string {
	leader, known := voterOf(r, r.QuorumLeader)
	voter, votes := voterOf(r, id)
	switch {
	case r.QuorumLeader < 0 || !known:
		return "the leader of the metadata quorum is not known"
	case !votes:
		return fmt.Sprintf("%d is not a voter of the metadata quorum", id)
	}
	return behindLeader(leader, voter)
}

// behindLeader says why a voter or an observer has not all that the leader has, "" when it has.
func behindLeader(leader, replica messages.QuorumReplica) string {
	switch {
	case replica == leader:
		return ""
	case leader.LastCaughtUp.IsZero() || replica.LastCaughtUp.IsZero():
		return fmt.Sprintf("how far controller %d is behind the leader is not known", replica.ID)
	}
	if behind := leader.LastCaughtUp.Sub(replica.LastCaughtUp); behind >= quorumFetchTimeout {
		return fmt.Sprintf("controller %d is %s behind the leader", replica.ID, behind.Round(time.Millisecond))
	}
	return ""
}

// Directories are the ids of the log dirs with the voters' metadata, by node. A node that is listed with two, or with none as in a
// static quorum, is missing.
func Directories(replicas []messages.QuorumReplica) map[messages.BrokerID]string {
	seen, directories := map[messages.BrokerID]int{}, map[messages.BrokerID]string{}
	for _, r := range replicas {
		if seen[r.ID]++; r.Voter && r.DirectoryID != "" {
			directories[r.ID] = r.DirectoryID
		}
	}
	maps.DeleteFunc(directories, func(id messages.BrokerID, _ string) bool { return seen[id] > 1 })
	return directories
}

// Elsewhere are the voters that run on another disk than the one with their vote, sorted: they are listed as observers, too, and were
// there as such after they were as voters. A disk that is put away again is listed for minutes (Kafka's LeaderState forgets observers after
// five), and means nothing.
func Elsewhere(replicas []messages.QuorumReplica) []messages.BrokerID {
	var ids []messages.BrokerID
	for _, v := range replicas {
		newer := func(o messages.QuorumReplica) bool {
			return !o.Voter && o.ID == v.ID && o.LastCaughtUp.After(v.LastCaughtUp)
		}
		if v.Voter && slices.ContainsFunc(replicas, newer) {
			ids = append(ids, v.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// repairPending names a node whose place in the quorum has to be put right first: its disk was replaced (KIP-853), or it is a
// controller that does not vote.
func repairPending(r *messages.Replication, controllers []messages.BrokerID) string {
	if elsewhere := Elsewhere(r.Quorum); len(elsewhere) > 0 {
		return fmt.Sprintf("quorum repair pending: controller %d runs on another disk than the one with its vote", elsewhere[0])
	}
	for _, v := range r.Quorum {
		if _, votes := voterOf(r, v.ID); !votes && slices.Contains(controllers, v.ID) {
			return fmt.Sprintf("quorum repair pending: controller %d does not vote", v.ID)
		}
	}
	return ""
}

// judgeQuorum is the rule of the quorum: without the set and all that is down a majority of the voters must be caught
// up. KafkaQuorumCheck of Strimzi has it for one controller.
func (j *judgement) judgeQuorum(f *findings) {
	r := j.in.Index.from
	voters := voterIDs(r)
	going := slices.DeleteFunc(slices.Clone(voters), func(id messages.BrokerID) bool {
		return !j.set.has(id) || j.stopped.has(id)
	})
	if !j.in.KRaft || len(going) == 0 {
		return
	}
	if pending := repairPending(r, j.in.Controllers); pending != "" {
		f.block(pending, going)
	}
	leader := r.QuorumLeader
	others := func(id messages.BrokerID) bool { return id != leader }
	if slices.Contains(going, leader) && slices.ContainsFunc(j.in.Waiting, others) {
		f.block(fmt.Sprintf("active controller last: %d leads the quorum and other controllers still wait", leader),
			[]messages.BrokerID{leader})
	}
	needed := neededVoters(len(voters))
	if slices.ContainsFunc(going, func(id messages.BrokerID) bool { return slices.Contains(j.in.PodVotes, id) }) {
		needed = max(majority(len(voters)), fewestVoters) // what is lost for ever never completes a majority again
	} else if len(voters) == 1 {
		f.warn(fmt.Sprintf("controller %d is the only one: nothing can change while it restarts", voters[0]))
		return
	}
	j.judgeMajority(f, voters, going, needed)
}

func (j *judgement) judgeMajority(f *findings, voters, going []messages.BrokerID, needed int) {
	var remaining []messages.BrokerID
	var behind string
	for _, id := range voters {
		if j.gone.has(id) {
			continue
		}
		if why := behindQuorum(j.in.Index.from, id); why == "" {
			remaining = append(remaining, id)
		} else {
			behind += "; " + why
		}
	}
	if len(remaining) >= needed {
		return
	}
	f.block(fmt.Sprintf("quorum: of the voters %s only %s would be there and caught up without %s, %d are needed%s",
		brokerNames(voters), brokerNames(remaining), brokerNames(going), needed, behind), going)
}

// neededVoters is how many voters must be there while others restart: a majority, but one of two, since two can never
// restart otherwise.
func neededVoters(voters int) int {
	if voters == 2 {
		return 1
	}
	return majority(voters)
}

// fewestVoters is how many have to stay where a vote is taken for a restart, or goes with it: of one alone the metadata would be.
const fewestVoters = 2

// mostControllers is how many controllers may restart together: a minority, but always one.
func mostControllers(voters int) int { return max(1, (voters-1)/2) }
