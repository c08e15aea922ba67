package kit

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"
)

// Timer is one pending message from an actor to itself. The zero value is an unset timer. It belongs to its actor
// and is stopped in Stopping and in Restarting; a message that was already queued then still arrives.
type Timer struct {
	cancel scheduler.CancelFunc
	due    time.Time
}

// Set replaces what was pending: message arrives after d.
func (t *Timer) Set(c actor.Context, d time.Duration, message any) {
	t.Stop()
	t.due = time.Now().Add(d)
	t.cancel = scheduler.NewTimerScheduler(c.ActorSystem().Root).SendOnce(d, c.Self(), message)
}

// SetSooner is Set, unless something is pending that is due earlier.
func (t *Timer) SetSooner(c actor.Context, d time.Duration, message any) {
	if t.Pending() && !time.Now().Add(d).Before(t.due) {
		return
	}
	t.Set(c, d, message)
}

// Pending reports whether a message is on its way.
func (t *Timer) Pending() bool { return t.cancel != nil }

// Fired forgets the pending message; the handler of that message calls it first.
func (t *Timer) Fired() { t.cancel = nil }

// Stop cancels what is pending.
func (t *Timer) Stop() {
	if t.cancel != nil {
		t.cancel()
		t.cancel = nil
	}
}
