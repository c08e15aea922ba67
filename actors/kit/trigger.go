package kit

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Trigger turns any number of events into at most one queued message, so that a storm of informer events costs an
// actor no more than one look.
type Trigger struct {
	root    *actor.RootContext
	message any
	target  atomic.Pointer[actor.PID]
	pending atomic.Bool
}

// NewTrigger makes a trigger that sends message. It does nothing until it is bound.
func NewTrigger(root *actor.RootContext, message any) *Trigger {
	return &Trigger{root: root, message: message}
}

// Bind names the receiver and sends it a first message, since events may have come before.
func (t *Trigger) Bind(pid *actor.PID) {
	t.target.Store(pid)
	t.pending.Store(false)
	t.Fire()
}

// Fire may be called from any goroutine, any number of times.
func (t *Trigger) Fire() {
	if pid := t.target.Load(); pid != nil && t.pending.CompareAndSwap(false, true) {
		t.root.Send(pid, t.message)
	}
}

// Ack must be the first thing that the receiver does, before it reads any state: an event that comes later then
// queues a new message. A restarted actor acks too, since the message may have died with its predecessor.
func (t *Trigger) Ack() { t.pending.Store(false) }
