package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/koperator-go/koperator/cmd/sandbox/images"
	"github.com/koperator-go/koperator/cmd/sandbox/machine"
	"github.com/koperator-go/koperator/cmd/sandbox/pki"
	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// Up starts the instance, or repairs it where something is missing.
func Up(ctx context.Context, o Options, cache string, p *Progress) (plan.Instance, error) {
	if err := requireRoot(); err != nil {
		return plan.Instance{}, err
	}
	unlock, err := machine.Lock("instance-" + o.Name)
	if err != nil {
		return plan.Instance{}, err
	}
	defer unlock()
	if err := machine.EnsureClusterPackages(ctx, p.Say); err != nil {
		return plan.Instance{}, err
	}
	i, err := prepare(ctx, o, cache, p)
	if err != nil {
		return plan.Instance{}, err
	}
	r, err := newRunner(i, p)
	if err != nil {
		return plan.Instance{}, err
	}
	if o.APIOnly {
		return i, r.startAPI(ctx)
	}
	work, workCtx := errgroup.WithContext(ctx)
	work.Go(func() error { return r.startCluster(workCtx) })
	work.Go(func() error { return r.startDNS(workCtx) })
	work.Go(func() error { return r.pushImages(workCtx, o.Images) })
	return i, work.Wait()
}

// prepare does all that comes before the first daemon.
func prepare(ctx context.Context, o Options, cache string, p *Progress) (plan.Instance, error) {
	i, isNew, err := claim(o, cache)
	if err != nil {
		return plan.Instance{}, err
	}
	if isNew {
		if err := clean(ctx, i); err != nil { // a crash or a reboot may have left parts of an earlier one
			return plan.Instance{}, err
		}
		for _, n := range i.NodeList() {
			if err := keepOrForgetImages(n); err != nil {
				return plan.Instance{}, err
			}
		}
		p.Say("sandbox %q: nodes %s, Services %s, images %s, logs in %s", i.Name, i.PodCIDR(), i.ServiceCIDR(), i.Registry(), i.LogDir())
	}
	if err := machine.RememberMachine(); err != nil {
		return plan.Instance{}, err
	}
	if err := makeDirs(i); err != nil {
		return plan.Instance{}, err
	}
	if err := prepareMachine(ctx, i); err != nil {
		return plan.Instance{}, err
	}
	if err := pki.Ensure(i, time.Now()); err != nil {
		return plan.Instance{}, err
	}
	return i, writeFiles(i.Files(machine.CNIDir()))
}

func makeDirs(i plan.Instance) error {
	dirs := []string{i.BinDir(), i.LogDir(), i.DaemonDir(), i.ConfDir(), i.VolumesDir(), i.RunDir()}
	for _, n := range i.NodeList() {
		dirs = append(dirs, n.KubeletRoot(), n.PodLogs(), n.ContainerdRoot(), filepath.Dir(n.Socket()))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("create a directory: %w", err)
		}
	}
	return nil
}

// prepareMachine makes cgroups and the network. Processes of a network that got lost would talk to nobody: they go.
func prepareMachine(ctx context.Context, i plan.Instance) error {
	groups, err := machine.FindCgroups()
	if err != nil {
		return err
	}
	ready, err := machine.NetworkReady(ctx, i)
	if err != nil {
		return err
	}
	if !ready {
		if err := groups.Kill(i.Cgroup(), 30*time.Second); err != nil {
			return err
		}
	}
	wanted := []string{i.SystemCgroup()}
	for _, n := range i.NodeList() {
		wanted = append(wanted, n.Cgroup())
	}
	for _, group := range wanted {
		if err := groups.Ensure(group); err != nil {
			return err
		}
	}
	return machine.EnsureNetwork(ctx, i)
}

// writeFiles leaves equal files alone.
func writeFiles(files []plan.File) error {
	for _, file := range files {
		have, err := os.ReadFile(file.Path)
		if err == nil && string(have) == file.Content {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read %s: %w", file.Path, err)
		}
		if err := os.MkdirAll(filepath.Dir(file.Path), 0o755); err != nil {
			return fmt.Errorf("create a directory: %w", err)
		}
		if err := os.WriteFile(file.Path, []byte(file.Content), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", file.Path, err)
		}
	}
	return nil
}

// pushImages builds what is not built yet and brings it to the registry.
func (r *runner) pushImages(ctx context.Context, names []string) error {
	recipes, err := images.Recipes(names, "")
	if err != nil || len(recipes) == 0 {
		return err
	}
	if err := machine.EnsureImagePackages(ctx, r.p.Say); err != nil {
		return err
	}
	for _, recipe := range recipes {
		if err := r.pushImage(ctx, recipe); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) pushImage(ctx context.Context, recipe images.Recipe) error {
	image, err := images.Store{Dir: r.i.ImagesDir(), Say: r.p.Say}.Ensure(ctx, recipe)
	if err != nil {
		return err
	}
	if err := r.ensureRegistry(ctx); err != nil {
		return err
	}
	reference := r.i.Image(recipe.Name, recipe.Tag)
	pushed, err := images.Push(ctx, image, reference)
	if pushed {
		r.p.Say("pushed %s", reference)
	}
	return err
}

// PushImages builds images and, if the instance runs, brings them to its registry. It returns their references there.
func PushImages(ctx context.Context, instance string, recipes []images.Recipe, cache string, p *Progress) ([]string, error) {
	if err := requireRoot(); err != nil {
		return nil, err
	}
	if err := machine.EnsureImagePackages(ctx, p.Say); err != nil {
		return nil, err
	}
	i, err := Find(instance)
	if err != nil {
		p.Say("no sandbox %q runs: images are built and pushed by the next \"sandbox up\" or \"sandbox image\"", instance)
		return nil, buildImages(ctx, recipes, cache, p)
	}
	if i.APIOnly {
		return nil, fmt.Errorf("sandbox %q is an API server alone: it has no image registry", instance)
	}
	r, err := newRunner(i, p)
	if err != nil {
		return nil, err
	}
	var references []string
	for _, recipe := range recipes {
		if err := r.pushImage(ctx, recipe); err != nil {
			return references, err
		}
		references = append(references, i.Image(recipe.Name, recipe.Tag))
	}
	return references, nil
}

// PushImagesTo builds images and brings them to any registry that asks for no login, below the prefix. It returns their
// references there.
func PushImagesTo(ctx context.Context, prefix string, recipes []images.Recipe, cache string, p *Progress) ([]string, error) {
	if err := requireRoot(); err != nil {
		return nil, err
	}
	if err := machine.EnsureImagePackages(ctx, p.Say); err != nil {
		return nil, err
	}
	var references []string
	store := images.Store{Dir: plan.Instance{Cache: cache}.ImagesDir(), Say: p.Say}
	for _, recipe := range recipes {
		reference := plan.ImageBelow(prefix, recipe.Name, recipe.Tag)
		image, err := store.Ensure(ctx, recipe)
		if err != nil {
			return references, err
		}
		if _, err := images.Push(ctx, image, reference); err != nil {
			return references, err
		}
		references = append(references, reference)
	}
	return references, nil
}

func buildImages(ctx context.Context, recipes []images.Recipe, cache string, p *Progress) error {
	store := images.Store{Dir: plan.Instance{Cache: cache}.ImagesDir(), Say: p.Say}
	for _, recipe := range recipes {
		if _, err := store.Ensure(ctx, recipe); err != nil {
			return err
		}
	}
	return nil
}
