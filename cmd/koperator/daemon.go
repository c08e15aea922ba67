package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/kubernetes"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/cluster"
	"github.com/koperator-go/koperator/actors/health"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/operator"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// oldestKubernetes is the oldest version that the daemon is made for.
const oldestKubernetes = "1.30.0"

// daemon is one replica.
type daemon struct {
	options  options
	log      *slog.Logger
	build    string // tells this program from all others
	core     kubernetes.Interface
	own      *kube.OwnClient
	registry *prometheus.Registry
	actors   *actor.ActorSystem
	metrics  *kit.Metrics
	// nodes tells whether Nodes may be read.
	nodes bool
	// synced is set once every watch has seen its first list.
	synced atomic.Bool
	// operator is the actor that must answer while this replica leads, nil while it does not.
	operator atomic.Pointer[actor.PID]
}

func (d *daemon) run(ctx context.Context) error {
	servers, err := d.serve()
	if err != nil {
		return err
	}
	defer servers.stop()
	d.checkServer(ctx)
	return d.terms(ctx, d.watchAndLead)
}

// terms runs act until ctx ends, and anew once Nodes may be read that might not be before.
func (d *daemon) terms(ctx context.Context, act func(context.Context) error) error {
	for {
		term, end := context.WithCancel(ctx)
		if d.nodes = d.mayReadNodes(ctx); !d.nodes {
			go func() {
				defer end() // everything is watched anew, Nodes among it
				d.awaitNodes(term)
			}()
		}
		err := act(term)
		end()
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// watchAndLead is the daemon as long as what it may read stays the same.
func (d *daemon) watchAndLead(ctx context.Context) error {
	informers, err := kube.NewInformers(d.core, d.own, kube.WatchOptions{Namespaces: d.options.namespaces, Nodes: d.nodes})
	if err != nil {
		return err
	}
	informers.Run(ctx)
	if !informers.WaitForSync(ctx) {
		return nil // stopped while the API server was away
	}
	d.synced.Store(true)
	state := newStateCollector(informers.Cache)
	d.registry.MustRegister(state)
	defer d.registry.Unregister(state)
	d.log.Info("watching", "namespaces", d.options.namespacesText, "nodes", d.nodes)
	return d.contend(ctx, informers.Cache)
}

// contend waits for the lease and leads while it is held, until ctx ends.
func (d *daemon) contend(ctx context.Context, cache *kube.Cache) error {
	recording, end := context.WithCancel(context.WithoutCancel(ctx)) // the actors tell of their last steps after ctx has ended
	defer end()
	recorder, err := kube.NewRecorder(recording, d.core)
	if err != nil {
		return fmt.Errorf("record events: %w", err)
	}
	lease := operator.Lease{
		Core: d.core, Namespace: d.options.leaseNamespace, Name: operator.LeaseName(d.options.namespacesText),
		Identity: identity(), Log: d.log,
	}
	return lease.Lead(ctx, func(leading context.Context, held func() error) {
		d.lead(leading, held, actingParts{kube.NewClient(d.core, d.own, d.options.namespaces, held), cache, recorder})
	})
}

// checkServer says in words that an API server is too old, instead of letting some later call fail.
func (d *daemon) checkServer(ctx context.Context) {
	for ctx.Err() == nil {
		info, err := d.core.Discovery().ServerVersion()
		if err != nil {
			d.waitForServer(ctx, err)
			continue
		}
		parsed, err := version.ParseGeneric(info.GitVersion)
		if err == nil && !parsed.AtLeast(version.MustParseGeneric(oldestKubernetes)) {
			d.log.Error("this Kubernetes is older than "+oldestKubernetes+": upgrade it, parts of the daemon will not work",
				"version", info.GitVersion)
		}
		return
	}
}

// mayReadNodes asks whether Nodes may be read; without the right, rack awareness is refused in words and everything else
// works.
func (d *daemon) mayReadNodes(ctx context.Context) bool {
	for ctx.Err() == nil {
		allowed, err := d.nodesAllowed(ctx)
		if err == nil {
			if !allowed {
				d.log.Warn("no right to list and watch Nodes: clusters with rackAwareness will not start new brokers, and no broker leaves a node that is about to go; grant it and "+
					"the operator goes on by itself", "asked_again_after", nodesPause)
			}
			return allowed
		}
		d.waitForServer(ctx, err) // no answer is no "no"
	}
	return false
}

// nodesPause is the time between two questions whether Nodes may be read by now. Every replica asks, and many never get the right: who
// grants it and does not want to wait restarts the daemon.
const nodesPause = time.Hour

// rightsTimeout bounds one question for a right.
const rightsTimeout = 10 * time.Second

// awaitNodes returns when Nodes may be read, or ctx ends.
func (d *daemon) awaitNodes(ctx context.Context) {
	again := time.NewTicker(nodesPause)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		if allowed, err := d.nodesAllowed(ctx); err == nil && allowed {
			d.log.Info("Nodes may be read now: watching everything anew")
			return
		}
	}
}

// nodesAllowed asks for both verbs that a watch needs.
func (d *daemon) nodesAllowed(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, rightsTimeout)
	defer cancel()
	for _, verb := range []string{"list", "watch"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Resource: "nodes"},
		}}
		answer, err := d.core.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil || !answer.Status.Allowed {
			return false, err
		}
	}
	return true, nil
}

