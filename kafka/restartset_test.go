package kafka

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/koperator-go/koperator/messages"
)

// ring has six partitions t-0 to t-5 on brokers 1…6, each on three neighbours.
func ring() *messages.Replication {
	r := replicationOf()
	r.MinISR["t"] = 2
	for n := range 6 {
		replicas := brokerIDs{messages.BrokerID(n + 1), messages.BrokerID((n+1)%6 + 1), messages.BrokerID((n+2)%6 + 1)}
		p := healthTopic("t", replicas, replicas)
		p.Number = int32(n)
		r.Partitions = append(r.Partitions, p)
	}
	return r
}

func TestLargestRestart(t *testing.T) {
	twoRacks := map[messages.BrokerID]string{1: "a", 4: "a", 2: "b", 5: "b", 3: "c", 6: "c"}
	for name, test := range map[string]struct {
		candidates brokerIDs
		limit      int
		change     func(*RestartInput, *messages.Replication)

		want    brokerIDs
		reasons []string
	}{
		"a limit of one takes the first": {candidates: brokerIDs{5, 1, 2}, limit: 1, want: brokerIDs{5}},
		"without racks those go that share no partition": {
			candidates: brokerIDs{2, 1, 3, 4, 5, 6}, limit: 6, want: brokerIDs{2, 5},
		},
		"never more than the limit": {
			candidates: brokerIDs{1, 2, 3}, limit: 2, want: brokerIDs{1, 2},
			change: func(_ *RestartInput, r *messages.Replication) { r.Partitions = nil },
		},
		"a rack goes together, others wait": {
			candidates: brokerIDs{5, 3, 6, 2}, limit: 6, want: brokerIDs{5, 2},
			change: func(in *RestartInput, _ *messages.Replication) { in.RackOf = twoRacks },
		},
		"who shares partitions within a rack is left for later": {
			candidates: brokerIDs{1, 2, 3, 4}, limit: 6, want: brokerIDs{1, 4},
			change: func(in *RestartInput, _ *messages.Replication) {
				in.RackOf = map[messages.BrokerID]string{1: "a", 2: "a", 3: "a", 4: "a"}
			},
		},
		"who may not go even alone is passed over": {
			candidates: brokerIDs{1, 2}, limit: 1, want: brokerIDs{2},
			change: func(in *RestartInput, _ *messages.Replication) { in.Recovering = brokerIDs{1} },
		},
		"when nobody may go the first one's reasons are told": {
			candidates: brokerIDs{1, 2}, limit: 3,
			change:  func(in *RestartInput, _ *messages.Replication) { in.Recovering = brokerIDs{1, 2} },
			reasons: []string{"1 recovers its logs, which a restart would begin again"},
		},
		"nobody waits": {limit: 3, reasons: []string{"no broker may be restarted now: none waits or the limit is reached"}},
		"the limit is used up": {
			candidates: brokerIDs{1}, reasons: []string{"no broker may be restarted now: none waits or the limit is reached"},
		},
		"a minority of the controllers, with any number of brokers": {
			candidates: brokerIDs{1, 2, 3, 8, 9}, limit: 5, want: brokerIDs{1, 2, 8, 9},
			change: func(in *RestartInput, r *messages.Replication) {
				withVoters(5, nil)(in, r)
				r.Partitions = nil
			},
		},
		"the active controller waits for the others": {
			candidates: brokerIDs{3, 2, 1}, limit: 3, want: brokerIDs{2},
			change: withVoters(3, func(in *RestartInput, r *messages.Replication) {
				in.Waiting = brokerIDs{1, 2, 3}
				r.Partitions = nil
			}),
		},
		"what does not run goes without any answer": {
			candidates: brokerIDs{1, 2, 3}, limit: 2, want: brokerIDs{1, 2},
			change: func(in *RestartInput, _ *messages.Replication) { in.Index, in.Stopped = nil, brokerIDs{1, 2, 3} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := ring()
			in := RestartInput{Now: noon}
			in.Index = &ReplicationIndex{}
			if test.change != nil {
				test.change(&in, r)
			}
			if in.Index != nil {
				in.Index = Index(r)
			}
			set, verdict := LargestRestart(test.candidates, test.limit, in)
			require.Equal(t, test.want, set)
			require.Equal(t, test.reasons, verdict.Reasons)
			require.Equal(t, len(test.want) > 0, verdict.OK)
		})
	}
}

