package kafka

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/messages"
)

const (
	// mostMovesTo bounds how many replicas are on their way to one broker, as Cruise Control does by default
	// (num.concurrent.partition.movements.per.broker); mostMovesAtOnce how many moves begin together.
	mostMovesTo     = 5
	mostMovesAtOnce = 50
)

// MovesInput is all that decides which replicas move away from brokers that leave.
type MovesInput struct {
	Index *ReplicationIndex
	// Before is an answer some seconds older than Index, nil where there is none. The list of replicas and that of moves come from
	// two nodes: one that shows the old and the new replicas of a move together with its end would be taken for more replicas than
	// people want. What nothing has happened to between two answers is as both show it.
	Before *ReplicationIndex
	// Leaving are the brokers that are to be emptied, Dead those of them that do not run.
	Leaving, Dead []messages.BrokerID
	// Staying are all brokers of the spec, Up those of them that run, Takers those of Up that may get replicas.
	Staying, Up, Takers []messages.BrokerID
	// GivenUp are brokers of which nobody knows any more whether they will ever take what is on its way to them.
	GivenUp []messages.BrokerID
	// Unfit say why brokers of Up take nothing for now.
	Unfit map[messages.BrokerID]string
	// RackOf is empty where racks are not known.
	RackOf map[messages.BrokerID]string
	// Started are the moves that this daemon has begun and not seen end.
	Started []Move
	// Batchwise lets no move begin while others are under way: somebody waits for a moment without any.
	Batchwise bool
}

// Move brings a partition to other brokers.
type Move struct {
	Partition TopicPartition
	// Replicas are all that it has in the end, the preferred leader first. Before are those that it had; nil where that is not known.
	Replicas, Before []messages.BrokerID
	// From are those that it leaves, To those that it gets.
	From, To []messages.BrokerID
}

// MovesPlan is what to do about replicas on brokers that leave.
type MovesPlan struct {
	// Start are moves to begin, Cancel those to take back.
	Start, Cancel []Move
	// Started are those of the input that are under way still.
	Started []Move
	// Left counts by broker the partitions that are on it or on their way there, UnderWay those of them that are moving away.
	Left, UnderWay map[messages.BrokerID]int
	// Running counts the moves under way that are ours.
	Running int
	// Waits says what keeps partitions from moving that nothing of the plan moves; empty while all that is needed is time.
	Waits string
}

// PlanMoves replaces each replica on a broker that leaves, at its place in the list: who is preferred as leader stays so. Kafka
// copies the partition, and lets go of the old replica when the new one is in sync.
//
// Nothing begins while somebody else moves replicas: two movers undo each other's work. Ours are the moves that do nothing but
// take replicas away from brokers that leave and give them to brokers that stay, whoever began them: a daemon that was restarted
// goes on with them, and has no other record.
func PlanMoves(in MovesInput) MovesPlan {
	p := newMovePlanner(in)
	p.followStarted()
	if len(p.plan.Cancel) > 0 { // first the one, then the other
		return p.plan
	}
	if p.plan.Waits = ForeignMove(in.Index.from.Reassigning, in.Leaving, in.Staying); p.plan.Waits != "" {
		return p.plan
	}
	p.takeBack()
	if len(p.plan.Cancel) > 0 || in.Batchwise && p.plan.Running > 0 {
		return p.plan
	}
	p.settled = p.settledPartitions()
	for _, id := range p.leaving {
		for _, i := range in.Index.of(id) {
			if p.first(i) == id {
				p.consider(i)
			}
		}
	}
	p.plan.Waits = p.waits()
	return p.plan
}

// ForeignMove names a move that is not ours, empty when there is none.
func ForeignMove(under []messages.Reassignment, leaving, staying []messages.BrokerID) string {
	for _, r := range under {
		if !oursToMove(r, leaving, staying) {
			return fmt.Sprintf("somebody else moves %s (to it %s, away from it %s), and the operator moves nothing meanwhile; end that, or take "+
				"it back with kafka-reassign-partitions --cancel", TopicPartition{Topic: r.Topic, Number: r.Number},
				brokerNames(r.Adding), brokerNames(r.Removing))
		}
	}
	return ""
}

func oursToMove(r messages.Reassignment, leaving, staying []messages.BrokerID) bool {
	return len(r.Removing) > 0 && subset(r.Removing, leaving) && subset(r.Adding, staying)
}

func subset(some, all []messages.BrokerID) bool {
	return !slices.ContainsFunc(some, func(id messages.BrokerID) bool { return !slices.Contains(all, id) })
}

