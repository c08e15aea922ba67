package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// boundKafka keeps rates and lists, and what was asked in which order.
type boundKafka struct {
	Dialer
	mu    sync.Mutex
	rates map[string]string
	lists map[string]kafka.ThrottledReplicas
	under []messages.Reassignment
	done  []string
	// deaf is an address where nobody answers.
	deaf string
}

func (k *boundKafka) Admin(_ context.Context, address string) (broker.Admin, error) {
	if address == k.deaf {
		return nil, errors.New("connection refused")
	}
	return boundAdmin{kafka: k, address: address}, nil
}

func (k *boundKafka) did(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.done = append(k.done, fmt.Sprintf(format, args...))
}

type boundAdmin struct {
	broker.Admin
	kafka   *boundKafka
	address string
}

func (boundAdmin) Close() {}

func (a boundAdmin) Reassignments(context.Context) ([]messages.Reassignment, error) {
	return a.kafka.under, nil
}

func (boundAdmin) DescribeLogDirs(context.Context) ([]kafka.ObservedLogDir, error) {
	return []kafka.ObservedLogDir{{Path: "/d"}}, nil
}

func (a boundAdmin) Describe(context.Context, kafka.ConfigResource) (kafka.Configs, error) {
	a.kafka.mu.Lock()
	defer a.kafka.mu.Unlock()
	configs := kafka.Configs{}
	if rate, set := a.kafka.rates[a.address]; set {
		for _, change := range kafka.RateChanges(1) {
			configs[change.Key] = kafka.ConfigEntry{Synonyms: []kafka.ConfigSynonym{{Value: &rate, Source: kafka.SourceDynamicBroker}}}
		}
	}
	return configs, nil
}

func (a boundAdmin) Alter(_ context.Context, _ kafka.ConfigResource, changes []kafka.ConfigChange, _ bool) error {
	a.kafka.mu.Lock()
	defer a.kafka.mu.Unlock()
	for _, change := range changes {
		if change.Value != nil {
			a.kafka.rates[a.address] = *change.Value
		} else {
			delete(a.kafka.rates, a.address)
		}
	}
	return nil
}

func (a boundAdmin) ThrottledReplicas(context.Context, []string) (map[string]kafka.ThrottledReplicas, error) {
	return a.kafka.lists, nil
}

func (a boundAdmin) Throttle(_ context.Context, t kafka.Throttle) error {
	a.kafka.did("list %d replicas with rates %v", len(t.Replicas), a.kafka.rates)
	return nil
}

func (a boundAdmin) Unthrottle(_ context.Context, t kafka.Throttle) error {
	a.kafka.did("take %d replicas off", len(t.Replicas))
	return nil
}

func (a boundAdmin) Move(_ context.Context, moves []kafka.Move) error {
	a.kafka.did("move %d partitions", len(moves))
	return nil
}

// recorder writes records into the cache at once, and tells in which order.
type recorder struct {
	kube.Writer
	server *server
	kafka  *boundKafka
	fails  error
}

func (r recorder) Create(ctx context.Context, wanted kube.Object) (kube.Object, error) {
	return r.Apply(ctx, wanted)
}

func (r recorder) Apply(_ context.Context, wanted kube.Object) (kube.Object, error) {
	if r.fails != nil {
		return nil, r.fails
	}
	r.kafka.did("record %d", len(kube.Applied(wanted.(*corev1.ConfigMap), demo(0, 1, 2))))
	return r.server.put(wanted), nil
}

