package cluster

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/messages"
)

// calls make the API server slow and let it fail. Each is known by the name of the object that it writes, or by "status" or "read".
type calls struct {
	of sync.Mutex
	// took is how long each call takes.
	took time.Duration
	// fails names the call that fails.
	fails string
	began map[string][]time.Time
	// under are the calls under way, twice those that began while one of the same name was.
	under map[string]int
	twice []string
}

func (f *calls) call(ctx context.Context, name string) error {
	f.of.Lock()
	if f.began == nil {
		f.began, f.under = map[string][]time.Time{}, map[string]int{}
	}
	f.began[name] = append(f.began[name], time.Now())
	if f.under[name]++; f.under[name] > 1 {
		f.twice = append(f.twice, name)
	}
	took, fails := f.took, f.fails == name
	f.of.Unlock()
	defer func() {
		f.of.Lock()
		defer f.of.Unlock()
		f.under[name]--
	}()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return ctx.Err()
	}
	if fails {
		return errors.New("the API server has no room for " + name)
	}
	return nil
}

// takes makes each call take that long from now.
func (f *calls) takes(d time.Duration) {
	f.of.Lock()
	defer f.of.Unlock()
	f.took = d
}

// fail lets the calls of one name fail from now, those of no name none.
func (f *calls) fail(name string) {
	f.of.Lock()
	defer f.of.Unlock()
	f.fails = name
}

// underWay is how many calls of a name are.
func (f *calls) underWay(name string) int {
	f.of.Lock()
	defer f.of.Unlock()
	return f.under[name]
}

// pausesSince are those between the calls of a name that began since a time.
func (f *calls) pausesSince(name string, since time.Time) (pauses []time.Duration) {
	f.of.Lock()
	defer f.of.Unlock()
	var last time.Time
	for _, at := range f.began[name] {
		switch {
		case at.Before(since):
			continue
		case !last.IsZero():
			pauses = append(pauses, at.Sub(last))
		}
		last = at
	}
	return pauses
}

// lookOften has the actor look again and again, for a while.
func (s *stage) lookOften(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		s.sys.Root.Send(s.pid, messages.Look{})
	}
	synctest.Wait()
}

// trouble is a way to have the actor call the API server, by the name of the call.
type trouble struct {
	begin func(s *stage)
	over  func(t *testing.T, s *stage) bool
}

func (s *stage) firstPod() *corev1.Pod { return s.cache.BrokerPods(key(), 0)[0].DeepCopy() }

func troubles() map[string]trouble {
	return map[string]trouble{
		"demo-headless": {
			begin: func(s *stage) { s.drop(s.cache.Service("kafka", "demo-headless").DeepCopy()) },
			over:  func(_ *testing.T, s *stage) bool { return s.cache.Service("kafka", "demo-headless") != nil },
		},
		"status": {
			begin: func(s *stage) { s.put(flipped(s.firstPod())) },
			over: func(_ *testing.T, s *stage) bool {
				return s.ready() == (s.firstPod().Status.Conditions[0].Status == corev1.ConditionTrue)
			},
		},
		"read": {
			begin: func(s *stage) { s.sys.Root.Send(s.pid, kittest.Crash{}) },
			over:  func(t *testing.T, s *stage) bool { return len(s.report(t).Brokers) == 3 },
		},
	}
}

func TestAJobThatFailsIsTriedAgainLaterAndLaterWhateverElseHappens(t *testing.T) {
	doubling := []time.Duration{
		time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute,
	}
	for name, trouble := range troubles() {
		t.Run(name, func(t *testing.T) {
			onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
				settle(time.Minute)
				s.fail(name)
				for range 2 { // what was cured in between begins with a second again
					begun := time.Now()
					trouble.begin(s)
					s.lookOften(200 * time.Second)
					require.Equal(t, doubling, s.pausesSince(name, begun))
					require.False(t, trouble.over(t, s))
					s.fail("")
					settle(time.Minute)
					require.True(t, trouble.over(t, s))
					s.fail(name)
				}
			})
		})
	}
}

func TestOneCallOfAKindIsUnderWayAtATime(t *testing.T) {
	for name, trouble := range troubles() {
		t.Run(name, func(t *testing.T) {
			onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
				settle(time.Minute)
				s.takes(10 * time.Second)
				trouble.begin(s)
				s.lookOften(9 * time.Second)
				require.Equal(t, 1, s.underWay(name))
				s.lookOften(time.Minute)
				require.True(t, trouble.over(t, s))
				require.Empty(t, s.twice)
			})
		})
	}
}

// After a stop another daemon may act: what is under way has ended by then, and nothing follows it.
func TestAStopDuringACallEndsTheCallAtOnce(t *testing.T) {
	for name, trouble := range troubles() {
		t.Run(name, func(t *testing.T) {
			onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
				settle(time.Minute)
				s.takes(10 * time.Second)
				trouble.begin(s)
				settle(5 * time.Second)
				require.Equal(t, 1, s.underWay(name))
				start := time.Now()
				require.NoError(t, kit.StopAndWait(t.Context(), s.sys, s.pid))
				require.Zero(t, time.Since(start))
				require.Zero(t, s.underWay(name))
				statuses, writes := s.statusCount(), s.writeCount()
				settle(time.Hour)
				require.Equal(t, statuses, s.statusCount())
				require.Equal(t, writes, s.writeCount())
				require.Zero(t, s.panicked(t, "broker"))
			})
		})
	}
}
