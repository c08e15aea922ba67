package kit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
)

// worker is an actor that does one piece of work in each incarnation and tells its parent what became of it.
type worker struct {
	life *kit.Lifetime
	work func(context.Context) (string, error)
	// stale counts results of earlier incarnations.
	stale *int
}

type workAgain struct{}

func (w *worker) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		w.life = kit.NewLifetime(context.Background())
		kit.Go(w.life, c, time.Minute, w.work)
	case workAgain:
		kit.Go(w.life, c, time.Minute, w.work)
	case *actor.Stopping, *actor.Restarting:
		w.life.End()
	case kit.Result[string]:
		if !m.From(w.life) {
			*w.stale++
			return
		}
		c.Send(c.Parent(), m)
	}
}

type stage struct {
	sys      *actor.ActorSystem
	metrics  *kit.Metrics
	registry *prometheus.Registry
	probe    *kittest.Probe
}

// onStage plays a test with a silent actor system and a probe in virtual time.
func onStage(t *testing.T, play func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{sys: kittest.System(t), registry: prometheus.NewRegistry()}
		s.metrics = kit.NewMetrics(s.registry, s.sys)
		s.probe = kittest.NewProbe(t, s.sys, nil)
		defer s.probe.Stop()
		play(t, s)
	})
}

func (s *stage) spawn(name string, producer actor.Producer) *actor.PID {
	return s.probe.Spawn(s.metrics.Props("test", producer, kittest.WithCrash()), name)
}

func TestGoSendsTheResultOfWork(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.spawn("worker", func() actor.Actor {
			return &worker{work: func(context.Context) (string, error) { return "done", nil }}
		})
		result := kittest.Expect[kit.Result[string]](s.probe)
		require.Equal(t, "done", result.Value)
		require.NoError(t, result.Err)
	})
}

func TestGoGivesUpAfterItsTimeout(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.spawn("worker", func() actor.Actor {
			return &worker{work: func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }}
		})
		time.Sleep(time.Minute)
		require.ErrorIs(t, kittest.Expect[kit.Result[string]](s.probe).Err, context.DeadlineExceeded)
	})
}

func TestAPanicInWorkIsAnErrorWithItsStack(t *testing.T) {
	for name, work := range map[string]func(context.Context) (string, error){
		"in the work itself": func(context.Context) (string, error) { panic("boom") },
		"beside other work": func(context.Context) (string, error) {
			kit.Together(3, func(i int) {
				if i == 1 {
					panic("boom")
				}
			})
			return "", nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				s.spawn("worker", func() actor.Actor { return &worker{work: work} })
				var panicked kit.PanicError
				require.ErrorAs(t, kittest.Expect[kit.Result[string]](s.probe).Err, &panicked)
				require.Equal(t, "boom", panicked.Value)
				require.Contains(t, panicked.Stack, "lifetime_test.go")
			})
		})
	}
}

func TestWorkEndsWithItsActor(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		var ended error
		pid := s.spawn("worker", func() actor.Actor {
			return &worker{work: func(ctx context.Context) (string, error) { <-ctx.Done(); ended = ctx.Err(); return "", ended }}
		})
		synctest.Wait()
		start := time.Now()
		require.NoError(t, kit.StopAndWait(t.Context(), s.sys, pid))
		require.ErrorIs(t, ended, context.Canceled, "when the actor has stopped its work has ended")
		require.Zero(t, time.Since(start))
		kittest.Expect[*actor.Terminated](s.probe)
		synctest.Wait()
		s.probe.ExpectNone()
	})
}

func TestAResultOfAnEarlierIncarnationIsNotTakenForOnesOwn(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		stale := 0
		pid := s.spawn("worker", func() actor.Actor {
			return &worker{stale: &stale, work: func(ctx context.Context) (string, error) {
				<-time.After(time.Second)
				return "late", ctx.Err()
			}}
		})
		synctest.Wait()
		s.sys.Root.Send(pid, kittest.Crash{})
		time.Sleep(time.Minute)
		require.NoError(t, kittest.Expect[kit.Result[string]](s.probe).Err, "the second incarnation's own")
		synctest.Wait()
		s.probe.ExpectNone()
		require.Zero(t, stale, "the first one's work was ended before it could send")
	})
}