type movePlanner struct {
	MovesInput
	leaving []messages.BrokerID
	plan    MovesPlan
	// settled are the replicas of the partitions that nobody moved between the two answers, as the older one shows them.
	settled map[TopicPartition][]messages.BrokerID
	// moving are the reassignments under way by partition.
	moving map[TopicPartition]messages.Reassignment
	// load is how many replicas a broker has or will have, coming how many are on their way to it.
	load, coming map[messages.BrokerID]int
	// why are the reasons why partitions stay, by how grave they are; of each the first, and how many there are.
	why [stayReasons]stay
}

type stay struct {
	text  string
	count int
}

// What keeps a partition where it is, the gravest first.
const (
	stayFactor = iota
	stayLeaderless
	stayOutOfSync
	stayNobody
	stayReasons
)

func newMovePlanner(in MovesInput) *movePlanner {
	p := &movePlanner{
		MovesInput: in, leaving: slices.Compact(slices.Sorted(slices.Values(in.Leaving))),
		plan:   MovesPlan{Left: map[messages.BrokerID]int{}, UnderWay: map[messages.BrokerID]int{}},
		moving: map[TopicPartition]messages.Reassignment{},
		load:   map[messages.BrokerID]int{}, coming: map[messages.BrokerID]int{},
	}
	for _, id := range p.leaving {
		p.plan.Left[id] = in.Index.Replicas(id)
	}
	for _, id := range in.Takers {
		p.load[id] = in.Index.Replicas(id)
	}
	for _, r := range in.Index.from.Reassigning {
		p.moving[TopicPartition{Topic: r.Topic, Number: r.Number}] = r
		for _, id := range r.Adding {
			p.coming[id]++
		}
		for _, id := range r.Removing {
			if _, leaves := p.plan.Left[id]; leaves {
				p.plan.UnderWay[id]++
			}
		}
		if oursToMove(r, in.Leaving, in.Staying) {
			p.plan.Running++
		}
	}
	return p
}

// followStarted keeps what is under way of the moves begun here, and takes back those that nobody wants any more: a broker came
// back to the spec, or one that was to get replicas leaves too.
func (p *movePlanner) followStarted() {
	for _, m := range p.Started {
		r, under := p.moving[m.Partition]
		if !under || !sameBrokers(r.Removing, m.From) || !sameBrokers(r.Adding, m.To) {
			continue
		}
		if !subset(m.From, p.Leaving) || !subset(m.To, p.Staying) {
			p.plan.Cancel = append(p.plan.Cancel, m)
		}
		p.plan.Started = append(p.plan.Started, m)
	}
}

// takeBack ends moves to brokers that do not take them, where another one could.
func (p *movePlanner) takeBack() {
	for _, id := range p.leaving {
		for _, i := range p.Index.of(id) {
			r, under := p.moving[p.Index.name(i)]
			lost := func(id messages.BrokerID) bool { return slices.Contains(p.GivenUp, id) }
			if !under || p.first(i) != id || !slices.ContainsFunc(r.Adding, lost) {
				continue
			}
			if to, _ := p.taker(p.Index.replicas.of(i)); to >= 0 {
				m := Move{Partition: p.Index.name(i), From: r.Removing, To: r.Adding}
				if at := slices.IndexFunc(p.plan.Started, func(s Move) bool { return s.Partition == m.Partition }); at >= 0 {
					m = p.plan.Started[at]
				}
				p.plan.Cancel = append(p.plan.Cancel, m)
			}
		}
	}
}

func (p *movePlanner) settledPartitions() map[TopicPartition][]messages.BrokerID {
	settled := map[TopicPartition][]messages.BrokerID{}
	if p.Before == nil {
		return settled
	}
	for _, id := range p.leaving {
		for _, i := range p.Before.of(id) {
			settled[p.Before.name(i)] = p.Before.replicas.of(i)
		}
	}
	for _, r := range p.Before.from.Reassigning {
		delete(settled, TopicPartition{Topic: r.Topic, Number: r.Number})
	}
	return settled
}

func sameBrokers(a, b []messages.BrokerID) bool { return subset(a, b) && subset(b, a) }

// first is the broker under which a partition is looked at, so that none is looked at twice.
func (p *movePlanner) first(i int32) messages.BrokerID {
	for _, id := range p.leaving {
		if slices.Contains(p.Index.replicas.of(i), id) {
			return id
		}
	}
	return -1
}

