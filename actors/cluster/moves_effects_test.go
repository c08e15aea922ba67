package cluster

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// movesKafka is a Kafka of which each broker is reached under its own address.
type movesKafka struct {
	Dialer
	// silent are addresses where nobody answers, dirs the log dirs of brokers that have other ones than a sound one.
	silent map[string]bool
	dirs   map[string][]kafka.ObservedLogDir
	under  []messages.Reassignment
	// begun and taken are the moves that it was asked for, by whom.
	begun, taken []kafka.Move
	by           string
}

func (k *movesKafka) Admin(_ context.Context, address string) (broker.Admin, error) {
	if k.silent[address] {
		return nil, errors.New("connection refused")
	}
	return movesAdmin{kafka: k, address: address}, nil
}

type movesAdmin struct {
	broker.Admin
	kafka   *movesKafka
	address string
}

func (movesAdmin) Close() {}

func (a movesAdmin) DescribeLogDirs(context.Context) ([]kafka.ObservedLogDir, error) {
	if dirs, other := a.kafka.dirs[a.address]; other {
		return dirs, nil
	}
	return []kafka.ObservedLogDir{{Path: "/d"}}, nil
}

func (a movesAdmin) Reassignments(context.Context) ([]messages.Reassignment, error) {
	return a.kafka.under, nil
}

func (a movesAdmin) Move(_ context.Context, moves []kafka.Move) error {
	a.kafka.begun, a.kafka.by = moves, a.address
	return nil
}

func (a movesAdmin) TakeBack(_ context.Context, moves []kafka.Move) error {
	a.kafka.taken, a.kafka.by = moves, a.address
	return nil
}

func TestABatchIsLookedAtOnceMoreBeforeItBegins(t *testing.T) {
	off := func(topic string, to messages.BrokerID) kafka.Move {
		return kafka.Move{
			Partition: kafka.TopicPartition{Topic: topic}, Replicas: []messages.BrokerID{to}, From: []messages.BrokerID{3}, To: []messages.BrokerID{to},
		}
	}
	a, b := off("a", 0), off("b", 1)
	batch := movesWish{
		brokers: []string{"zero", "one"}, takers: map[messages.BrokerID]string{0: "zero", 1: "one"}, start: []kafka.Move{a, b},
		leaving: []messages.BrokerID{3}, staying: []messages.BrokerID{0, 1}, throttle: unbound(),
	}
	away := func(topic string, from messages.BrokerID) messages.Reassignment {
		return messages.Reassignment{Topic: topic, Adding: []messages.BrokerID{0}, Removing: []messages.BrokerID{from}}
	}
	for name, c := range map[string]struct {
		kafka *movesKafka
		begun []kafka.Move
		unfit []messages.BrokerID
		by    string
	}{
		"it begins":                             {&movesKafka{}, []kafka.Move{a, b}, nil, "zero"},
		"not beside what somebody else began":   {&movesKafka{under: []messages.Reassignment{away("z", 1)}}, nil, nil, ""},
		"what is under way is not begun again":  {&movesKafka{under: []messages.Reassignment{away("a", 3)}}, []kafka.Move{b}, nil, "zero"},
		"the next one is asked":                 {&movesKafka{silent: map[string]bool{"zero": true}}, []kafka.Move{b}, []messages.BrokerID{0}, "one"},
		"who has no open log dir gets nothing":  {&movesKafka{dirs: dirsOf("one", kafka.ObservedLogDir{Cordoned: true})}, []kafka.Move{a}, []messages.BrokerID{1}, "zero"},
		"nor who has none that works":           {&movesKafka{dirs: dirsOf("one", kafka.ObservedLogDir{Failure: "error"})}, []kafka.Move{a}, []messages.BrokerID{1}, "zero"},
		"one open log dir of several is enough": {&movesKafka{dirs: dirsOf("one", kafka.ObservedLogDir{Cordoned: true}, kafka.ObservedLogDir{})}, []kafka.Move{a, b}, nil, "zero"},
		"who shows no log dir at all gets none": {&movesKafka{dirs: dirsOf("one")}, []kafka.Move{a}, []messages.BrokerID{1}, "zero"},
	} {
		t.Run(name, func(t *testing.T) {
			result := worldEffects{Config: Config{Kafka: c.kafka}}.moveReplicas(t.Context(), batch)
			require.NoError(t, result.err)
			require.Equal(t, c.begun, c.kafka.begun)
			require.Equal(t, c.begun, result.sent)
			require.Equal(t, c.by, c.kafka.by)
			require.Equal(t, len(c.begun) == 0, result.foreign != "")
			require.Len(t, result.unfit, len(c.unfit))
			for _, id := range c.unfit {
				require.NotEmpty(t, result.unfit[id])
			}
		})
	}
	nobody := worldEffects{Config: Config{Kafka: &movesKafka{silent: map[string]bool{"zero": true, "one": true}}}}.moveReplicas(t.Context(), batch)
	require.Error(t, nobody.err)
	require.Empty(t, nobody.sent)
}

