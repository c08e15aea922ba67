package kafka

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// What the clients rely on, on the versions that are tested.
func TestRealKafkaIsObservedAndConfigured(t *testing.T) {
	for _, test := range []struct {
		version, release, metadata string
		elr                        bool
	}{
		{"4.3.1", "4.3", "4.3-IV0", true},
		{"3.9.2", "3.9", "3.9-IV0", false},
	} {
		t.Run(test.version, func(t *testing.T) {
			kafka := startRealKafka(t, test.version, "num.io.threads=4")
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()

			admin, err := DialAdmin(ctx, kafka.address, open)
			require.NoError(t, err)
			defer admin.Close()
			createTopics(ctx, t, admin, 20)

			// The first broker of the list is down: the next one is asked, and all questions go to the same one.
			session, err := NewSession([]string{freeAddress(t, 25000), kafka.address}, open)
			require.NoError(t, err)
			defer session.Close()

			observed, err := session.Observe(ctx, Ask{KRaft: true})
			require.NoError(t, err)
			require.Nil(t, observed.Replication)
			require.Equal(t, []messages.BrokerID{1}, observed.Brokers)
			require.Equal(t, []messages.BrokerID{1}, observed.Voters)
			require.Equal(t, test.release, observed.Version)
			require.Equal(t, test.metadata, observed.MetadataVersion)
			require.Equal(t, test.elr, observed.ELR)

			seesReplication(ctx, t, session)
			seesMinISROfTheCluster(ctx, t, session, admin)
			electsPreferredLeaders(ctx, t, session)
			describesBroker(ctx, t, admin)
			altersBroker(ctx, t, admin)
			describesLogDirs(ctx, t, admin, kafka.dir)
		})
	}
}

// createTopics makes the topics two-or-more, with a configuration of its own, and plain-000 and so on.
func createTopics(ctx context.Context, t *testing.T, admin *Admin, plain int) {
	t.Helper()
	request := kmsg.NewPtrCreateTopicsRequest()
	own := kmsg.NewCreateTopicsRequestTopic()
	own.Topic, own.NumPartitions, own.ReplicationFactor = "two-or-more", 3, 1
	config := kmsg.NewCreateTopicsRequestTopicConfig()
	config.Name, config.Value = minISRKey, kmsg.StringPtr("2")
	own.Configs = append(own.Configs, config)
	request.Topics = append(request.Topics, own)
	for i := range plain {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = fmt.Sprintf("plain-%03d", i), 1, 1
		request.Topics = append(request.Topics, topic)
	}
	answer, err := told[*kmsg.CreateTopicsResponse](ctx, admin, "create topics", request)
	require.NoError(t, err)
	for _, topic := range answer.Topics {
		require.NoError(t, kerr.ErrorForCode(topic.ErrorCode), topic.Topic)
	}
}

func seesReplication(ctx context.Context, t *testing.T, session *Session) {
	t.Helper()
	var r *messages.Replication
	require.EventuallyWithT(t, func(c *assert.CollectT) { // leaders are elected after the topics are created
		observed, err := session.Observe(ctx, Ask{KRaft: true, Detail: true})
		require.NoError(c, err)
		require.False(c, observed.UnderReplicated)
		r = observed.Replication
		require.Len(c, r.Partitions, 23)
		require.Equal(c, messages.Partition{
			Topic: "two-or-more", Number: 2, Leader: 1, Replicas: []messages.BrokerID{1}, ISR: []messages.BrokerID{1},
		}, r.Partitions[22])
	}, 10*time.Second, 100*time.Millisecond)
	require.Equal(t, "plain-000", r.Partitions[0].Topic)
	require.Len(t, r.MinISR, 21)
	require.EqualValues(t, 2, r.MinISR["two-or-more"])
	require.EqualValues(t, 1, r.MinISR["plain-019"])
	require.Empty(t, r.Reassigning)
	require.EqualValues(t, 1, r.QuorumLeader)
	require.Len(t, r.Quorum, 1)
	voter := r.Quorum[0]
	require.True(t, voter.Voter)
	require.EqualValues(t, 1, voter.ID)
	require.Len(t, voter.DirectoryID, 22, "of a quorum that was formatted with --standalone")
	require.Positive(t, voter.LogEndOffset)
	require.WithinDuration(t, time.Now(), voter.LastCaughtUp, time.Minute)
}

// Kafka's default is a topic's value too, once what was read of the topic is old.
func seesMinISROfTheCluster(ctx context.Context, t *testing.T, session *Session, admin *Admin) {
	t.Helper()
	require.NoError(t, admin.Alter(ctx, ConfigResource{ClusterWide: true}, []ConfigChange{set(minISRKey, "3")}, false))
	require.Eventually(t, func() bool {
		session.minISR = minISRs{}
		observed, err := session.Observe(ctx, Ask{KRaft: true, Detail: true})
		require.NoError(t, err)
		return observed.Replication.MinISR["plain-000"] == 3 && observed.Replication.MinISR["two-or-more"] == 2
	}, 10*time.Second, 100*time.Millisecond)
}

func electsPreferredLeaders(ctx context.Context, t *testing.T, session *Session) {
	t.Helper()
	require.NoError(t, session.ElectPreferred(ctx, []messages.Partition{{Topic: "two-or-more", Number: 1}}), "nothing is to be done")
	require.NoError(t, session.ElectPreferred(ctx, nil))
	err := session.ElectPreferred(ctx, []messages.Partition{{Topic: "two-or-more", Number: 1}, {Topic: "nowhere"}, {Topic: "nowhere", Number: 1}})
	require.ErrorIs(t, err, kerr.UnknownTopicOrPartition)
	require.ErrorContains(t, err, "nowhere")
	require.ErrorContains(t, err, "1 more")
}

