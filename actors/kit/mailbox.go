package kit

import (
	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
)

// Mailbox makes unbounded mailboxes that can be sent to as soon as their PID is known. (The library registers a PID
// before its mailbox has a dispatcher; a send in that window panics the sender and leaves the new actor dead.)
// depth counts the queued user messages exactly, also when a handler panics.
func Mailbox(depth prometheus.Gauge) actor.MailboxProducer {
	unbounded := actor.Unbounded()
	return func() actor.Mailbox {
		return &mailbox{Mailbox: unbounded(), depth: depth, started: make(chan struct{})}
	}
}

type mailbox struct {
	actor.Mailbox
	depth   prometheus.Gauge
	started chan struct{}
}

func (m *mailbox) PostUserMessage(message any) {
	<-m.started
	m.depth.Inc()
	m.Mailbox.PostUserMessage(message)
}

func (m *mailbox) PostSystemMessage(message any) {
	if _, first := message.(*actor.Started); !first { // the spawner posts Started, then calls Start
		<-m.started
	}
	m.Mailbox.PostSystemMessage(message)
}

func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.Mailbox.RegisterHandlers(countedInvoker{invoker, m.depth}, dispatcher)
}

func (m *mailbox) Start() {
	m.Mailbox.Start()
	close(m.started)
}

type countedInvoker struct {
	actor.MessageInvoker
	depth prometheus.Gauge
}

func (i countedInvoker) InvokeUserMessage(message any) {
	i.depth.Dec() // before the handler: a panic must not leave the gauge high
	i.MessageInvoker.InvokeUserMessage(message)
}
