package kit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
)

type look struct{}

func TestAThousandEventsAreOneMessage(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		trigger := kit.NewTrigger(s.sys.Root, look{})
		trigger.Fire() // before anybody listens
		looked, release := 0, make(chan struct{})
		pid := s.spawn("looker", func() actor.Actor {
			return actor.ReceiveFunc(func(c actor.Context) {
				if _, ok := c.Message().(look); ok {
					trigger.Ack()
					looked++
					<-release
				}
			})
		})
		trigger.Bind(pid)
		synctest.Wait()
		require.Equal(t, 1, looked, "what came before Bind is not lost")
		var firing sync.WaitGroup
		for range 10 {
			firing.Go(func() {
				for range 100 {
					trigger.Fire()
				}
			})
		}
		firing.Wait()
		close(release)
		synctest.Wait()
		require.Equal(t, 2, looked)
	})
}

func TestAnEventDuringTheLookIsNotLost(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		trigger := kit.NewTrigger(s.sys.Root, look{})
		looked := 0
		pid := s.spawn("looker", func() actor.Actor {
			return actor.ReceiveFunc(func(c actor.Context) {
				if _, ok := c.Message().(look); ok {
					trigger.Ack()
					if looked++; looked < 5 {
						trigger.Fire()
					}
				}
			})
		})
		trigger.Bind(pid)
		synctest.Wait()
		require.Equal(t, 5, looked)
	})
}

type alarm struct{ n int }

// clockwork lets a test use a Timer from inside an actor.
type clockwork struct {
	timer kit.Timer
	rang  []string
	start time.Time
}

type do struct {
	with func(*kit.Timer, actor.Context)
}

func (k *clockwork) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case do:
		m.with(&k.timer, c)
	case alarm:
		k.timer.Fired()
		k.rang = append(k.rang, fmt.Sprint(m.n, " after ", time.Since(k.start)))
	}
}

func TestATimerIsOnePendingMessage(t *testing.T) {
	set := func(d time.Duration, n int) do {
		return do{func(timer *kit.Timer, c actor.Context) { timer.Set(c, d, alarm{n}) }}
	}
	sooner := func(d time.Duration, n int) do {
		return do{func(timer *kit.Timer, c actor.Context) { timer.SetSooner(c, d, alarm{n}) }}
	}
	stop := do{func(timer *kit.Timer, _ actor.Context) { timer.Stop() }}
	for name, test := range map[string]struct {
		orders []do
		rings  []string
	}{
		"it rings once":                            {[]do{set(time.Second, 1)}, []string{"1 after 1s"}},
		"a later order replaces an earlier":        {[]do{set(time.Second, 1), set(time.Minute, 2)}, []string{"2 after 1m0s"}},
		"sooner replaces what is due later":        {[]do{set(time.Minute, 1), sooner(time.Second, 2)}, []string{"2 after 1s"}},
		"sooner keeps what is due earlier":         {[]do{set(time.Second, 1), sooner(time.Minute, 2)}, []string{"1 after 1s"}},
		"sooner sets what is not set":              {[]do{sooner(time.Second, 1)}, []string{"1 after 1s"}},
		"stopped it is silent":                     {[]do{set(time.Second, 1), stop}, nil},
		"stopped it can be set again":              {[]do{set(time.Second, 1), stop, set(2*time.Second, 2)}, []string{"2 after 2s"}},
		"stopping what is not set changes nothing": {[]do{stop}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				k := &clockwork{start: time.Now()}
				pid := s.spawn("clock", func() actor.Actor { return k })
				for _, order := range test.orders {
					s.sys.Root.Send(pid, order)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				require.Equal(t, test.rings, k.rang)
				require.False(t, k.timer.Pending())
			})
		})
	}
}

