package kafka

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

func TestPartitionsAreOrderedAndShareNoMemoryThatGrows(t *testing.T) {
	all, err := partitions([]*sarama.TopicMetadata{
		{Name: "b", Partitions: []*sarama.PartitionMetadata{
			{ID: 1, Leader: -1, Replicas: []int32{3}, OfflineReplicas: []int32{3}, Err: sarama.ErrLeaderNotAvailable},
			{ID: 0, Leader: 2, Replicas: []int32{3, 2}, Isr: []int32{2}, OfflineReplicas: []int32{3}, Err: sarama.ErrReplicaNotAvailable},
		}},
		{Name: "a", Partitions: []*sarama.PartitionMetadata{{ID: 0, Leader: 1, Replicas: []int32{1}, Isr: []int32{1}}}},
	})
	require.NoError(t, err)
	require.Equal(t, []messages.Partition{
		{Topic: "a", Number: 0, Leader: 1, Replicas: []messages.BrokerID{1}, ISR: []messages.BrokerID{1}},
		{
			Topic: "b", Number: 0, Leader: 2,
			Replicas: []messages.BrokerID{3, 2}, ISR: []messages.BrokerID{2}, Offline: []messages.BrokerID{3},
		},
		{Topic: "b", Number: 1, Leader: -1, Replicas: []messages.BrokerID{3}, Offline: []messages.BrokerID{3}},
	}, all)
	_ = append(all[0].Replicas, 9)
	require.Equal(t, []messages.BrokerID{1}, all[0].ISR, "who appends to one list must not write into the next")

	_, err = partitions([]*sarama.TopicMetadata{{Name: "a", Err: sarama.ErrTopicAuthorizationFailed}})
	require.ErrorContains(t, err, "describe topic a", "what could not be read is not taken for empty")
}

func TestPartitionsOfManyTopicsTakeFewAllocations(t *testing.T) {
	var topics []*sarama.TopicMetadata
	for i := range 500 {
		topic := &sarama.TopicMetadata{Name: fmt.Sprintf("topic-%03d", i)}
		for id := range int32(100) {
			topic.Partitions = append(topic.Partitions, &sarama.PartitionMetadata{ID: id, Replicas: []int32{1, 2, 3}, Isr: []int32{1, 2, 3}})
		}
		topics = append(topics, topic)
	}
	allocations := testing.AllocsPerRun(3, func() { _, _ = partitions(topics) })
	require.LessOrEqual(t, allocations, 10.0)
}

func TestMinISRIsAskedForNewAndOldTopicsOnly(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	known := minISRs{
		"fresh":   {topic: sarama.Uuid{1}, value: 2, at: now.Add(-minISRAge + 1)},
		"old":     {topic: sarama.Uuid{2}, value: 2, at: now.Add(-minISRAge)},
		"anew":    {topic: sarama.Uuid{3}, value: 2, at: now},
		"deleted": {topic: sarama.Uuid{4}, value: 2, at: now},
	}
	topics := []*sarama.TopicMetadata{
		{Name: "fresh", Uuid: sarama.Uuid{1}}, {Name: "old", Uuid: sarama.Uuid{2}},
		{Name: "anew", Uuid: sarama.Uuid{9}}, {Name: "new", Uuid: sarama.Uuid{5}},
	}
	var due []string
	for _, topic := range known.due(topics, now) {
		due = append(due, topic.Name)
	}
	require.Equal(t, []string{"old", "anew", "new"}, due)

	require.Equal(t, map[string]int32{"fresh": 2, "old": 2, "anew": 2}, known.of(topics))
	require.NotContains(t, known, "deleted", "what is gone must not be remembered for ever")
}

func TestMinISRIsUnknownWhereKafkaDoesNotShowIt(t *testing.T) {
	for name, test := range map[string]struct {
		resource kmsg.DescribeConfigsResponseResource
		value    int32
		shown    bool
	}{
		"a topic that was deleted since": {resource: kmsg.DescribeConfigsResponseResource{ErrorCode: kerr.UnknownTopicOrPartition.Code}},
		"a key without value":            {resource: minISRResource(nil)},
		"no number":                      {resource: minISRResource(kmsg.StringPtr("two"))},
		"a number":                       {resource: minISRResource(kmsg.StringPtr("2")), value: 2, shown: true},
	} {
		value, shown := shownMinISR(test.resource)
		require.Equal(t, test.shown, shown, name)
		if shown {
			require.Equal(t, test.value, value, name)
		}
	}
}

