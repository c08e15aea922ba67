package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/cmd/bench/audit"
	"github.com/koperator-go/koperator/cmd/bench/daemon"
	"github.com/koperator-go/koperator/cmd/bench/hollow"
	"github.com/koperator-go/koperator/cmd/bench/load"
)

const (
	// foreignObjects is how many foreign Pods there are, and ConfigMaps, and Secrets.
	foreignObjects = 5000
	// restarts is how often the daemon is started anew on each side of the foreign comparison.
	restarts = 3
	// startedFor is how long a daemon runs before its memory is read there.
	startedFor = 10 * time.Second
	// replaced is how many Pods are deleted.
	replaced = 20
)

// idle is what the daemon did while nothing happened.
type idle struct {
	took     time.Duration
	requests []audit.Line
	// restless are requests other than lease renewals and watches.
	restless []audit.Line
	logLines int
}

// foreignCost is the daemon's memory in MiB without and with other people's objects.
type foreignCost struct{ without, with []float64 }

// measureHundred is the first measurement and, in the last round, all that needs 100 running brokers.
func (b *bench) measureHundred(ctx context.Context, w *world, last bool) error {
	if err := b.measureStart(ctx, w, 100); err != nil || !last {
		return err
	}
	for _, next := range []struct {
		row string
		do  func(context.Context, *world) error
	}{{rowIdle, b.measureIdle}, {rowReplace, b.measureReplace}, {rowForeign, b.measureForeign}} {
		if !b.has(next.row) {
			continue
		}
		if err := next.do(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", next.row, err)
		}
	}
	return nil
}

func (b *bench) measureIdle(ctx context.Context, w *world) error {
	b.say("watching the daemon at rest for %s", b.idle)
	began, lines := time.Now(), w.daemon.Lines()
	if err := pause(ctx, b.idle); err != nil {
		return err
	}
	if err := w.daemon.Problem(); err != nil {
		return err
	}
	requests, err := w.server.Requests(daemon.UserAgent)
	if err != nil {
		return err
	}
	requests = audit.Between(requests, began, time.Now())
	b.results.idle = &idle{
		took: b.idle, requests: audit.Count(requests), restless: audit.Count(audit.Restless(requests)),
		logLines: w.daemon.Lines() - lines,
	}
	b.say("at rest: %s; %d log lines", audit.String(b.results.idle.requests), b.results.idle.logLines)
	return nil
}

// measureReplace deletes Pods one after the other, as people do.
func (b *bench) measureReplace(ctx context.Context, w *world) error {
	for i := range replaced {
		pods, err := w.nodes.Pods(namespace)
		if err != nil {
			return err
		}
		broker := strconv.Itoa(3 + i) // the first three are controllers
		at := slices.IndexFunc(pods, func(p hollow.Pod) bool { return p.Broker == broker && p.Gone.IsZero() })
		if at < 0 {
			return fmt.Errorf("broker %s has no Pod", broker)
		}
		if err := w.core.CoreV1().Pods(namespace).Delete(ctx, pods[at].Name, metav1.DeleteOptions{}); err != nil {
			return fmt.Errorf("delete the Pod of broker %s: %w", broker, err)
		}
		gap, err := w.replacement(ctx, pods[at])
		if err != nil {
			return err
		}
		b.results.replaced = append(b.results.replaced, gap)
	}
	b.say("Pods replaced after %v", b.results.replaced)
	return nil
}

func (w *world) replacement(ctx context.Context, old hollow.Pod) (gap time.Duration, err error) {
	err = eventually(ctx, time.Minute, "broker "+old.Broker+" has a new Pod", func() (bool, error) {
		pods, err := w.nodes.Pods(namespace)
		if err != nil {
			return false, err
		}
		for _, pod := range pods {
			if pod.UID == old.UID {
				old = pod
			}
		}
		var done bool
		gap, done = hollow.Gap(pods, old)
		return done, nil
	})
	return gap, err
}

// measureForeign compares daemons that were started beside the same 100 brokers, before and after other people's
// objects came: a fresh process has no past that hides in its memory.
func (b *bench) measureForeign(ctx context.Context, w *world) error {
	b.say("starting the daemon anew beside 100 brokers, without and with %d foreign Pods, ConfigMaps and Secrets each", foreignObjects)
	cost := &foreignCost{}
	var err error
	if cost.without, err = w.memoryOfFresh(ctx); err != nil {
		return err
	}
	if err := load.WriteForeign(ctx, w.core, foreign, foreignObjects); err != nil {
		return fmt.Errorf("write foreign objects: %w", err)
	}
	if cost.with, err = w.memoryOfFresh(ctx); err != nil {
		return err
	}
	b.results.foreign = cost
	b.say("MiB without: %.1f, with: %.1f", cost.without, cost.with)
	return nil
}

func (w *world) memoryOfFresh(ctx context.Context) ([]float64, error) {
	var resident []float64
	for range restarts {
		if err := w.daemon.Stop(); err != nil {
			return nil, err
		}
		var err error
		if w.daemon, err = daemon.Start(ctx, w.binary, w.server.Kubeconfig); err != nil {
			return nil, err
		}
		if err := pause(ctx, startedFor); err != nil {
			return nil, err
		}
		memory, err := w.daemon.Memory()
		if err != nil {
			return nil, err
		}
		resident = append(resident, memory.Resident)
	}
	return resident, nil
}
