package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// mostMovesInRequest keeps requests small enough to be answered soon.
const mostMovesInRequest = 100

// Reassignments are all partitions that are being moved, by the active controller's own word.
func (a *Admin) Reassignments(ctx context.Context) ([]messages.Reassignment, error) {
	const what = "list the reassignments"
	request := kmsg.NewPtrListPartitionReassignmentsRequest()
	request.TimeoutMillis = int32(quorumTimeout.Milliseconds())
	request.Topics = nil // all of them
	answer, err := told[*kmsg.ListPartitionReassignmentsResponse](ctx, a, what, request)
	if err == nil && answer.ErrorCode == kerr.NotController.Code { // with ZooKeeper only one broker knows, and the client finds it
		answer, err = request.RequestWith(ctx, a.client)
	}
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, a.failed(what, withMessage(err, answer.ErrorMessage))
	}
	return reassignmentsOf(answer), nil
}

// Move begins moves; any broker passes them on to the active controller. A partition whose topic was deleted is fine. The error
// names the first partition that Kafka refuses; the others move.
func (a *Admin) Move(ctx context.Context, moves []Move) error {
	_, err := a.moveAll(ctx, moves, func(m Move) []messages.BrokerID { return m.Replicas })
	return err
}

// TakeBack ends moves that are under way; what has ended is fine. Kafka leaves the replicas of what it takes back in another order
// than before, and with it another preferred leader: that is put right where it is known.
func (a *Admin) TakeBack(ctx context.Context, moves []Move) error {
	taken, err := a.moveAll(ctx, moves, func(Move) []messages.BrokerID { return nil })
	if err != nil {
		return err
	}
	_, err = a.moveAll(ctx, slices.DeleteFunc(slices.Clone(moves), func(m Move) bool { return m.Before == nil || !taken[m.Partition] }),
		func(m Move) []messages.BrokerID { return m.Before })
	return err
}

// moveAll gives each partition the replicas that of says, or takes its move back where there are none, and returns what Kafka took.
func (a *Admin) moveAll(ctx context.Context, moves []Move, of func(Move) []messages.BrokerID) (map[TopicPartition]bool, error) {
	taken := map[TopicPartition]bool{}
	var refused []error
	for some := range slices.Chunk(moves, mostMovesInRequest) {
		answer, err := a.reassign(ctx, reassignment(some, of))
		if err != nil {
			return taken, err
		}
		refused = append(refused, a.refusedMoves(answer, taken)...)
	}
	switch len(refused) {
	case 0:
		return taken, nil
	case 1:
		return taken, refused[0]
	default:
		return taken, fmt.Errorf("%w (and %d more partitions)", refused[0], len(refused)-1)
	}
}

func (a *Admin) reassign(ctx context.Context, request *kmsg.AlterPartitionAssignmentsRequest) (*kmsg.AlterPartitionAssignmentsResponse, error) {
	const what = "move partitions"
	answer, err := told[*kmsg.AlterPartitionAssignmentsResponse](ctx, a, what, request)
	if err == nil && movedElsewhere(answer) { // as above
		answer, err = request.RequestWith(ctx, a.client)
	}
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, a.failed(what, withMessage(err, answer.ErrorMessage))
	}
	return answer, nil
}

// movedElsewhere reports whether another broker has to be asked.
func movedElsewhere(answer *kmsg.AlterPartitionAssignmentsResponse) bool {
	return answer.ErrorCode == kerr.NotController.Code || len(answer.Topics) > 0 &&
		len(answer.Topics[0].Partitions) > 0 && answer.Topics[0].Partitions[0].ErrorCode == kerr.NotController.Code
}

// reassignment never changes how many replicas a partition has: Kafka 4.1 and newer (KIP-860) refuse it then.
func reassignment(moves []Move, of func(Move) []messages.BrokerID) *kmsg.AlterPartitionAssignmentsRequest {
	request := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	request.TimeoutMillis = int32(adminTimeout.Milliseconds())
	request.AllowReplicationFactorChange = false
	place := map[string]int{}
	for _, m := range moves {
		at, known := place[m.Partition.Topic]
		if !known {
			at = len(request.Topics)
			place[m.Partition.Topic] = at
			topic := kmsg.NewAlterPartitionAssignmentsRequestTopic()
			topic.Topic = m.Partition.Topic
			request.Topics = append(request.Topics, topic)
		}
		partition := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
		partition.Partition = m.Partition.Number
		for _, id := range of(m) { // none stays nil, which takes back
			partition.Replicas = append(partition.Replicas, int32(id))
		}
		request.Topics[at].Partitions = append(request.Topics[at].Partitions, partition)
	}
	return request
}

// refusedMoves are the errors of an answer; what was taken is marked.
func (a *Admin) refusedMoves(answer *kmsg.AlterPartitionAssignmentsResponse, taken map[TopicPartition]bool) []error {
	var all []error
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			name := TopicPartition{Topic: topic.Topic, Number: p.Partition}
			taken[name] = err == nil
			if err == nil || errors.Is(err, kerr.NoReassignmentInProgress) || errors.Is(err, kerr.UnknownTopicOrPartition) {
				continue
			}
			all = append(all, a.failed("move "+name.String(), withMessage(err, p.ErrorMessage)))
		}
	}
	return all
}
