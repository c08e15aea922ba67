package daemon

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// CPU is how long the daemon has run on a processor since its start, in user and system mode.
func (d *Daemon) CPU() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.PID()))
	if err != nil {
		return 0, fmt.Errorf("CPU time of the daemon: %w", err)
	}
	return parseCPU(string(text))
}

// tick is what the kernel counts in towards programs, whatever its own clock (USER_HZ, time(7)).
const tick = 10 * time.Millisecond

// parseCPU reads utime and stime, the 14th and 15th field (proc_pid_stat(5)). The second, a name, may have blanks and brackets.
func parseCPU(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("the kernel tells no CPU time in %q", stat)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time %q: %w", field, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
