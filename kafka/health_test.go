package kafka

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

// noon is when Kafka was asked in all tests.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type brokerIDs = []messages.BrokerID

// healthTopic is one partition "TOPIC-0" of its own topic: the first replica leads unless nobody is in sync.
func healthTopic(topic string, replicas, inSync brokerIDs) messages.Partition {
	p := messages.Partition{Topic: topic, Leader: -1, Replicas: replicas, ISR: inSync}
	if len(inSync) > 0 {
		p.Leader = inSync[0]
	}
	return p
}

// replicationOf has min.insync.replicas of 2 in all topics and a healthy quorum of 1, 2 and 3 led by 3.
func replicationOf(partitions ...messages.Partition) *messages.Replication {
	r := &messages.Replication{At: noon, Partitions: partitions, MinISR: map[string]int32{}, QuorumLeader: 3}
	for _, p := range partitions {
		r.MinISR[p.Topic] = 2
	}
	r.Quorum = caughtUpVoters(1, 2, 3)
	return r
}

func caughtUpVoters(voters ...messages.BrokerID) []messages.QuorumReplica {
	var quorum []messages.QuorumReplica
	for _, id := range voters {
		quorum = append(quorum, messages.QuorumReplica{ID: id, Voter: true, LastCaughtUp: noon})
	}
	return quorum
}

func TestIndexCountsWhatIsWrong(t *testing.T) {
	r := replicationOf(
		healthTopic("a", brokerIDs{1, 2, 3}, brokerIDs{1, 2, 3}),
		healthTopic("b", brokerIDs{2, 3, 1}, brokerIDs{2}),
		healthTopic("c", brokerIDs{7}, nil),
	)
	r.Partitions[2].Offline = brokerIDs{7}
	r.Partitions = append(r.Partitions, healthTopic("unread", brokerIDs{2}, nil))
	x := Index(r)

	require.Equal(t, 2, x.Offline())
	require.Equal(t, brokerIDs{1, 2, 3, 7}, x.Impaired())
	require.Equal(t, 1, x.Leaders(1))
	require.Equal(t, 1, x.Leaders(2))
	require.Equal(t, 0, x.Leaders(7))
	require.Equal(t, 0, x.Leaders(99))
	require.Equal(t, 3, x.Replicas(2))
	require.Equal(t, 0, x.Replicas(99))
	require.Equal(t, []TopicPartition{{Topic: "b"}}, x.OutOfSync(3))
	require.Same(t, r, x.Replication())
}

func TestABrokerWithAnOfflineLogDirIsImpairedAlthoughInSync(t *testing.T) {
	r := replicationOf(healthTopic("a", brokerIDs{1, 2}, brokerIDs{1, 2}))
	r.Partitions[0].Offline = brokerIDs{2}
	require.Equal(t, brokerIDs{2}, Index(r).Impaired())
}

func TestAnIndexOfNothing(t *testing.T) {
	require.Nil(t, Index(nil))
	x := Index(&messages.Replication{QuorumLeader: -1})
	require.Zero(t, x.Offline())
	require.Empty(t, x.Impaired())
	require.Empty(t, x.OutOfSync(1))
	require.Empty(t, PreferredLeaders(1, x))
}

func TestPreferredLeaders(t *testing.T) {
	r := replicationOf(
		healthTopic("behind", brokerIDs{1, 2}, brokerIDs{2}),
		healthTopic("follower", brokerIDs{2, 1}, brokerIDs{2, 1}),
		healthTopic("leads", brokerIDs{1, 2}, brokerIDs{1, 2}),
		healthTopic("moved", brokerIDs{1, 2}, brokerIDs{2, 1}),
	)
	require.Equal(t, []TopicPartition{{Topic: "moved"}}, PreferredLeaders(1, Index(r)),
		"elected where it is preferred, in sync and not leading")
}

func TestReturned(t *testing.T) {
	inSync := healthTopic("a", brokerIDs{1, 2}, brokerIDs{1, 2})
	missing := healthTopic("b", brokerIDs{1, 2}, brokerIDs{1})
	for name, test := range map[string]struct {
		change func(*ReturnInput, *messages.Replication)
		want   string
	}{
		"who misses nothing new is back": {
			change: func(in *ReturnInput, _ *messages.Replication) { in.Before = []TopicPartition{{Topic: "b"}} },
		},
		"a replica that was in sync before has to be again": {
			change: func(*ReturnInput, *messages.Replication) {},
			want:   "2 is not in sync yet in b-0",
		},
		"a partition of the same topic counts for itself": {
			change: func(in *ReturnInput, _ *messages.Replication) { in.Before = []TopicPartition{{Topic: "b", Number: 1}} },
			want:   "2 is not in sync yet in b-0",
		},
		"an answer from before the start tells nothing": {
			change: func(in *ReturnInput, _ *messages.Replication) {
				in.Before = []TopicPartition{{Topic: "b"}}
				in.Started = noon.Add(time.Second)
			},
			want: "what is known of the partitions is older than the start of 2",
		},
		"a controller that lags behind is not back": {
			change: func(in *ReturnInput, r *messages.Replication) {
				in.Controller = true
				r.Quorum[1].LastCaughtUp = noon.Add(-3 * time.Second)
			},
			want: "controller 2 is 3s behind the leader",
		},
		"a controller that became an observer is not back": {
			change: func(in *ReturnInput, r *messages.Replication) { in.Controller, r.Quorum[1].Voter = true, false },
			want:   "2 is not a voter of the metadata quorum",
		},
		"no answer is not back": {
			change: func(in *ReturnInput, _ *messages.Replication) { in.Now = nil },
			want:   "nothing is known of the partitions",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := replicationOf(inSync, missing)
			in := ReturnInput{Broker: 2, Now: Index(r), Started: noon}
			test.change(&in, r)
			ok, reason := Returned(in)
			require.Equal(t, test.want, reason)
			require.Equal(t, test.want == "", ok)
		})
	}
}

func TestALongListOfPartitionsIsCut(t *testing.T) {
	r := replicationOf()
	for n := range int32(12) {
		r.Partitions = append(r.Partitions, messages.Partition{Topic: "t", Number: n, Replicas: brokerIDs{1, 2}, ISR: brokerIDs{1}})
	}
	_, reason := Returned(ReturnInput{Broker: 2, Now: Index(r)})
	require.Equal(t, "2 is not in sync yet in t-0, t-1, t-2, t-3, t-4, t-5, t-6, t-7, t-8, t-9, and 2 more", reason)
}
