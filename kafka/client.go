package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
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
//
// Sarama asks what it can; what it lacks (the quorum, all reassignments at once, features whose minimum is 0) goes to the
// same broker through franz-go.
type Session struct {
	bootstrap []string
	at        int            // the address that is asked, or the one to try first
	broker    *sarama.Broker // nil while there is no connection
	client    client
	seed      *seed // the same broker as the client knows it; nil while there is no connection
	features  features
	minISR    minISRs
}

// NewSession prepares a session; nothing is dialled before the first question. bootstrap are host:port.
func NewSession(bootstrap []string, gate Gate) (*Session, error) {
	client, err := newClient(bootstrap, gate)
	if err != nil {
		return nil, err
	}
	return &Session{bootstrap: slices.Clone(bootstrap), client: client, minISR: minISRs{}}, nil
}

func newClient(bootstrap []string, gate Gate) (client, error) {
	made, err := kgo.NewClient(kgo.SeedBrokers(bootstrap...), kgo.ClientID(clientID),
		kgo.DialTimeout(dialTimeout), kgo.RequestTimeoutOverhead(readTimeout), kgo.RetryTimeout(quorumTimeout),
		kgo.MetadataMaxAge(time.Hour)) // nothing in the background
	if err != nil {
		return client{}, fmt.Errorf("kafka client for %v: %w", bootstrap, err)
	}
	return client{made, gate}, nil
}

// Close ends all connections.
func (s *Session) Close() {
	s.drop()
	s.client.close()
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
	observed, err := s.observed(ctx, ask)
	if err != nil {
		s.leave()
		return messages.KafkaObserved{QuorumLeader: -1}, err
	}
	return observed, nil
}

func (s *Session) observed(ctx context.Context, ask Ask) (messages.KafkaObserved, error) {
	observed := messages.KafkaObserved{Answered: true, QuorumLeader: -1}
	replication := &messages.Replication{At: time.Now(), QuorumLeader: -1}
	topics, err := s.askBroker(ctx, &observed)
	if err != nil {
		return observed, err
	}
	if err := s.askFeatures(ctx, &observed); err != nil {
		return observed, fmt.Errorf("ask for the version and the features: %w", err)
	}
	if ask.KRaft {
		quorum, err := describeQuorum(ctx, s.seed)
		if err != nil {
			return observed, fmt.Errorf("describe the quorum: %w", err)
		}
		observed.QuorumLeader, replication.QuorumLeader = quorum.Leader, quorum.Leader
		observed.Voters, observed.Observers = quorum.ids(true), quorum.ids(false)
		observed.DynamicQuorum, observed.Elsewhere = quorum.Dynamic(), Elsewhere(quorum.Replicas)
		observed.Directories = Directories(quorum.Replicas)
		replication.Quorum = quorum.Replicas
	}
	if !ask.Detail {
		return observed, nil
	}
	observed.Replication = replication
	return observed, s.askReplication(ctx, topics, replication)
}

// askReplication completes what the brokers' own answers and the quorum leave open.
func (s *Session) askReplication(ctx context.Context, topics []*sarama.TopicMetadata, r *messages.Replication) (err error) {
	if r.Partitions, err = partitions(topics); err != nil {
		return err
	}
	if r.Reassigning, err = s.reassignments(ctx); err != nil {
		return fmt.Errorf("list the reassignments: %w", err)
	}
	if r.MinISR, err = s.askMinISR(ctx, topics, r.At); err != nil {
		return fmt.Errorf("describe min.insync.replicas of the topics: %w", err)
	}
	return nil
}

// askBroker asks one broker what every broker knows, and returns its topics.
func (s *Session) askBroker(ctx context.Context, observed *messages.KafkaObserved) ([]*sarama.TopicMetadata, error) {
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	broker := s.broker
	// sarama's calls take no context: closing the connection is what ends them.
	defer context.AfterFunc(ctx, func() { _ = broker.Close() })()
	var err error
	if observed.Brokers, err = registered(broker); err != nil {
		return nil, err
	}
	topics, err := allTopics(broker)
	observed.UnderReplicated = underReplicated(topics)
	leaderless := withoutLeader(topics)
	observed.Leaderless, observed.LeaderlessNames = len(leaderless), NamedPartitions(leaderless)
	return topics, err
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

// connect opens a connection to the next address that takes it, unless there is one.
func (s *Session) connect(ctx context.Context) error {
	if s.broker != nil {
		return nil
	}
	var errs []error
	for range s.bootstrap {
		if err := ctx.Err(); err != nil {
			errs = append(errs, err)
			break
		}
		broker, err := connected(s.bootstrap[s.at])
		if err == nil {
			s.broker, s.seed = broker, s.client.seeds()[s.at]
			return nil
		}
		errs = append(errs, err)
		s.leave()
	}
	return fmt.Errorf("connect to Kafka: %w", errors.Join(errs...))
}

func connected(address string) (*sarama.Broker, error) {
	broker := sarama.NewBroker(address)
	if err := broker.Open(saramaConfig()); err != nil {
		return nil, err
	}
	if up, err := broker.Connected(); err != nil || !up {
		return nil, fmt.Errorf("%s: %w", address, cmp.Or(err, sarama.ErrNotConnected))
	}
	return broker, nil
}

// leave ends the connection after a failure, and the next question goes to the next address: this broker may have been
// restarted, or take connections and still be cut off from the controllers.
func (s *Session) leave() {
	s.drop()
	if len(s.bootstrap) > 0 {
		s.at = (s.at + 1) % len(s.bootstrap)
	}
}

func (s *Session) drop() {
	if s.broker != nil {
		_ = s.broker.Close() // it may be closed already
		s.broker, s.seed = nil, nil
	}
	s.features = features{} // a broker that restarts may come back with another version
}

// asked sends a request to one broker and knows the type of its answer.
func asked[R kmsg.Response](ctx context.Context, broker *seed, request kmsg.Request) (R, error) {
	var none R
	answer, err := broker.request(ctx, request)
	if err != nil {
		return none, err
	}
	typed, ok := answer.(R)
	if !ok {
		return none, fmt.Errorf("an answer of type %T to %s", answer, kmsg.NameForKey(request.Key()))
	}
	return typed, nil
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
