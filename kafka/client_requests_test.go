package kafka

import (
	"context"
	"encoding/binary"
	"io"
	"maps"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// One round of health is as many requests however many brokers, topics and partitions there are.
func TestRealKafkaIsObservedByFourRequests(t *testing.T) {
	var counts requests
	toFirst, toSecond := counts.gate(t), counts.gate(t)
	first := startRealKafka(t, "4.3.1", toFirst.advertised())
	toFirst.leadTo(first.address)
	second := joinRealKafkaAs(first, 2, toSecond.advertised())
	toSecond.leadTo(second.address)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	admin, err := DialAdmin(ctx, first.address, open)
	require.NoError(t, err)
	defer admin.Close()
	const topics = 20
	for n := range topics {
		createOn(ctx, t, admin, "topic-"+strconv.Itoa(n), 1+int32(n)%2, 2-int32(n)%2)
	}
	session, err := NewSession([]string{toFirst.address()}, open)
	require.NoError(t, err)
	defer session.Close()
	round := func(brokers ...messages.BrokerID) map[string]int {
		t.Helper()
		counts.reset()
		observed, err := session.Observe(ctx, Ask{KRaft: true, Detail: true})
		require.NoError(t, err)
		require.Equal(t, brokers, observed.Brokers)
		require.Len(t, observed.Replication.Partitions, topics)
		return counts.all()
	}
	require.Equal(t, 1, round(1, 2)["DescribeConfigs"], "of all topics, which are new, at once")
	require.Equal(t, map[string]int{"Metadata": 1, "DescribeCluster": 1, "DescribeQuorum": 1, "ListPartitionReassignments": 1}, round(1, 2))
	require.NotZero(t, toSecond.seen(), "what is asked of the other broker would be counted: its replicas fetch from there")
}

// requests counts what the operator asks of brokers.
type requests struct {
	mu     sync.Mutex
	counts map[string]int
}

func (r *requests) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts = map[string]int{}
}

func (r *requests) all() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

// gate is an address that leads to one broker, and that it advertises.
type gate struct {
	requests *requests
	listener net.Listener
	to       atomic.Value
	served   atomic.Int32
}

func (r *requests) gate(t *testing.T) *gate {
	t.Helper()
	r.reset()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{requests: r, listener: listener}
	g.to.Store("")
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go g.serve(client)
		}
	}()
	return g
}

func (g *gate) address() string { return g.listener.Addr().String() }

func (g *gate) advertised() string { return "advertised.listeners=INTERNAL://" + g.address() }

func (g *gate) leadTo(address string) { g.to.Store(address) }

// seen is how many requests have come by, whoever asked.
func (g *gate) seen() int32 { return g.served.Load() }

func (g *gate) serve(client net.Conn) {
	defer client.Close()
	broker, err := net.Dial("tcp", g.to.Load().(string))
	if err != nil {
		return
	}
	defer broker.Close()
	go func() {
		defer client.Close()
		_, _ = io.Copy(client, broker)
	}()
	const head = 14 // length, key, version, number and the length of the client's name, which follows
	for {
		begin := make([]byte, head)
		if _, err := io.ReadFull(client, begin); err != nil {
			return
		}
		name := make([]byte, max(0, int16(binary.BigEndian.Uint16(begin[12:]))))
		if _, err := io.ReadFull(client, name); err != nil {
			return
		}
		g.served.Add(1)
		if string(name) == clientID { // brokers ask each other, too
			g.requests.mu.Lock()
			g.requests.counts[kmsg.NameForKey(int16(binary.BigEndian.Uint16(begin[4:])))]++
			g.requests.mu.Unlock()
		}
		if _, err := broker.Write(append(begin, name...)); err != nil {
			return
		}
		rest := int64(binary.BigEndian.Uint32(begin)) + 4 - head - int64(len(name))
		if _, err := io.CopyN(broker, client, rest); err != nil {
			return
		}
	}
}
