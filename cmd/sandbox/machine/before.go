package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// kernelSettings are what a kubelet changes for the whole machine when it starts.
var kernelSettings = []string{
	"kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys", "kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory", "vm/panic_on_oom",
}

// fixedDirs have paths that containerd, kubelet, CNI and mount let nobody choose.
var fixedDirs = []string{"/run/containerd", "/run/mount", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers"}

// before is the machine as the first instance found it.
type before struct {
	Settings map[string]string `json:"settings"`
	Absent   []string          `json:"absent"` // of fixedDirs
}

func beforeFile() string { return filepath.Join(plan.RunRoot, "before.json") }

// RememberMachine notes, before the first instance starts anything, what RestoreMachine needs after the last one.
func RememberMachine() error {
	if exists(beforeFile()) {
		return nil
	}
	b := before{Settings: map[string]string{}}
	for _, name := range kernelSettings {
		if text, err := os.ReadFile(filepath.Join("/proc/sys", name)); err == nil {
			b.Settings[name] = strings.TrimSpace(string(text))
		}
	}
	for _, dir := range fixedDirs {
		if !exists(dir) {
			b.Absent = append(b.Absent, dir)
		}
	}
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode the machine's state: %w", err)
	}
	return os.WriteFile(beforeFile(), text, 0o644)
}

// RestoreMachine undoes what no single instance can: the kernel's settings and directories that only sandboxes used.
func RestoreMachine() error {
	text, err := os.ReadFile(beforeFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the machine's state: %w", err)
	}
	var b before
	if err := json.Unmarshal(text, &b); err != nil {
		return fmt.Errorf("read %s: %w", beforeFile(), err)
	}
	var failed []error
	for _, name := range kernelSettings {
		if value, ok := b.Settings[name]; ok {
			failed = append(failed, os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644))
		}
	}
	failed = append(failed, UnmountBelow(b.Absent...))
	for _, dir := range b.Absent {
		failed = append(failed, os.RemoveAll(dir))
	}
	return errors.Join(append(failed, os.Remove(beforeFile()))...)
}
