package kafka

import (
	"fmt"
	"slices"
	"time"

	"github.com/koperator-go/koperator/messages"
)

// oldestReplication is how old an answer may be that lets a broker be stopped: Kafka fences a dead broker within nine
// seconds, so anything older may not show one that died since.
const oldestReplication = 10 * time.Second

// RestartInput is all that decides whether brokers may be stopped together.
type RestartInput struct {
	// Set are the brokers and controllers to stop.
	Set []messages.BrokerID
	// Down are those that are down already, or will be: Pod absent, terminating or not ready, not registered, fenced,
	// about to be stopped, started less than ten seconds ago. They are taken out of every ISR, whatever Kafka says: it
	// shows a killed broker in sync for another ten seconds.
	Down []messages.BrokerID
	// Stopped are those of Down that have no running process, so that starting them can take nothing from anybody. They
	// are let through even when Kafka says nothing at all; otherwise a mistake that stops every node could never be mended.
	Stopped []messages.BrokerID
	// Volatile are those that are down as well and whose replicas are lost with their Pod: down to all others, while their own
	// restart is judged as that of a broker that serves.
	Volatile []messages.BrokerID
	Index    *ReplicationIndex
	Now      time.Time
	// Recovering are those that read their logs after a crash: a restart would begin that again.
	Recovering []messages.BrokerID
	// PodVotes are the controllers whose vote is lost with their Pod, since their metadata are.
	PodVotes []messages.BrokerID
	// Controllers are all nodes that should vote, Waiting those that still have to be restarted.
	Controllers, Waiting []messages.BrokerID
	// RackOf is empty where racks are not known.
	RackOf map[messages.BrokerID]string
	KRaft  bool
	// BlockUnprotected refuses to make partitions unavailable that no order of restarts keeps available.
	BlockUnprotected bool
	// Forced is a person's word: partitions and log recovery only warn. The quorum still blocks.
	Forced bool
}

// RestartVerdict is the answer. Its lists have a fixed order, the first ten entries and "and N more".
type RestartVerdict struct {
	OK bool
	// Reasons are sentences, empty when OK.
	Reasons []string
	// Warnings are sentences about what will happen though it is OK.
	Warnings []string
	// Unprotected are the partitions that will be unavailable to acks=all and that no order keeps available.
	Unprotected []string
	// Blame counts by member of the set in how many reasons it has a part.
	Blame map[messages.BrokerID]int
}

// CanRestart tells whether all of a set may be stopped at once: every partition must keep min.insync.replicas replicas in
// sync, the quorum its majority. What no order of restarts can keep (one replica; min.insync.replicas of them) is allowed
// one replica at a time, never the last in-sync one of several, and named. Allowed for a set means allowed for every
// subset of it.
func CanRestart(in RestartInput) RestartVerdict {
	j := newJudgement(in)
	f := findings{blame: map[messages.BrokerID]int{}}
	if j.harmless() {
		return f.verdict()
	}
	if unknown := j.unknown(); unknown != "" {
		f.block(unknown, j.members)
		return f.verdict()
	}
	j.judgeNodes(&f)
	j.judgeRacks(&f)
	j.judgeQuorum(&f)
	j.judgePartitions(&f)
	j.warnOfReassignments(&f)
	return f.verdict()
}

// judgement is a RestartInput prepared for many questions.
type judgement struct {
	in RestartInput
	// members are the set, ascending, each once.
	members []messages.BrokerID
	// gone are the set and all that is down: what is left is what is not in it.
	set, down, stopped, gone brokerSet
}

func newJudgement(in RestartInput) *judgement {
	members := slices.Clone(in.Set)
	slices.Sort(members)
	j := &judgement{in: in, members: slices.Compact(members)}
	j.set.add(in.Set...)
	j.stopped.add(in.Stopped...)
	j.down.add(in.Down...)
	j.down.add(in.Stopped...)
	j.gone.add(in.Set...)
	j.gone.add(in.Down...)
	j.gone.add(in.Stopped...)
	j.gone.add(in.Volatile...)
	return j
}

// harmless is a set of which nothing runs.
func (j *judgement) harmless() bool {
	return !slices.ContainsFunc(j.members, func(id messages.BrokerID) bool { return !j.stopped.has(id) })
}

