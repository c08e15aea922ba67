package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Cgroups are the cgroup hierarchies of the machine: one of version 2, or one for each controller of version 1 (plus,
// on hybrid machines, one of version 2 without controllers).
type Cgroups struct {
	mounts []cgroupMount
}

type cgroupMount struct {
	path    string
	unified bool
}

// FindCgroups reads the hierarchies from the machine's mounts.
func FindCgroups() (Cgroups, error) {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return Cgroups{}, fmt.Errorf("read the mounts: %w", err)
	}
	found := parseCgroups(string(text))
	if len(found.mounts) == 0 {
		return Cgroups{}, errors.New("no cgroup hierarchy is mounted; mount cgroup2 at /sys/fs/cgroup first")
	}
	return found, nil
}

func parseCgroups(mounts string) Cgroups {
	var found Cgroups
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 3 || !strings.HasPrefix(fields[2], "cgroup") || !strings.HasPrefix(fields[1], "/sys/fs/cgroup") {
			continue
		}
		found.mounts = append(found.mounts, cgroupMount{path: fields[1], unified: fields[2] == "cgroup2"})
	}
	return found
}

// Ensure creates a cgroup in every hierarchy.
func (c Cgroups) Ensure(group string) error {
	for _, m := range c.mounts {
		if err := m.ensure(group); err != nil {
			return fmt.Errorf("create cgroup %s in %s: %w", group, m.path, err)
		}
	}
	return nil
}

func (m cgroupMount) ensure(group string) error {
	dir := m.path
	for part := range strings.SplitSeq(strings.Trim(group, "/"), "/") {
		if m.unified {
			enableControllers(dir)
		}
		parent := dir
		dir = filepath.Join(dir, part)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		// A new cpuset of version 1 is empty, and nothing may run in it.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			if err := inherit(parent, dir, file); err != nil {
				return err
			}
		}
	}
	return nil
}

// enableControllers gives children of a version 2 cgroup their controllers. Each one by itself: one that is absent must
// not keep the others out.
func enableControllers(dir string) {
	available, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return
	}
	for name := range strings.FieldsSeq(string(available)) {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+name), 0o644)
	}
}

func inherit(parent, child, file string) error {
	have, err := os.ReadFile(filepath.Join(child, file))
	if errors.Is(err, fs.ErrNotExist) || len(strings.TrimSpace(string(have))) > 0 {
		return nil
	}
	want, err := os.ReadFile(filepath.Join(parent, file))
	if err != nil {
		return err
	}
	if len(strings.TrimSpace(string(want))) == 0 {
		return nil // version 2: empty means all
	}
	return os.WriteFile(filepath.Join(child, file), want, 0o644)
}

// ProcsFiles are the files into which a process writes itself to enter the cgroup.
func (c Cgroups) ProcsFiles(group string) []string {
	files := make([]string, 0, len(c.mounts))
	for _, m := range c.mounts {
		files = append(files, filepath.Join(m.path, group, "cgroup.procs"))
	}
	return files
}

// Processes lists all processes in the cgroup and below, in any hierarchy.
func (c Cgroups) Processes(group string) []int {
	found := map[int]bool{}
	for _, m := range c.mounts {
		_ = filepath.WalkDir(filepath.Join(m.path, group), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.Name() != "cgroup.procs" {
				return nil // cgroups vanish while we look
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			for field := range strings.FieldsSeq(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil {
					found[pid] = true
				}
			}
			return nil
		})
	}
	pids := make([]int, 0, len(found))
	for pid := range found {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}

// Kill ends all processes in the cgroup and below, and waits until they are gone.
func (c Cgroups) Kill(group string, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for {
		pids := c.Processes(group)
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v of cgroup %s do not end; look at them with ps", pids, group)
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Remove deletes the cgroup and all below in every hierarchy.
func (c Cgroups) Remove(group string) error {
	var failed []error
	for _, m := range c.mounts {
		failed = append(failed, removeTree(filepath.Join(m.path, group)))
	}
	return errors.Join(failed...)
}

func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	// The kernel needs a moment after the last process.
	for range 40 {
		err = syscall.Rmdir(dir)
		if err == nil || errors.Is(err, syscall.ENOENT) {
			return nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return fmt.Errorf("remove cgroup %s: %w", dir, err)
}
