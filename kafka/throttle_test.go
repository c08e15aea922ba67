package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

// bounds writes a throttle as its record.
func bounds(lines ...string) map[string]string {
	record := map[string]string{}
	for at := 0; at < len(lines); at += 2 {
		record[lines[at]] = lines[at+1]
	}
	return record
}

func TestWhatBoundsTheMovesUnderWay(t *testing.T) {
	type ids = []messages.BrokerID
	index := Index(&messages.Replication{Partitions: []messages.Partition{
		{Topic: "a", Number: 0, Replicas: ids{0, 1, 3}}, {Topic: "a", Number: 7, Replicas: ids{3, 1}}, {Topic: "b", Replicas: ids{1, 2, 0}},
	}})
	away := func(topic string, from, to messages.BrokerID) messages.Reassignment {
		return messages.Reassignment{Topic: topic, Adding: ids{to}, Removing: ids{from}}
	}
	for name, c := range map[string]struct {
		change   func(*ThrottleInput)
		recorded map[string]string
		want     map[string]string
	}{
		"nothing moves": {func(in *ThrottleInput) { in.Under = nil }, nil, bounds()},
		"who has it sends, who gets it fetches": {
			func(*ThrottleInput) {}, nil,
			bounds("broker/0", "500", "broker/1", "500", "broker/3", "500", "leaders/a", "0:1,0:3", "followers/a", "0:0"),
		},
		"who does not run is told when it does": {
			func(in *ThrottleInput) { in.Up = ids{0, 1} }, nil,
			bounds("broker/0", "500", "broker/1", "500", "leaders/a", "0:1,0:3", "followers/a", "0:0"),
		},
		"who has had a rate keeps it until all is over": {
			func(in *ThrottleInput) { in.Up = ids{0, 1, 2} }, bounds("broker/2", "300", "broker/3", "300", "leaders/b", "0:2"),
			bounds("broker/0", "500", "broker/1", "500", "broker/2", "500", "broker/3", "300", "leaders/a", "0:1,0:3", "followers/a", "0:0"),
		},
		"of a move that has ended nothing stays": {
			func(in *ThrottleInput) { in.Under = nil }, bounds("broker/0", "500", "leaders/a", "0:1", "followers/b", "0:0"), bounds(),
		},
		"moves of others are theirs": {func(in *ThrottleInput) { in.Under = []messages.Reassignment{away("b", 1, 0)} }, nil, bounds()},
		"what moves off a broker that is back stays bound, if it was": {
			func(in *ThrottleInput) { in.Leaving = nil }, bounds("broker/0", "500", "followers/a", "0:0,7:0"),
			bounds("broker/0", "500", "followers/a", "0:0"),
		},
		"who bounds moves himself is left alone": {func(in *ThrottleInput) { in.Free = true }, nil, bounds()},
		"also when he begins to meanwhile": {
			func(in *ThrottleInput) { in.Free = true }, bounds("broker/0", "500", "followers/a", "0:0"), bounds("broker/0", "500", "followers/a", "0:0"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := ThrottleInput{
				Index: index, Under: []messages.Reassignment{away("a", 3, 0)}, Leaving: ids{3}, Staying: ids{0, 1, 2}, Up: ids{0, 1, 2, 3},
				Rate: 500, Recorded: ThrottleRecorded(c.recorded),
			}
			c.change(&in)
			require.Equal(t, c.want, PlanThrottle(in).Record())
		})
	}
}

func TestAMoveThatBeginsIsBoundLikeOneUnderWay(t *testing.T) {
	type ids = []messages.BrokerID
	move := Move{Partition: TopicPartition{Topic: "a"}, Before: ids{3, 1}, From: ids{3}, To: ids{0}}
	require.Equal(t,
		bounds("broker/0", "500", "broker/1", "500", "leaders/a", "0:1,0:3", "followers/a", "0:0"),
		ThrottleOf([]Move{move}, 500).For(ids{0, 1}).Record())
}

func TestARecordOfAThrottleIsReadAsItWasWritten(t *testing.T) {
	record := bounds("broker/0", "500", "broker/12", "7", "leaders/a.b-c_d", "0:1,10:2", "followers/a", "0:0")
	require.Equal(t, record, ThrottleRecorded(record).Record())
	require.Empty(t, ThrottleRecorded(bounds("broker/x", "500", "broker/1", "fast", "leaders/a", "0", "followers/a", "*", "b", "0:1")).Record())
}

func TestThrottlesAreComparedByWhatTheySetAndByHowMuch(t *testing.T) {
	slow, fast := ThrottleRecorded(bounds("broker/0", "1", "broker/1", "1", "leaders/a", "0:1")), ThrottleRecorded(bounds("broker/0", "2", "leaders/a", "0:1"))
	require.Equal(t, bounds("broker/0", "1", "broker/1", "1"), slow.Without(fast).Record())
	require.Equal(t, bounds("broker/1", "1"), slow.Beyond(fast).Record())
	require.Equal(t, bounds("broker/0", "2", "broker/1", "1", "leaders/a", "0:1"), slow.With(fast).Record())
	require.False(t, slow.Equal(fast))
	require.True(t, slow.Equal(ThrottleRecorded(slow.Record())))
	require.True(t, slow.Without(slow).Empty())
}

func TestWhatWasThereBeforeIsSomebodyElses(t *testing.T) {
	fresh := ThrottleRecorded(bounds("broker/0", "500", "broker/1", "500", "leaders/a", "0:1,0:3", "leaders/b", "0:1", "followers/a", "0:0"))
	others := fresh.OfOthers(map[messages.BrokerID]bool{1: true}, ThrottleRecorded(bounds("leaders/a", "0:3")), map[string]ThrottledReplicas{
		"a": {Leaders: []string{"0:1", "0:3"}}, "b": {Leaders: []string{"*"}},
	})
	require.Equal(t, bounds("broker/1", "500", "leaders/a", "0:1", "leaders/b", "0:1"), others.Record())
}

func TestARateIsDeletedAsLongAsItIsOurs(t *testing.T) {
	owns := func(key, value string) Configs {
		return Configs{key: {Synonyms: []ConfigSynonym{{Value: &value, Source: SourceDynamicBroker}}}}
	}
	rate := int64(500)
	require.Equal(t, []ConfigChange{{Key: leaderRateKey}}, RateDeletions(owns(leaderRateKey, "500"), rate))
	require.Empty(t, RateDeletions(owns(followerRateKey, "9"), rate))
	require.False(t, RatedOtherwise(owns(leaderRateKey, "500"), &rate))
	require.True(t, RatedOtherwise(owns(followerRateKey, "9"), &rate))
	require.True(t, RatedOtherwise(owns(leaderRateKey, "500"), nil))
	require.False(t, RatedOtherwise(Configs{}, nil))
}
