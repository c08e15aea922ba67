package simulation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// answering is how long a request to Kafka takes.
const answering = 5 * time.Millisecond

// answer is the replication part of a look, kept for brokers that are behind.
type answer struct {
	at          time.Time
	replication *messages.Replication
}

type kafkaSession struct {
	kafka     *kafka
	cluster   messages.ClusterKey
	bootstrap []string
	held      func() error
}

// Close implements health.Session.
func (kafkaSession) Close() {}

// Observe implements health.Session.
func (s kafkaSession) Observe(ctx context.Context, ask kafkaclient.Ask) (messages.KafkaObserved, error) {
	unknown := messages.KafkaObserved{QuorumLeader: -1}
	asked := time.Now()
	if err := sleep(ctx, answering); err != nil {
		return unknown, err
	}
	if s.kafka.faults.kafkaFails("look at " + s.cluster.String()) {
		if err := sleep(ctx, time.Second); err != nil {
			return unknown, err
		}
		return unknown, errors.New("read tcp: i/o timeout")
	}
	for range 12 { // as long as brokers wait for a controller
		if observed, ok := s.ask(ask, asked); ok {
			return observed, nil
		}
		if err := sleep(ctx, 250*time.Millisecond); err != nil {
			return unknown, err
		}
	}
	return unknown, errors.New("no broker answers")
}

// reached is the cluster that the session leads to, nil when no name of it resolves or no broker serves.
func (s kafkaSession) reached() *kafkaState {
	resolves := slices.ContainsFunc(s.bootstrap, func(address string) bool {
		host, _, err := net.SplitHostPort(address)
		return err == nil && s.kafka.resolves(host)
	})
	c := s.kafka.clusters[s.cluster]
	if !resolves || c == nil || c.asked() == nil {
		return nil
	}
	return c
}

// asked is the broker that a client happens to talk to, nil when none serves.
func (c *kafkaState) asked() *process {
	for _, id := range c.listedBrokers() {
		if c.serving(id) {
			return c.processes[id]
		}
	}
	return nil
}

func (s kafkaSession) ask(ask kafkaclient.Ask, asked time.Time) (messages.KafkaObserved, bool) {
	observed := messages.KafkaObserved{Answered: true, QuorumLeader: -1}
	s.kafka.mu.Lock()
	defer s.kafka.mu.Unlock()
	c := s.reached()
	if c == nil || ask.KRaft && !c.active() {
		return observed, false
	}
	observed.Brokers = c.listedBrokers()
	observed.UnderReplicated = slices.ContainsFunc(c.partitions, func(p *partition) bool { return len(p.isr) < len(p.replicas) })
	var leaderless []kafkaclient.TopicPartition
	for _, p := range c.partitions {
		if p.leader < 0 {
			leaderless = append(leaderless, kafkaclient.TopicPartition{Topic: p.topic, Number: p.number})
		}
	}
	observed.Leaderless, observed.LeaderlessNames = len(leaderless), kafkaclient.NamedPartitions(leaderless)
	observed.Version = c.asked().version
	if c.kraft {
		observed.MetadataVersion, observed.ELR = finalised(c.version), c.elr()
	}
	var quorum []messages.QuorumReplica
	if ask.KRaft {
		observed.QuorumLeader, observed.DynamicQuorum = c.quorum.leader, !c.static()
		quorum = c.described(s.kafka)
		for _, replica := range quorum {
			if replica.Voter {
				observed.Voters = append(observed.Voters, replica.ID)
			} else {
				observed.Observers = append(observed.Observers, replica.ID)
			}
		}
		slices.Sort(observed.Observers)
		observed.Elsewhere, observed.Directories = kafkaclient.Elsewhere(quorum), kafkaclient.Directories(quorum)
	}
	if ask.Detail {
		observed.Replication = s.replication(c, quorum, asked)
	}
	return observed, true
}

// replication is how the partitions stand, or stood a moment ago where the broker that answers is behind.
func (s kafkaSession) replication(c *kafkaState, quorum []messages.QuorumReplica, asked time.Time) *messages.Replication {
	fresh := &messages.Replication{
		At: asked, MinISR: map[string]int32{}, Quorum: quorum, QuorumLeader: -1,
		Partitions: make([]messages.Partition, 0, len(c.partitions)), Reassigning: c.moving(),
	}
	if len(quorum) > 0 {
		fresh.QuorumLeader = c.quorum.leader
	}
	for _, p := range c.partitions {
		fresh.Partitions = append(fresh.Partitions, c.shown(p))
		fresh.MinISR[p.topic] = c.required(p.topic)
	}
	if behind := s.kafka.faults.kafkaBehind(c.name); behind > 0 && time.Since(c.older.at) < behind {
		stale := *c.older.replication
		stale.At, stale.Reassigning = asked, fresh.Reassigning // which the active controller itself lists
		return &stale
	}
	c.older = answer{time.Now(), fresh}
	return fresh
}

// ElectPreferred implements health.Session.
func (s kafkaSession) ElectPreferred(ctx context.Context, partitions []messages.Partition) error {
	if err := sleep(ctx, answering); err != nil {
		return err
	}
	if err := s.held(); err != nil {
		return err
	}
	if s.kafka.faults.kafkaFails("election in " + s.cluster.String()) {
		return errors.New("read tcp: i/o timeout")
	}
	s.kafka.mu.Lock()
	defer s.kafka.mu.Unlock()
	c := s.reached()
	if c == nil || !c.active() {
		return errors.New("no broker answers")
	}
	if s.kafka.election != nil {
		if err := s.kafka.election(); err != nil {
			return err
		}
	}
	named := map[string]bool{}
	for _, p := range partitions {
		named[fmt.Sprintf("%s-%d", p.Topic, p.Number)] = true
	}
	for _, p := range c.partitions {
		if named[p.String()] {
			c.prefer(p)
		}
	}
	s.kafka.evaluate(c)
	return nil
}

// finalised is the level of a release's metadata.version: the last one.
func finalised(release string) string {
	level, err := kafkaclient.MetadataLevel(release)
	if err != nil {
		return ""
	}
	return kafkaclient.MetadataName(level)
}
