package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/koperator-go/koperator/cmd/bench/daemon"
	"github.com/koperator-go/koperator/cmd/bench/hollow"
	"github.com/koperator-go/koperator/cmd/bench/load"
	"github.com/koperator-go/koperator/cmd/bench/server"
)

const (
	userAgent = "bench"
	foreign   = "foreign"
	// settle lets a server that was just started finish what it does on its own.
	settle = 5 * time.Second
	// crdTimeout bounds how long the API server may take to serve our kinds.
	crdTimeout = 30 * time.Second
)

// world is one API server with hollow nodes and a daemon.
type world struct {
	*bench
	server  *server.Server
	core    kubernetes.Interface
	dynamic dynamic.Interface
	nodes   *hollow.Nodes
	daemon  *daemon.Daemon
	end     context.CancelFunc
}

// newWorld returns when the daemon leads and the API server has served its first requests.
func newWorld(ctx context.Context, b *bench) (*world, error) {
	w := &world{bench: b}
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, w.stop(ctx))
	}
	return w, nil
}

func (w *world) start(ctx context.Context) error {
	var err error
	if w.server, err = server.Start(ctx, w.sandbox, w.instance); err != nil {
		return err
	}
	if err := w.connect(); err != nil {
		return err
	}
	if err := w.installCRDs(ctx); err != nil {
		return err
	}
	if err := w.namespace(ctx, foreign); err != nil {
		return err
	}
	if err := load.WarmUp(ctx, w.core, foreign); err != nil {
		return fmt.Errorf("warm up the API server: %w", err)
	}
	nodesCtx, end := context.WithCancel(ctx)
	w.end = end
	if w.nodes, err = hollow.Start(nodesCtx, w.core, foreign); err != nil {
		return err
	}
	if w.daemon, err = daemon.Start(ctx, w.binary, w.server.Kubeconfig); err != nil {
		return err
	}
	return pause(ctx, settle)
}

func (w *world) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", w.server.Kubeconfig)
	if err != nil {
		return fmt.Errorf("kubeconfig of the API server: %w", err)
	}
	config.QPS, config.Burst, config.UserAgent = -1, -1, userAgent
	if w.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return fmt.Errorf("client for custom resources: %w", err)
	}
	binary := rest.CopyConfig(config)
	binary.ContentType = "application/vnd.kubernetes.protobuf"
	binary.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	if w.core, err = kubernetes.NewForConfig(binary); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

// stop removes everything that start made, as far as it came.
func (w *world) stop(ctx context.Context) error {
	var errs []error
	if w.daemon != nil {
		errs = append(errs, w.daemon.Problem(), w.daemon.Stop())
	}
	if w.end != nil {
		w.end()
	}
	if w.server != nil {
		errs = append(errs, w.server.Stop(ctx))
	}
	return errors.Join(errs...)
}

func (w *world) version() (string, error) {
	version, err := w.core.Discovery().ServerVersion()
	if err != nil {
		return "", fmt.Errorf("version of the API server: %w", err)
	}
	return version.GitVersion, nil
}

// installCRDs applies deploy/crds and waits until the kinds are served.
func (w *world) installCRDs(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(w.root, "deploy", "crds", "kafka.banzaicloud.io_*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no CRDs below %s: give --root (%w)", w.root, errors.Join(err, os.ErrNotExist))
	}
	resource := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read a CRD: %w", err)
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if _, err := w.dynamic.Resource(resource).Apply(ctx, crd.GetName(), crd, metav1.ApplyOptions{FieldManager: userAgent}); err != nil {
			return fmt.Errorf("apply %s: %w", file, err)
		}
	}
	return eventually(ctx, crdTimeout, "the API server serves KafkaClusters", func() (bool, error) {
		_, err := w.dynamic.Resource(clusters()).List(ctx, metav1.ListOptions{})
		return err == nil, ctx.Err()
	})
}

func clusters() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "kafka.banzaicloud.io", Version: "v1beta1", Resource: "kafkaclusters"}
}

// namespace makes a namespace and what the missing controller-manager would put there: without its ServiceAccount
// admission refuses Pods.
func (w *world) namespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := w.core.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := w.core.CoreV1().ServiceAccounts(name).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("ServiceAccount of namespace %s: %w", name, err)
	}
	return nil
}

// apply writes a KafkaCluster as kubectl --server-side would.
func (w *world) apply(ctx context.Context, cluster *unstructured.Unstructured) error {
	_, err := w.dynamic.Resource(clusters()).Namespace(cluster.GetNamespace()).
		Apply(ctx, cluster.GetName(), cluster, metav1.ApplyOptions{FieldManager: userAgent})
	if err != nil {
		return fmt.Errorf("apply KafkaCluster %s: %w", cluster.GetName(), err)
	}
	return nil
}

// running waits until so many Pods of a namespace run.
func (w *world) running(ctx context.Context, namespace string, count int, patience time.Duration) (hollow.Summary, error) {
	var s hollow.Summary
	err := eventually(ctx, patience, fmt.Sprintf("%d Pods run", count), func() (bool, error) {
		pods, err := w.nodes.Pods(namespace)
		if err != nil {
			return false, err
		}
		s = hollow.Summarize(pods)
		return s.Running >= count, w.daemon.Problem()
	})
	if err != nil {
		err = fmt.Errorf("%w: %d of %d Pods run; the daemon's log ends with:\n%s", err, s.Running, count, w.daemon.Tail())
	}
	return s, err
}

// eventually asks until the answer is yes.
func eventually(ctx context.Context, patience time.Duration, what string, ask func() (bool, error)) error {
	until := time.Now().Add(patience)
	for {
		done, err := ask()
		switch {
		case err != nil:
			return err
		case done:
			return nil
		case time.Now().After(until):
			return fmt.Errorf("waited %s in vain until %s", patience, what)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
