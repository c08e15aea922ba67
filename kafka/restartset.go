package kafka

import (
	"cmp"
	"slices"

	"github.com/koperator-go/koperator/messages"
)

// LargestRestart chooses which of the candidates, the most urgent first, may be stopped together: never more than limit,
// all in the rack of the first that may go, a minority of the controllers. Where racks are not known it takes brokers
// that share no partition that would suffer. The verdict is that of the chosen set, or of the first candidate when there
// is none. Set of the input counts for nothing.
//
// What blocks a set is dropped one by one, the broker with a part in most of it first; what has been dropped gets
// another chance at the end. The answer is a large set, not the largest there is: to find that would take exponential time.
func LargestRestart(candidates []messages.BrokerID, limit int, in RestartInput) ([]messages.BrokerID, RestartVerdict) {
	if len(candidates) == 0 || limit < 1 {
		return nil, RestartVerdict{Reasons: []string{"no broker may be restarted now: none waits or the limit is reached"}}
	}
	alone := restartableAlone(candidates, limit, in)
	if len(alone) == 0 {
		in.Set = candidates[:1]
		return nil, CanRestart(in)
	}
	rack := in.RackOf[alone[0]]
	group := slices.DeleteFunc(alone, func(id messages.BrokerID) bool { return in.RackOf[id] != rack })
	if limit > 1 {
		group = leastBlamedFirst(group, in)
	}
	in.Set = together(group, limit, in)
	return in.Set, CanRestart(in)
}

// restartableAlone are the candidates that may be stopped at all, since no set can hold any other; with a limit of one
// the first of them is enough.
func restartableAlone(candidates []messages.BrokerID, limit int, in RestartInput) []messages.BrokerID {
	var alone []messages.BrokerID
	for _, id := range candidates {
		in.Set = []messages.BrokerID{id}
		if slices.Contains(alone, id) || !newJudgement(in).allowedWith(id) {
			continue
		}
		if alone = append(alone, id); limit == 1 {
			break
		}
	}
	return alone
}

// allowedWith tells whether the set may be stopped, when it could be without one of its members: only that member's
// partitions are looked at. It makes no texts about them.
func (j *judgement) allowedWith(id messages.BrokerID) bool {
	if j.harmless() {
		return true
	}
	if j.unknown() != "" {
		return false
	}
	f := findings{blame: map[messages.BrokerID]int{}}
	j.judgeNodes(&f)
	j.judgeRacks(&f)
	j.judgeQuorum(&f)
	if f.blocked() {
		return false
	}
	return !slices.ContainsFunc(j.in.Index.of(id), func(i int32) bool { return j.blocks(j.rule(i)) })
}

// together takes one after the other as long as all taken may be stopped together.
func together(ordered []messages.BrokerID, limit int, in RestartInput) []messages.BrokerID {
	var chosen []messages.BrokerID
	var controllers int
	voters := in.voters()
	for _, id := range ordered {
		votes := slices.Contains(voters, id)
		if votes && controllers == mostControllers(len(voters)) {
			continue
		}
		in.Set = append(slices.Clip(chosen), id)
		if !newJudgement(in).allowedWith(id) {
			continue
		}
		if votes {
			controllers++
		}
		if chosen = in.Set; len(chosen) == limit {
			break
		}
	}
	return chosen
}

func (in RestartInput) voters() []messages.BrokerID {
	if in.Index == nil || !in.KRaft {
		return nil
	}
	return voterIDs(in.Index.from)
}

// leastBlamedFirst drops from the group whoever has a part in most blocked partitions, the least urgent of equals, until
// none is blocked. Those that stay come first, each part in the old order. The most urgent stays always, so that nobody
// is put off again and again.
func leastBlamedFirst(group []messages.BrokerID, in RestartInput) []messages.BrokerID {
	if in.Index == nil {
		return group
	}
	in.Set = group
	s := newShrinking(newJudgement(in))
	var dropped []messages.BrokerID
	for {
		worst, most := messages.BrokerID(-1), 0
		for _, id := range group[1:] {
			if s.blame[id] > 0 && s.blame[id] >= most {
				worst, most = id, s.blame[id]
			}
		}
		if most == 0 {
			break
		}
		s.drop(worst)
		dropped = append(dropped, worst)
	}
	stays := func(id messages.BrokerID) int {
		if slices.Contains(dropped, id) {
			return 1
		}
		return 0
	}
	ordered := slices.Clone(group)
	slices.SortStableFunc(ordered, func(a, b messages.BrokerID) int { return cmp.Compare(stays(a), stays(b)) })
	return ordered
}

// shrinking is a judgement whose set gets smaller. A partition that is fine stays fine, so only the partitions of who is
// dropped are looked at again.
type shrinking struct {
	*judgement
	blocked []bool // by partition
	blame   map[messages.BrokerID]int
}

func newShrinking(j *judgement) *shrinking {
	s := &shrinking{judgement: j, blocked: make([]bool, len(j.in.Index.min)), blame: map[messages.BrokerID]int{}}
	for _, i := range j.affected() {
		if j.blocks(j.rule(i)) {
			s.blocked[i] = true
			j.blamed(i, func(id messages.BrokerID) { s.blame[id]++ })
		}
	}
	return s
}

func (s *shrinking) drop(member messages.BrokerID) {
	s.set.remove(member)
	if !s.down.has(member) {
		s.gone.remove(member)
	}
	s.blame[member] = 0
	for _, i := range s.in.Index.of(member) {
		if s.blocked[i] && !s.blocks(s.rule(i)) {
			s.blocked[i] = false
			s.blamed(i, func(id messages.BrokerID) { s.blame[id]-- })
		}
	}
}

// RestartNode is a node that waits for a restart.
type RestartNode struct {
	ID messages.BrokerID
	// Stuck nodes do not run and will not by themselves; Unready ones run but are not ready.
	Stuck, Unready bool
	// Broker and Controller are its roles; Active says that it leads the quorum.
	Broker, Controller, Active bool
	Rack                       string
	// Leaders is how many partitions it leads.
	Leaders int
}

// RestartOrder is the order in which nodes are restarted: who does nothing now first, so that it can help again;
// controllers; brokers and combined nodes by rack, who leads least first; the active controller last, since each change
// of it costs a pause.
func RestartOrder(nodes []RestartNode) []messages.BrokerID {
	ordered := slices.Clone(nodes)
	slices.SortFunc(ordered, func(a, b RestartNode) int {
		return cmp.Or(cmp.Compare(a.turn(), b.turn()), a.compareInTurn(b), cmp.Compare(a.ID, b.ID))
	})
	ids := make([]messages.BrokerID, len(ordered))
	for i, n := range ordered {
		ids[i] = n.ID
	}
	return ids
}

const (
	turnStuck = iota
	turnUnready
	turnController
	turnBroker
	turnActive
)

func (n RestartNode) turn() int {
	switch {
	case n.Stuck:
		return turnStuck
	case n.Active:
		return turnActive
	case n.Unready:
		return turnUnready
	case n.Controller && !n.Broker:
		return turnController
	default:
		return turnBroker
	}
}

func (n RestartNode) compareInTurn(o RestartNode) int {
	if n.turn() != turnBroker {
		return 0
	}
	return cmp.Or(cmp.Compare(n.Rack, o.Rack), cmp.Compare(n.Leaders, o.Leaders))
}
