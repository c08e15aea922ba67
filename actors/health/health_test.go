package health

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

var errNoAnswer = errors.New("i/o timeout")

// fakeKafka answers what the test says, as late as it says.
type fakeKafka struct {
	mu      sync.Mutex
	brokers []messages.BrokerID
	err     error
	took    time.Duration
	// restless answers differ each time.
	restless bool
	// panics lets the next look panic.
	panics  bool
	looks   []time.Time
	open    int
	dialled [][]string
	// asking are the looks under way, cutOff those whose session was closed meanwhile.
	asking, cutOff int
}

func (k *fakeKafka) Dial(_ messages.ClusterKey, bootstrap []string) (Session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open++
	k.dialled = append(k.dialled, bootstrap)
	return fakeSession{k}, nil
}

type fakeSession struct{ *fakeKafka }

func (s fakeSession) Observe(ctx context.Context, _ kafka.Ask) (messages.KafkaObserved, error) {
	s.mu.Lock()
	s.looks = append(s.looks, time.Now())
	s.asking++
	defer s.answered()
	if s.panics {
		s.panics = false
		s.mu.Unlock()
		panic("ordered by the test")
	}
	took, err, brokers := s.took, s.err, s.brokers
	underReplicated := s.restless && len(s.looks)%2 == 0
	s.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return messages.KafkaObserved{}, ctx.Err()
	}
	return messages.KafkaObserved{Answered: err == nil, Brokers: brokers, UnderReplicated: underReplicated, QuorumLeader: -1}, err
}

func (s fakeSession) ElectPreferred(context.Context, []messages.Partition) error { return nil }

func (s fakeSession) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.cutOff += s.asking
}

func (k *fakeKafka) answered() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asking--
}

// now is how many looks are under way and how many sessions are open.
func (k *fakeKafka) now() (asking, open int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asking, k.open
}

func (k *fakeKafka) panicNext() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.panics = true
}

func (k *fakeKafka) set(err error, brokers ...messages.BrokerID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err, k.brokers = err, brokers
}

func (k *fakeKafka) looked() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.looks)
}

// looksIn counts the looks that begin within a time from now.
func (k *fakeKafka) looksIn(d time.Duration) int {
	before := k.looked()
	time.Sleep(d)
	synctest.Wait()
	return k.looked() - before
}

func onStage(t *testing.T, k *fakeKafka, play func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch))) {
	t.Helper()
	withActor(t, k, func(t *testing.T, probe *kittest.Probe, sys *actor.ActorSystem, pid *actor.PID) {
		play(t, probe, func(w messages.Watch) { sys.Root.Send(pid, w) })
	})
}

// withActor plays a test with a health actor that has just asked what to watch.
func withActor(t *testing.T, k *fakeKafka, play func(*testing.T, *kittest.Probe, *actor.ActorSystem, *actor.PID)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sys := kittest.System(t)
		metrics := kit.NewMetrics(prometheus.NewRegistry(), sys)
		probe := kittest.NewProbe(t, sys, nil)
		pid := probe.Spawn(metrics.Props("health", func() actor.Actor {
			return &health{Config: Config{Context: context.Background(), Kafka: k, Log: slog.New(slog.DiscardHandler)}}
		}, kittest.WithCrash()), "health")
		kittest.Expect[messages.NeedWatch](probe)
		play(t, probe, sys, pid)
		probe.Stop()
		require.Zero(t, k.open, "every session is closed")
		require.Zero(t, k.cutOff, "none while it is used")
	})
}

func watched(awaited ...messages.BrokerID) messages.Watch {
	return messages.Watch{Bootstrap: []string{"demo:29092"}, Brokers: awaited, KRaft: true}
}

func TestNothingIsAskedBeforeThereIsSomebodyToAsk(t *testing.T) {
	k := &fakeKafka{}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		tell(messages.Watch{KRaft: true})
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Zero(t, k.looked())
		probe.ExpectNone()
	})
}

func TestOnlyWhatIsNewIsTold(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0, 1}}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		tell(watched(0, 1))
		require.Equal(t, []messages.BrokerID{0, 1}, kittest.Expect[messages.KafkaObserved](probe).Brokers)
		time.Sleep(time.Hour)
		synctest.Wait()
		probe.ExpectNone()
		require.Greater(t, k.looked(), 90, "it looks on, twice a minute")
		require.Less(t, k.looked(), 125)
		k.set(nil, 0)
		time.Sleep(time.Minute)
		require.Equal(t, []messages.BrokerID{0}, kittest.Expect[messages.KafkaObserved](probe).Brokers)
	})
}