func describesBroker(ctx context.Context, t *testing.T, admin *Admin) {
	t.Helper()
	configs, err := admin.Describe(ctx, ConfigResource{Broker: 1})
	require.NoError(t, err)
	require.True(t, configs["node.id"].ReadOnly)
	require.Equal(t, TypeInt, configs["node.id"].Type)
	threads := configs["num.io.threads"]
	require.Equal(t, "4", *threads.Value)
	require.Equal(t, SourceStaticBroker, threads.Source)
	require.False(t, threads.ReadOnly)
	require.Contains(t, threads.Synonyms, ConfigSynonym{Name: "num.io.threads", Value: kmsg.StringPtr("8"), Source: SourceDefault})
	for name, entry := range configs {
		if entry.Type == TypePassword {
			require.True(t, entry.Sensitive)
			require.True(t, secretKey(name), "the value of %s must not get into errors", name)
		}
	}
	_, err = admin.Describe(ctx, ConfigResource{Broker: 7})
	require.ErrorContains(t, err, "Unexpected broker id")
}

func altersBroker(ctx context.Context, t *testing.T, admin *Admin) {
	t.Helper()
	broker, all := ConfigResource{Broker: 1}, ConfigResource{ClusterWide: true}
	require.NoError(t, admin.Alter(ctx, broker, nil, false))
	require.NoError(t, admin.Alter(ctx, all, []ConfigChange{set("num.io.threads", "5")}, false))
	require.NoError(t, admin.Alter(ctx, broker, []ConfigChange{set("num.io.threads", "6")}, true))
	levels := levelsOf(ctx, t, admin, broker, "num.io.threads", "5")
	require.NotContains(t, levels, SourceDynamicBroker, "it was only to be validated")

	require.NoError(t, admin.Alter(ctx, broker, []ConfigChange{set("num.io.threads", "7")}, false))
	require.Equal(t, map[ConfigSource]string{
		SourceDynamicBroker: "7", SourceDynamicDefaultBroker: "5", SourceStaticBroker: "4", SourceDefault: "8",
	}, levelsOf(ctx, t, admin, broker, "num.io.threads", "7"))
	clusterWide, err := admin.Describe(ctx, all)
	require.NoError(t, err)
	require.Equal(t, "5", *clusterWide["num.io.threads"].Value)
	require.NotContains(t, clusterWide, "node.id", "only dynamic keys are shown")

	require.NoError(t, admin.Alter(ctx, broker, []ConfigChange{{Key: "num.io.threads"}}, false))
	levelsOf(ctx, t, admin, broker, "num.io.threads", "5")
	refusesChanges(ctx, t, admin)
}

func refusesChanges(ctx context.Context, t *testing.T, admin *Admin) {
	t.Helper()
	for name, test := range map[string]struct {
		change  ConfigChange
		code    int16
		message string
	}{
		"a key that only a restart changes": {set("broker.rack", "b"), 42, "Cannot update these configs dynamically: "},
		"a value of another type": {
			set("log.cleaner.threads", "abc"), 42, "Invalid value abc for configuration log.cleaner.threads: Not a number of type INT",
		},
	} {
		err := admin.Alter(ctx, ConfigResource{Broker: 1}, []ConfigChange{test.change}, true)
		var refused *ConfigRefused
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, test.code, refused.Code, name)
		require.True(t, strings.HasPrefix(refused.Message, test.message), "%s: Kafka's reason comes first, not %q", name, refused.Message)
		require.Contains(t, refused.Message, test.change.Key, name)
	}
	err := admin.Alter(ctx, ConfigResource{Broker: 1}, []ConfigChange{
		set("listener.name.internal.plain.sasl.jaas.config", "org.apache.PlainLoginModule needed password=hunter22;"),
		set("broker.rack", "b"),
	}, true)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter22")
}

func describesLogDirs(ctx context.Context, t *testing.T, admin *Admin, dir string) {
	t.Helper()
	dirs, err := admin.DescribeLogDirs(ctx)
	require.NoError(t, err)
	require.Len(t, dirs, 1)
	require.Equal(t, dir+"/log", dirs[0].Path)
	require.Empty(t, dirs[0].Failure)
	require.Positive(t, dirs[0].TotalBytes)
	require.Positive(t, dirs[0].UsableBytes)
	require.Len(t, dirs[0].Replicas, 23)
	require.Equal(t, ObservedReplica{Topic: "plain-000"}, dirs[0].Replicas[0])
}

func set(key, value string) ConfigChange { return ConfigChange{Key: key, Value: &value} }

// levelsOf are the values of a key by level, once the broker has applied what the controller stored.
func levelsOf(ctx context.Context, t *testing.T, admin *Admin, resource ConfigResource, key, awaited string) map[ConfigSource]string {
	t.Helper()
	levels := map[ConfigSource]string{}
	require.Eventually(t, func() bool {
		configs, err := admin.Describe(ctx, resource)
		require.NoError(t, err)
		clear(levels)
		for _, synonym := range configs[key].Synonyms {
			levels[synonym.Source] = *synonym.Value
		}
		return *configs[key].Value == awaited
	}, 5*time.Second, 50*time.Millisecond)
	return levels
}