// offThree is a batch of one move, of a-0 from broker 3 to broker 0; broker 1 has the other replica.
func offThree(change func(*movesWish)) movesWish {
	partition := kafka.TopicPartition{Topic: "a"}
	wish := movesWish{
		brokers: []string{"zero"}, takers: map[messages.BrokerID]string{0: "zero"},
		start:   []kafka.Move{{Partition: partition, Before: []messages.BrokerID{3, 1}, From: []messages.BrokerID{3}, To: []messages.BrokerID{0}}},
		leaving: []messages.BrokerID{3}, staying: []messages.BrokerID{0, 1, 2},
		throttle: throttleWish{
			cluster: demo(0, 1, 2), up: map[messages.BrokerID]string{0: "zero", 1: "one", 3: "three"}, away: []messages.BrokerID{2},
			input: kafka.ThrottleInput{
				Index: kafka.Index(&messages.Replication{Partitions: []messages.Partition{{Topic: "a", Replicas: []messages.BrokerID{0, 1, 3}}}}),
				Rate:  500, Up: []messages.BrokerID{0, 1, 3}, Leaving: []messages.BrokerID{3}, Staying: []messages.BrokerID{0, 1, 2},
			},
		},
	}
	change(&wish)
	wish.throttle.input.Recorded = wish.throttle.state.recorded
	return wish
}

func listedOn(topic string, adding bool, ids ...messages.BrokerID) kafka.Throttle {
	t := kafka.Throttle{Rates: map[messages.BrokerID]int64{}, Replicas: map[kafka.ThrottledReplica]bool{}}
	for _, id := range ids {
		t.Rates[id] = 500
		t.Replicas[kafka.ThrottledReplica{Partition: kafka.TopicPartition{Topic: topic}, Broker: id, Adding: adding}] = true
	}
	return t
}

func TestMovesAreBoundBeforeTheyBeginAndLetGoWhenTheyHaveEnded(t *testing.T) {
	aToZero := listedOn("a", false, 1, 3).With(listedOn("a", true, 0))
	nothingNew := func(w *movesWish) { w.start = nil }
	recordedIs := func(t kafka.Throttle) func(*movesWish) {
		return func(w *movesWish) { w.start, w.throttle.state.recorded = nil, t }
	}
	moving := []messages.Reassignment{{Topic: "a", Adding: []messages.BrokerID{0}, Removing: []messages.BrokerID{3}}}
	all := map[string]string{"zero": "500", "one": "500", "three": "500"}
	for name, c := range map[string]struct {
		change  func(*movesWish)
		kafka   *boundKafka
		done    []string
		rates   map[string]string
		records int
	}{
		"record, rates, lists, moves": {
			func(*movesWish) {}, &boundKafka{},
			[]string{"record 5", "list 3 replicas with rates map[one:500 three:500 zero:500]", "move 1 partitions"}, all, 5,
		},
		"of somebody else's rate and list nothing is ours": {
			func(*movesWish) {},
			&boundKafka{rates: map[string]string{"one": "9"}, lists: map[string]kafka.ThrottledReplicas{"a": {Leaders: []string{"0:1", "7:1"}, Followers: []string{"*"}}}},
			[]string{"record 3", "list 1 replicas with rates map[one:9 three:500 zero:500]", "move 1 partitions"},
			map[string]string{"zero": "500", "one": "9", "three": "500"}, 3,
		},
		"what moves already is bound by a daemon that finds it so": {
			nothingNew, &boundKafka{under: moving},
			[]string{"record 5", "list 3 replicas with rates map[one:500 three:500 zero:500]"}, all, 5,
		},
		"who knows what is set sets nothing": {
			func(w *movesWish) {
				nothingNew(w)
				w.throttle.state = throttleState{recorded: aToZero, set: aToZero, known: true}
			}, &boundKafka{under: moving, rates: all}, nil, all, 5,
		},
		"what has ended goes": {recordedIs(aToZero), &boundKafka{rates: all}, []string{"take 3 replicas off", "record 0"}, map[string]string{}, 0},
		"a rate that somebody has changed is his": {
			recordedIs(aToZero), &boundKafka{rates: map[string]string{"zero": "500", "one": "9"}},
			[]string{"take 3 replicas off", "record 0"}, map[string]string{"one": "9"}, 0,
		},
		"the rate of a broker that is away stays recorded": {
			recordedIs(listedOn("a", true, 2)), &boundKafka{}, []string{"take 1 replicas off", "record 1"}, map[string]string{}, 1,
		},
		"that of one that is gone does not": {
			recordedIs(listedOn("a", true, 9)), &boundKafka{}, []string{"take 1 replicas off", "record 0"}, map[string]string{}, 0,
		},
		"moves that end and moves that begin": {
			func(w *movesWish) { w.throttle.state.recorded = listedOn("b", true, 0) }, &boundKafka{rates: map[string]string{"zero": "500"}},
			[]string{"record 6", "list 3 replicas with rates map[one:500 three:500 zero:500]", "move 1 partitions", "take 1 replicas off", "record 5"},
			all, 5,
		},
		"who writes such keys into the spec bounds his moves himself": {
			func(w *movesWish) { w.throttle.input.Free = true }, &boundKafka{}, []string{"move 1 partitions"}, map[string]string{}, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.kafka.rates = maps.Clone(c.kafka.rates); c.kafka.rates == nil {
				c.kafka.rates = map[string]string{}
			}
			s := newServer()
			e := worldEffects{Config: Config{Kafka: c.kafka, Cache: s.cache, Writer: recorder{server: s, kafka: c.kafka}}}
			result := e.moveReplicas(t.Context(), offThree(c.change))
			require.NoError(t, result.err)
			require.NoError(t, result.lowering)
			require.Equal(t, c.done, c.kafka.done)
			require.Equal(t, c.rates, c.kafka.rates)
			require.Len(t, result.throttle.recorded.Record(), c.records)
		})
	}
}

