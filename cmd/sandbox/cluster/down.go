package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/koperator-go/koperator/cmd/sandbox/machine"
	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// DownOptions are the user's choices.
type DownOptions struct {
	Name  string
	Purge bool // pulled images and logs, too
}

// Down removes everything that Up made, whatever state it is in.
func Down(ctx context.Context, o DownOptions, cache string, p *Progress) error {
	if err := requireRoot(); err != nil {
		return err
	}
	unlock, err := machine.Lock("instance-" + o.Name)
	if err != nil {
		return err
	}
	defer unlock()
	i, err := Find(o.Name)
	if err != nil {
		if i, err = unclaimed(o.Name, cache); err != nil {
			return err
		}
	}
	if err := saveImages(ctx, i); err != nil {
		p.Say("pulled images are not kept: %v", err)
	}
	if err := clean(ctx, i); err != nil {
		return fmt.Errorf("%w\nrun \"sandbox down --instance %s\" again", err, i.Name)
	}
	if o.Purge {
		if err := os.RemoveAll(i.Dir()); err != nil {
			return fmt.Errorf("remove %s: %w", i.Dir(), err)
		}
	}
	left, err := machine.DropClaim(i.Name)
	if err != nil {
		return err
	}
	p.Say("sandbox %q is down", i.Name)
	if left > 0 {
		return nil
	}
	groups, err := machine.FindCgroups()
	if err != nil {
		return err
	}
	return errors.Join(
		machine.RestoreMachine(),
		groups.Remove(plan.CgroupRoot),
		os.RemoveAll(plan.RunRoot),
	)
}

// clean removes processes, network, mounts, cgroups and the cluster's files.
func clean(ctx context.Context, i plan.Instance) error {
	groups, err := machine.FindCgroups()
	if err != nil {
		return err
	}
	if err := groups.Kill(i.Cgroup(), 30*time.Second); err != nil {
		return err
	}
	dirs := []string{i.StateDir(), i.RunDir(), filepath.Join(i.Dir(), "containerd")}
	// A file in use or a mount left would keep the next step from working: each has to succeed.
	if err := machine.RemoveNetwork(ctx, i); err != nil {
		return err
	}
	if err := machine.UnmountBelow(dirs...); err != nil {
		return err
	}
	if err := groups.Remove(i.Cgroup()); err != nil {
		return err
	}
	return errors.Join(
		machine.RemoveTraces(i),
		os.RemoveAll(i.StateDir()),
		os.RemoveAll(i.RunDir()),
		os.RemoveAll(i.Kubeconfig()),
	)
}
