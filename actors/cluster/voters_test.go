package cluster

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

func TestWhatTheQuorumLacksIsTold(t *testing.T) {
	nodes := []node{
		{id: 1, controller: true}, {id: 2, controller: true}, {id: 3, broker: true}, {id: 4, controller: true, leaving: true},
	}
	for name, test := range map[string]struct {
		observed messages.KafkaObserved
		waits    string
		says     string
	}{
		"nothing":                     {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2}, Observers: []messages.BrokerID{3, 4}}, "", ""},
		"a vote":                      {messages.KafkaObserved{Voters: []messages.BrokerID{1}, Observers: []messages.BrokerID{2, 3}}, "", "controller 2 has no vote with the disk that it runs on yet"},
		"a vote, and why":             {messages.KafkaObserved{Voters: []messages.BrokerID{1}, Observers: []messages.BrokerID{2}}, "it lags behind", "on yet: it lags behind"},
		"the vote of another disk":    {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2}, Elsewhere: []messages.BrokerID{2}}, "", "controller 2 has no vote with the disk"},
		"a disk that is put away":     {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2}, Observers: []messages.BrokerID{2, 3}}, "", ""},
		"one vote less: of a broker":  {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2, 3}}, "", "node 3 has a vote in the metadata quorum but is no controller"},
		"one vote less: who leaves":   {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2, 4}}, "", "node 4 has a vote in the metadata quorum but is no controller"},
		"one vote less: of a strange": {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2, 9}}, "", "node 9 has a vote in the metadata quorum but is no controller"},
	} {
		t.Run(name, func(t *testing.T) {
			wanted := wantedVoters([]messages.BrokerID{1, 2}, nodes, test.observed.Voters, nil)
			is := quorumProblem(view{nodes: nodes, kafka: test.observed, voters: test.waits, wantedVoters: wanted})
			require.Contains(t, is, test.says)
			require.Equal(t, test.says == "", is == "")
		})
	}
}

func TestABrokerThatLeavesKeepsItsVoteWhileThereAreReplicasOnIt(t *testing.T) {
	empty := kafka.Index(&messages.Replication{})
	full := kafka.Index(&messages.Replication{Partitions: []messages.Partition{{Topic: "orders", Leader: 4, Replicas: []messages.BrokerID{4}}}})
	leaves := node{id: 4, broker: true, controller: true, leaving: true, observed: messages.BrokerObserved{PodReady: true}}
	for name, test := range map[string]struct {
		change func(*node)
		voters []messages.BrokerID
		known  *kafka.ReplicationIndex
		keeps  bool
	}{
		"with replicas":                       {nil, []messages.BrokerID{1, 4}, full, true},
		"while nobody knows":                  {nil, []messages.BrokerID{1, 4}, nil, true},
		"not without any":                     {nil, []messages.BrokerID{1, 4}, empty, false},
		"not one that it never had":           {nil, []messages.BrokerID{1}, full, false},
		"not while it does not run":           {func(n *node) { n.observed.PodReady = false }, []messages.BrokerID{1, 4}, full, false},
		"not of a node that holds no records": {func(n *node) { n.broker = false }, []messages.BrokerID{1, 4}, full, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := leaves
			if test.change != nil {
				test.change(&n)
			}
			wanted := wantedVoters([]messages.BrokerID{1}, []node{{id: 1, controller: true}, n}, test.voters, test.known)
			require.Equal(t, test.keeps, slices.Contains(wanted, n.id))
			require.Contains(t, wanted, messages.BrokerID(1))
		})
	}
}

func TestAVoteThatCountsAgainstTheMajorityClosesTheGates(t *testing.T) {
	up := messages.BrokerObserved{PodReady: true}
	nodes := []node{{id: 1, observed: up}, {id: 2, observed: up}, {id: 3}}
	for name, test := range map[string]struct {
		observed messages.KafkaObserved
		down     bool
	}{
		"all run":                       {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2}}, false},
		"one has yet to get its vote":   {messages.KafkaObserved{Voters: []messages.BrokerID{1}, Observers: []messages.BrokerID{2}}, false},
		"one does not run":              {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2, 3}}, true},
		"one is not there":              {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2, 9}}, true},
		"one runs on another disk":      {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2}, Elsewhere: []messages.BrokerID{2}}, true},
		"an old disk of one is listed":  {messages.KafkaObserved{Voters: []messages.BrokerID{1, 2}, Observers: []messages.BrokerID{2}}, false},
		"there is no quorum of Kafka's": {messages.KafkaObserved{}, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.down, votesDown(nodes, test.observed)) })
	}
}

func TestANodeKeepsItsPodUntilItsVoteIsTaken(t *testing.T) {
	v := rollView{
		kraft: true, dynamic: true, kafka: messages.KafkaObserved{Voters: []messages.BrokerID{1, 2}},
		runsController: func(id messages.BrokerID) bool { return id == 1 },
	}
	require.True(t, v.keepsVote(node{id: 1, broker: true}))
	require.False(t, v.keepsVote(node{id: 1, broker: true, controller: true}), "it comes back as one")
	require.False(t, v.keepsVote(node{id: 3, broker: true}))
	v.kafka.Voters = nil
	require.True(t, v.keepsVote(node{id: 1, broker: true}), "Kafka does not answer, and the Pod is a controller's")
	require.False(t, v.keepsVote(node{id: 3, broker: true}))
	v.dynamic = false
	require.False(t, v.keepsVote(node{id: 1, broker: true}), "nobody can take it")
}