func TestNothingMovesThatIsNotBound(t *testing.T) {
	k := &boundKafka{rates: map[string]string{}, deaf: "one"}
	s := newServer()
	e := worldEffects{Config: Config{Kafka: k, Cache: s.cache, Writer: recorder{server: s, kafka: k}}}
	result := e.moveReplicas(t.Context(), offThree(func(*movesWish) {}))
	require.ErrorContains(t, result.err, "one")
	require.Empty(t, k.done)
	require.Empty(t, result.sent)

	k.deaf = ""
	e.Writer = recorder{server: s, kafka: k, fails: errors.New("the API server is away")}
	result = e.moveReplicas(t.Context(), offThree(func(*movesWish) {}))
	require.ErrorContains(t, result.err, "the API server is away")
	require.Empty(t, k.rates, "nothing is set of which nobody would know whose it is")
	require.False(t, slices.ContainsFunc(k.done, func(what string) bool { return strings.Contains(what, "move") }))
}

// A list that may have been emptied is no bound, although a broker that did not answer has kept its rate and the record stands.
func TestWhatMayHaveBeenTakenOffIsSetAnew(t *testing.T) {
	bounds := listedOn("a", false, 1, 3).With(listedOn("a", true, 0))
	k := &boundKafka{rates: map[string]string{"zero": "500", "one": "500", "three": "500"}, deaf: "one"}
	s := newServer()
	e := worldEffects{Config: Config{Kafka: k, Cache: s.cache, Writer: recorder{server: s, kafka: k}}}
	ended := offThree(func(w *movesWish) {
		w.start, w.throttle.state = nil, throttleState{recorded: bounds, set: bounds, known: true, raised: true}
	})
	result := e.moveReplicas(t.Context(), ended)
	require.ErrorContains(t, result.lowering, "connection refused")
	require.Equal(t, []string{"take 3 replicas off"}, k.done)

	k.deaf, k.done = "", nil
	result = e.moveReplicas(t.Context(), offThree(func(w *movesWish) { w.throttle.state = result.throttle }))
	require.NoError(t, result.err)
	require.Equal(t, []string{"list 3 replicas with rates map[one:500 three:500 zero:500]", "move 1 partitions"}, k.done)

	k.done = nil
	again := offThree(func(w *movesWish) { w.start, w.throttle.state = nil, result.throttle })
	result = e.moveReplicas(t.Context(), again)
	require.NoError(t, result.lowering)
	require.Empty(t, result.throttle.recorded.Record())
	require.False(t, result.throttle.leftover, "this daemon has set it itself")
}