func minISRResource(value *string) kmsg.DescribeConfigsResponseResource {
	return kmsg.DescribeConfigsResponseResource{Configs: []kmsg.DescribeConfigsResponseResourceConfig{{Name: minISRKey, Value: value}}}
}

func TestQuorumShowsAReplacedDiskTwice(t *testing.T) {
	state := func(id int32, directory byte, caughtUp int64) kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
		return kmsg.DescribeQuorumResponseTopicPartitionReplicaState{
			ReplicaID: id, ReplicaDirectoryID: [16]byte{directory}, LogEndOffset: 7, LastCaughtUpTimestamp: caughtUp,
		}
	}
	answer := &kmsg.DescribeQuorumResponse{Topics: []kmsg.DescribeQuorumResponseTopic{{
		Partitions: []kmsg.DescribeQuorumResponseTopicPartition{{
			LeaderID:      2,
			CurrentVoters: []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{state(2, 4, 1000), state(1, 8, -1)},
			Observers:     []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{state(5, 0, 1000), state(1, 4, 1000)},
		}},
	}}}
	q, err := quorumOf(answer)
	require.NoError(t, err)
	require.Equal(t, QuorumState{Leader: 2, Replicas: []messages.QuorumReplica{
		{ID: 1, DirectoryID: "CAAAAAAAAAAAAAAAAAAAAA", Voter: true, LogEndOffset: 7},
		{ID: 1, DirectoryID: "BAAAAAAAAAAAAAAAAAAAAA", LogEndOffset: 7, LastCaughtUp: time.UnixMilli(1000)},
		{ID: 2, DirectoryID: "BAAAAAAAAAAAAAAAAAAAAA", Voter: true, LogEndOffset: 7, LastCaughtUp: time.UnixMilli(1000)},
		{ID: 5, LogEndOffset: 7, LastCaughtUp: time.UnixMilli(1000)},
	}}, q)
	require.Equal(t, []messages.BrokerID{1, 2}, q.ids(true))
	require.Equal(t, []messages.BrokerID{1, 5}, q.ids(false))

	answer.Topics[0].Partitions[0].ErrorCode = kerr.NotLeaderForPartition.Code
	_, err = quorumOf(answer)
	require.ErrorIs(t, err, kerr.NotLeaderForPartition)
}

func TestReassignmentsAreOrdered(t *testing.T) {
	require.Equal(t, []messages.Reassignment{
		{Topic: "a", Number: 1, Adding: []messages.BrokerID{4}, Removing: []messages.BrokerID{1}},
		{Topic: "a", Number: 3, Removing: []messages.BrokerID{2}},
		{Topic: "b", Number: 0, Adding: []messages.BrokerID{4, 5}},
	}, reassignmentsOf(&kmsg.ListPartitionReassignmentsResponse{Topics: []kmsg.ListPartitionReassignmentsResponseTopic{
		{Topic: "b", Partitions: []kmsg.ListPartitionReassignmentsResponseTopicPartition{{AddingReplicas: []int32{4, 5}}}},
		{Topic: "a", Partitions: []kmsg.ListPartitionReassignmentsResponseTopicPartition{
			{Partition: 3, RemovingReplicas: []int32{2}},
			{Partition: 1, AddingReplicas: []int32{4}, RemovingReplicas: []int32{1}},
		}},
	}}))
}

func TestSessionTurnsToTheNextAddressAfterEachFailure(t *testing.T) {
	asked := make(chan string, 8)
	bootstrap := []string{deaf(t, asked), deaf(t, asked), deaf(t, asked)}
	session, err := NewSession(bootstrap, open)
	require.NoError(t, err)
	defer session.Close()
	for _, address := range append(bootstrap, bootstrap[0]) {
		_, err := session.Observe(t.Context(), Ask{})
		require.Error(t, err)
		require.Equal(t, address, <-asked)
	}
	require.Empty(t, asked)
}

func TestSessionSaysWhichAddressesDoNotAnswer(t *testing.T) {
	bootstrap := []string{freeAddress(t, 25000), freeAddress(t, 27000)}
	session, err := NewSession(bootstrap, open)
	require.NoError(t, err)
	defer session.Close()
	_, err = session.Observe(t.Context(), Ask{})
	require.ErrorContains(t, err, bootstrap[0])
	require.ErrorContains(t, err, bootstrap[1])

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = session.Observe(ctx, Ask{})
	require.ErrorIs(t, err, context.Canceled)
}

