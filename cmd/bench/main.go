package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/koperator-go/koperator/cmd/bench/daemon"
	"github.com/koperator-go/koperator/cmd/bench/server"
)

func main() {
	o, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "koperator-bench-")
	if err != nil {
		return fmt.Errorf("a place for the daemon's binary: %w", err)
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, began: time.Now()}
	b.machine = server.ThisMachine()
	b.say("building the daemon")
	if b.binary, err = daemon.Build(ctx, o.root, dir); err != nil {
		return err
	}
	measureErr := b.measure(ctx) // what was measured before a failure is still worth printing
	text := b.document(time.Now())
	fmt.Print(text)
	if measureErr != nil {
		return measureErr
	}
	if o.output != "" {
		if err := os.WriteFile(filepath.Clean(o.output), []byte(text), 0o644); err != nil {
			return fmt.Errorf("--output: %w", err)
		}
	}
	return nil
}
