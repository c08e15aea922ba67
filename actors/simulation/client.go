package simulation

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1alpha1"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// write is one request of the daemon that may change something, as it arrived at the API server.
type write struct {
	at     time.Time
	daemon int
	writer string // the kind of actor
	verb   string
	key    key
	err    error
}

func (w write) String() string {
	text := fmt.Sprintf("%s daemon %d %s: %s %s", w.at.Format("15:04:05.000"), w.daemon, w.writer, w.verb, w.key)
	if w.err != nil {
		text += ": " + w.err.Error()
	}
	return text
}

// journal is every write of every daemon, in order.
type journal struct {
	mu     sync.Mutex
	writes []write
}

func (j *journal) add(w write) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writes = append(j.writes, w)
}

func (j *journal) since(t time.Time) []write {
	j.mu.Lock()
	defer j.mu.Unlock()
	for n, w := range j.writes {
		if !w.at.Before(t) {
			return append([]write{}, j.writes[n:]...)
		}
	}
	return nil
}

// requests is the way of all writes of one daemon to the API server: through faults, invariants and the journal.
type requests struct {
	store      *store
	faults     *faults
	invariants *invariants
	journal    *journal
	daemon     int
	dead       atomic.Bool // nothing is sent any more; what is on its way may still arrive
	term       term
	// logs is the end of a Pod's log.
	logs func(pod types.UID) string
	// arrived is called after each write that arrived.
	arrived func()
}

// do sends one write. send is what the API server makes of it.
func (r *requests) do(ctx context.Context, verb string, object kube.Object, send func() error) error {
	if err := ctx.Err(); err != nil || r.dead.Load() {
		return context.Canceled
	}
	k := keyOf(object)
	defer r.invariants.begun(r.daemon, k, verb)()
	writer := callingActor()
	return r.faults.request(ctx, verb, k, func() error {
		before := r.store.get(k)
		err := send()
		if err == nil && (verb == "delete" || verb == "evict") && before != nil && before.GetUID() == object.GetUID() {
			owner, _ := r.store.get(key{kube.KindCluster, before.GetNamespace(), before.GetLabels()[kube.LabelCluster]}).(*v1beta1.KafkaCluster)
			r.invariants.deleted(before, owner)
			if pod, ok := before.(*corev1.Pod); ok && runs(pod) {
				r.invariants.stopped(r.daemon, pod, owner)
			}
		}
		if err == nil && (verb == "apply" || verb == "create" || verb == "status") {
			r.invariants.applied(before, object, writer)
		}
		r.journal.add(write{at: time.Now(), daemon: r.daemon, writer: writer, verb: verb, key: k, err: err})
		r.arrived()
		return err
	})
}

// callingActor finds in the stack which package of actors makes the call.
func callingActor() string {
	const actors = "github.com/koperator-go/koperator/actors/"
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if path, found := strings.CutPrefix(frame.Function, actors); found {
			if name, _, _ := strings.Cut(path, "."); name != "simulation" && name != "kit" {
				return name
			}
		}
		if !more {
			return "nobody"
		}
	}
}

// client is the daemon's kube.Writer and cluster.Reader over the store.
type client struct{ *requests }

// do sends nothing past the gate, as kube.Client.
func (c client) do(ctx context.Context, verb string, object kube.Object, send func() error) error {
	return c.requests.do(ctx, verb, object, func() error {
		if err := c.term.held(); err != nil {
			return err
		}
		return send()
	})
}

// Apply implements kube.Writer.
func (c client) Apply(ctx context.Context, wanted kube.Object) (kube.Object, error) {
	return c.apply(ctx, "apply", wanted, true)
}

// Create implements kube.Writer.
func (c client) Create(ctx context.Context, wanted kube.Object) (kube.Object, error) {
	made, err := c.apply(ctx, "create", wanted, false)
	if pod, ok := wanted.(*corev1.Pod); ok && apierrors.IsAlreadyExists(err) {
		return nil, c.relabelled(ctx, pod, err)
	}
	return made, err
}

// relabelled gives a Pod its labels back.
func (c client) relabelled(ctx context.Context, wanted *corev1.Pod, taken error) error {
	err := taken
	if refused := c.do(ctx, "label", wanted, func() error {
		if lost := c.store.relabel(wanted); len(lost) > 0 {
			err = fmt.Errorf("%w: it had lost its labels %s, and has them again", taken, strings.Join(lost, ", "))
		}
		return nil
	}); refused != nil {
		return taken
	}
	return err
}

