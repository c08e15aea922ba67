package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

const (
	clientID    = "koperator"
	dialTimeout = 3 * time.Second
	readTimeout = 8 * time.Second
	// quorumTimeout is short: a broker whose cluster has no controller majority does not answer at all.
	quorumTimeout = 3 * time.Second
)

// Session is a connection to one Kafka cluster, for questions. It is used by one goroutine at a time.
type Session struct {
	bootstrap []string
	broker    *sarama.Broker // nil while there is no connection
	quorum    *kgo.Client
}

// NewSession prepares a session; nothing is dialled before the first question. bootstrap are host:port.
func NewSession(bootstrap []string) (*Session, error) {
	quorum, err := kgo.NewClient(kgo.SeedBrokers(bootstrap...), kgo.ClientID(clientID),
		kgo.DialTimeout(dialTimeout), kgo.RequestTimeoutOverhead(quorumTimeout), kgo.RetryTimeout(quorumTimeout),
		kgo.MetadataMaxAge(time.Hour)) // nothing in the background
	if err != nil {
		return nil, fmt.Errorf("kafka client for %v: %w", bootstrap, err)
	}
	return &Session{bootstrap: slices.Clone(bootstrap), quorum: quorum}, nil
}

// Close ends all connections.
func (s *Session) Close() {
	s.drop()
	s.quorum.Close()
}

// Ask says how much is to be observed.
type Ask struct {
	// KRaft says that there is a quorum to ask for.
	KRaft bool
	// Detail asks for all that has to be known before a broker may be stopped (messages.Replication), which is dear.
	Detail bool
}

// Observe asks which nodes Kafka knows.
func (s *Session) Observe(ctx context.Context, ask Ask) (messages.KafkaObserved, error) {
	observed := messages.KafkaObserved{Answered: true, QuorumLeader: -1}
	if err := s.askBroker(ctx, &observed); err != nil {
		s.drop() // after a broker's restart the connection is dead: the next question opens another
		return messages.KafkaObserved{QuorumLeader: -1}, err
	}
	if !ask.KRaft {
		return observed, nil
	}
	if err := s.describeQuorum(ctx, &observed); err != nil {
		return messages.KafkaObserved{QuorumLeader: -1}, fmt.Errorf("describe the quorum: %w", err)
	}
	return observed, nil
}

// askBroker asks one broker what every broker knows.
func (s *Session) askBroker(ctx context.Context, observed *messages.KafkaObserved) error {
	broker, err := s.connection()
	if err != nil {
		return err
	}
	// sarama's calls take no context: closing the connection is what ends them.
	defer context.AfterFunc(ctx, func() { _ = broker.Close() })()
	if observed.Brokers, err = registered(broker); err != nil {
		return err
	}
	observed.UnderReplicated, err = underReplicated(broker)
	return err
}

// underReplicated reports whether any partition has fewer in-sync replicas than replicas.
func underReplicated(broker *sarama.Broker) (bool, error) {
	request := sarama.NewMetadataRequest(sarama.V2_8_0_0, nil)
	request.AllowAutoTopicCreation = false
	answer, err := broker.GetMetadata(request)
	if err != nil {
		return false, fmt.Errorf("describe the topics at %s: %w", broker.Addr(), err)
	}
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			if len(partition.Isr) < len(partition.Replicas) {
				return true, nil
			}
		}
	}
	return false, nil
}

// registered are the brokers that are in the cluster and not fenced. Version 0 of DescribeCluster, which every Kafka
// since 2.8 speaks, leaves fenced ones out.
func registered(broker *sarama.Broker) ([]messages.BrokerID, error) {
	answer, err := broker.DescribeCluster(sarama.NewDescribeClusterRequest(sarama.V2_8_0_0))
	if err != nil {
		return nil, fmt.Errorf("describe the cluster at %s: %w", broker.Addr(), err)
	}
	if !errors.Is(answer.Err, sarama.ErrNoError) {
		return nil, fmt.Errorf("describe the cluster at %s: %w", broker.Addr(), answer.Err)
	}
	var ids []messages.BrokerID
	for _, b := range answer.Brokers {
		ids = append(ids, messages.BrokerID(b.BrokerID))
	}
	slices.Sort(ids)
	return ids, nil
}

// connection opens one to the first address that takes it.
func (s *Session) connection() (*sarama.Broker, error) {
	if s.broker != nil {
		return s.broker, nil
	}
	var errs []error
	for _, address := range s.bootstrap {
		broker := sarama.NewBroker(address)
		if err := broker.Open(saramaConfig()); err != nil {
			errs = append(errs, err)
			continue
		}
		if connected, err := broker.Connected(); err != nil || !connected {
			errs = append(errs, err)
			continue
		}
		s.broker = broker
		return broker, nil
	}
	return nil, fmt.Errorf("connect to Kafka: %w", errors.Join(errs...))
}

func (s *Session) drop() {
	if s.broker != nil {
		_ = s.broker.Close() // it may be closed already
		s.broker = nil
	}
}

func (s *Session) describeQuorum(ctx context.Context, observed *messages.KafkaObserved) error {
	ctx, cancel := context.WithTimeout(ctx, quorumTimeout)
	defer cancel()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = []kmsg.DescribeQuorumRequestTopicPartition{kmsg.NewDescribeQuorumRequestTopicPartition()}
	request := kmsg.NewPtrDescribeQuorumRequest()
	request.Topics = []kmsg.DescribeQuorumRequestTopic{topic}
	answer, err := request.RequestWith(ctx, s.quorum)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return err
	}
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return err
			}
			observed.QuorumLeader = messages.BrokerID(partition.LeaderID)
			observed.Voters = replicaIDs(partition.CurrentVoters)
			observed.Observers = replicaIDs(partition.Observers)
		}
	}
	return nil
}

func replicaIDs(replicas []kmsg.DescribeQuorumResponseTopicPartitionReplicaState) []messages.BrokerID {
	var ids []messages.BrokerID
	for _, replica := range replicas {
		ids = append(ids, messages.BrokerID(replica.ReplicaID))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func saramaConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.ClientID = clientID
	config.Version = sarama.V2_8_0_0
	config.Net.DialTimeout, config.Net.ReadTimeout, config.Net.WriteTimeout = dialTimeout, readTimeout, readTimeout
	config.Metadata.RefreshFrequency = 0
	config.ApiVersionsRequest = false // one more round trip at each connection, for nothing
	return config
}