// The library registers a PID before its mailbox can take messages.
func TestAnActorCanBeSentToWhileItIsSpawned(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for n := range 200 {
			name := fmt.Sprint("early-", n)
			pid := actor.NewPID(s.sys.Address(), s.probe.PID().Id+"/"+name)
			var sending sync.WaitGroup
			stop := make(chan struct{})
			sending.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if _, known := s.sys.ProcessRegistry.Get(pid); known {
							s.sys.Root.Send(pid, look{})
							return
						}
					}
				}
			})
			got := make(chan struct{}, 1)
			s.spawn(name, func() actor.Actor {
				return actor.ReceiveFunc(func(c actor.Context) {
					if _, ok := c.Message().(look); ok {
						got <- struct{}{}
					}
				})
			})
			close(stop)
			sending.Wait()
			s.sys.Root.Send(pid, look{})
			<-got
		}
		synctest.Wait()
		require.Zero(t, counted(t, s.registry, "koperator_actor_mailbox_depth"))
	})
}

func TestDepthCountsWhatWaitsAlsoAfterAPanic(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		release := make(chan struct{})
		pid := s.spawn("slow", func() actor.Actor {
			return actor.ReceiveFunc(func(c actor.Context) {
				if _, ok := c.Message().(look); ok {
					<-release
				}
			})
		})
		for range 5 {
			s.sys.Root.Send(pid, look{})
		}
		s.sys.Root.Send(pid, kittest.Crash{})
		synctest.Wait()
		require.Equal(t, 5.0, counted(t, s.registry, "koperator_actor_mailbox_depth"))
		close(release)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Zero(t, counted(t, s.registry, "koperator_actor_mailbox_depth"))
	})
}

func TestAskWaitsForTheAnswerAtMostUntilTheDeadline(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		pid := s.spawn("answers", func() actor.Actor {
			return actor.ReceiveFunc(func(c actor.Context) {
				switch m := c.Message().(type) {
				case string:
					c.Respond("you said " + m)
				case int:
					c.Respond(errAnswer)
				case bool:
					c.Respond(7)
				}
			})
		})
		text, err := kit.Ask[string](t.Context(), s.sys, pid, "hello")
		require.NoError(t, err)
		require.Equal(t, "you said hello", text)
		_, err = kit.Ask[string](t.Context(), s.sys, pid, 1)
		require.ErrorIs(t, err, errAnswer)
		_, err = kit.Ask[string](t.Context(), s.sys, pid, true)
		require.ErrorContains(t, err, "unexpected answer int")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err = kit.Ask[string](ctx, s.sys, pid, look{})
		require.Error(t, err)
		require.Equal(t, 3*time.Second, time.Since(start))
		time.Sleep(time.Second)
		_, err = kit.Ask[string](ctx, s.sys, pid, look{})
		require.Error(t, err, "a deadline that has passed does not wait for ever")
	})
}

func TestStopAndWaitReturnsWhenChildrenHaveEnded(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		ended := false
		child := actor.PropsFromFunc(func(c actor.Context) {
			if _, ok := c.Message().(*actor.Stopping); ok {
				time.Sleep(20 * time.Second) // longer than the library's own ten
				ended = true
			}
		})
		pid := s.spawn("parent", func() actor.Actor {
			return actor.ReceiveFunc(func(c actor.Context) {
				if _, ok := c.Message().(*actor.Started); ok {
					c.Spawn(child)
				}
			})
		})
		synctest.Wait()
		require.NoError(t, kit.StopAndWait(t.Context(), s.sys, pid))
		require.True(t, ended)
	})
}

func TestStopAndWaitGivesUpWithItsContext(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		pid := s.spawn("slow", func() actor.Actor {
			return actor.ReceiveFunc(func(c actor.Context) {
				if _, ok := c.Message().(*actor.Stopping); ok {
					time.Sleep(time.Minute)
				}
			})
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, kit.StopAndWait(ctx, s.sys, pid), context.DeadlineExceeded)
		time.Sleep(2 * time.Minute)
	})
}