func TestAWaitIsToldWhenItLasts(t *testing.T) {
	keeper := voterKeeper{waits: "controller 3 lags behind", since: now}
	require.Empty(t, keeper.told(now.Add(votersTold-time.Second)))
	require.Equal(t, keeper.waits, keeper.told(now.Add(votersTold)))
	keeper.waitFor("i/o timeout", now.Add(votersTold))
	require.Equal(t, "i/o timeout", keeper.told(now.Add(votersTold)), "something else is awaited, and for as long")
	keeper.waitFor("", now.Add(votersTold))
	require.Empty(t, keeper.told(now.Add(time.Hour)))
	keeper.waitFor("controller 4 lags behind", now.Add(time.Hour))
	require.Empty(t, keeper.told(now.Add(time.Hour)), "a new wait begins")
}

// quorumAt is a broker that knows how the quorum stands, and remembers what was changed.
type quorumAt struct {
	Dialer
	silent  map[string]bool
	state   kafka.QuorumState
	refusal error
	changes *[]string
}

func (q quorumAt) Quorum(_ context.Context, address string) (QuorumAdmin, error) {
	if q.silent[address] {
		return nil, errors.New("connection refused")
	}
	return q, nil
}

func (q quorumAt) DescribeQuorum(context.Context) (kafka.QuorumState, error) { return q.state, nil }

func (q quorumAt) AddVoter(_ context.Context, clusterID, listener string, v messages.Voter) error {
	*q.changes = append(*q.changes, "add "+v.ID.String()+" "+v.DirectoryID+" at "+v.Host+" "+listener+" of "+clusterID)
	return q.refusal
}

func (q quorumAt) RemoveVoter(_ context.Context, clusterID string, id messages.BrokerID, directory string) error {
	*q.changes = append(*q.changes, "remove "+id.String()+" "+directory+" of "+clusterID)
	return q.refusal
}

func (quorumAt) MakeQuorumDynamic(context.Context) error { return nil }

func (quorumAt) Close() {}

func TestTheFirstBrokerThatAnswersIsAskedForOneChange(t *testing.T) {
	replicas := []messages.QuorumReplica{
		{ID: 1, DirectoryID: "a", Voter: true, LastCaughtUp: now}, {ID: 2, DirectoryID: "b", LastCaughtUp: now},
	}
	wish := votersWish{
		brokers: []string{"one", "two"}, clusterID: "demo", listener: "CONTROLLER",
		input:     kafka.VotersInput{Wanted: []messages.BrokerID{1, 2}, Running: []messages.BrokerID{1, 2}},
		addresses: map[messages.BrokerID]messages.Voter{2: {ID: 2, Host: "demo-2"}},
	}
	for name, test := range map[string]struct {
		silent  map[string]bool
		refusal error
		changes []string
		refused string
		failure string
	}{
		"one is added":        {map[string]bool{"one": true}, nil, []string{"add 2 b at demo-2 CONTROLLER of demo"}, "", ""},
		"Kafka refuses it":    {nil, &kafka.VoterRefused{Code: 126}, []string{"add 2 b at demo-2 CONTROLLER of demo"}, "DUPLICATE_VOTER", ""},
		"the answer is lost":  {nil, errors.New("i/o timeout"), []string{"add 2 b at demo-2 CONTROLLER of demo"}, "", "i/o timeout"},
		"nobody is reachable": {map[string]bool{"one": true, "two": true}, nil, nil, "", "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var changes []string
			q := quorumAt{silent: test.silent, state: kafka.QuorumState{Leader: 1, Replicas: replicas}, refusal: test.refusal, changes: &changes}
			result, err := worldEffects{Config{Kafka: q}}.changeVoters(t.Context(), wish)
			require.Equal(t, test.changes, changes)
			require.Contains(t, result.refused, test.refused)
			require.Equal(t, test.refused == "", result.refused == "")
			if test.failure != "" {
				require.ErrorContains(t, err, test.failure)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

func TestARestartWaitsForTheVoteThatItsNodeLoses(t *testing.T) {
	noController := func(v *rollView) { v.dynamic, v.nodes[1].controller = true, false }
	d := decide(quiet(waits(1), noController))
	require.Empty(t, d.permits)
	require.Contains(t, d.blocked, "broker 1 waits for its restart: it is no controller of the spec any more")
	d = decide(quiet(waits(0, 1), noController))
	require.Contains(t, d.permits, messages.BrokerID(0), "others do not wait for it")
	require.NotContains(t, d.permits, messages.BrokerID(1))
	taken := func(v *rollView) {
		v.kafka.Voters = []messages.BrokerID{0, 2}
		r := *v.kafka.Replication
		r.Quorum = []messages.QuorumReplica{r.Quorum[0], r.Quorum[2]}
		v.kafka.Replication, v.index = &r, kafka.Index(&r)
	}
	require.Contains(t, decide(quiet(waits(1), noController, taken)).permits, messages.BrokerID(1))
}