func (c client) apply(ctx context.Context, verb string, wanted kube.Object, force bool) (kube.Object, error) {
	var applied kube.Object
	err := c.do(ctx, verb, wanted, func() (err error) {
		applied, err = c.store.apply(wanted, force)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", verb, keyOf(wanted), err)
	}
	return applied, nil
}

// ApplyStatus implements kube.Writer.
func (c client) ApplyStatus(ctx context.Context, cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error) {
	var applied *v1beta1.KafkaCluster
	err := c.do(ctx, "status", cluster, func() (err error) {
		applied, err = c.store.applyStatus(cluster)
		return err
	})
	return applied, err
}

// Delete implements kube.Writer.
func (c client) Delete(ctx context.Context, object kube.Object) error {
	err := c.do(ctx, "delete", object, func() error {
		return c.store.delete(keyOf(object), object.GetUID(), object.GetResourceVersion())
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Evict implements kube.Writer.
func (c client) Evict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) error {
	return evictionError(c.do(ctx, "evict", pod, func() error {
		if asked == messages.AllBudgets {
			return c.store.evict(keyOf(pod), pod.UID)
		}
		if err := c.store.refusesToStop(pod, asked); err != nil {
			return err
		}
		return c.store.delete(keyOf(pod), pod.UID, "")
	}))
}

// MayCreate implements kube.Writer.
func (c client) MayCreate(_ context.Context, pod *corev1.Pod) error { return c.store.mayCreate(pod) }

// mayCreate answers a dry run.
func (s *store) mayCreate(pod *corev1.Pod) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses == nil || s.refuses(pod) == "" {
		return nil
	}
	return &kube.CreateRefused{Message: s.refuses(pod)}
}

// admits says from now on which Pods admission refuses, and why.
func (s *store) admits(refuses func(*corev1.Pod) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuses = refuses
}

// MayEvict implements kube.Writer.
func (c client) MayEvict(_ context.Context, pod *corev1.Pod, asked messages.Budgets) error {
	return c.store.refusesToStop(pod, asked)
}

func evictionError(err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsTooManyRequests(err):
		cause, _ := apierrors.StatusCause(err, policyv1.DisruptionBudgetCause)
		return &kube.EvictionRefused{Message: cause.Message}
	case apierrors.IsInternalError(err):
		return &kube.EvictionRefused{Message: err.Error()}
	default:
		return err
	}
}

// TakeFields implements kube.Writer. The store knows no field managers.
func (c client) TakeFields(context.Context, kube.Object) error { return nil }

// Mend implements kube.Writer.
func (c client) Mend(ctx context.Context, standing, wanted *corev1.Service) error {
	return c.do(ctx, "mend", standing, func() error { return c.store.mend(standing, wanted) })
}

// Annotate implements kube.Writer.
func (c client) Annotate(ctx context.Context, object kube.Object, annotations map[string]string) (kube.Object, error) {
	var annotated kube.Object
	err := c.do(ctx, "annotate", object, func() (err error) {
		annotated, err = c.store.annotate(object, annotations)
		return err
	})
	if err != nil {
		return nil, err
	}
	return annotated, nil
}

// ReleaseOwners implements kube.Writer.
func (c client) ReleaseOwners(ctx context.Context, object kube.Object) (kube.Object, error) {
	var free kube.Object
	err := c.do(ctx, "disown", object, func() (err error) {
		free, err = c.store.releaseOwners(object)
		return err
	})
	if err != nil {
		return nil, err
	}
	return free, nil
}

// ReleaseFinalizers implements kube.Writer.
func (c client) ReleaseFinalizers(ctx context.Context, object kube.Object, finalizers []string) error {
	if len(object.GetFinalizers()) == 0 {
		return nil
	}
	err := c.do(ctx, "release", object, func() error { return c.store.releaseFinalizers(object, finalizers) })
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Dependents implements kube.Writer.
func (c client) Dependents(ctx context.Context, cluster messages.ClusterKey) ([]kube.Object, error) {
	var found []kube.Object
	err := c.faults.request(ctx, "list", key{kube.KindTopic, cluster.Namespace, cluster.Name}, func() error {
		label := cluster.Name + "." + cluster.Namespace
		for _, kind := range []kube.Kind{kube.KindTopic, kube.KindUser} {
			for _, object := range c.store.list(kind) {
				if object.GetLabels()[kube.LabelTopicOfCluster] == label {
					found = append(found, object)
				}
			}
		}
		for _, object := range c.store.list(kube.KindOperation) {
			operation := object.(*v1alpha1.CruiseControlOperation)
			if operation.Namespace == cluster.Namespace && operation.Labels[kube.LabelCluster] == cluster.Name {
				found = append(found, object)
			}
		}
		return nil
	})
	return found, err
}

// Resize implements kube.Writer.
func (c client) Resize(ctx context.Context, pod *corev1.Pod, container string, resources corev1.ResourceRequirements) (*corev1.Pod, error) {
	var resized *corev1.Pod
	err := c.do(ctx, "resize", pod, func() (err error) {
		resized, err = c.store.resizePod(pod, container, resources)
		return err
	})
	return resized, err
}

// Volume implements kube.Writer.
func (c client) Volume(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, error) {
	var found *corev1.PersistentVolume
	k := key{kindVolume, "", claim.Spec.VolumeName}
	err := c.faults.request(ctx, "get", k, func() error {
		found, _ = c.store.get(k).(*corev1.PersistentVolume)
		return nil
	})
	return found, err
}

// PodLog implements kube.Writer.
func (c client) PodLog(ctx context.Context, pod *corev1.Pod, _ string, _ int64) (string, error) {
	err := c.faults.request(ctx, "log", keyOf(pod), func() error { return nil })
	return c.logs(pod.UID), err
}

// Pods implements cluster.Reader.
func (c client) Pods(ctx context.Context, cluster messages.ClusterKey) (pods []*corev1.Pod, err error) {
	err = c.faults.request(ctx, "list", key{kube.KindPod, cluster.Namespace, cluster.Name}, func() error {
		for _, object := range c.store.list(kube.KindPod) {
			if clusterOf(object) == cluster {
				pods = append(pods, object.(*corev1.Pod))
			}
		}
		return nil
	})
	return pods, err
}

// Cluster implements cluster.Reader.
func (c client) Cluster(ctx context.Context, cluster messages.ClusterKey) (*v1beta1.KafkaCluster, error) {
	var found *v1beta1.KafkaCluster
	k := key{kube.KindCluster, cluster.Namespace, cluster.Name}
	err := c.faults.request(ctx, "get", k, func() error {
		found, _ = c.store.get(k).(*v1beta1.KafkaCluster)
		return nil
	})
	return found, err
}