func TestEndOfNoLifetimeIsNothing(t *testing.T) {
	var none *kit.Lifetime
	none.End()
	require.False(t, kit.Result[string]{}.From(none))
}

func TestTogetherWaitsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done [3]bool
		start := time.Now()
		kit.Together(3, func(i int) { time.Sleep(time.Duration(i) * time.Second); done[i] = true })
		require.Equal(t, [3]bool{true, true, true}, done)
		require.Equal(t, 2*time.Second, time.Since(start), "side by side")
	})
}

func TestAPanicRestartsTheActorLaterAndLaterForEver(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		var starts []time.Time
		s.spawn("unlucky", func() actor.Actor {
			return actor.ReceiveFunc(func(c actor.Context) {
				if _, ok := c.Message().(*actor.Started); ok {
					starts = append(starts, time.Now())
					c.Send(c.Self(), kittest.Crash{})
				}
			})
		})
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		require.Greater(t, len(starts), 25, "it never gives up")
		require.Less(t, len(starts), 60)
		require.Less(t, starts[1].Sub(starts[0]), time.Second, "the first time at once")
		last := starts[len(starts)-1].Sub(starts[len(starts)-2])
		require.GreaterOrEqual(t, last, time.Minute)
		require.LessOrEqual(t, last, 72*time.Second, "a minute and a fifth at most")
		require.InDelta(t, len(starts), counted(t, s.registry, "koperator_actor_panics_total"), 1)
	})
}

func TestAQuietTimeMakesTheNextRestartQuickAgain(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		var starts []time.Time
		pid := s.spawn("shaky", func() actor.Actor {
			return actor.ReceiveFunc(func(c actor.Context) {
				if _, ok := c.Message().(*actor.Started); ok {
					starts = append(starts, time.Now())
				}
			})
		})
		for range 6 {
			s.sys.Root.Send(pid, kittest.Crash{})
			time.Sleep(2 * time.Minute)
		}
		time.Sleep(time.Hour)
		crashed := time.Now()
		s.sys.Root.Send(pid, kittest.Crash{})
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Less(t, starts[len(starts)-1].Sub(crashed), 300*time.Millisecond)
	})
}

func TestACrashLeavesSiblingsAlone(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		restarted := map[string]int{}
		child := func(name string) *actor.PID {
			return s.spawn(name, func() actor.Actor {
				return actor.ReceiveFunc(func(c actor.Context) {
					if _, ok := c.Message().(*actor.Restarting); ok {
						restarted[name]++
					}
				})
			})
		}
		one, _ := child("one"), child("two")
		s.sys.Root.Send(one, kittest.Crash{})
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, map[string]int{"one": 1}, restarted)
	})
}

func TestDoubledGrowsToItsLimit(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 10: time.Minute, 1000: time.Minute,
	} {
		require.Equal(t, want, kit.Doubled(time.Second, time.Minute, failures), "%d failures", failures)
	}
}

func counted(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == name {
			sum := 0.0
			for _, metric := range family.GetMetric() {
				sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
			return sum
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestMetricsAreFew(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for n := range 100 {
			s.spawn(fmt.Sprint("actor-", n), func() actor.Actor {
				return actor.ReceiveFunc(func(actor.Context) {})
			})
		}
		families, err := s.registry.Gather()
		require.NoError(t, err)
		n := 0
		for _, family := range families {
			n += len(family.GetMetric())
		}
		require.Less(t, n, 10, "series grow with kinds of actors, not with actors")
	})
}

func TestAMessageToAStoppedActorIsCounted(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		pid := s.spawn("gone", func() actor.Actor { return actor.ReceiveFunc(func(actor.Context) {}) })
		require.NoError(t, kit.StopAndWait(t.Context(), s.sys, pid))
		s.sys.Root.Send(pid, workAgain{})
		synctest.Wait()
		require.Equal(t, 1.0, counted(t, s.registry, "koperator_actor_dead_letters_total"))
	})
}

var errAnswer = errors.New("the actor says no")