// unknown says what has to be known first. Without a leader of the quorum nobody would move a broker's partitions away.
func (j *judgement) unknown() string {
	if j.in.Index == nil {
		return "nothing is known of the partitions"
	}
	r := j.in.Index.from
	switch age := j.in.Now.Sub(r.At); {
	case age > oldestReplication:
		return fmt.Sprintf("what is known of the partitions is %s old, more than %s", age.Round(time.Second), oldestReplication)
	case j.in.KRaft && r.QuorumLeader < 0:
		return "the leader of the metadata quorum is not known"
	case j.in.KRaft && len(voterIDs(r)) == 0:
		return "the voters of the metadata quorum are not known"
	}
	return ""
}

// judgeNodes blocks what is true of a node alone.
func (j *judgement) judgeNodes(f *findings) {
	for _, id := range j.members {
		if !slices.Contains(j.in.Recovering, id) {
			continue
		}
		text := fmt.Sprintf("%d recovers its logs, which a restart would begin again", id)
		if j.in.Forced {
			f.warn(text)
		} else {
			f.block(text, []messages.BrokerID{id})
		}
	}
}

// judgeRacks blocks a set that is spread: only the replicas of one rack can be expected to be one of each partition.
func (j *judgement) judgeRacks(f *findings) {
	var racks []string
	for _, id := range j.members {
		racks = append(racks, j.in.RackOf[id])
	}
	slices.Sort(racks)
	if racks = slices.Compact(racks); len(racks) > 1 {
		f.block(fmt.Sprintf("%s are in %d racks", brokerNames(j.members), len(racks)), j.members)
	}
}

// judgePartitions applies rule() to every partition that the set touches, each once, in their order.
func (j *judgement) judgePartitions(f *findings) {
	for _, i := range j.affected() {
		switch o := j.rule(i); {
		case o == partitionUnprotected && !j.blocks(o):
			f.unprotected.add(func() string { return j.in.Index.name(i).String() })
			f.warnings.add(func() string { return j.sentence(i, o) })
		case !j.blocks(o) && o != partitionFine:
			f.warnings.add(func() string { return j.sentence(i, o) })
		case o != partitionFine:
			f.reasons.add(func() string { return j.sentence(i, o) })
			j.blamed(i, func(id messages.BrokerID) { f.blame[id]++ })
		}
	}
}

// affected are the partitions that have a replica in the set and would not be fine, ascending.
func (j *judgement) affected() []int32 {
	var affected []int32
	for _, id := range j.members {
		for _, i := range j.in.Index.of(id) {
			if j.firstOfSet(i) == id && j.rule(i) != partitionFine {
				affected = append(affected, i)
			}
		}
	}
	slices.Sort(affected)
	return affected
}

// firstOfSet is the one member under which a partition is looked at, so that none is looked at twice.
func (j *judgement) firstOfSet(i int32) messages.BrokerID {
	for _, id := range j.in.Index.replicas.of(i) {
		if j.set.has(id) {
			return id
		}
	}
	return -1
}

// blamed calls for each member that takes part in what blocks a partition.
func (j *judgement) blamed(i int32, call func(messages.BrokerID)) {
	for _, id := range j.in.Index.replicas.of(i) {
		if j.set.has(id) && !j.down.has(id) {
			call(id)
		}
	}
}

// outcome is what the restart of a set does to one partition.
type outcome int

const (
	partitionFine outcome = iota
	// partitionUnknown is one whose min.insync.replicas could not be read.
	partitionUnknown
	// partitionBelow would have fewer in sync than min.insync.replicas, and more replicas than that: waiting helps.
	partitionBelow
	// partitionTogether would lose two replicas at once and can never keep min.insync.replicas.
	partitionTogether
	// partitionLast would lose the last of several replicas that is in sync.
	partitionLast
	// partitionUnprotected cannot be made safe by any order.
	partitionUnprotected
)

// rule is what KafkaAvailability of Strimzi decides for one broker, for sets, and stricter where there are no more
// replicas than min.insync.replicas: there Strimzi restarts even the only one in sync.
func (j *judgement) rule(i int32) outcome {
	replicas := j.in.Index.replicas.of(i)
	touched, away := false, 0
	for _, id := range replicas {
		if j.gone.has(id) {
			away++
			touched = touched || j.set.has(id) && !j.down.has(id)
		}
	}
	if !touched { // what is down already cannot be hurt by a restart
		return partitionFine
	}
	live := 0
	for _, id := range j.in.Index.inSync.of(i) {
		if !j.gone.has(id) {
			live++
		}
	}
	minISR := j.in.Index.min[i]
	switch {
	case minISR == unknownMin:
		return partitionUnknown
	case live >= max(int(minISR), 1):
		return partitionFine
	case len(replicas) > int(minISR):
		return partitionBelow
	case away > 1:
		return partitionTogether
	case len(replicas) > 1 && live == 0:
		return partitionLast
	default:
		return partitionUnprotected
	}
}

