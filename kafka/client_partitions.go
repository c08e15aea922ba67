package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// allTopics asks one broker for all topics, internal ones too.
func allTopics(broker *sarama.Broker) ([]*sarama.TopicMetadata, error) {
	request := sarama.NewMetadataRequest(sarama.V2_8_0_0, nil)
	request.AllowAutoTopicCreation = false
	answer, err := broker.GetMetadata(request)
	if err != nil {
		return nil, fmt.Errorf("describe the topics at %s: %w", broker.Addr(), err)
	}
	return answer.Topics, nil
}

// underReplicated reports whether any partition has fewer in-sync replicas than replicas.
func underReplicated(topics []*sarama.TopicMetadata) bool {
	for _, topic := range topics {
		for _, partition := range topic.Partitions {
			if len(partition.Isr) < len(partition.Replicas) {
				return true
			}
		}
	}
	return false
}

// withoutLeader are the partitions that nobody leads, ordered: what is written to them is refused.
func withoutLeader(topics []*sarama.TopicMetadata) []TopicPartition {
	var none []TopicPartition
	for _, topic := range topics {
		for _, partition := range topic.Partitions {
			if partition.Leader < 0 {
				none = append(none, TopicPartition{Topic: topic.Name, Number: partition.ID})
			}
		}
	}
	slices.SortFunc(none, func(a, b TopicPartition) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Number, b.Number))
	})
	return none
}

// partitions are those of all topics, ordered. A partition's own error is left aside: it says that there is no leader or
// that a replica is offline, and so do the other fields.
func partitions(topics []*sarama.TopicMetadata) ([]messages.Partition, error) {
	count, replicas := 0, 0
	for _, topic := range topics {
		if !errors.Is(topic.Err, sarama.ErrNoError) {
			return nil, fmt.Errorf("describe topic %s: %w", topic.Name, topic.Err)
		}
		count += len(topic.Partitions)
		for _, p := range topic.Partitions {
			replicas += len(p.Replicas) + len(p.Isr) + len(p.OfflineReplicas)
		}
	}
	slices.SortFunc(topics, func(a, b *sarama.TopicMetadata) int { return strings.Compare(a.Name, b.Name) })
	all := make([]messages.Partition, 0, count)
	room := make(idRoom, 0, replicas)
	for _, topic := range topics {
		slices.SortFunc(topic.Partitions, func(a, b *sarama.PartitionMetadata) int { return cmp.Compare(a.ID, b.ID) })
		for _, p := range topic.Partitions {
			all = append(all, messages.Partition{
				Topic: topic.Name, Number: p.ID, Leader: messages.BrokerID(p.Leader),
				Replicas: room.ids(p.Replicas), ISR: room.ids(p.Isr), Offline: room.ids(p.OfflineReplicas),
			})
		}
	}
	return all, nil
}

// idRoom is one array for the replicas of all partitions: three small ones for each of 50,000 partitions would cost
// more than what stands in them.
type idRoom []messages.BrokerID

func (r *idRoom) ids(numbers []int32) []messages.BrokerID {
	if len(numbers) == 0 {
		return nil
	}
	start := len(*r)
	for _, n := range numbers {
		*r = append(*r, messages.BrokerID(n))
	}
	return (*r)[start:len(*r):len(*r)]
}

// reassignments are all partitions that are being moved.
func (s *Session) reassignments(ctx context.Context) ([]messages.Reassignment, error) {
	ctx, cancel := context.WithTimeout(ctx, quorumTimeout)
	defer cancel()
	request := kmsg.NewPtrListPartitionReassignmentsRequest()
	request.TimeoutMillis = int32(quorumTimeout.Milliseconds())
	request.Topics = nil // all of them
	answer, err := asked[*kmsg.ListPartitionReassignmentsResponse](ctx, s.seed, request)
	if err == nil && answer.ErrorCode == kerr.NotController.Code { // with ZooKeeper only one broker knows, and the client finds it
		answer, err = request.RequestWith(ctx, s.client)
	}
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, err
	}
	return reassignmentsOf(answer), nil
}

func reassignmentsOf(answer *kmsg.ListPartitionReassignmentsResponse) []messages.Reassignment {
	var all []messages.Reassignment
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			var room idRoom
			all = append(all, messages.Reassignment{
				Topic: topic.Topic, Number: p.Partition,
				Adding: room.ids(p.AddingReplicas), Removing: room.ids(p.RemovingReplicas),
			})
		}
	}
	slices.SortFunc(all, func(a, b messages.Reassignment) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Number, b.Number))
	})
	return all
}

// ElectPreferred makes the first replica of each of these partitions its leader again, which Kafka alone would do only
// minutes later (leader.imbalance.check.interval.seconds). A partition that has it already is fine.
func (s *Session) ElectPreferred(ctx context.Context, partitions []messages.Partition) error {
	if len(partitions) == 0 { // Kafka would take none for all
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := s.connect(ctx); err != nil {
		return err
	}
	answer, err := s.elect(ctx, preferredElection(partitions))
	if err != nil {
		s.leave()
		return fmt.Errorf("elect preferred leaders: %w", err)
	}
	return electionError(answer)
}

func (s *Session) elect(ctx context.Context, request *kmsg.ElectLeadersRequest) (*kmsg.ElectLeadersResponse, error) {
	answer, err := asked[*kmsg.ElectLeadersResponse](ctx, s.seed, request)
	if err == nil && notController(answer) {
		return request.RequestWith(ctx, s.client)
	}
	return answer, err
}

func notController(answer *kmsg.ElectLeadersResponse) bool {
	return answer.ErrorCode == kerr.NotController.Code || len(answer.Topics) > 0 &&
		len(answer.Topics[0].Partitions) > 0 && answer.Topics[0].Partitions[0].ErrorCode == kerr.NotController.Code
}

func preferredElection(partitions []messages.Partition) *kmsg.ElectLeadersRequest {
	request := kmsg.NewPtrElectLeadersRequest()
	request.ElectionType = 0 // preferred
	request.TimeoutMillis = int32(quorumTimeout.Milliseconds())
	place := map[string]int{}
	for _, p := range partitions {
		at, known := place[p.Topic]
		if !known {
			at = len(request.Topics)
			place[p.Topic] = at
			topic := kmsg.NewElectLeadersRequestTopic()
			topic.Topic = p.Topic
			request.Topics = append(request.Topics, topic)
		}
		request.Topics[at].Partitions = append(request.Topics[at].Partitions, p.Number)
	}
	return request
}

// electionError is the first failure, and how many more there are: thousands of partitions may fail for one reason.
func electionError(answer *kmsg.ElectLeadersResponse) error {
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return fmt.Errorf("elect preferred leaders: %w", err)
	}
	var first error
	failed := 0
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			if err == nil || errors.Is(err, kerr.ElectionNotNeeded) {
				continue
			}
			if failed++; first == nil {
				first = fmt.Errorf("elect the preferred leader of %s-%d: %w", topic.Topic, p.Partition, err)
			}
		}
	}
	if failed > 1 {
		return fmt.Errorf("%w (and %d more partitions)", first, failed-1)
	}
	return first
}
