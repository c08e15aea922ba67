package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// Started records a daemon. A process id alone could by now belong to somebody else.
type Started struct {
	PID       int      `json:"pid"`
	StartTime string   `json:"startTime"`
	Args      []string `json:"args"`
	Inputs    string   `json:"inputs"` // hash of the files it read
}

// Running returns the record of a daemon whose process lives.
func Running(i plan.Instance, name string) (Started, bool) {
	text, err := os.ReadFile(daemonFile(i, name))
	if err != nil {
		return Started{}, false
	}
	var s Started
	if json.Unmarshal(text, &s) != nil || s.StartTime == "" || processStart(s.PID) != s.StartTime {
		return Started{}, false
	}
	return s, true
}

// EnsureDaemon starts the daemon unless it runs with the same arguments and files.
func EnsureDaemon(i plan.Instance, groups Cgroups, d plan.Daemon, inputs string) (started bool, err error) {
	if s, running := Running(i, d.Name); running {
		if slices.Equal(s.Args, d.Args) && s.Inputs == inputs {
			return false, nil
		}
		if err := StopDaemon(i, d.Name, 10*time.Second); err != nil {
			return false, err
		}
	}
	command := exec.Command("/bin/sh", launchArgs(i, groups, d)...)
	command.Env = append(os.Environ(), d.Env...)
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	log, err := os.OpenFile(LogFile(i, d.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return false, fmt.Errorf("open the log of %s: %w", d.Name, err)
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return false, fmt.Errorf("start %s: %w", d.Name, err)
	}
	pid := command.Process.Pid
	record := Started{PID: pid, StartTime: processStart(pid), Args: d.Args, Inputs: inputs}
	go func() { _ = command.Wait() }() // else a dead child would look alive as long as we live
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return false, fmt.Errorf("encode the record of %s: %w", d.Name, err)
	}
	return true, os.WriteFile(daemonFile(i, d.Name), text, 0o644)
}

// launchArgs is a shell script that first enters the instance's cgroup, so that "down" finds the process whatever
// happens, then its network namespace, and becomes the daemon without changing its process id.
func launchArgs(i plan.Instance, groups Cgroups, d plan.Daemon) []string {
	var script strings.Builder
	for _, file := range groups.ProcsFiles(i.SystemCgroup()) {
		fmt.Fprintf(&script, "echo $$ > %s || exit 1\n", file)
	}
	script.WriteString("exec \"$@\"\n")
	args := []string{"-c", script.String(), "sandbox"}
	if !d.OnHost {
		args = append(args, "nsenter", "--net="+i.Netns(), "--")
	}
	return append(args, d.Args...)
}

// StopDaemon ends one daemon: politely first.
func StopDaemon(i plan.Instance, name string, patience time.Duration) error {
	s, running := Running(i, name)
	if !running {
		return nil
	}
	_ = syscall.Kill(s.PID, syscall.SIGTERM)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, running := Running(i, name); !running {
			return removeRecord(i, name)
		}
	}
	return KillDaemon(i, name)
}

// KillDaemon ends one daemon as if its machine had died.
func KillDaemon(i plan.Instance, name string) error {
	s, running := Running(i, name)
	if !running {
		return removeRecord(i, name)
	}
	_ = syscall.Kill(s.PID, syscall.SIGKILL)
	for range 100 {
		if _, running := Running(i, name); !running {
			return removeRecord(i, name)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("%s (process %d) does not end", name, s.PID)
}

func removeRecord(i plan.Instance, name string) error {
	if err := os.Remove(daemonFile(i, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// LogFile is where a daemon's output goes.
func LogFile(i plan.Instance, name string) string { return filepath.Join(i.LogDir(), name+".log") }

func daemonFile(i plan.Instance, name string) string {
	return filepath.Join(i.DaemonDir(), name+".json")
}

// processStart is the time of a process's start in the kernel's ticks; empty when it is gone or only waits to be reaped.
func processStart(pid int) string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ""
	}
	return parseStart(string(text))
}

// parseStart reads after the last parenthesis, since a program's name may hold spaces and parentheses.
func parseStart(stat string) string {
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return ""
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}
