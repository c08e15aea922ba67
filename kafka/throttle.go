package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/koperator-go/koperator/messages"
)

// ThrottleKeys is what all keys of a throttle have in their names.
const ThrottleKeys = ".replication.throttled."

// The keys by which Kafka bounds how fast replicas are copied (KIP-73): rates of a broker, and which replicas of a topic they count for.
const (
	leaderRateKey       = "leader.replication.throttled.rate"
	followerRateKey     = "follower.replication.throttled.rate"
	leaderReplicasKey   = "leader.replication.throttled.replicas"
	followerReplicasKey = "follower.replication.throttled.replicas"
)

// Throttle bounds moves of replicas. Who has a replica already sends at the rate of its broker, who gets a new one fetches at it. A
// replica in sync is never slowed down: Kafka lets it fetch whatever its leader is bound to, and it is in no list of those that get one.
type Throttle struct {
	// Rates are bytes a second by broker.
	Rates map[messages.BrokerID]int64
	// Replicas are those that the rates count for.
	Replicas map[ThrottledReplica]bool
}

// ThrottledReplica is one entry in the lists of a topic: a replica that is being made, where Adding, or one that it may be copied from.
type ThrottledReplica struct {
	Partition TopicPartition
	Broker    messages.BrokerID
	Adding    bool
}

// key is Kafka's name of the list that it is in.
func (r ThrottledReplica) key() string {
	if r.Adding {
		return followerReplicasKey
	}
	return leaderReplicasKey
}

// entry is how it is written there.
func (r ThrottledReplica) entry() string { return fmt.Sprintf("%d:%d", r.Partition.Number, r.Broker) }

// Empty reports whether nothing is bounded.
func (t Throttle) Empty() bool { return len(t.Rates)+len(t.Replicas) == 0 }

// Equal compares two.
func (t Throttle) Equal(o Throttle) bool {
	return maps.Equal(t.Rates, o.Rates) && maps.Equal(t.Replicas, o.Replicas)
}

// With is both together; of a broker that is in both, with the rate of the other.
func (t Throttle) With(o Throttle) Throttle {
	both := newThrottle()
	for _, one := range []Throttle{t, o} {
		maps.Copy(both.Rates, one.Rates)
		maps.Copy(both.Replicas, one.Replicas)
	}
	return both
}

// Without is what the other has not, or with another rate.
func (t Throttle) Without(o Throttle) Throttle {
	rest := newThrottle()
	for id, rate := range t.Rates {
		if other, same := o.Rates[id]; !same || other != rate {
			rest.Rates[id] = rate
		}
	}
	for r := range t.Replicas {
		if !o.Replicas[r] {
			rest.Replicas[r] = true
		}
	}
	return rest
}

// Beyond is what the other says nothing about, whatever the rate.
func (t Throttle) Beyond(o Throttle) Throttle {
	rest := t.Without(o)
	maps.DeleteFunc(rest.Rates, func(id messages.BrokerID, _ int64) bool { _, known := o.Rates[id]; return known })
	return rest
}

// Brokers are those with a rate, in order.
func (t Throttle) Brokers() []messages.BrokerID { return slices.Sorted(maps.Keys(t.Rates)) }

