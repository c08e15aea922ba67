package cluster

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// Progress tells a person what is going on.
type Progress struct {
	mu      sync.Mutex
	out     io.Writer
	started time.Time
}

// NewProgress counts from now.
func NewProgress(out io.Writer) *Progress { return &Progress{out: out, started: time.Now()} }

// Say prints a line with the time since the start.
func (p *Progress) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.out, "%6.1f s  %s\n", time.Since(p.started).Seconds(), fmt.Sprintf(format, args...))
}

// Wait asks until the answer is nil, and says what it waits for, and why, every few seconds.
func (p *Progress) Wait(ctx context.Context, what string, patience time.Duration, ask func(context.Context) error) error {
	began := time.Now()
	nextWord := began.Add(3 * time.Second)
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := ask(attempt)
		cancel()
		waited := time.Since(began)
		switch {
		case err == nil:
			p.Say("%s (%.1f s)", what, waited.Seconds())
			return nil
		case waited > patience:
			return fmt.Errorf("waited %.0f s for: %s: %w", waited.Seconds(), what, err)
		case time.Now().After(nextWord):
			p.Say("waiting for: %s (%.0f s so far, at most %.0f s): %v", what, waited.Seconds(), patience.Seconds(), err)
			nextWord = time.Now().Add(5 * time.Second)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for: %s: %w", what, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