// unbound lets moves begin without a throttle.
func unbound() throttleWish {
	return throttleWish{input: kafka.ThrottleInput{Index: kafka.Index(&messages.Replication{}), Free: true}}
}

func TestWhoHasNoRoomGetsNothingMore(t *testing.T) {
	const gigabyte = 1 << 30
	holds := func(bytes ...int64) kafka.ObservedLogDir {
		dir := kafka.ObservedLogDir{Path: "/d", TotalBytes: 100 * gigabyte}
		for number, size := range bytes {
			dir.Replicas = append(dir.Replicas, kafka.ObservedReplica{Topic: "a", Partition: int32(number), Bytes: size})
		}
		return dir
	}
	off := func(number int32) kafka.Move {
		return kafka.Move{
			Partition: kafka.TopicPartition{Topic: "a", Number: number}, Before: []messages.BrokerID{3, 1},
			From: []messages.BrokerID{3}, To: []messages.BrokerID{0},
		}
	}
	under := []messages.Reassignment{{Topic: "a", Number: 3, Adding: []messages.BrokerID{0}, Removing: []messages.BrokerID{3}}}
	for name, c := range map[string]struct {
		usable int64
		under  []messages.Reassignment
		up     map[messages.BrokerID]string
		begun  []kafka.Move
		unfit  string
	}{
		"there is room for all": {10 * gigabyte, nil, nil, []kafka.Move{off(0), off(1), off(2)}, ""},
		"what fits goes, and the first that does not is named": {
			5 * gigabyte, nil, nil, []kafka.Move{off(0), off(2)},
			"its log dir /d has no room for a-1: 4096 MiB are free, it needs 4096 MiB, and 2048 MiB have to stay free",
		},
		"what is on its way counts": {
			10 * gigabyte, under, nil, []kafka.Move{off(0), off(2)},
			"its log dir /d has no room for a-1: 4096 MiB are free, it needs 4096 MiB, and 2048 MiB have to stay free",
		},
		"where the broker that is left does not run another one tells": {
			5 * gigabyte, nil, map[messages.BrokerID]string{0: "zero", 1: "three"}, []kafka.Move{off(0), off(2)},
			"its log dir /d has no room for a-1: 4096 MiB are free, it needs 4096 MiB, and 2048 MiB have to stay free",
		},
		"of what nobody knows the size nothing is held back": {
			1, nil, map[messages.BrokerID]string{0: "zero"}, []kafka.Move{off(0), off(1), off(2)}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			room := holds()
			room.UsableBytes = c.usable
			k := &movesKafka{under: c.under, dirs: map[string][]kafka.ObservedLogDir{
				"zero": {room}, "three": {holds(gigabyte, 4*gigabyte, gigabyte, 5*gigabyte)},
			}}
			wish := movesWish{
				brokers: []string{"zero"}, takers: map[messages.BrokerID]string{0: "zero"}, start: []kafka.Move{off(0), off(1), off(2)},
				leaving: []messages.BrokerID{3}, staying: []messages.BrokerID{0, 1}, throttle: unbound(),
			}
			if wish.throttle.up = c.up; c.up == nil {
				wish.throttle.up = map[messages.BrokerID]string{0: "zero", 3: "three"}
			}
			result := worldEffects{Config: Config{Kafka: k}}.moveReplicas(t.Context(), wish)
			require.NoError(t, result.err)
			require.Equal(t, c.begun, k.begun)
			require.Equal(t, c.unfit, result.unfit[0])
			require.Empty(t, result.refused())
		})
	}
}

func dirsOf(address string, dirs ...kafka.ObservedLogDir) map[string][]kafka.ObservedLogDir {
	return map[string][]kafka.ObservedLogDir{address: dirs}
}

func TestMovesAreTakenBackWhoeverElseMovesSomething(t *testing.T) {
	back := []kafka.Move{{Partition: kafka.TopicPartition{Topic: "a"}}}
	k := &movesKafka{under: []messages.Reassignment{{Topic: "z", Removing: []messages.BrokerID{1}}}}
	result := worldEffects{Config: Config{Kafka: k}}.moveReplicas(t.Context(), movesWish{brokers: []string{"zero"}, cancel: back})
	require.NoError(t, result.err)
	require.Equal(t, back, k.taken)
	require.Equal(t, back, result.sent)
}