// restartWorld draws a cluster of up to seven brokers in any condition.
func restartWorld(t *rapid.T) RestartInput {
	ids := brokerIDs{0, 1, 2, 3, 4, 5, 6}[:rapid.IntRange(1, 7).Draw(t, "brokers")]
	some := func(of brokerIDs, name string) brokerIDs {
		return slices.DeleteFunc(slices.Clone(of), func(id messages.BrokerID) bool {
			return !rapid.Bool().Draw(t, fmt.Sprintf("%s %d", name, id))
		})
	}
	r := &messages.Replication{At: noon, MinISR: map[string]int32{}}
	for n := range rapid.IntRange(0, 5).Draw(t, "partitions") {
		topic := fmt.Sprintf("t%d", n)
		replicas := rapid.Permutation(ids).Draw(t, "order")
		replicas = replicas[:min(len(replicas), rapid.IntRange(1, 4).Draw(t, "replicas"))]
		inSync := replicas
		if rapid.IntRange(0, 3).Draw(t, "out of sync") == 0 {
			inSync = some(replicas, "in sync")
		}
		r.MinISR[topic] = rapid.Int32Range(1, 3).Draw(t, "min")
		r.Partitions = append(r.Partitions, healthTopic(topic, replicas, inSync))
	}
	r.Quorum = caughtUpVoters(ids[:rapid.IntRange(1, len(ids)).Draw(t, "voters")]...)
	r.QuorumLeader = r.Quorum[rapid.IntRange(0, len(r.Quorum)-1).Draw(t, "leader")].ID
	in := RestartInput{Now: noon, Index: Index(r), KRaft: rapid.Bool().Draw(t, "kraft"),
		BlockUnprotected: rapid.Bool().Draw(t, "block"), RackOf: map[messages.BrokerID]string{}}
	if rapid.IntRange(0, 2).Draw(t, "trouble") == 0 {
		in.Down = some(ids, "down")
		in.Stopped = some(in.Down, "stopped")
	}
	if rapid.Bool().Draw(t, "waits") {
		in.Waiting = some(ids, "waiting")
	}
	racks := rapid.IntRange(0, 3).Draw(t, "racks")
	for _, id := range ids {
		if racks > 0 {
			in.RackOf[id] = string(rune('a' + int(id)%racks))
		}
	}
	in.Set = some(ids, "set")
	return in
}

func TestACanRestartOfASetIsOneOfEverySubset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := restartWorld(t)
		if !CanRestart(in).OK {
			return
		}
		whole := in.Set
		for leaveOut := range whole {
			in.Set = slices.Delete(slices.Clone(whole), leaveOut, leaveOut+1)
			require.Empty(t, CanRestart(in).Reasons, "%v is allowed, %v is not", whole, in.Set)
		}
	})
}

func TestLargestRestartIsAllowedAndLeavesNobodyOutForNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := restartWorld(t)
		candidates := in.Set
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		set, verdict := LargestRestart(candidates, limit, in)
		again, _ := LargestRestart(candidates, limit, in)
		require.Equal(t, set, again)
		require.Equal(t, len(set) > 0, verdict.OK)
		require.LessOrEqual(t, len(set), limit)
		in.Set = set
		require.True(t, len(set) == 0 || CanRestart(in).OK)
		first := slices.IndexFunc(candidates, func(id messages.BrokerID) bool {
			in.Set = brokerIDs{id}
			return CanRestart(in).OK
		})
		require.Equal(t, first >= 0, len(set) > 0)
		require.True(t, first < 0 || set[0] == candidates[first], "%v without the most urgent that may go", set)
		if len(set) == limit {
			return
		}
		controllers := 0
		for _, id := range set {
			require.Contains(t, candidates, id)
			if slices.Contains(in.voters(), id) {
				controllers++
			}
		}
		for _, id := range candidates {
			full := slices.Contains(in.voters(), id) && controllers == mostControllers(len(in.voters()))
			otherRack := len(set) > 0 && in.RackOf[id] != in.RackOf[set[0]]
			in.Set = append(slices.Clone(set), id)
			require.False(t, !slices.Contains(set, id) && !full && !otherRack && CanRestart(in).OK,
				"%d could go with %v", id, set)
		}
	})
}

