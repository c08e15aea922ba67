package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// UserAgent is by what the audit log tells the daemon from other clients.
const UserAgent = "koperator"

const (
	leadTimeout = 60 * time.Second
	stopTimeout = 40 * time.Second
)

// Build compiles the daemon of the repository at root as its image holds it.
func Build(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "koperator")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/koperator")
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the daemon: %w\n%s", err, text)
	}
	return binary, nil
}

// Daemon is a process that leads.
type Daemon struct {
	command *exec.Cmd
	log     *journal
	ended   chan struct{}
	// failure is set before ended is closed.
	failure error
}

// Start runs the daemon and returns when it leads.
func Start(ctx context.Context, binary, kubeconfig string) (*Daemon, error) {
	d := &Daemon{log: newJournal(), ended: make(chan struct{})}
	d.command = exec.Command(binary, "--kubeconfig", kubeconfig, "--lease-namespace", "default",
		"--metrics-addr", "127.0.0.1:0", "--health-probes-addr", "127.0.0.1:0")
	output, err := d.command.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	if err := d.command.Start(); err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	go d.follow(output)
	timeout := time.NewTimer(leadTimeout)
	defer timeout.Stop()
	select {
	case <-d.log.leading:
		return d, nil
	case <-d.ended:
		return nil, d.Problem()
	case <-timeout.C:
		err = fmt.Errorf("the daemon does not lead after %s; its log ends with:\n%s", leadTimeout, d.log.tail())
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, d.Stop())
}

func (d *Daemon) follow(output io.Reader) {
	d.log.read(output)
	d.failure = d.command.Wait()
	close(d.ended)
}

// PID is the process to look at.
func (d *Daemon) PID() int { return d.command.Process.Pid }

// Lines is how many lines the daemon has logged.
func (d *Daemon) Lines() int { return d.log.count() }

// Tail is the end of the daemon's log.
func (d *Daemon) Tail() string { return d.log.tail() }

// Problem says why the daemon is gone, nil while it runs.
func (d *Daemon) Problem() error {
	select {
	case <-d.ended:
		return fmt.Errorf("the daemon has ended (%v); its log ends with:\n%s", d.failure, d.log.tail())
	default:
		return nil
	}
}

// Stop ends the daemon as Kubernetes would.
func (d *Daemon) Stop() error {
	if err := d.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the daemon: %w", err)
	}
	select {
	case <-d.ended:
		return nil
	case <-time.After(stopTimeout):
		err := fmt.Errorf("the daemon did not stop within %s of SIGTERM; its log ends with:\n%s", stopTimeout, d.log.tail())
		return errors.Join(err, d.command.Process.Kill())
	}
}

// tailLines is how much of the log a failure shows.
const tailLines = 15

// journal is the daemon's log: how long it is, its end, and whether it told that the daemon leads.
type journal struct {
	mu      sync.Mutex
	lines   int
	last    []string
	leading chan struct{}
	led     bool
}

func newJournal() *journal { return &journal{leading: make(chan struct{})} }

func (j *journal) read(output io.Reader) {
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			j.take(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return
		}
	}
}

func (j *journal) take(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines++
	j.last = append(j.last, line)
	if len(j.last) > tailLines {
		j.last = j.last[1:]
	}
	if !j.led && messageOf(line) == "leading" {
		j.led = true
		close(j.leading)
	}
}

func messageOf(line string) string {
	var entry struct {
		Message string `json:"msg"`
	}
	if json.Unmarshal([]byte(line), &entry) != nil {
		return ""
	}
	return entry.Message
}

func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines
}

func (j *journal) tail() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.last, "\n")
}
