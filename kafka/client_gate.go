package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Gate is asked right before each request that changes something in Kafka; its error is why nothing may be changed now. A
// daemon that was stopped for a while and goes on must not change what its successor looks after.
type Gate func() error

// asks are the requests that change nothing. Whatever is not among them has to pass the gate, also requests that somebody
// adds later and forgets here.
func asks(request kmsg.Request) bool {
	switch kmsg.Key(request.Key()) {
	case kmsg.ApiVersions, kmsg.Metadata, kmsg.DescribeCluster, kmsg.DescribeConfigs, kmsg.DescribeLogDirs,
		kmsg.DescribeQuorum, kmsg.ListPartitionReassignments:
		return true
	default:
		return false
	}
}

// through is the error of a request that may not be sent now.
func (g Gate) through(request kmsg.Request) error {
	if asks(request) {
		return nil
	}
	if err := g(); err != nil {
		return fmt.Errorf("%s is not sent: %w", kmsg.NameForKey(request.Key()), err)
	}
	return nil
}

// client is the only way to franz-go: it sends nothing past the gate.
type client struct {
	kgo  *kgo.Client
	gate Gate
}

// seed is one broker by the address that a client was given.
type seed struct {
	kgo  *kgo.Broker
	gate Gate
}

// Request sends to whichever broker has to answer.
func (c client) Request(ctx context.Context, request kmsg.Request) (kmsg.Response, error) {
	if err := c.gate.through(request); err != nil {
		return nil, err
	}
	return c.kgo.Request(ctx, request)
}

// seeds are the brokers at the addresses, in their order.
func (c client) seeds() []*seed {
	var seeds []*seed
	for _, broker := range c.kgo.SeedBrokers() {
		seeds = append(seeds, &seed{broker, c.gate})
	}
	return seeds
}

func (c client) close() { c.kgo.Close() }

// request sends to this broker.
func (s *seed) request(ctx context.Context, request kmsg.Request) (kmsg.Response, error) {
	if err := s.gate.through(request); err != nil {
		return nil, err
	}
	return s.kgo.RetriableRequest(ctx, request)
}
