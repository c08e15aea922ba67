package kit

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Lifetime ties goroutines to one incarnation of an actor. It is made in Started and ended in Stopping and in
// Restarting, so that no effect of an incarnation outlives it.
type Lifetime struct {
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// NewLifetime starts an incarnation under parent, which ends when the daemon may no longer act.
func NewLifetime(parent context.Context) *Lifetime {
	ctx, cancel := context.WithCancel(parent)
	return &Lifetime{ctx: ctx, cancel: cancel}
}

// End cancels all work of the incarnation and waits for it: afterwards none of its effects can still happen.
// A nil Lifetime has no work.
func (l *Lifetime) End() {
	if l == nil {
		return
	}
	l.cancel()
	l.work.Wait()
}

// Result is what Go sends to the actor when the work has ended.
type Result[T any] struct {
	Value T
	Err   error
	// of is the incarnation whose work it was.
	of *Lifetime
}

// IgnoreDeadLetterLogging keeps the library quiet about a result that arrives after its actor has stopped.
func (Result[T]) IgnoreDeadLetterLogging() {}

// From reports whether the result belongs to the incarnation l. A result of an earlier one must be dropped.
func (r Result[T]) From(l *Lifetime) bool { return l != nil && r.of == l }

// PanicError is a panic inside work given to Go.
type PanicError struct {
	Value any
	Stack string
}

func (e PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Go runs work in a goroutine under a context that ends after timeout or with the actor, and sends Result[T] to the
// actor. The work must not touch the actor's fields nor its actor.Context; it gets copies.
func Go[T any](l *Lifetime, c actor.Context, timeout time.Duration, work func(context.Context) (T, error)) {
	self, root := c.Self(), c.ActorSystem().Root
	l.work.Add(1)
	go func() {
		defer l.work.Done()
		ctx, cancel := context.WithTimeout(l.ctx, timeout)
		defer cancel()
		r := Result[T]{of: l}
		r.Value, r.Err = recovered(ctx, work)
		if l.ctx.Err() == nil {
			root.Send(self, r)
		}
	}()
}

// recovered turns a panic of the work into an error: the actor system recovers only what runs in a mailbox.
func recovered[T any](ctx context.Context, work func(context.Context) (T, error)) (value T, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case PanicError: // raised by Together, with the stack that matters
			err = p
		default:
			err = PanicError{Value: p, Stack: string(debug.Stack())}
		}
	}()
	return work(ctx)
}
