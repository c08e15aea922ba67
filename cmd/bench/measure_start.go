package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/koperator-go/koperator/cmd/bench/audit"
	"github.com/koperator-go/koperator/cmd/bench/daemon"
	"github.com/koperator-go/koperator/cmd/bench/load"
)

const (
	namespace = "kafka"
	// patience bounds every wait for Pods.
	patience = 5 * time.Minute
	// calm is how long a daemon may take to come to rest after the last Pod is Running.
	calm = 30 * time.Second
	// floors is how often the floor is measured beside a start of 100 or 300 brokers.
	floors = 3
)

// start is one cluster from its apply until the last Pod is Running.
type start struct {
	brokers, nodes int
	took           time.Duration
	// lag and slowest are the hollow nodes' part of a Pod's way.
	lag, slowest time.Duration
	// requests are those of the daemon, bookkeeping those that are Events or leases.
	requests    []audit.Line
	sent        int
	bookkeeping []audit.Line
	// written is how long the floor takes until everything is written, floor until its last Pod is Running.
	written, floor []time.Duration
	objects        int
	// cpu is what the daemon has used from the apply until the last Pod was Running.
	cpu time.Duration
	// memory is that of the daemon after it came to rest.
	memory daemon.Memory
}

// perBroker is the cost of one broker in requests.
func (s start) perBroker() float64 { return float64(s.sent) / float64(s.brokers) }

// measureStart brings up 3 controllers and so many brokers, and the floor after it.
func (b *bench) measureStart(ctx context.Context, w *world, brokers int) error {
	s, err := w.startCluster(ctx, load.Shape{Controllers: 3, Brokers: brokers})
	if err != nil {
		return err
	}
	if err := w.measureFloor(ctx, &s); err != nil {
		return err
	}
	if err := pause(ctx, calm); err != nil {
		return err
	}
	if s.memory, err = w.daemon.Memory(); err != nil {
		return err
	}
	b.say("%d brokers: %.2f s, floor %.2f s, %.2f requests a broker, %.2f s of CPU, %.0f MiB", brokers, s.took.Seconds(),
		slices.Min(s.floor).Seconds(), s.perBroker(), s.cpu.Seconds(), s.memory.Resident)
	b.results.starts = append(b.results.starts, s)
	return nil
}

// startCluster applies one cluster and waits for its Pods.
func (w *world) startCluster(ctx context.Context, shape load.Shape) (start, error) {
	s := start{brokers: shape.Brokers + shape.Combined, nodes: shape.Nodes()}
	cluster, err := load.Cluster(namespace, "kafka", shape)
	if err != nil {
		return s, err
	}
	if err := w.namespace(ctx, namespace); err != nil {
		return s, err
	}
	before, err := w.daemon.CPU()
	if err != nil {
		return s, err
	}
	began := time.Now()
	if err := w.apply(ctx, cluster); err != nil {
		return s, err
	}
	up, err := w.running(ctx, namespace, s.nodes, patience)
	if err != nil {
		return s, err
	}
	after, err := w.daemon.CPU()
	if err != nil {
		return s, err
	}
	s.cpu = after - before
	s.took, s.lag, s.slowest = up.Last.Sub(began), up.Lag, up.Slowest
	requests, err := w.server.Requests(daemon.UserAgent)
	if err != nil {
		return s, err
	}
	s.count(audit.Between(requests, began, up.Last))
	return s, nil
}

func (s *start) count(requests []audit.Request) {
	work := audit.WithoutBookkeeping(requests)
	s.sent, s.requests = len(work), audit.Count(work)
	s.bookkeeping = audit.Count(slices.DeleteFunc(slices.Clone(requests), func(r audit.Request) bool {
		return len(audit.WithoutBookkeeping([]audit.Request{r})) > 0
	}))
}

// measureFloor writes the same objects again, without any thought, in namespaces that the daemon does not look at.
func (w *world) measureFloor(ctx context.Context, s *start) error {
	repeat := floors
	if s.brokers > 300 {
		repeat = 1
	}
	for i := range repeat {
		to := fmt.Sprintf("floor-%d", i)
		if err := w.namespace(ctx, to); err != nil {
			return err
		}
		floor, err := load.FloorOf(ctx, w.core, namespace, to)
		if err != nil {
			return err
		}
		if floor.Pods != s.nodes {
			return fmt.Errorf("the daemon wrote %d Pods, not %d", floor.Pods, s.nodes)
		}
		s.objects = floor.Objects()
		began := time.Now()
		written, err := floor.Write(ctx, w.core)
		if err != nil {
			return fmt.Errorf("write the floor: %w", err)
		}
		up, err := w.running(ctx, to, floor.Pods, patience)
		if err != nil {
			return fmt.Errorf("the floor: %w", err)
		}
		s.written, s.floor = append(s.written, written), append(s.floor, up.Last.Sub(began))
	}
	return nil
}