// deaf is the address of somebody who hangs up; asked gets it at each call.
func deaf(t *testing.T, asked chan<- string) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		require.NoError(t, socket.Close())
		<-done
	})
	go func() {
		defer close(done)
		for {
			connection, err := socket.Accept()
			if err != nil {
				return
			}
			asked <- socket.Addr().String()
			_ = connection.Close()
		}
	}()
	return socket.Addr().String()
}

func TestElectionIsForExactlyThesePartitions(t *testing.T) {
	request := preferredElection([]messages.Partition{{Topic: "b", Number: 1}, {Topic: "a", Number: 0}, {Topic: "b", Number: 0}})
	require.Len(t, request.Topics, 2)
	require.Equal(t, "b", request.Topics[0].Topic)
	require.Equal(t, []int32{1, 0}, request.Topics[0].Partitions)
	require.Equal(t, []int32{0}, request.Topics[1].Partitions)
	require.Zero(t, request.ElectionType)
}

func TestFeaturesNameVersions(t *testing.T) {
	f := featuresOf(&kmsg.ApiVersionsResponse{
		SupportedFeatures: []kmsg.ApiVersionsResponseSupportedFeature{{Name: metadataFeature, MaxVersion: 30}},
		FinalizedFeatures: []kmsg.ApiVersionsResponseFinalizedFeature{
			{Name: metadataFeature, MaxVersionLevel: 25}, {Name: elrFeature, MaxVersionLevel: 1},
		},
	})
	require.Equal(t, features{version: "4.3", metadata: "4.0-IV3", elr: true}, f, "while an upgrade is not finalised")
	require.Equal(t, features{}, featuresOf(&kmsg.ApiVersionsResponse{}), "a Kafka that knows no features")

	for level, name := range map[int16]string{
		-1: "-1", 0: "0", 1: "3.0-IV1", 2: "3.1-IV0", 3: "3.2-IV0", 4: "3.3-IV0", 7: "3.3-IV3", 8: "3.4-IV0", 11: "3.5-IV2", 14: "3.6-IV2",
		19: "3.7-IV4", 20: "3.8-IV0", 21: "3.9-IV0", 25: "4.0-IV3", 27: "4.1-IV1", 29: "4.2-IV1", 30: "4.3-IV0", 31: "4.4-IV0", 99: "99",
	} {
		require.Equal(t, name, metadataVersion(level))
	}
}

func TestRefusalHidesSecrets(t *testing.T) {
	changes := []ConfigChange{
		set("listener.name.tls.ssl.key.password", "hunter22"),
		set("listener.name.sasl.plain.sasl.jaas.config", `x.PlainLoginModule required username="admin" password="swordfish";`),
		set("log.cleaner.threads", "abc"),
		set("my.plugin.pin", "4711"),
		{Key: "ssl.keystore.password"},
	}
	for name, test := range map[string]struct{ message, shown string }{
		"a plain value helps the reader": {"Invalid value abc for configuration log.cleaner.threads", "Invalid value abc for configuration log.cleaner.threads"},
		"a password":                     {"Invalid value hunter22 for configuration", "Invalid value [hidden] for configuration"},
		"a value of a plugin":            {"Policy says no to 4711", "Policy says no to [hidden]"},
		"a word of a login":              {"flag is not available: swordfish", "flag is not available: [hidden]"},
	} {
		answer := kmsg.IncrementalAlterConfigsResponseResource{ErrorCode: 42, ErrorMessage: &test.message}
		var refused *ConfigRefused
		require.ErrorAs(t, refusal(kerr.InvalidRequest, answer, changes), &refused, name)
		require.Equal(t, test.shown, refused.Message, name)
	}
}

func TestOnlyARefusalIsFinal(t *testing.T) {
	var refused *ConfigRefused
	err := refusal(kerr.RequestTimedOut, kmsg.IncrementalAlterConfigsResponseResource{ErrorCode: 7}, nil)
	require.NotErrorAs(t, err, &refused, "the controller was away: asking again helps")
	require.ErrorIs(t, err, kerr.RequestTimedOut)

	err = refusal(kerr.InvalidConfig, kmsg.IncrementalAlterConfigsResponseResource{ErrorCode: 40}, nil)
	require.EqualError(t, err, "Kafka refuses the configuration: INVALID_CONFIG")
}
