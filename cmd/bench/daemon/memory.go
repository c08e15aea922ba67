package daemon

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is what a process holds of the machine's memory, in MiB.
type Memory struct {
	// Resident is what it holds now, Peak the most it ever held.
	Resident, Peak float64
}

// Memory asks the kernel.
func (d *Daemon) Memory() (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.PID()))
	if err != nil {
		return Memory{}, fmt.Errorf("memory of the daemon: %w", err)
	}
	return parseMemory(string(text))
}

// parseMemory reads VmRSS and VmHWM (proc_pid_status(5)).
func parseMemory(status string) (Memory, error) {
	resident, err := mebibytes(status, "VmRSS:")
	if err != nil {
		return Memory{}, err
	}
	peak, err := mebibytes(status, "VmHWM:")
	return Memory{Resident: resident, Peak: peak}, err
}

func mebibytes(status, name string) (float64, error) {
	for line := range strings.Lines(status) {
		rest, found := strings.CutPrefix(line, name)
		if !found {
			continue
		}
		number, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
		if err != nil {
			return 0, fmt.Errorf("%s %q: %w", name, rest, err)
		}
		return number / 1024, nil
	}
	return 0, fmt.Errorf("the kernel tells no %s of the daemon: has it ended?", name)
}
