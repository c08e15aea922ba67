package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // the image has no time zones of its own, and maintenance windows name some

	"github.com/IBM/sarama"
	"github.com/asynkron/protoactor-go/actor"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/operator"
	"github.com/koperator-go/koperator/kube"
)

// stopTimeout bounds how long a shutdown waits for work under way; the Pod's grace period must be longer.
const stopTimeout = 25 * time.Second

func main() {
	o, err := parseOptions(os.Args[1:], os.Getenv, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "koperator:", err)
		os.Exit(2)
	}
	log := newLogger(o, os.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, log); err != nil {
		log.Error("stopped", "error", err)
		os.Exit(1)
	}
	log.Info("stopped")
}

// run is the daemon until ctx ends: the observing half, and the acting half whenever the lease is held.
func run(ctx context.Context, o options, log *slog.Logger) error {
	routeLogs(log)
	go giveBack(ctx)
	for _, line := range o.ignored {
		log.Warn(line)
	}
	config, err := restConfig(o)
	if err != nil {
		return err
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("kubernetes client: %w", err)
	}
	custom, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("client for the custom resources: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the own program: %w", err)
	}
	build, err := buildOf(program)
	if err != nil {
		return err
	}
	d := &daemon{options: o, log: log, build: build, core: core, own: kube.NewOwnClient(custom), registry: prometheus.NewRegistry()}
	d.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	d.actors = actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return log }),
		actor.WithDeadLetterThrottleCount(10), actor.WithDeadLetterThrottleInterval(10*time.Second),
		actor.WithDeadLetterRequestLogging(false),
	)
	d.metrics = kit.NewMetrics(d.registry, d.actors)
	defer d.actors.Shutdown()
	return d.run(ctx)
}

// restConfig finds the API server. Requests are not throttled here: the writer bounds how many are under way, and the
// server's priority and fairness does the rest.
func restConfig(o options) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("no API server: run in a Pod, set KUBECONFIG or give --kubeconfig: %w", err)
	}
	config.QPS, config.Burst = -1, -1
	config.UserAgent = kube.FieldManager
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	return config, nil
}

// routeLogs sends what the libraries log through the daemon's logger, at its level.
func routeLogs(log *slog.Logger) {
	klog.SetLogger(logr.FromSlogHandler(quieter{log.Handler()}))
	sarama.Logger = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
}

// quieter turns what klog calls information into debug: elections and watches that come and go are no news.
type quieter struct{ slog.Handler }

func (q quieter) Handle(ctx context.Context, record slog.Record) error {
	if record.Level == slog.LevelInfo {
		if record.Level = slog.LevelDebug; !q.Enabled(ctx, record.Level) {
			return nil
		}
	}
	return q.Handler.Handle(ctx, record)
}

func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(attrs)}
}

func (q quieter) WithGroup(name string) slog.Handler { return quieter{q.Handler.WithGroup(name)} }

// actingParts are what the acting half sees of Kubernetes and writes to it with.
type actingParts struct {
	client   *kube.Client
	cache    *kube.Cache
	recorder kube.Recorder
}

// lead runs the acting half under a context that ends before the lease does. held is an error once it may not act any more.
func (d *daemon) lead(leading context.Context, held func() error, parts actingParts) {
	pid, err := operator.Start(d.actors, operator.World{
		Context: leading, Cache: parts.cache, Writer: counted(parts.client, d.registry), Reader: parts.client, Events: parts.recorder,
		Kafka: kafkaDialer{countedGate(held, d.registry)}, Metrics: d.metrics, Nodes: d.nodes, Build: d.build, Log: d.log,
	})
	if err != nil {
		d.log.Error("actors not started", "error", err)
		return
	}
	d.operator.Store(pid)
	go d.wearLabel(leading, held)
	<-leading.Done()
	d.operator.Store(nil)
	parts.cache.OnChange(func(kube.Change) {})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(leading), stopTimeout)
	defer cancel()
	if err := kit.StopAndWait(ctx, d.actors, pid); err != nil {
		d.log.Error("actors did not stop in time", "error", err)
	}
}
