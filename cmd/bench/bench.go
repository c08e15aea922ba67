package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/koperator-go/koperator/cmd/bench/server"
)

// bench is one run of the command.
type bench struct {
	options
	binary  string
	began   time.Time
	machine server.Machine
	results results
}

// say tells a person what is going on.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// measure takes the figures one after the other, each group on an API server of its own: leftovers of one must not
// slow down the next.
func (b *bench) measure(ctx context.Context) error {
	if b.has(row100, rowIdle, rowMemory, rowReplace, rowForeign) {
		for i := range b.repeat {
			if err := b.inWorld(ctx, func(w *world) error { return b.measureHundred(ctx, w, i == b.repeat-1) }); err != nil {
				return fmt.Errorf("100 brokers: %w", err)
			}
		}
	}
	for _, larger := range []struct {
		brokers int
		wanted  bool
	}{{300, b.has(row300)}, {1000, b.has(row1000, rowMemory)}} {
		if !larger.wanted {
			continue
		}
		if err := b.inWorld(ctx, func(w *world) error { return b.measureStart(ctx, w, larger.brokers) }); err != nil {
			return fmt.Errorf("%d brokers: %w", larger.brokers, err)
		}
	}
	if b.has(rowClusters) {
		if err := b.measureClusters(ctx); err != nil {
			return fmt.Errorf("many clusters: %w", err)
		}
	}
	return nil
}

// inWorld runs one group of measurements and removes its API server, whatever happens.
func (b *bench) inWorld(ctx context.Context, do func(*world) error) (err error) {
	b.say("starting an API server")
	w, err := newWorld(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop(ctx)) }()
	if b.results.kubernetes == "" {
		if b.results.kubernetes, err = w.version(); err != nil {
			return err
		}
	}
	return do(w)
}
