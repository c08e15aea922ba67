package kafka

import (
	"context"
	"encoding/binary"
	"io"
	"maps"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// One round of health is as many requests however many brokers, topics and partitions there are.
func TestRealKafkaIsObservedByFourRequests(t *testing.T) {
	first := startRealKafka(t, "4.3.1")
	second := joinRealKafka(first)
	defer second.kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	admin, err := DialAdmin(ctx, first.address, open)
	require.NoError(t, err)
	defer admin.Close()
	const topics = 20
	for n := range topics {
		createOn(ctx, t, admin, "topic-"+strconv.Itoa(n), 1, 2)
	}
	between := countRequests(t, first.address)
	session, err := NewSession([]string{between.address()}, open)
	require.NoError(t, err)
	defer session.Close()
	round := func() map[string]int {
		t.Helper()
		before := between.counted()
		observed, err := session.Observe(ctx, Ask{KRaft: true, Detail: true})
		require.NoError(t, err)
		require.Equal(t, []messages.BrokerID{1, 2}, observed.Brokers)
		require.Len(t, observed.Replication.Partitions, topics)
		after := between.counted()
		for name := range before {
			if after[name] -= before[name]; after[name] == 0 {
				delete(after, name)
			}
		}
		return after
	}
	four := map[string]int{"Metadata": 1, "DescribeCluster": 1, "DescribeQuorum": 1, "ListPartitionReassignments": 1}
	require.Equal(t, 1, round()["DescribeConfigs"], "of all topics that are new, at once")
	require.Equal(t, four, round())
}

// requestCounter stands between a client and one broker and counts what is asked.
type requestCounter struct {
	t        *testing.T
	listener net.Listener
	to       string

	mu     sync.Mutex
	counts map[string]int
}

func countRequests(t *testing.T, to string) *requestCounter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &requestCounter{t: t, listener: listener, to: to, counts: map[string]int{}}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go r.serve(client)
		}
	}()
	return r
}

func (r *requestCounter) address() string { return r.listener.Addr().String() }

func (r *requestCounter) counted() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

func (r *requestCounter) serve(client net.Conn) {
	defer client.Close()
	broker, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer broker.Close()
	go func() {
		defer client.Close()
		_, _ = io.Copy(client, broker)
	}()
	for { // a request is its length in four bytes, and begins with its key in two
		head := make([]byte, 6)
		if _, err := io.ReadFull(client, head); err != nil {
			return
		}
		r.mu.Lock()
		r.counts[kmsg.NameForKey(int16(binary.BigEndian.Uint16(head[4:])))]++
		r.mu.Unlock()
		if _, err := broker.Write(head); err != nil {
			return
		}
		if _, err := io.CopyN(broker, client, int64(binary.BigEndian.Uint32(head))-2); err != nil {
			return
		}
	}
}
