package kafka

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	minISRKey = "min.insync.replicas"
	// minISRAge is how long a topic's value is believed: a changed topic configuration is seen nowhere else, and together with
	// the age of the rest of an answer (oldestReplication) it is what a permit may be wrong by.
	minISRAge = 5 * time.Second
	// minISRTopics is how many topics one request asks for.
	minISRTopics = 500
)

// minISRs are the effective min.insync.replicas by topic as they were read last.
type minISRs map[string]minISR

type minISR struct {
	topic sarama.Uuid // a topic that was deleted and made anew has the same name and another id
	value int32
	at    time.Time
}

// due are the topics whose value is unknown or too old, in the order given.
func (m minISRs) due(topics []*sarama.TopicMetadata, now time.Time) []*sarama.TopicMetadata {
	var due []*sarama.TopicMetadata
	for _, topic := range topics {
		known, ok := m[topic.Name]
		if !ok || known.topic != topic.Uuid || now.Sub(known.at) >= minISRAge {
			due = append(due, topic)
		}
	}
	return due
}

// of are the known values of these topics; what belongs to others is forgotten.
func (m minISRs) of(topics []*sarama.TopicMetadata) map[string]int32 {
	values := make(map[string]int32, len(topics))
	for _, topic := range topics {
		if known, ok := m[topic.Name]; ok {
			values[topic.Name] = known.value
		}
	}
	for name := range m {
		if _, exists := values[name]; !exists {
			delete(m, name)
		}
	}
	return values
}

// askMinISR are the effective values of all topics; Kafka is asked for those alone that are new or were not read for a
// while.
func (s *Session) askMinISR(ctx context.Context, topics []*sarama.TopicMetadata, now time.Time) (map[string]int32, error) {
	for some := range slices.Chunk(s.minISR.due(topics, now), minISRTopics) {
		for _, topic := range some {
			delete(s.minISR, topic.Name)
		}
		values, err := s.describeMinISR(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, topic := range some {
			if value, ok := values[topic.Name]; ok {
				s.minISR[topic.Name] = minISR{topic: topic.Uuid, value: value, at: now}
			}
		}
	}
	return s.minISR.of(topics), nil
}

// describeMinISR asks for one key of each topic. A topic that Kafka does not answer for is missing: it may just have been
// deleted.
func (s *Session) describeMinISR(ctx context.Context, topics []*sarama.TopicMetadata) (map[string]int32, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	request := kmsg.NewPtrDescribeConfigsRequest()
	for _, topic := range topics {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic.Name
		resource.ConfigNames = []string{minISRKey}
		request.Resources = append(request.Resources, resource)
	}
	answer, err := asked[*kmsg.DescribeConfigsResponse](ctx, s.seed, request)
	if err != nil {
		return nil, err
	}
	values := make(map[string]int32, len(topics))
	for _, resource := range answer.Resources {
		if value, ok := shownMinISR(resource); ok {
			values[resource.ResourceName] = value
		}
	}
	return values, nil
}

func shownMinISR(resource kmsg.DescribeConfigsResponseResource) (int32, bool) {
	if resource.ErrorCode != 0 {
		return 0, false
	}
	for _, config := range resource.Configs {
		if config.Name != minISRKey || config.Value == nil {
			continue
		}
		value, err := strconv.ParseInt(*config.Value, 10, 32)
		return int32(value), err == nil
	}
	return 0, false
}
