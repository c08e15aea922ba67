package server

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine describes what a measurement ran on.
type Machine struct {
	Cores int
	CPU   string
	// MemoryMiB is what the kernel can give, 0 where it does not tell.
	MemoryMiB int
	Load      string
	Go        string
}

// ThisMachine reads what the kernel tells.
func ThisMachine() Machine {
	return Machine{
		Cores: runtime.NumCPU(), CPU: field("/proc/cpuinfo", "model name"), Go: runtime.Version(),
		MemoryMiB: kilobytes(field("/proc/meminfo", "MemTotal")) / 1024, Load: loadAverage(),
	}
}

// String is one line for a table's head.
func (m Machine) String() string {
	return fmt.Sprintf("%d cores (%s), %d MiB of memory, %s", m.Cores, m.CPU, m.MemoryMiB, m.Go)
}

// field is the value of the first "name: value" line of a file, empty when there is none.
func field(path, name string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, found := strings.Cut(lines.Text(), ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads "1234 kB".
func kilobytes(text string) int {
	number, _ := strconv.Atoi(strings.TrimSuffix(text, " kB"))
	return number
}

// loadAverage is that of the last minute: other work on the machine shows here.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}
