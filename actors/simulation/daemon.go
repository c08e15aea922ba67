package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/koperator-go/koperator/actors/cluster"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/operator"
	"github.com/koperator-go/koperator/kube"
)

// daemon is one life of the daemon: the real actors over a cache and a client of their own.
type daemon struct {
	number   int
	system   *actor.ActorSystem
	operator *actor.PID
	registry *prometheus.Registry
	requests *requests
	cancel   context.CancelFunc
	ended    sync.Once
	// closed is what the API gave to this daemon.
	api api
}

// api is what a daemon reaches an API server through.
type api struct {
	cache  *kube.Cache
	writer kube.Writer
	reader cluster.Reader
	close  func()
	// lose breaks all watches until the API server is back, nil where they do so by themselves.
	away func()
}

// startDaemon begins a new life with empty hands: everything is read from the API server.
func (w *World) startDaemon() {
	number, may := w.nextLife()
	if !may {
		return
	}
	d := w.newDaemon(number)
	w.mu.Lock()
	w.daemon, w.starting = d, false
	stopped := w.stopped
	w.mu.Unlock()
	if stopped { // while it started
		w.killDaemon()
	}
}

// nextLife numbers a daemon that is to start; it is false when the world ends, or when one lives or starts already: two
// ways lead here after a death. The lock is not held while a daemon starts: that takes virtual time, which stands still
// while anybody waits for a lock.
func (w *World) nextLife() (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || w.starting || w.daemon != nil {
		return 0, false
	}
	w.starting = true
	w.lives++
	return w.lives, true
}

// newDaemon is nil when the actors did not start.
func (w *World) newDaemon(number int) *daemon {
	ctx, cancel := context.WithCancel(context.Background())
	d := &daemon{number: number, cancel: cancel, registry: prometheus.NewRegistry()}
	d.system = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return w.log }))
	d.requests = &requests{
		logs:  w.kubelets.logOf,
		store: w.store, faults: w.faults, invariants: w.invariants, journal: &w.journal, daemon: d.number,
		arrived: func() { w.countdown(d) },
	}
	d.api = w.connect(ctx, d.requests)
	pid, err := operator.Start(d.system, operator.World{
		Context: ctx, Cache: d.api.cache, Writer: d.api.writer, Reader: d.api.reader, Events: &w.events, Kafka: gatedKafka{w.kafka, d.requests.term.held},
		Metrics: kit.NewMetrics(d.registry, d.system, actor.WithDispatcher(&w.workers)), Nodes: true, Build: w.invariants.build(),
		Log: w.log.With("daemon", d.number),
	})
	if err != nil {
		cancel()
		d.api.close()
		w.t.Errorf("start daemon %d: %v", d.number, err)
		return nil
	}
	d.operator = pid
	return d
}

// killDaemon ends the daemon that leads.
func (w *World) killDaemon() {
	w.mu.Lock()
	d := w.daemon
	w.daemon = nil
	w.mu.Unlock()
	if d != nil {
		w.end(d)
	}
}

// end ends a daemon as SIGKILL does: nothing that it has not sent is sent. Its actors are cleared away beside, while the next daemon
// may run.
func (w *World) end(d *daemon) {
	d.ended.Do(func() {
		d.requests.dead.Store(true)
		d.cancel()
		d.api.close()
		w.cleared.Go(func() {
			if err := kit.StopAndWait(context.Background(), d.system, d.operator); err != nil {
				w.t.Errorf("stop daemon %d: %v", d.number, err)
			}
		})
	})
}

// overStore gives a daemon the store itself.
func overStore(w *World) func(context.Context, *requests) api {
	return func(_ context.Context, r *requests) api {
		f := newFeed(w.store, w.faults)
		c := client{r}
		return api{cache: f.Cache, writer: c, reader: c, close: f.stop, away: func() { f.loseAll(w.faults.awayFor()) }}
	}
}

// told is an Event.
type told struct{ about, kind, reason, note string }

// events is a kube.Recorder that remembers.
type events struct {
	mu   sync.Mutex
	list []told
	// heard is told of each Event.
	heard func(where, text string)
}

// Event implements kube.Recorder.
func (e *events) Event(regarding, _ runtime.Object, eventType, reason, _, note string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := fmt.Sprintf("%T", regarding)
	if object, ok := regarding.(interface{ GetName() string }); ok {
		name = object.GetName()
	}
	e.list = append(e.list, told{name, eventType, reason, note})
	e.heard("Event "+reason, note)
}

// with lists the Events of a reason.
func (e *events) with(reason string) []told {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []told
	for _, event := range e.list {
		if event.reason == reason {
			found = append(found, event)
		}
	}
	return found
}

// panics is how often actors of a kind were restarted in the daemon's present life, by its own metric.
func (w *World) panics(kind string) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	families, err := w.daemon.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if family.GetName() == "koperator_actor_panics_total" && label.GetName() == "kind" && label.GetValue() == kind {
					return metric.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}
