package kafka

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koperator-go/koperator/messages"
)

// TopicPartition names one partition.
type TopicPartition struct {
	Topic  string
	Number int32
}

// String is the name that Kafka itself uses in logs and for directories.
func (p TopicPartition) String() string { return fmt.Sprintf("%s-%d", p.Topic, p.Number) }

// ReplicationIndex is a Replication in the order in which questions are asked: by broker. A judgement about one broker
// then costs its own partitions only, and all of them lie side by side in memory.
type ReplicationIndex struct {
	from *messages.Replication
	// min is min.insync.replicas by partition, unknownMin where it could not be read.
	min []int32
	// replicas and inSync hold those of all partitions one after the other.
	replicas, inSync brokerLists
	// position numbers the brokers that are named anywhere; the next four are by that number.
	position   map[messages.BrokerID]int32
	ids        []messages.BrokerID
	partitions partitionLists
	leaders    []int32
	impaired   []bool

	offline int
}

// unknownMin is no value of min.insync.replicas.
const unknownMin int32 = -1

// brokerLists are many short lists of brokers: list i lies between start[i] and start[i+1].
type brokerLists struct {
	all   []messages.BrokerID
	start []int32
}

func (l *brokerLists) of(i int32) []messages.BrokerID { return l.all[l.start[i]:l.start[i+1]] }

func (l *brokerLists) add(list []messages.BrokerID) {
	l.all = append(l.all, list...)
	l.start = append(l.start, int32(len(l.all)))
}

func newBrokerLists(lists, size int) brokerLists {
	return brokerLists{all: make([]messages.BrokerID, 0, size), start: append(make([]int32, 0, lists+1), 0)}
}

// partitionLists are the partitions of every broker, by its position, in the order of Replication.Partitions.
type partitionLists struct{ all, start []int32 }

// Index makes the index of a Replication, which must not change any more; of nil it is nil.
func Index(r *messages.Replication) *ReplicationIndex {
	if r == nil {
		return nil
	}
	replicas, inSync := 0, 0
	for i := range r.Partitions {
		replicas += len(r.Partitions[i].Replicas)
		inSync += len(r.Partitions[i].ISR)
	}
	x := &ReplicationIndex{
		from:     r,
		min:      minISRByPartition(r),
		replicas: newBrokerLists(len(r.Partitions), replicas),
		inSync:   newBrokerLists(len(r.Partitions), inSync),
		position: map[messages.BrokerID]int32{},
	}
	for i := range r.Partitions {
		x.replicas.add(r.Partitions[i].Replicas)
		x.inSync.add(r.Partitions[i].ISR)
		x.count(&r.Partitions[i])
	}
	x.partitions = x.partitionsByBroker()
	return x
}

// minISRByPartition looks a topic up once: its partitions follow one another.
func minISRByPartition(r *messages.Replication) []int32 {
	all := make([]int32, len(r.Partitions))
	for i := range r.Partitions {
		topic := r.Partitions[i].Topic
		if i > 0 && topic == r.Partitions[i-1].Topic {
			all[i] = all[i-1]
		} else if known, ok := r.MinISR[topic]; ok {
			all[i] = known
		} else {
			all[i] = unknownMin
		}
	}
	return all
}

// count adds one partition to what is counted over all of them.
func (x *ReplicationIndex) count(p *messages.Partition) {
	for _, id := range p.Replicas {
		at := x.place(id)
		if !slices.Contains(p.ISR, id) {
			x.impaired[at] = true
		}
	}
	for _, id := range p.Offline {
		x.impaired[x.place(id)] = true
	}
	if p.Leader < 0 {
		x.offline++
	} else {
		x.leaders[x.place(p.Leader)]++
	}
}

// place is the position of a broker, which may be new.
func (x *ReplicationIndex) place(id messages.BrokerID) int32 {
	at, ok := x.position[id]
	if !ok {
		at = int32(len(x.ids))
		x.position[id] = at
		x.ids = append(x.ids, id)
		x.leaders = append(x.leaders, 0)
		x.impaired = append(x.impaired, false)
	}
	return at
}

func (x *ReplicationIndex) partitionsByBroker() partitionLists {
	at := make([]int32, len(x.replicas.all))
	start := make([]int32, len(x.ids)+1)
	for i, id := range x.replicas.all {
		at[i] = x.position[id]
		start[at[i]+1]++
	}
	for i := range x.ids {
		start[i+1] += start[i]
	}
	next := slices.Clone(start)
	all := make([]int32, len(at))
	for i := range int32(len(x.min)) {
		for k := x.replicas.start[i]; k < x.replicas.start[i+1]; k++ {
			all[next[at[k]]] = i
			next[at[k]]++
		}
	}
	return partitionLists{all: all, start: start}
}

// of are the indices of the partitions that have a replica on a broker, ascending.
func (x *ReplicationIndex) of(id messages.BrokerID) []int32 {
	at, ok := x.position[id]
	if !ok {
		return nil
	}
	return x.partitions.all[x.partitions.start[at]:x.partitions.start[at+1]]
}

