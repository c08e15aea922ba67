package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/koperator-go/koperator/cmd/sandbox/images"
	"github.com/koperator-go/koperator/cmd/sandbox/machine"
	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// runner starts the daemons of one instance.
type runner struct {
	i        plan.Instance
	p        *Progress
	groups   machine.Cgroups
	files    []plan.File
	registry sync.Mutex // images and the cluster both want it to run
}

func newRunner(i plan.Instance, p *Progress) (*runner, error) {
	groups, err := machine.FindCgroups()
	if err != nil {
		return nil, err
	}
	return &runner{i: i, p: p, groups: groups, files: i.Files(machine.CNIDir())}, nil
}

// ensure starts a daemon unless it runs already.
func (r *runner) ensure(d plan.Daemon) error {
	_, err := machine.EnsureDaemon(r.i, r.groups, d, inputs(d, r.files))
	return err
}

// inputs is a hash of the files that the daemon's arguments name.
func inputs(d plan.Daemon, files []plan.File) string {
	hash := sha256.New()
	arguments := strings.Join(d.Args, "\n")
	for _, file := range files {
		if strings.Contains(arguments, file.Path) {
			_, _ = fmt.Fprintf(hash, "%s\n%s\n", file.Path, file.Content)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

// explain adds the end of the daemon's log to an error.
func (r *runner) explain(name string, err error) error {
	if err == nil {
		return nil
	}
	path := machine.LogFile(r.i, name)
	text, readErr := os.ReadFile(path)
	if readErr != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > 8 {
		lines = lines[len(lines)-8:]
	}
	return fmt.Errorf("%w\nthe log of %s (%s) ends with:\n  %s", err, name, path, strings.Join(lines, "\n  "))
}

// await waits for a daemon that just started; one that ended by itself need not be waited for.
func (r *runner) await(ctx context.Context, daemon, what string, ask func(context.Context) error) error {
	err := r.p.Wait(ctx, what, 90*time.Second, func(ctx context.Context) error {
		if _, running := machine.Running(r.i, daemon); !running {
			return fmt.Errorf("%s has ended", daemon)
		}
		return ask(ctx)
	})
	return r.explain(daemon, err)
}

// startAPI starts etcd and the API server.
func (r *runner) startAPI(ctx context.Context) error {
	if err := r.ensure(r.i.Etcd()); err != nil {
		return err
	}
	if err := r.ensure(r.i.APIServerDaemon()); err != nil {
		return err
	}
	client, err := r.client()
	if err != nil {
		return err
	}
	return r.await(ctx, "kube-apiserver", "API server ready at "+r.i.APIServer(), func(ctx context.Context) error {
		return apiReady(ctx, client)
	})
}

func apiReady(ctx context.Context, client kubernetes.Interface) error {
	status := 0
	text, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).StatusCode(&status).Raw()
	switch {
	case status == http.StatusOK:
		return nil
	case len(text) > 0:
		return fmt.Errorf("/readyz answers %d: %s", status, failedChecks(string(text)))
	default:
		return fmt.Errorf("/readyz: %w", err)
	}
}

// failedChecks are the lines of the API server's long answer that tell something.
func failedChecks(answer string) string {
	var failed []string
	for line := range strings.Lines(answer) {
		if name, found := strings.CutPrefix(line, "[-]"); found {
			failed = append(failed, strings.Fields(name)[0])
		}
	}
	return strings.Join(failed, ", ")
}

func (r *runner) client() (kubernetes.Interface, error) {
	return Client(r.i)
}

// Client is the administrator's.
func Client(i plan.Instance) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", i.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", i.Kubeconfig(), err)
	}
	config.QPS, config.Burst = 100, 200
	return kubernetes.NewForConfig(config)
}

// startCluster starts everything; what needs nothing of the others starts at once.
func (r *runner) startCluster(ctx context.Context) error {
	if err := r.pushImage(ctx, images.Pause()); err != nil {
		return err
	}
	work, workCtx := errgroup.WithContext(ctx)
	work.Go(func() error { return r.startAPI(workCtx) })
	work.Go(func() error { return r.startContainerds(workCtx) })
	if err := work.Wait(); err != nil {
		return err
	}
	if err := r.ensureKubelets(); err != nil {
		return err
	}
	for _, d := range r.i.ControlPlane() {
		if err := r.ensure(d); err != nil {
			return err
		}
	}
	client, err := r.client()
	if err != nil {
		return err
	}
	if err := applyObjects(ctx, client, r.i); err != nil {
		return err
	}
	return r.awaitCluster(ctx, client)
}

