// Package kittest helps to test actors: a silent actor system and a parent that records what it is told.
package kittest

import (
	"errors"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/koperator-go/koperator/actors/kit"
)

// deadLetterPause is how long the library's goroutine lives that counts dead letters: one that outlives a synctest bubble fails it.
const deadLetterPause = time.Millisecond

// System is a silent actor system. Inside a synctest bubble it must be made there.
func System(t testing.TB) *actor.ActorSystem {
	t.Helper()
	t.Cleanup(func() { <-time.After(2 * deadLetterPause) })
	silent := actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) })
	return actor.NewActorSystem(silent, actor.WithDeadLetterThrottleInterval(deadLetterPause))
}

// Probe is an actor that records its messages and is the parent of the actor under test.
type Probe struct {
	t        testing.TB
	sys      *actor.ActorSystem
	pid      *actor.PID
	messages chan any
}

// NewProbe spawns a probe. reply may be nil; it runs in the probe for each message.
func NewProbe(t testing.TB, sys *actor.ActorSystem, reply func(c actor.Context)) *Probe {
	p := &Probe{t: t, sys: sys, messages: make(chan any, 10_000)}
	p.pid = sys.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting:
		case spawn:
			if pid, err := c.SpawnNamed(m.props, m.name); err != nil {
				c.Respond(err)
			} else {
				c.Respond(pid)
			}
		default:
			p.messages <- m
			if reply != nil {
				reply(c)
			}
		}
	}, actor.WithSupervisor(kit.Supervision()))) // as every parent of the daemon has it
	return p
}

type spawn struct {
	props *actor.Props
	name  string
}

// PID addresses the probe.
func (p *Probe) PID() *actor.PID { return p.pid }

// Spawn makes the actor under test a child of the probe.
func (p *Probe) Spawn(props *actor.Props, name string) *actor.PID {
	p.t.Helper()
	answer, err := p.sys.Root.RequestFuture(p.pid, spawn{props, name}, time.Second).Result()
	if refused, ok := answer.(error); ok {
		err = errors.Join(err, refused)
	}
	if err != nil {
		p.t.Fatalf("spawn %s: %v", name, err)
	}
	return answer.(*actor.PID)
}

// Stop stops the probe with its children and waits out the library's dead-letter throttle, so that a synctest bubble
// can end.
func (p *Probe) Stop() {
	if err := p.sys.Root.StopFuture(p.pid).Wait(); err != nil {
		p.t.Errorf("stop probe: %v", err)
	}
	time.Sleep(2 * time.Second)
}

// Expect waits for the next message and requires its type.
func Expect[T any](p *Probe) T {
	p.t.Helper()
	select {
	case m := <-p.messages:
		if v, ok := m.(T); ok {
			return v
		}
		p.t.Fatalf("got %T %+v, want %v", m, m, reflect.TypeFor[T]())
	case <-time.After(time.Second):
		p.t.Fatalf("no message, want %v", reflect.TypeFor[T]())
	}
	panic("unreachable")
}

// Last drains what has arrived and returns the newest message of type T.
func Last[T any](p *Probe) (last T, found bool) {
	for {
		select {
		case m := <-p.messages:
			if v, ok := m.(T); ok {
				last, found = v, true
			}
		default:
			return last, found
		}
	}
}

// ExpectNone requires that no message is waiting; call synctest.Wait first.
func (p *Probe) ExpectNone() {
	p.t.Helper()
	select {
	case m := <-p.messages:
		p.t.Fatalf("unexpected %T %+v", m, m)
	default:
	}
}

// Crash makes an actor whose props have WithCrash panic.
type Crash struct{}

// WithCrash lets a test make an actor panic without a hook in its code.
func WithCrash() actor.PropsOption {
	return actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, e *actor.MessageEnvelope) {
			if _, ok := e.Message.(Crash); ok {
				panic("crash ordered by the test")
			}
			next(c, e)
		}
	})
}