func TestItLooksEverySecondWhileSomebodyIsAwaited(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		tell(watched(0, 1))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.InDelta(t, 60, k.looked(), 2)
		k.set(nil, 0, 1)
		time.Sleep(time.Second)
		synctest.Wait()
		told, ok := kittest.Last[messages.KafkaObserved](probe)
		require.True(t, ok)
		require.Equal(t, []messages.BrokerID{0, 1}, told.Brokers)
	})
}

func TestLooksThatCostMuchAreSeldomAndASlowOneAloneIsNot(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}, took: 400 * time.Millisecond, restless: true}
	takes := func(d time.Duration) {
		k.mu.Lock()
		k.took = d
		k.mu.Unlock()
	}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		closely := watched(0)
		closely.Detail = true
		tell(closely)
		k.looksIn(10 * time.Second)
		require.InDelta(t, 30, k.looksIn(time.Minute), 1, "four times as long as it took lies between two looks")
		takes(0)
		k.looksIn(10 * time.Second)
		require.InDelta(t, 300, k.looksIn(time.Minute), 1)
		takes(2 * time.Second)
		k.looksIn(300 * time.Millisecond) // one has begun
		takes(0)
		require.Greater(t, k.looksIn(3*time.Second), 3, "what it waited for once may be gone")
	})
}

func TestWhereNothingChangesForLongLooksAreRarer(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		closely := watched(0)
		closely.Detail = true
		tell(closely)
		require.InDelta(t, 40, k.looksIn(8*time.Second), 1, "a restart is over by then")
		k.looksIn(time.Minute)
		require.InDelta(t, 60, k.looksIn(time.Minute), 1)
		k.set(nil, 0, 1)
		k.looksIn(time.Second)
		require.InDelta(t, 25, k.looksIn(5*time.Second), 1, "something happens again")
	})
}

func TestASingleFailureIsNotBelieved(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		tell(watched(0))
		kittest.Expect[messages.KafkaObserved](probe)
		k.set(errNoAnswer)
		for before := k.looked(); k.looked() == before; {
			time.Sleep(100 * time.Millisecond)
		}
		k.set(nil, 0)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		probe.ExpectNone()
		k.set(errNoAnswer)
		time.Sleep(time.Minute)
		synctest.Wait()
		told := kittest.Expect[messages.KafkaObserved](probe)
		require.False(t, told.Answered)
		require.Contains(t, told.Error, "demo:29092")
	})
}

func TestAKafkaThatStaysAwayIsAskedLaterAndLaterAndToldOnce(t *testing.T) {
	k := &fakeKafka{err: errNoAnswer}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		tell(watched(0))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.False(t, kittest.Expect[messages.KafkaObserved](probe).Answered)
		probe.ExpectNone()
		require.Greater(t, k.looked(), 15)
		require.Less(t, k.looked(), 30)
		require.Less(t, k.looks[1].Sub(k.looks[0]), 2*time.Second)
		last := len(k.looks) - 1
		require.GreaterOrEqual(t, k.looks[last].Sub(k.looks[last-1]), 30*time.Second)
	})
}

func TestANewWishIsLookedAtOnceAlsoDuringALook(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}, took: 10 * time.Second}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		tell(watched(0))
		time.Sleep(time.Second)
		other := watched(0)
		other.Bootstrap = []string{"elsewhere:29092"}
		tell(other)
		time.Sleep(9*time.Second + time.Millisecond)
		synctest.Wait()
		probe.ExpectNone() // what was asked under the old wish counts no more
		require.Equal(t, 2, k.looked())
		require.Equal(t, [][]string{{"demo:29092"}, {"elsewhere:29092"}}, k.dialled)
		time.Sleep(11 * time.Second)
		kittest.Expect[messages.KafkaObserved](probe)
	})
}

func TestTheSameWishAgainIsNoReasonToLook(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		for range 100 {
			tell(watched(0))
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, k.looked())
		kittest.Expect[messages.KafkaObserved](probe)
	})
}

// With no broker left to ask, what Kafka said about its nodes is no longer known: a node whose Pod comes back must not
// count as registered because it was before.
func TestWhenNobodyCanBeAskedNothingIsKnown(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}}
	onStage(t, k, func(t *testing.T, probe *kittest.Probe, tell func(messages.Watch)) {
		tell(watched(0))
		require.True(t, kittest.Expect[messages.KafkaObserved](probe).Answered)
		tell(messages.Watch{KRaft: true})
		synctest.Wait()
		require.False(t, kittest.Expect[messages.KafkaObserved](probe).Answered)
		time.Sleep(time.Minute)
		synctest.Wait()
		probe.ExpectNone()
	})
}
