package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// What the operator adds to throttles goes again without a trace, and what others have set stays.
func TestRealKafkaThrottlesReplicas(t *testing.T) {
	for _, version := range []string{"3.9.2", "4.3.1"} {
		t.Run(version, func(t *testing.T) {
			k := startRealKafka(t, version)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			admin, err := DialAdmin(ctx, k.address, open)
			require.NoError(t, err)
			defer admin.Close()
			createOn(ctx, t, admin, "a", 1)
			createOn(ctx, t, admin, "b", 1)
			one := ConfigResource{Broker: 1}
			require.NoError(t, admin.Alter(ctx, one, RateChanges(5000000), false))
			rated := func(want ...string) {
				t.Helper()
				require.EventuallyWithT(t, func(c *assert.CollectT) {
					configs, err := admin.Describe(ctx, one)
					require.NoError(c, err)
					require.Equal(c, want, configs.OwnKeys())
					require.Equal(c, len(want), len(RateDeletions(configs, 5000000)), "the value is shown")
					require.Empty(c, RateDeletions(configs, 1))
				}, 10*time.Second, 100*time.Millisecond)
			}
			rated(followerRateKey, leaderRateKey)
			requireListsShared(ctx, t, admin)
			configs, err := admin.Describe(ctx, one)
			require.NoError(t, err)
			require.NoError(t, admin.Alter(ctx, one, RateDeletions(configs, 5000000), false))
			rated([]string(nil)...)
		})
	}
}

func requireListsShared(ctx context.Context, t *testing.T, admin *Admin) {
	t.Helper()
	lists := func(want map[string]ThrottledReplicas) {
		t.Helper()
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			is, err := admin.ThrottledReplicas(ctx, []string{"a", "b", "gone"})
			require.NoError(c, err)
			require.Equal(c, want, is)
		}, 10*time.Second, 100*time.Millisecond)
	}
	none := map[string]ThrottledReplicas{"a": {}, "b": {}}
	lists(none)
	entry := func(topic string, number int32, id messages.BrokerID, adding bool) Throttle {
		return Throttle{Replicas: map[ThrottledReplica]bool{{TopicPartition{topic, number}, id, adding}: true}}
	}
	others := entry("b", 7, 9, true)
	require.NoError(t, admin.Throttle(ctx, others))
	ours := entry("a", 0, 1, false).With(entry("a", 0, 2, true)).With(entry("b", 0, 2, true)).With(entry("gone", 0, 1, false))
	require.NoError(t, admin.Throttle(ctx, ours), "a topic that was deleted has nothing to throttle")
	require.NoError(t, admin.Throttle(ctx, ours), "nothing is listed twice")
	lists(map[string]ThrottledReplicas{
		"a": {Leaders: []string{"0:1"}, Followers: []string{"0:2"}}, "b": {Followers: []string{"7:9", "0:2"}},
	})
	require.NoError(t, admin.Unthrottle(ctx, ours))
	lists(map[string]ThrottledReplicas{"a": {}, "b": {Followers: []string{"7:9"}}})
	require.NoError(t, admin.Unthrottle(ctx, ours), "what is gone can be taken away")
	require.NoError(t, admin.Unthrottle(ctx, others))
	lists(none)
	require.Empty(t, ownListsOf(ctx, t, admin, "a"), "no empty list is left")
}

// ownListsOf are the keys of lists that a topic has for itself, be they empty.
func ownListsOf(ctx context.Context, t *testing.T, admin *Admin, topic string) []string {
	t.Helper()
	request := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	request.Resources = []kmsg.DescribeConfigsRequestResource{resource}
	answer, err := told[*kmsg.DescribeConfigsResponse](ctx, admin, "describe a topic", request)
	require.NoError(t, err)
	var own []string
	for _, config := range answer.Resources[0].Configs {
		if config.Source == kmsg.ConfigSourceDynamicTopicConfig {
			own = append(own, config.Name)
		}
	}
	return own
}
