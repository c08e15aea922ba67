package kafka

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// QuorumState is what the leader of the metadata quorum says of it.
type QuorumState struct {
	// Leader is the active controller, -1 when none is known.
	Leader messages.BrokerID
	// Replicas are ordered by node, voters first.
	Replicas []messages.QuorumReplica
}

// describeQuorum asks for the leader, the voters and the observers. Any broker passes it on.
func describeQuorum(ctx context.Context, broker *seed) (QuorumState, error) {
	ctx, cancel := context.WithTimeout(ctx, quorumTimeout)
	defer cancel()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = []kmsg.DescribeQuorumRequestTopicPartition{kmsg.NewDescribeQuorumRequestTopicPartition()}
	request := kmsg.NewPtrDescribeQuorumRequest()
	request.Topics = []kmsg.DescribeQuorumRequestTopic{topic}
	answer, err := asked[*kmsg.DescribeQuorumResponse](ctx, broker, request)
	if err != nil {
		return QuorumState{Leader: -1}, err
	}
	return quorumOf(answer)
}

func quorumOf(answer *kmsg.DescribeQuorumResponse) (QuorumState, error) {
	q := QuorumState{Leader: -1}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return q, err
	}
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return q, err
			}
			q.Leader = messages.BrokerID(partition.LeaderID)
			for _, replica := range partition.CurrentVoters {
				q.Replicas = append(q.Replicas, quorumReplica(replica, true))
			}
			for _, replica := range partition.Observers {
				q.Replicas = append(q.Replicas, quorumReplica(replica, false))
			}
		}
	}
	slices.SortFunc(q.Replicas, func(a, b messages.QuorumReplica) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), votersFirst(a, b), cmp.Compare(a.DirectoryID, b.DirectoryID))
	})
	return q, nil
}

func votersFirst(a, b messages.QuorumReplica) int {
	switch {
	case a.Voter == b.Voter:
		return 0
	case a.Voter:
		return -1
	default:
		return 1
	}
}

func quorumReplica(replica kmsg.DescribeQuorumResponseTopicPartitionReplicaState, voter bool) messages.QuorumReplica {
	return messages.QuorumReplica{
		ID:           messages.BrokerID(replica.ReplicaID),
		DirectoryID:  directoryID(replica.ReplicaDirectoryID),
		Voter:        voter,
		LogEndOffset: replica.LogEndOffset,
		LastCaughtUp: caughtUp(replica.LastCaughtUpTimestamp),
	}
}

// directoryID is how Kafka writes it in meta.properties; empty where the protocol has none: before version 2 of
// DescribeQuorum (Kafka 3.9) and for the voters of a static quorum.
func directoryID(id [16]byte) string {
	if id == [16]byte{} {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

func caughtUp(milliseconds int64) time.Time {
	if milliseconds < 0 {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds)
}

// Dynamic reports whether the voters are kept in the metadata log: of those in a file nobody knows the directories (KIP-853).
func (q QuorumState) Dynamic() bool {
	return slices.ContainsFunc(q.Replicas, func(r messages.QuorumReplica) bool { return r.Voter && r.DirectoryID != "" })
}

// ids are the voters or the observers, sorted.
func (q QuorumState) ids(voters bool) []messages.BrokerID {
	var ids []messages.BrokerID
	for _, replica := range q.Replicas {
		if replica.Voter == voters {
			ids = append(ids, replica.ID)
		}
	}
	return slices.Compact(ids)
}