// consider starts the move of one partition, or remembers why it stays.
func (p *movePlanner) consider(i int32) {
	name, replicas := p.Index.name(i), p.Index.replicas.of(i)
	if _, under := p.moving[name]; under || !slices.Equal(p.settled[name], replicas) {
		return
	}
	if reason, text := p.unfit(i); text != "" {
		p.stays(reason, text)
		return
	}
	m := Move{Partition: name, Replicas: slices.Clone(replicas), Before: slices.Clone(replicas)}
	for at, id := range replicas {
		if !slices.Contains(p.leaving, id) {
			continue
		}
		to, free := p.taker(m.Replicas)
		if to < 0 {
			p.stays(stayNobody, fmt.Sprintf("no broker runs that could take %s%s", name, unfitText(p.Unfit, p.Up)))
			return
		}
		if !free || len(p.plan.Start) == mostMovesAtOnce {
			return // when others have arrived
		}
		m.Replicas[at] = to
		m.From, m.To = append(m.From, id), append(m.To, to)
	}
	for _, id := range m.To {
		p.load[id]++
		p.coming[id]++
	}
	p.plan.Start = append(p.plan.Start, m)
}

// unfit says why a partition cannot move, or should not now. A replica that is out of sync has to catch up first: the copying
// would take its share of what the disks and the network can do. Where the broker that leaves is dead there is nothing to wait for.
func (p *movePlanner) unfit(i int32) (reason int, text string) {
	name, replicas := p.Index.name(i), p.Index.replicas.of(i)
	partition := &p.Index.from.Partitions[i]
	if len(replicas) > len(p.Staying) {
		return stayFactor, fmt.Sprintf("%s has replication factor %d, and only %d brokers stay; add a broker, lower the topic's replication "+
			"factor with kafka-reassign-partitions, or put the broker back", name, len(replicas), len(p.Staying))
	}
	if partition.Leader < 0 {
		return stayLeaderless, fmt.Sprintf("%s has no leader to copy it from; bring one of %s up", name, brokerNames(replicas))
	}
	dead := slices.ContainsFunc(replicas, func(id messages.BrokerID) bool { return slices.Contains(p.Dead, id) })
	for _, id := range replicas {
		// Kafka shows a killed broker in sync for some seconds more, so Kubernetes' word counts, too.
		out := !slices.Contains(p.Index.inSync.of(i), id) || !slices.Contains(p.Up, id) || slices.Contains(partition.Offline, id)
		if !slices.Contains(p.leaving, id) && out && !dead {
			return stayOutOfSync, fmt.Sprintf("%s is not in sync on broker %d, which has to be first", name, id)
		}
	}
	return 0, ""
}

// taker chooses the broker for one more replica beside these (of which those that leave count for nothing): in a rack that has
// fewest of them, then with the fewest replicas. It is -1 where nobody may take it, and free says whether it may now: a rack is not
// given up because its broker is busy for a while.
func (p *movePlanner) taker(beside []messages.BrokerID) (id messages.BrokerID, free bool) {
	candidates := slices.DeleteFunc(slices.Clone(p.Takers), func(id messages.BrokerID) bool {
		return slices.Contains(beside, id) || slices.Contains(p.leaving, id)
	})
	if len(candidates) == 0 {
		return -1, false
	}
	slices.SortFunc(candidates, func(a, b messages.BrokerID) int {
		return cmp.Or(cmp.Compare(p.inRackOf(a, beside), p.inRackOf(b, beside)), cmp.Compare(p.busy(a), p.busy(b)),
			cmp.Compare(p.load[a], p.load[b]), cmp.Compare(a, b))
	})
	return candidates[0], p.busy(candidates[0]) == 0
}

// inRackOf counts the replicas that stay in the rack of a broker.
func (p *movePlanner) inRackOf(id messages.BrokerID, beside []messages.BrokerID) (n int) {
	rack := p.RackOf[id]
	for _, other := range beside {
		if rack != "" && p.RackOf[other] == rack && !slices.Contains(p.leaving, other) {
			n++
		}
	}
	return n
}

// busy is 1 for a broker to which as many replicas are on their way as may be.
func (p *movePlanner) busy(id messages.BrokerID) int {
	if p.coming[id] >= mostMovesTo {
		return 1
	}
	return 0
}

func (p *movePlanner) stays(reason int, text string) {
	if p.why[reason].count == 0 {
		p.why[reason].text = text
	}
	p.why[reason].count++
}

// waits tells the gravest reason, and how many partitions it keeps.
func (p *movePlanner) waits() string {
	for _, s := range p.why {
		switch {
		case s.count == 1:
			return s.text
		case s.count > 1:
			return fmt.Sprintf("%s (and %d more partitions like it)", s.text, s.count-1)
		}
	}
	return ""
}

// MovesText says how far one broker is.
func (m MovesPlan) MovesText(id messages.BrokerID) string {
	text := []string{fmt.Sprintf("moving: %d partitions left, %d under way", m.Left[id], m.UnderWay[id])}
	if m.Left[id] == 1 {
		text[0] = fmt.Sprintf("moving: 1 partition left, %d under way", m.UnderWay[id])
	}
	if m.Waits != "" {
		text = append(text, m.Waits)
	}
	return strings.Join(text, "; ")
}
