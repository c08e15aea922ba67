package kit

import (
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what actors do. The number of series depends on the kinds of actors and messages and, for restarts, on the
// number of clusters, never on that of brokers.
type Metrics struct {
	receive *prometheus.HistogramVec
	depth   *prometheus.GaugeVec
	panics  *prometheus.CounterVec
	dead    *prometheus.CounterVec
	// restarts are permits to stop a broker's Pod.
	restarts *prometheus.CounterVec
	// all are the options of every actor.
	all []actor.PropsOption
}

// NewMetrics registers the actors' metrics and listens for restarts and undeliverable messages of sys. Every actor gets the options.
func NewMetrics(registerer prometheus.Registerer, sys *actor.ActorSystem, options ...actor.PropsOption) *Metrics {
	m := &Metrics{
		all: options,
		receive: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "koperator_actor_receive_seconds", Help: "Time an actor spent in one message.",
			Buckets: prometheus.ExponentialBuckets(1e-6, 10, 7),
		}, []string{"kind"}),
		depth: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "koperator_actor_mailbox_depth", Help: "Messages waiting in the mailboxes of all actors of a kind.",
		}, []string{"kind"}),
		panics: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koperator_actor_panics_total", Help: "Panics after which an actor was restarted.",
		}, []string{"kind"}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koperator_actor_dead_letters_total", Help: "Messages whose receiver had stopped.",
		}, []string{"message"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koperator_cluster_restarts_total", Help: "Restarts of brokers and controllers that were allowed.",
		}, []string{"cluster"}),
	}
	registerer.MustRegister(m.receive, m.depth, m.panics, m.dead, m.restarts)
	sys.EventStream.Subscribe(func(event any) { // runs in the publisher's goroutine
		if letter, ok := event.(*actor.DeadLetterEvent); ok {
			m.dead.WithLabelValues(fmt.Sprintf("%T", letter.Message)).Inc()
		}
	})
	return m
}

// Restart counts a restart that was allowed.
func (m *Metrics) Restart(cluster string) { m.restarts.WithLabelValues(cluster).Inc() }

// Props is the recipe of one kind of actor: measured, supervised by Supervision, with a Mailbox.
func (m *Metrics) Props(kind string, producer actor.Producer, options ...actor.PropsOption) *actor.Props {
	panics := m.panics.WithLabelValues(kind) // the series exists before the first panic
	base := []actor.PropsOption{
		actor.WithReceiverMiddleware(measured(m.receive.WithLabelValues(kind), panics)),
		actor.WithMailbox(Mailbox(m.depth.WithLabelValues(kind))),
		actor.WithSupervisor(Supervision()),
	}
	return actor.PropsFromProducer(producer, slices.Concat(base, m.all, options)...)
}

func measured(receive prometheus.Observer, panics prometheus.Counter) actor.ReceiverMiddleware {
	return func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, envelope *actor.MessageEnvelope) {
			start := time.Now()
			defer func() {
				receive.Observe(time.Since(start).Seconds())
				if p := recover(); p != nil { // its stack is logged nowhere else; the supervisor decides
					panics.Inc()
					c.Logger().Error("actor panicked", "actor", c.Self().Id,
						"message", fmt.Sprintf("%T", envelope.Message), "error", p, "stack", string(debug.Stack()))
					panic(p)
				}
			}()
			next(c, envelope)
		}
	}
}