func (j *judgement) blocks(o outcome) bool {
	switch o {
	case partitionFine:
		return false
	case partitionUnknown:
		return true
	case partitionUnprotected:
		return j.in.BlockUnprotected && !j.in.Forced
	default:
		return !j.in.Forced
	}
}

// sentence says what is wrong with a partition.
func (j *judgement) sentence(i int32, o outcome) string {
	x := j.in.Index
	name, inSync, minISR := x.name(i), slices.Sorted(slices.Values(x.inSync.of(i))), x.min[i]
	stays := func(id messages.BrokerID) bool { return !j.gone.has(id) }
	away := slices.DeleteFunc(slices.Sorted(slices.Values(x.replicas.of(i))), stays)
	leaving := slices.DeleteFunc(slices.Clone(inSync), stays)
	switch {
	case o == partitionUnknown:
		return fmt.Sprintf("%s: min.insync.replicas is not known", name)
	case o == partitionTogether:
		return fmt.Sprintf("%s: %s of %d replicas, too few for min.insync.replicas %d, must not be away together", name,
			brokerNames(away), len(x.replicas.of(i)), minISR)
	case o == partitionUnprotected:
		return fmt.Sprintf("%s: %d of %d replicas cannot keep min.insync.replicas %d while %s is away", name,
			len(x.replicas.of(i))-len(away), len(x.replicas.of(i)), minISR, brokerNames(away))
	case len(leaving) == 0:
		return fmt.Sprintf("%s: in sync %s is below min.insync.replicas %d already, %s may be the first to catch up",
			name, brokerNames(inSync), max(minISR, 1), brokerNames(away))
	case o == partitionLast:
		return fmt.Sprintf("%s: in sync %s without %s leaves no replica in sync", name, brokerNames(inSync), brokerNames(leaving))
	default:
		return fmt.Sprintf("%s: in sync %s without %s is below min.insync.replicas %d", name, brokerNames(inSync),
			brokerNames(leaving), max(minISR, 1))
	}
}

// warnOfReassignments names partitions that are being copied to a member: the copying pauses, nothing is lost.
func (j *judgement) warnOfReassignments(f *findings) {
	for _, move := range j.in.Index.from.Reassigning {
		if slices.ContainsFunc(move.Adding, j.set.has) {
			f.warnings.add(func() string {
				name := TopicPartition{Topic: move.Topic, Number: move.Number}
				return fmt.Sprintf("%s is being copied to %s", name, brokerNames(move.Adding))
			})
		}
	}
}

// findings collect what a judgement finds.
type findings struct {
	reasons, warnings, unprotected cappedList
	blame                          map[messages.BrokerID]int
}

func (f *findings) block(reason string, blame []messages.BrokerID) {
	f.reasons.add(func() string { return reason })
	for _, id := range blame {
		f.blame[id]++
	}
}

func (f *findings) warn(warning string) { f.warnings.add(func() string { return warning }) }

func (f *findings) blocked() bool { return len(f.reasons.shown) > 0 }

func (f *findings) verdict() RestartVerdict {
	return RestartVerdict{
		OK:          !f.blocked(),
		Reasons:     f.reasons.list(),
		Warnings:    f.warnings.list(),
		Unprotected: f.unprotected.list(),
		Blame:       f.blame,
	}
}

// brokerSet is a set of brokers that is asked once per replica: a slice by id, and a map for the few ids that would make
// it too long.
type brokerSet struct {
	low  []bool
	high map[messages.BrokerID]bool
}

// highestLow bounds the slice; Kafka itself keeps generated ids below reserved.broker.max.id, 1000.
const highestLow = 1 << 12

func (s *brokerSet) has(id messages.BrokerID) bool {
	if uint32(id) < uint32(len(s.low)) {
		return s.low[id]
	}
	return s.high[id]
}

func (s *brokerSet) add(ids ...messages.BrokerID) {
	for _, id := range ids {
		s.put(id, true)
	}
}

func (s *brokerSet) remove(id messages.BrokerID) { s.put(id, false) }

func (s *brokerSet) put(id messages.BrokerID, in bool) {
	if id < 0 || id >= highestLow {
		if s.high == nil {
			s.high = map[messages.BrokerID]bool{}
		}
		s.high[id] = in
		return
	}
	if missing := int(id) + 1 - len(s.low); missing > 0 {
		s.low = append(s.low, make([]bool, missing)...)
	}
	s.low[id] = in
}
