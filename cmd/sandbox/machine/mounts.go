package machine

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// UnmountBelow unmounts everything under the directories, the deepest first.
func UnmountBelow(dirs ...string) error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("read the mounts: %w", err)
	}
	var failed []error
	for _, target := range mountsBelow(string(text), dirs) {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			failed = append(failed, fmt.Errorf("unmount %s: %w", target, err))
		}
	}
	return errors.Join(failed...)
}

// mountsBelow returns mount points in the order in which they can be unmounted: later mounts may cover earlier ones.
func mountsBelow(mountinfo string, dirs []string) []string {
	var found []string
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		target := unescape.Replace(fields[4])
		for _, dir := range dirs {
			if target == dir || strings.HasPrefix(target, dir+"/") {
				found = append([]string{target}, found...)
				break
			}
		}
	}
	return found
}

// unescape reads the kernel's octal escapes.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
