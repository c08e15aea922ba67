package machine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// RemoveTraces deletes the small files that CNI, the kubelet and containerd's shims keep outside of the instance's
// directories. It runs after the processes have ended and before those directories go.
func RemoveTraces(i plan.Instance) error {
	return errors.Join(removeAttachments(i), removeLogLinks(i), removeShimSockets(i))
}

// removeAttachments: libcni caches what it has attached; the entries name the network namespace, which is below ours.
func removeAttachments(i plan.Instance) error {
	var failed []error
	results, err := filepath.Glob("/var/lib/cni/results/*")
	failed = append(failed, err)
	for _, path := range results {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), i.RunDir()+"/") {
			failed = append(failed, os.Remove(path))
		}
	}
	return errors.Join(failed...)
}

func removeLogLinks(i plan.Instance) error {
	var failed []error
	links, err := filepath.Glob("/var/log/containers/*.log")
	failed = append(failed, err)
	for _, link := range links {
		target, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(target, i.StateDir()+"/") {
			failed = append(failed, os.Remove(link))
		}
	}
	return errors.Join(failed...)
}

// removeShimSockets: each container's directory holds the address of its shim.
func removeShimSockets(i plan.Instance) error {
	var failed []error
	addresses, err := filepath.Glob(filepath.Join(i.RunDir(), "*", "io.containerd.runtime.v2.task", "*", "*", "address"))
	failed = append(failed, err)
	for _, path := range addresses {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		socket := strings.TrimPrefix(strings.TrimSpace(string(text)), "unix://")
		if strings.HasPrefix(socket, "/run/containerd/s/") {
			failed = append(failed, os.RemoveAll(socket))
		}
	}
	return errors.Join(failed...)
}
