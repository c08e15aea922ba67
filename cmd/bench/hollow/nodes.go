package hollow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
)

const (
	// workers is how many Pods are served at once: as many as the daemon can create.
	workers = 32
	// attempts is how often a request is tried before the nodes give up on a Pod.
	attempts = 5
)

// Nodes is all nodes of one API server.
type Nodes struct {
	core kubernetes.Interface
	work chan func()

	mu      sync.Mutex
	pods    map[types.UID]*Pod
	problem error
}

// Pod is the life of one Pod as the nodes saw it. A moment that has not come is zero.
type Pod struct {
	Namespace, Name, Broker string
	UID                     types.UID
	// Seen is when the watch showed it, Running when its status was written, Gone when the watch showed its end.
	Seen, Running, Gone time.Time

	binding, ending bool
}

// Start watches all Pods outside of the given namespace until ctx ends.
func Start(ctx context.Context, core kubernetes.Interface, except string) (*Nodes, error) {
	n := &Nodes{core: core, work: make(chan func(), 100_000), pods: map[types.UID]*Pod{}}
	for range workers {
		go n.serve(ctx)
	}
	others := fields.OneTermNotEqualSelector("metadata.namespace", except)
	source := cache.NewListWatchFromClient(core.CoreV1().RESTClient(), "pods", metav1.NamespaceAll, others)
	informer := cache.NewSharedIndexInformer(source, &corev1.Pod{}, 0, nil)
	see := func(object any) { n.see(ctx, object.(*corev1.Pod), time.Now()) }
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    see,
		UpdateFunc: func(_, object any) { see(object) },
		DeleteFunc: func(object any) { n.gone(object, time.Now()) },
	})
	if err != nil {
		return nil, fmt.Errorf("hollow nodes: %w", err)
	}
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("hollow nodes: %w", ctx.Err())
	}
	return n, nil
}

func (n *Nodes) serve(ctx context.Context) {
	for {
		select {
		case job := <-n.work:
			job()
		case <-ctx.Done():
			return
		}
	}
}

// see does what the Pod waits for, once.
func (n *Nodes) see(ctx context.Context, pod *corev1.Pod, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.pods[pod.UID]
	if known == nil {
		known = &Pod{Namespace: pod.Namespace, Name: pod.Name, Broker: pod.Labels["brokerId"], UID: pod.UID, Seen: now}
		n.pods[pod.UID] = known
	}
	switch {
	case pod.DeletionTimestamp != nil && !known.ending:
		known.ending = true
		n.work <- func() { n.tried(ctx, pod, "end", n.end) }
	case pod.DeletionTimestamp == nil && pod.Spec.NodeName == "" && !known.binding:
		known.binding = true
		n.work <- func() { n.tried(ctx, pod, "run", n.run) }
	}
}

func (n *Nodes) gone(object any, now time.Time) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if pod, ok := object.(*corev1.Pod); ok && n.pods[pod.UID] != nil {
		n.pods[pod.UID].Gone = now
	}
}

// tried remembers the first failure that repeating did not cure: figures without some Pods are no figures.
func (n *Nodes) tried(ctx context.Context, pod *corev1.Pod, what string, do func(context.Context, *corev1.Pod) error) {
	var err error
	for attempt := range attempts {
		if err = do(ctx, pod); err == nil || ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(time.Duration(attempt+1) * 50 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.problem = errors.Join(n.problem, fmt.Errorf("hollow nodes: %s Pod %s/%s: %w", what, pod.Namespace, pod.Name, err))
}

// run binds a Pod and reports it as ready.
func (n *Nodes) run(ctx context.Context, pod *corev1.Pod) error {
	client := n.core.CoreV1().Pods(pod.Namespace)
	binding := &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: nodeOf(pod)},
	}
	err := client.Bind(ctx, binding, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) {
		return nil // deleted meanwhile
	}
	if err != nil && !apierrors.IsConflict(err) { // Conflict: an earlier attempt has bound it
		return fmt.Errorf("bind: %w", err)
	}
	patch, err := statusPatch(pod, time.Now())
	if err != nil {
		return err
	}
	_, err = client.Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("report as Running: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pods[pod.UID].Running = time.Now()
	return nil
}

// end confirms a deletion, as a kubelet does when the containers have stopped.
func (n *Nodes) end(ctx context.Context, pod *corev1.Pod) error {
	err := n.core.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To(int64(0)), Preconditions: &metav1.Preconditions{UID: &pod.UID},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// Pods are those of a namespace, in no order.
func (n *Nodes) Pods(namespace string) ([]Pod, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var pods []Pod
	for _, pod := range n.pods {
		if pod.Namespace == namespace {
			pods = append(pods, *pod)
		}
	}
	return pods, n.problem
}