func (x *ReplicationIndex) name(i int32) TopicPartition {
	p := &x.from.Partitions[i]
	return TopicPartition{Topic: p.Topic, Number: p.Number}
}

// Replication is what the index was made of.
func (x *ReplicationIndex) Replication() *messages.Replication { return x.from }

// Replicas counts the partitions that have a replica on a broker.
func (x *ReplicationIndex) Replicas(id messages.BrokerID) int { return len(x.of(id)) }

// Leaders counts the partitions that a broker leads.
func (x *ReplicationIndex) Leaders(id messages.BrokerID) int {
	at, ok := x.position[id]
	if !ok {
		return 0
	}
	return int(x.leaders[at])
}

// Offline counts the partitions without a leader.
func (x *ReplicationIndex) Offline() int { return x.offline }

// Impaired are the brokers that have a replica offline or out of sync, ascending. Koperator compares their number with
// rollingUpgradeConfig.failureThreshold.
func (x *ReplicationIndex) Impaired() []messages.BrokerID {
	var impaired []messages.BrokerID
	for at, is := range x.impaired {
		if is {
			impaired = append(impaired, x.ids[at])
		}
	}
	slices.Sort(impaired)
	return impaired
}

// OutOfSync are the partitions that a broker has a replica of that is not in sync.
func (x *ReplicationIndex) OutOfSync(id messages.BrokerID) []TopicPartition {
	var missing []TopicPartition
	for _, i := range x.of(id) {
		if !slices.Contains(x.inSync.of(i), id) {
			missing = append(missing, x.name(i))
		}
	}
	return missing
}

// PreferredLeaders are the partitions that a broker should lead, could lead and does not: those to elect leaders for
// after its restart. Kafka itself looks only every leader.imbalance.check.interval.seconds, five minutes.
func PreferredLeaders(id messages.BrokerID, x *ReplicationIndex) []TopicPartition {
	var preferred []TopicPartition
	for _, i := range x.of(id) {
		first := x.replicas.of(i)[0] == id
		if first && x.from.Partitions[i].Leader != id && slices.Contains(x.inSync.of(i), id) {
			preferred = append(preferred, x.name(i))
		}
	}
	return preferred
}

// ReturnInput is what tells whether a broker is back from a restart as far as Kafka's data go. Whether its Pod is ready
// and Kafka has it registered is asked elsewhere.
type ReturnInput struct {
	Broker messages.BrokerID
	// Before is what OutOfSync said before the broker was stopped: a replica that was broken then must not hold up all
	// other brokers for ever.
	Before []TopicPartition
	Now    *ReplicationIndex
	// Started is when the broker's Pod became ready again; an older answer shows it as it was before it stopped.
	Started time.Time
	// Controller says that it has to be a voter of the quorum.
	Controller bool
}

// Returned tells whether a broker has caught up, and if not what is missing.
func Returned(in ReturnInput) (bool, string) {
	if in.Now == nil {
		return false, "nothing is known of the partitions"
	}
	if in.Now.from.At.Before(in.Started) {
		return false, fmt.Sprintf("what is known of the partitions is older than the start of %d", in.Broker)
	}
	if in.Controller {
		if behind := behindQuorum(in.Now.from, in.Broker); behind != "" {
			return false, behind
		}
	}
	missing := missingSince(in.Before, in.Now.OutOfSync(in.Broker))
	if len(missing) == 0 {
		return true, ""
	}
	return false, fmt.Sprintf("%d is not in sync yet in %s", in.Broker, partitionNames(missing))
}

// missingSince are the partitions of now that were not among those before.
func missingSince(before, now []TopicPartition) []TopicPartition {
	known := make(map[TopicPartition]bool, len(before))
	for _, p := range before {
		known[p] = true
	}
	return slices.DeleteFunc(now, func(p TopicPartition) bool { return known[p] })
}

// partitionNames is a sentence's end: the first of them by name.
func partitionNames(all []TopicPartition) string {
	var names cappedList
	for _, p := range all {
		names.add(p.String)
	}
	return strings.Join(names.list(), ", ")
}

// shownReasons is how many sentences or names a list carries before it says how many more there are: conditions and
// Events are read by people and cut by the API server.
const shownReasons = 10

// cappedList takes any number of texts, makes the first ones and counts the rest.
type cappedList struct {
	shown []string
	more  int
}

func (l *cappedList) add(text func() string) {
	if len(l.shown) == shownReasons {
		l.more++
		return
	}
	l.shown = append(l.shown, text())
}

func (l *cappedList) list() []string {
	if l.more == 0 {
		return l.shown
	}
	return append(slices.Clip(l.shown), fmt.Sprintf("and %d more", l.more))
}

// brokerNames is a set as messages show it: {1,2}.
func brokerNames(ids []messages.BrokerID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	return "{" + strings.Join(names, ",") + "}"
}
