package simulation

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// said is what daemons logged at Info and above, and when.
type said struct {
	slog.Handler
	mu    *sync.Mutex
	lines *[]line
	// heard is told of each line.
	heard *func(where, text string)
}

type line struct {
	at   time.Time
	text string
}

func newSaid(next slog.Handler) said {
	nobody := func(string, string) {}
	return said{next, &sync.Mutex{}, &[]line{}, &nobody}
}

// Enabled implements slog.Handler.
func (s said) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler.
func (s said) Handle(ctx context.Context, record slog.Record) error {
	text := record.Level.String() + " " + record.Message
	record.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	s.mu.Lock()
	*s.lines = append(*s.lines, line{record.Time, text})
	s.mu.Unlock()
	(*s.heard)("a log line", text)
	if !s.Handler.Enabled(ctx, record.Level) {
		return nil
	}
	return s.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (s said) WithAttrs(attrs []slog.Attr) slog.Handler {
	return said{s.Handler.WithAttrs(attrs), s.mu, s.lines, s.heard}
}

// WithGroup implements slog.Handler.
func (s said) WithGroup(name string) slog.Handler {
	return said{s.Handler.WithGroup(name), s.mu, s.lines, s.heard}
}

// since are the lines from a moment on.
func (s said) since(t time.Time) (texts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range *s.lines {
		if !l.at.Before(t) {
			texts = append(texts, l.text)
		}
	}
	return texts
}
