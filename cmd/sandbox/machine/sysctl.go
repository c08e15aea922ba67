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

func settingsFile() string { return filepath.Join(plan.RunRoot, "kernel-settings.json") }

// SaveKernelSettings remembers the machine's own values before the first instance starts a kubelet.
func SaveKernelSettings() error {
	if exists(settingsFile()) {
		return nil
	}
	values := map[string]string{}
	for _, name := range kernelSettings {
		if text, err := os.ReadFile(filepath.Join("/proc/sys", name)); err == nil {
			values[name] = strings.TrimSpace(string(text))
		}
	}
	text, err := json.Marshal(values)
	if err != nil {
		return fmt.Errorf("encode the kernel's settings: %w", err)
	}
	return os.WriteFile(settingsFile(), text, 0o644)
}

// RestoreKernelSettings puts them back after the last instance.
func RestoreKernelSettings() error {
	text, err := os.ReadFile(settingsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var values map[string]string
	if err := json.Unmarshal(text, &values); err != nil {
		return fmt.Errorf("read %s: %w", settingsFile(), err)
	}
	var failed []error
	for _, name := range kernelSettings {
		if value, ok := values[name]; ok {
			failed = append(failed, os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644))
		}
	}
	return errors.Join(append(failed, os.Remove(settingsFile()))...)
}