// ensureKubelets starts those that do not run. Two that begin at the same moment may meet at the socket for device plugins, whose path
// nobody can choose (kubelet/pluginapi.DevicePluginPath): one of them ends then.
func (r *runner) ensureKubelets() error {
	for _, n := range r.i.NodeList() {
		if err := r.ensure(n.Kubelet()); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) awaitCluster(ctx context.Context, client kubernetes.Interface) error {
	for _, d := range r.i.ControlPlane() {
		if _, running := machine.Running(r.i, d.Name); !running {
			return r.explain(d.Name, fmt.Errorf("%s has ended", d.Name))
		}
	}
	err := r.p.Wait(ctx, fmt.Sprintf("%d nodes ready", r.i.Nodes), 120*time.Second, func(ctx context.Context) error {
		if err := r.ensureKubelets(); err != nil {
			return err
		}
		return nodesReady(ctx, client, r.i)
	})
	if err != nil {
		return r.explain("node-1-kubelet", err)
	}
	err = r.p.Wait(ctx, "Pods can be created", 60*time.Second, func(ctx context.Context) error {
		return accountReady(ctx, client)
	})
	if err != nil {
		return r.explain("kube-controller-manager", err)
	}
	return nil
}

// startDNS runs beside the rest: building CoreDNS takes a minute on a machine that never did.
func (r *runner) startDNS(ctx context.Context) error {
	if err := r.ensureCoreDNS(ctx); err != nil {
		return err
	}
	if err := r.ensure(r.i.DNS()); err != nil {
		return err
	}
	return r.await(ctx, "coredns", "DNS answers", func(ctx context.Context) error { return dnsReady(ctx, r.i) })
}

// startContainerds starts a containerd for each node.
func (r *runner) startContainerds(ctx context.Context) error {
	work, workCtx := errgroup.WithContext(ctx)
	for _, n := range r.i.NodeList() {
		work.Go(func() error { return r.startContainerd(workCtx, n) })
	}
	return work.Wait()
}

// startContainerd starts that of one node, which may have been cut off.
func (r *runner) startContainerd(ctx context.Context, n plan.Node) error {
	if err := machine.Plug(ctx, n); err != nil {
		return err
	}
	if err := r.ensure(n.Containerd()); err != nil {
		return err
	}
	return r.await(ctx, n.Containerd().Name, n.NodeName()+": containerd ready", func(ctx context.Context) error {
		return canDial(ctx, "unix", n.Socket())
	})
}

func canDial(ctx context.Context, network, address string) error {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return connection.Close()
}

func (r *runner) ensureRegistry(ctx context.Context) error {
	r.registry.Lock()
	defer r.registry.Unlock()
	if _, running := machine.Running(r.i, "registry"); running {
		return nil
	}
	if err := r.ensure(r.i.RegistryDaemon()); err != nil {
		return err
	}
	return r.await(ctx, "registry", "image registry ready at "+r.i.Registry(), func(ctx context.Context) error {
		return canDial(ctx, "tcp", r.i.Registry())
	})
}

// ensureCoreDNS builds CoreDNS with the few plugins that a cluster needs. It is a module of its own: its dependencies
// and those of Kubernetes do not agree.
func (r *runner) ensureCoreDNS(ctx context.Context) error {
	target := filepath.Join(r.i.BinDir(), plan.CoreDNSBinary)
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	unlock, err := machine.Lock("coredns")
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("the program \"go\" is not in PATH; CoreDNS is built with it")
	}
	r.p.Say("building CoreDNS, about a minute …")
	started := time.Now()
	dir, err := os.MkdirTemp(r.i.Cache, "coredns-*")
	if err != nil {
		return fmt.Errorf("create a directory to build in: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := writeFiles(coreDNSSources(dir)); err != nil {
		return err
	}
	built := filepath.Join(dir, "coredns")
	if err := machine.Run(ctx, "env", "GOFLAGS=", "GOWORK=off", "go", "build", "-C", dir, "-ldflags=-s -w", "-o", built, "."); err != nil {
		return fmt.Errorf("build CoreDNS: %w", err)
	}
	r.p.Say("built CoreDNS in %.1f s", time.Since(started).Seconds())
	return os.Rename(built, target)
}
