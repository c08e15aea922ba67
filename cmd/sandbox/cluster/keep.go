package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/koperator-go/koperator/cmd/sandbox/machine"
	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// Unpacking an image of half a gigabyte on three nodes is the longest part of a start. So an orderly "down" empties
// containerd of containers and keeps its images; a marker says that this was done.

func keptMarker(n plan.Node) string { return filepath.Join(n.ContainerdRoot(), "kept-images") }

// saveImages ends all containers and marks what is left as good.
func saveImages(ctx context.Context, i plan.Instance) error {
	groups, err := machine.FindCgroups()
	if err != nil {
		return err
	}
	for _, n := range i.NodeList() {
		if err := machine.StopDaemon(i, n.Kubelet().Name, 5*time.Second); err != nil {
			return err
		}
	}
	for _, n := range i.NodeList() {
		if _, running := machine.Running(i, n.Containerd().Name); !running {
			continue
		}
		if err := groups.Kill(n.Cgroup(), 10*time.Second); err != nil {
			return err
		}
		if err := removeContainers(ctx, n); err != nil {
			return err
		}
		if err := machine.StopDaemon(i, n.Containerd().Name, 10*time.Second); err != nil {
			return err
		}
		if err := os.WriteFile(keptMarker(n), nil, 0o644); err != nil {
			return fmt.Errorf("mark the images of %s as good: %w", n.NodeName(), err)
		}
	}
	return nil
}

// removeContainers removes what is left. Tasks and containers may go by themselves between a question and the answer,
// since containerd is still clearing away what was killed: then it asks again.
func removeContainers(ctx context.Context, n plan.Node) error {
	ctr := func(args ...string) (string, error) {
		return machine.Output(ctx, "ctr", append([]string{"--address", n.Socket(), "--namespace", "k8s.io"}, args...)...)
	}
	var failed error
	for range 20 {
		containers, err := ctr("containers", "list", "--quiet")
		if err != nil {
			return err
		}
		ids := strings.Fields(containers)
		if len(ids) == 0 {
			return nil
		}
		_, tasksErr := ctr(append([]string{"tasks", "delete", "--force"}, ids...)...)
		if _, err = ctr(append([]string{"containers", "delete"}, ids...)...); err != nil {
			failed = errors.Join(tasksErr, err)
			time.Sleep(100 * time.Millisecond)
		}
	}
	return failed
}

// keepOrForgetImages decides for a new instance: images that an orderly "down" left are used again, what was left by
// any other end is not trusted. What the CRI plugin remembers of Pods goes in any case.
func keepOrForgetImages(n plan.Node) error {
	err := os.Remove(keptMarker(n)) // from now on it is no longer known to be good
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.RemoveAll(n.ContainerdRoot()); err != nil {
			return fmt.Errorf("remove what an earlier run left: %w", err)
		}
		return os.MkdirAll(n.ContainerdRoot(), 0o755)
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(n.ContainerdRoot(), "io.containerd.grpc.v1.cri"))
}