func (d *daemon) waitForServer(ctx context.Context, err error) {
	d.log.Warn("API server does not answer, waiting", "error", err)
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
	}
}

// buildOf is the beginning of a program's SHA-256. Any other build has another one, whatever version people call it by.
func buildOf(path string) (string, error) {
	program, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the own program: %w", err)
	}
	defer program.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, program); err != nil {
		return "", fmt.Errorf("read the own program: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s_%d_%d", host, os.Getpid(), time.Now().UnixNano())
}

// wearLabel shows by a label who leads, and tries until it does: nothing that the leader does waits for it. Outside of a Pod there is
// none to be labelled.
func (d *daemon) wearLabel(leading context.Context, held func() error) {
	if d.options.pod.Name == "" {
		return
	}
	label := kube.LeaderLabel{Core: d.core, Pod: d.options.pod, Gate: held}
	const first, longest = time.Second, time.Minute
	for pause := first; leading.Err() == nil; pause = min(2*pause, longest) {
		ctx, cancel := context.WithTimeout(leading, rightsTimeout)
		err := label.Take(ctx)
		cancel()
		if err == nil || leading.Err() != nil {
			return
		}
		d.log.Warn("the leader's Pod is not labelled", "error", err, "retry_in", pause)
		select {
		case <-leading.Done():
		case <-time.After(pause):
		}
	}
}

// servers answer questions about this replica.
type servers struct {
	log  *slog.Logger
	list []*http.Server
}

// serve opens the listeners before anything else: a port that is taken must be known at once.
func (d *daemon) serve() (*servers, error) {
	s := &servers{log: d.log}
	metrics := http.NewServeMux()
	metrics.Handle("/metrics", promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{}))
	probes := http.NewServeMux()
	probes.Handle("/healthz", d.probe(d.healthy))
	probes.Handle("/readyz", d.probe(d.ready))
	for address, handler := range map[string]http.Handler{
		d.options.metricsAddress: metrics,
		d.options.probesAddress:  probes,
	} {
		if address == "0" { // as in Koperator: off
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			s.stop()
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		s.list = append(s.list, server)
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				d.log.Error("server stopped", "address", address, "error", err)
			}
		}()
	}
	return s, nil
}

func (s *servers) stop() {
	for _, server := range s.list {
		if err := server.Close(); err != nil {
			s.log.Warn("server not closed", "error", err)
		}
	}
}

func (d *daemon) probe(check func(context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := check(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
}

// answerTimeout is how long the operator actor may leave a probe without an answer.
const answerTimeout = 30 * time.Second

// healthy fails when the operator actor is stuck: its supervision is the one thing that nobody restarts.
func (d *daemon) healthy(ctx context.Context) error {
	pid := d.operator.Load()
	if pid == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	if _, err := kit.Ask[*actor.Touched](ctx, d.actors, pid, &actor.Touch{}); err != nil && d.operator.Load() == pid {
		return fmt.Errorf("the operator actor does not answer: %w", err)
	}
	return nil
}

func (d *daemon) ready(context.Context) error {
	if !d.synced.Load() {
		return errors.New("waiting for the first list of the watched objects")
	}
	return nil
}

// kafkaDialer connects to real Kafka clusters, in which nothing is changed but while the lease is held.
type kafkaDialer struct{ held kafka.Gate }

func (d kafkaDialer) Dial(_ messages.ClusterKey, bootstrap []string) (health.Session, error) {
	return kafka.NewSession(bootstrap, d.held)
}

func (d kafkaDialer) Admin(ctx context.Context, address string) (broker.Admin, error) {
	return kafka.DialAdmin(ctx, address, d.held)
}

func (d kafkaDialer) Quorum(ctx context.Context, address string) (cluster.QuorumAdmin, error) {
	return kafka.DialAdmin(ctx, address, d.held)
}