func TestRestartOrder(t *testing.T) {
	broker := func(id messages.BrokerID, rack string, leaders int) RestartNode {
		return RestartNode{ID: id, Broker: true, Rack: rack, Leaders: leaders}
	}
	controller := func(id messages.BrokerID) RestartNode { return RestartNode{ID: id, Controller: true} }
	active := controller(10)
	active.Active = true
	unready, stuck := broker(8, "z", 9), broker(9, "z", 9)
	unready.Unready, stuck.Stuck = true, true
	combined := broker(5, "a", 3)
	combined.Controller = true

	nodes := []RestartNode{
		active, broker(1, "b", 1), broker(2, "a", 7), broker(3, "a", 2), combined, controller(11), controller(12), unready, stuck,
	}
	want := brokerIDs{9, 8, 11, 12, 3, 5, 2, 1, 10}
	require.Equal(t, want, RestartOrder(nodes))
	require.Equal(t, active, nodes[0], "the argument stays as it is")
	slices.Reverse(nodes)
	require.Equal(t, want, RestartOrder(nodes))

	unreadyLeader, stuckLeader := active, active
	unreadyLeader.Unready, stuckLeader.Stuck = true, true
	require.Equal(t, brokerIDs{1, 10}, RestartOrder([]RestartNode{unreadyLeader, broker(1, "", 0)}),
		"a leader that is not ready still leads")
	require.Equal(t, brokerIDs{10, 1}, RestartOrder([]RestartNode{stuckLeader, broker(1, "", 0)}),
		"what does not run leads nothing, whatever was last known")
	require.Empty(t, RestartOrder(nil))
}

const (
	manyBrokers    = 100
	manyPartitions = 50_000
)

// bigReplication is 100 brokers with 50,000 partitions of three replicas in 500 topics: in three racks, one replica in
// each, or anywhere. One partition in 50 lacks a replica.
func bigReplication(racks bool) (*messages.Replication, map[messages.BrokerID]string) {
	r := &messages.Replication{At: noon, MinISR: map[string]int32{}, QuorumLeader: -1}
	rackOf := map[messages.BrokerID]string{}
	random := uint32(1)
	next := func(n int) int {
		random = random*1664525 + 1013904223
		return int(random>>8) % n
	}
	for id := range manyBrokers {
		if racks {
			rackOf[messages.BrokerID(id)] = string(rune('a' + id%3))
		}
	}
	for n := range manyPartitions {
		topic := fmt.Sprintf("topic-%03d", n/100)
		r.MinISR[topic] = 2
		first := next(33) * 3
		replicas := brokerIDs{messages.BrokerID(first), messages.BrokerID(next(33)*3 + 1), messages.BrokerID(next(33)*3 + 2)}
		if !racks {
			replicas = brokerIDs{messages.BrokerID(first), messages.BrokerID((first + 1 + next(49)) % 100), messages.BrokerID((first + 51 + next(48)) % 100)}
		}
		inSync := replicas
		if n%50 == 0 {
			inSync = replicas[:2]
		}
		r.Partitions = append(r.Partitions, messages.Partition{
			Topic: topic, Number: int32(n % 100), Leader: replicas[0], Replicas: replicas, ISR: inSync,
		})
	}
	return r, rackOf
}

// The whole question of a roll, once per answer of Kafka's: index it, choose a set among all brokers, judge it.
func BenchmarkRestartOf100BrokersWith50000Partitions(b *testing.B) {
	candidates := make(brokerIDs, manyBrokers)
	for id := range candidates {
		candidates[id] = messages.BrokerID(id)
	}
	for _, racks := range []bool{true, false} {
		r, rackOf := bigReplication(racks)
		healthy, _ := bigReplication(racks)
		for i := range healthy.Partitions {
			healthy.Partitions[i].ISR = healthy.Partitions[i].Replicas
		}
		where := map[bool]string{true: "racks", false: "no racks"}[racks]
		choose := func(name string, r *messages.Replication, limit int) {
			b.Run(fmt.Sprintf("%s, %s, limit %d", where, name, limit), func(b *testing.B) {
				var set brokerIDs
				for b.Loop() {
					set, _ = LargestRestart(candidates, limit, RestartInput{Index: Index(r), Now: noon, RackOf: rackOf})
				}
				b.ReportMetric(float64(len(set)), "brokers")
			})
		}
		choose("healthy", healthy, 1)
		choose("healthy", healthy, 33)
		choose("2% lack a replica", r, 33)
	}
	r, _ := bigReplication(true)
	b.Run("index alone", func(b *testing.B) {
		for b.Loop() {
			Index(r)
		}
	})
	index := Index(r)
	b.Run("one broker", func(b *testing.B) {
		for b.Loop() {
			CanRestart(RestartInput{Index: index, Now: noon, Set: brokerIDs{7}})
		}
	})
}

func TestAShrinkingSetIsJudgedLikeAFreshOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := restartWorld(t)
		s := newShrinking(newJudgement(in))
		for left := in.Set; len(left) > 0; {
			s.drop(left[0])
			left = left[1:]
			in.Set = left
			fresh := newShrinking(newJudgement(in))
			require.Equal(t, fresh.blocked, s.blocked)
			for _, id := range left {
				require.Equal(t, fresh.blame[id], s.blame[id], "blame of %d in %v", id, left)
			}
		}
	})
}
