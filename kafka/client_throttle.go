package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ThrottledReplicas are the lists of topics; one that was deleted is missing.
func (a *Admin) ThrottledReplicas(ctx context.Context, topics []string) (map[string]ThrottledReplicas, error) {
	const what = "describe which replicas are throttled"
	request := kmsg.NewPtrDescribeConfigsRequest()
	for _, topic := range topics {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
		resource.ConfigNames = []string{leaderReplicasKey, followerReplicasKey}
		request.Resources = append(request.Resources, resource)
	}
	if len(topics) == 0 {
		return nil, nil
	}
	answer, err := told[*kmsg.DescribeConfigsResponse](ctx, a, what, request)
	if err != nil {
		return nil, err
	}
	lists := make(map[string]ThrottledReplicas, len(topics))
	for _, r := range answer.Resources {
		err := kerr.ErrorForCode(r.ErrorCode)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			continue
		}
		if err != nil {
			return nil, a.failed(what+" of "+r.ResourceName, withMessage(err, r.ErrorMessage))
		}
		shown := ThrottledReplicas{}
		for _, config := range r.Configs {
			switch config.Name {
			case leaderReplicasKey:
				shown.Leaders = listed(config.Value)
			case followerReplicasKey:
				shown.Followers = listed(config.Value)
			}
		}
		lists[r.ResourceName] = shown
	}
	return lists, nil
}

func listed(value *string) []string {
	if value == nil {
		return nil
	}
	var entries []string
	for entry := range strings.SplitSeq(*value, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			entries = append(entries, entry)
		}
	}
	return entries
}

// Throttle adds replicas to the lists of their topics; what others have there stays (KIP-339).
func (a *Admin) Throttle(ctx context.Context, replicas Throttle) error {
	return a.alterLists(ctx, replicas.lists(), kmsg.IncrementalAlterConfigOpAppend)
}

// Unthrottle takes replicas off the lists of their topics. A list without any is no list: Kafka would keep an empty one for ever.
func (a *Admin) Unthrottle(ctx context.Context, replicas Throttle) error {
	lists := replicas.lists()
	if err := a.alterLists(ctx, lists, kmsg.IncrementalAlterConfigOpSubtract); err != nil {
		return err
	}
	left, err := a.ThrottledReplicas(ctx, replicas.Topics())
	if err != nil {
		return err
	}
	maps.DeleteFunc(lists, func(list throttledList, _ []string) bool {
		shown, exists := left[list.topic]
		return !exists || len(shown.of(list.key)) > 0
	})
	return a.alterLists(ctx, lists, kmsg.IncrementalAlterConfigOpDelete)
}

// alterLists changes lists of topics; one that was deleted has none.
func (a *Admin) alterLists(ctx context.Context, lists map[throttledList][]string, op kmsg.IncrementalAlterConfigOp) error {
	const what = "change which replicas are throttled"
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	place := map[string]int{}
	for _, list := range slices.SortedFunc(maps.Keys(lists), compareLists) {
		at, known := place[list.topic]
		if !known {
			at = len(request.Resources)
			place[list.topic] = at
			resource := kmsg.NewIncrementalAlterConfigsRequestResource()
			resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, list.topic
			request.Resources = append(request.Resources, resource)
		}
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Op = list.key, op
		if op != kmsg.IncrementalAlterConfigOpDelete {
			entries := strings.Join(lists[list], ",")
			config.Value = &entries
		}
		request.Resources[at].Configs = append(request.Resources[at].Configs, config)
	}
	if len(request.Resources) == 0 {
		return nil
	}
	answer, err := told[*kmsg.IncrementalAlterConfigsResponse](ctx, a, what, request)
	if err != nil {
		return err
	}
	for _, r := range answer.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return a.failed(what+" of "+r.ResourceName, withMessage(err, r.ErrorMessage))
		}
	}
	return nil
}

func compareLists(a, b throttledList) int {
	return strings.Compare(a.topic+"/"+a.key, b.topic+"/"+b.key)
}