// Topics are those with replicas in a list, in order.
func (t Throttle) Topics() []string {
	var topics []string
	for r := range t.Replicas {
		topics = append(topics, r.Partition.Topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// throttledList is one list of a topic.
type throttledList struct{ topic, key string }

// lists are the entries by list, in order.
func (t Throttle) lists() map[throttledList][]string {
	lists := map[throttledList][]string{}
	for r := range t.Replicas {
		list := throttledList{r.Partition.Topic, r.key()}
		lists[list] = append(lists[list], r.entry())
	}
	for _, entries := range lists {
		slices.Sort(entries)
	}
	return lists
}

func newThrottle() Throttle {
	return Throttle{Rates: map[messages.BrokerID]int64{}, Replicas: map[ThrottledReplica]bool{}}
}

// RateChanges bind a broker to a rate, for what it sends and for what it gets.
func RateChanges(rate int64) []ConfigChange {
	text := strconv.FormatInt(rate, 10)
	return []ConfigChange{{Key: leaderRateKey, Value: &text}, {Key: followerRateKey, Value: &text}}
}

// RateDeletions let go of a broker that was bound to a rate. What is not as it was set is somebody else's by now.
func RateDeletions(is Configs, rate int64) []ConfigChange {
	var changes []ConfigChange
	for _, change := range RateChanges(rate) {
		if own, set := is.ownRate(change.Key); set && own == *change.Value {
			changes = append(changes, ConfigChange{Key: change.Key})
		}
	}
	return changes
}

// RatedOtherwise reports whether a broker has a rate for itself that is not the given one; nil stands for none.
func RatedOtherwise(is Configs, than *int64) bool {
	return slices.ContainsFunc([]string{leaderRateKey, followerRateKey}, func(key string) bool {
		own, set := is.ownRate(key)
		return set && (than == nil || own != strconv.FormatInt(*than, 10))
	})
}

// ownRate is a rate that a broker has for itself, as Kafka shows it.
func (c Configs) ownRate(key string) (rate string, set bool) {
	own, set := c[key].level(SourceDynamicBroker)
	if set && own.Value != nil {
		rate = *own.Value
	}
	return rate, set
}

// ThrottledReplicas are the lists of one topic as Kafka has them.
type ThrottledReplicas struct{ Leaders, Followers []string }

func (r ThrottledReplicas) of(key string) []string {
	if key == followerReplicasKey {
		return r.Followers
	}
	return r.Leaders
}

// holds reports whether an entry is in a list already, as such or since all are.
func (r ThrottledReplicas) holds(replica ThrottledReplica) bool {
	list := r.of(replica.key())
	return slices.Contains(list, "*") || slices.Contains(list, replica.entry())
}

// OfOthers is the part that somebody else has set: brokers that have a rate, and replicas that are listed already although they are
// not recorded. rated are these brokers, listed what the topics have.
func (t Throttle) OfOthers(rated map[messages.BrokerID]bool, recorded Throttle, listed map[string]ThrottledReplicas) Throttle {
	others := newThrottle()
	for id, rate := range t.Rates {
		if rated[id] {
			others.Rates[id] = rate
		}
	}
	for r := range t.Replicas {
		if !recorded.Replicas[r] && listed[r.Partition.Topic].holds(r) {
			others.Replicas[r] = true
		}
	}
	return others
}

// ThrottleInput is all that decides what bounds the moves under way.
type ThrottleInput struct {
	Index *ReplicationIndex
	// Under are the moves under way; ours are those from brokers that leave to brokers that stay.
	Under            []messages.Reassignment
	Leaving, Staying []messages.BrokerID
	// Free sets nothing that is not recorded.
	Free bool
	// Up are the brokers that can be told a rate, which is Rate.
	Up   []messages.BrokerID
	Rate int64
	// Recorded is what was set, or was about to be.
	Recorded Throttle
}

// PlanThrottle is what is to be in force for the moves under way: those that are ours, and what is recorded of others, such as of a
// move off a broker that came back to the spec. When the last has ended it is empty.
func PlanThrottle(in ThrottleInput) Throttle {
	moving := map[TopicPartition]bool{}
	var ours []Move
	replicas := in.Index.replicasOf(in.Under)
	for _, r := range in.Under {
		name := TopicPartition{Topic: r.Topic, Number: r.Number}
		moving[name] = true
		if !in.Free && oursToMove(r, in.Leaving, in.Staying) {
			ours = append(ours, Move{Partition: name, Before: outsideOf(replicas[name], r.Adding), To: r.Adding})
		}
	}
	kept := newThrottle()
	for r := range in.Recorded.Replicas {
		if moving[r.Partition] {
			kept.Replicas[r] = true
		}
	}
	return ThrottleOf(ours, in.Rate).With(kept).bounded(in)
}

// bounded gives rates to the brokers that take part and run; who has one keeps it until all is over.
func (t Throttle) bounded(in ThrottleInput) Throttle {
	if len(t.Replicas) == 0 {
		return newThrottle()
	}
	t = Throttle{Rates: maps.Clone(in.Recorded.Rates), Replicas: t.Replicas}.With(Throttle{})
	for r := range t.Replicas {
		if slices.Contains(in.Up, r.Broker) {
			t.Rates[r.Broker] = in.Rate
		}
	}
	for id := range in.Recorded.Rates {
		if slices.Contains(in.Up, id) {
			t.Rates[id] = in.Rate
		}
	}
	return t
}

// ThrottleOf bounds moves that are about to begin.
func ThrottleOf(moves []Move, rate int64) Throttle {
	t := newThrottle()
	for _, m := range moves {
		for _, id := range m.Before {
			t.Replicas[ThrottledReplica{Partition: m.Partition, Broker: id}] = true
			t.Rates[id] = rate
		}
		for _, id := range m.To {
			t.Replicas[ThrottledReplica{Partition: m.Partition, Broker: id, Adding: true}] = true
			t.Rates[id] = rate
		}
	}
	return t
}

// For is the part whose brokers run, as far as rates go.
func (t Throttle) For(up []messages.BrokerID) Throttle {
	rest := t.With(Throttle{})
	maps.DeleteFunc(rest.Rates, func(id messages.BrokerID, _ int64) bool { return !slices.Contains(up, id) })
	return rest
}

func outsideOf(some, others []messages.BrokerID) []messages.BrokerID {
	return slices.DeleteFunc(slices.Clone(some), func(id messages.BrokerID) bool { return slices.Contains(others, id) })
}

// replicasOf are those of the partitions that are being moved.
func (x *ReplicationIndex) replicasOf(moving []messages.Reassignment) map[TopicPartition][]messages.BrokerID {
	replicas := make(map[TopicPartition][]messages.BrokerID, len(moving))
	for _, r := range moving {
		replicas[TopicPartition{Topic: r.Topic, Number: r.Number}] = nil
	}
	for i := range x.from.Partitions {
		if len(replicas) == 0 {
			break
		}
		if name := x.name(int32(i)); contains(replicas, name) {
			replicas[name] = x.replicas.of(int32(i))
		}
	}
	return replicas
}

func contains[V any](m map[TopicPartition]V, name TopicPartition) bool { _, ok := m[name]; return ok }

const (
	recordedRate      = "broker/"
	recordedLeaders   = "leaders/"
	recordedFollowers = "followers/"
)

// Record is how it is kept outside the daemon: a crash must not leave keys of which nobody knows whose they are.
func (t Throttle) Record() map[string]string {
	record := map[string]string{}
	for id, rate := range t.Rates {
		record[recordedRate+id.String()] = strconv.FormatInt(rate, 10)
	}
	for list, entries := range t.lists() {
		prefix := recordedLeaders
		if list.key == followerReplicasKey {
			prefix = recordedFollowers
		}
		record[prefix+list.topic] = strings.Join(entries, ",")
	}
	return record
}

// ThrottleRecorded reads a record; what is no part of one is left out.
func ThrottleRecorded(record map[string]string) Throttle {
	t := newThrottle()
	for name, value := range record {
		if id, is := strings.CutPrefix(name, recordedRate); is {
			broker, errID := messages.ParseBrokerID(id)
			if rate, err := strconv.ParseInt(value, 10, 64); err == nil && errID == nil {
				t.Rates[broker] = rate
			}
		}
		if topic, is := strings.CutPrefix(name, recordedLeaders); is {
			t.addRecorded(topic, value, false)
		}
		if topic, is := strings.CutPrefix(name, recordedFollowers); is {
			t.addRecorded(topic, value, true)
		}
	}
	return t
}

func (t Throttle) addRecorded(topic, entries string, adding bool) {
	for entry := range strings.SplitSeq(entries, ",") {
		number, id, _ := strings.Cut(entry, ":")
		n, err := strconv.ParseInt(number, 10, 32)
		broker, errID := messages.ParseBrokerID(id)
		if err == nil && errID == nil {
			t.Replicas[ThrottledReplica{Partition: TopicPartition{Topic: topic, Number: int32(n)}, Broker: broker, Adding: adding}] = true
		}
	}
}
