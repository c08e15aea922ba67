package simulation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/koperator-go/koperator/messages"
)

type voter struct {
	id              messages.BrokerID
	host, directory string
}

// quorumState is what the controllers are at.
type quorumState struct {
	// leader is the active controller, -1 while there is none, since then.
	leader messages.BrokerID
	since  time.Time
	// terms counts leaders; due is when the next one can have been elected.
	terms int
	due   time.Time
	// seen is when a replica that is gone had its last contact.
	seen map[quorumKey]time.Time
}

// quorumKey names a replica of the metadata log: a node whose disk was lost is another one. Of a static quorum the directories are
// not known.
type quorumKey struct {
	id        messages.BrokerID
	directory string
}

// keyOf is a process as the quorum knows it.
func (c *kafkaState) keyOf(p *process) quorumKey {
	if directory, votes := c.voters[p.id]; votes && directory == "" {
		return quorumKey{id: p.id}
	}
	return quorumKey{p.id, p.directory}
}

// forgotten is how long nodes that are gone still appear among the observers.
const forgotten = 5 * time.Minute

// elect makes the first voters of a process the cluster's, once a majority of them runs.
func (c *kafkaState) elect(k *kafka) {
	for _, id := range slices.Sorted(maps.Keys(c.processes)) {
		p := c.processes[id]
		if len(p.voters) == 0 {
			continue
		}
		if running := c.running(k, p.voters, p.clusterID); 2*len(running) > len(p.voters) {
			c.id, c.voters, c.began = p.clusterID, map[messages.BrokerID]string{}, time.Now()
			for _, v := range p.voters {
				c.voters[v.id] = v.directory
			}
			return
		}
	}
}

// running lists the voters whose process runs on the disk that the list names and whose name resolves.
func (c *kafkaState) running(k *kafka, voters []voter, clusterID string) []messages.BrokerID {
	var ids []messages.BrokerID
	for _, v := range voters {
		p := c.processes[v.id]
		if p != nil && p.controller && p.refused == "" && p.clusterID == clusterID &&
			(v.directory == "" || v.directory == p.directory) && (v.host == "" || k.resolves(v.host)) {
			ids = append(ids, v.id)
		}
	}
	return ids
}

// votes are the voters that run.
func (c *kafkaState) votes(k *kafka) []messages.BrokerID {
	voters := make([]voter, 0, len(c.voters))
	for _, id := range slices.Sorted(maps.Keys(c.voters)) {
		voters = append(voters, voter{id: id, directory: c.voters[id]})
	}
	return c.running(k, voters, c.id)
}

// active reports whether metadata can change.
func (c *kafkaState) active() bool { return !c.kraft || c.quorum.leader >= 0 }

// control elects an active controller where a majority of voters runs. Who resigns hands over at once, whose end nobody
// saw is missed after controller.quorum.fetch.timeout.ms (2 s).
func (c *kafkaState) control(k *kafka) {
	if !c.kraft || c.voters == nil {
		return
	}
	q, running := &c.quorum, c.votes(k)
	majority := 2*len(running) > len(c.voters)
	if q.leader >= 0 && majority && slices.Contains(running, q.leader) {
		return
	}
	if q.leader >= 0 {
		q.leader, q.due = -1, time.Now().Add(k.faults.between("election of "+c.name, 1500*time.Millisecond, 2500*time.Millisecond))
		k.later(c, time.Until(q.due), nil)
	}
	if !majority || time.Now().Before(q.due) {
		return
	}
	q.terms++
	q.leader = slices.MinFunc(running, func(a, b messages.BrokerID) int {
		return cmp.Compare(c.lot(k, a), c.lot(k, b))
	})
	q.since = time.Now()
	for _, b := range c.brokers { // a new controller gives every broker a whole session
		if end := q.since.Add(session); !b.sessionEnds.IsZero() && b.sessionEnds.Before(end) {
			b.sessionEnds = end
			k.later(c, session, nil)
		}
	}
}

func (c *kafkaState) lot(k *kafka, id messages.BrokerID) uint64 {
	return digest(k.faults.seed, fmt.Sprintf("controller %s %d", c.name, id), c.quorum.terms)
}

// resigned: a controller that is asked to stop gives its office away within a moment.
func (c *kafkaState) resigned(k *kafka) {
	c.quorum.leader, c.quorum.due = -1, time.Now().Add(100*time.Millisecond)
	k.later(c, 100*time.Millisecond, nil)
}

// clock is what time it is for the active controller: its machine's clock is not the daemon's.
func (c *kafkaState) clock(k *kafka) time.Time {
	skew := time.Duration(digest(k.faults.seed, "clock", int(c.quorum.leader))%600)*time.Second - 5*time.Minute
	return time.Now().Add(skew)
}

// described is DescribeQuorum: by id, each voter before what observes under its id.
func (c *kafkaState) described(k *kafka) []messages.QuorumReplica {
	var list []messages.QuorumReplica
	for _, id := range slices.Sorted(maps.Keys(c.voters)) {
		p := c.processes[id]
		if p != nil && (!p.controller || p.refused != "" || c.voters[id] != "" && c.voters[id] != p.directory) {
			p = nil
		}
		replica := c.replicaOf(k, quorumKey{id, c.voters[id]}, p)
		replica.Voter = true
		list = append(list, replica)
	}
	for _, id := range slices.Sorted(maps.Keys(c.processes)) {
		p := c.processes[id]
		if directory, votes := c.voters[id]; p.refused == "" && p.kraft && (!votes || directory != "" && directory != p.directory) {
			list = append(list, c.replicaOf(k, quorumKey{id, p.directory}, p))
		}
	}
	for gone, at := range c.quorum.seen { // in any order: the list is sorted
		directory, votes := c.voters[gone.id]
		p := c.processes[gone.id]
		if time.Since(at) < forgotten && !(votes && directory == gone.directory) && (p == nil || p.directory != gone.directory) {
			list = append(list, c.replicaOf(k, gone, nil))
		}
	}
	slices.SortFunc(list, func(a, b messages.QuorumReplica) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(votersFirst(a), votersFirst(b)), cmp.Compare(a.DirectoryID, b.DirectoryID))
	})
	return list
}

func votersFirst(r messages.QuorumReplica) int {
	if r.Voter {
		return 0
	}
	return 1
}

// replicaOf is how far a replica has the metadata log; p is nil when it does not fetch.
func (c *kafkaState) replicaOf(k *kafka, key quorumKey, p *process) messages.QuorumReplica {
	now, skew := time.Now(), time.Until(c.clock(k))
	seen, known := c.quorum.seen[key]
	switch {
	case p != nil && key.id == c.quorum.leader:
		seen, known = now, true
	case p != nil && p.serves && !p.adrift && now.Sub(p.since) > 500*time.Millisecond: // it fetches at least each 500 ms
		lag := time.Duration(digest(k.faults.seed, "lag", int(key.id))%400) * time.Millisecond
		seen, known = now.Add(-lag), true
	}
	if !known {
		return messages.QuorumReplica{ID: key.id, DirectoryID: key.directory, LogEndOffset: -1}
	}
	return messages.QuorumReplica{
		ID: key.id, DirectoryID: key.directory, LogEndOffset: int64(seen.Sub(c.began) / (500 * time.Millisecond)),
		LastCaughtUp: seen.Add(skew),
	}
}
