package kube

import (
	"context"
	"fmt"
	"maps"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// Informers feeds a Cache from an API server.
type Informers struct {
	Cache     *Cache
	informers []cache.SharedIndexInformer
}

// WatchOptions say what of the API server is watched.
type WatchOptions struct {
	// Namespaces is empty for all.
	Namespaces []string
	// Nodes are watched when the daemon may read them: racks are labels of theirs, and drains begin with a taint.
	Nodes bool
}

// NewInformers prepares one watch for each kind and namespace. Everything but clusters and nodes is selected by our
// label at the server, so that foreign objects cost neither memory nor traffic.
func NewInformers(core kubernetes.Interface, own *OwnClient, options WatchOptions) (*Informers, error) {
	namespaces := options.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	stores := map[Kind]map[string]cache.Indexer{}
	w := &Informers{Cache: NewCache(stores)}
	for _, kind := range WatchedKinds() {
		in := namespaces
		if kind == KindNode {
			if in = []string{metav1.NamespaceAll}; !options.Nodes {
				continue
			}
		}
		stores[kind] = map[string]cache.Indexer{}
		for _, namespace := range in {
			informer, err := w.informer(kind, listWatch(core, own, kind, namespace))
			if err != nil {
				return nil, fmt.Errorf("watch %s in %q: %w", kind, namespace, err)
			}
			stores[kind][namespace] = informer.GetIndexer()
			w.informers = append(w.informers, informer)
		}
	}
	return w, nil
}

func (w *Informers) informer(kind Kind, source cache.ListerWatcher) (cache.SharedIndexInformer, error) {
	informer := cache.NewSharedIndexInformer(source, exampleOf(kind), 0, Indexers())
	if err := informer.SetTransform(Trimmed); err != nil {
		return nil, err
	}
	notify := func(object any) { w.Cache.Notify(kind, object) }
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: notify,
		UpdateFunc: func(old, object any) {
			if sameNode(old, object) {
				return
			}
			if changeOf(kind, old) != changeOf(kind, object) { // a label was edited: who had it has lost it
				notify(old)
			}
			notify(object)
		},
		DeleteFunc: notify,
	})
	return informer, err
}

// sameNode reports whether a node has changed in nothing that brokers follow: its status does every few minutes.
func sameNode(old, object any) bool {
	before, ok := old.(*corev1.Node)
	after, isNode := object.(*corev1.Node)
	return ok && isNode && reflect.DeepEqual(before.Spec, after.Spec) && maps.Equal(before.Labels, after.Labels)
}

// Run starts all watches; they end with ctx.
func (w *Informers) Run(ctx context.Context) {
	for _, informer := range w.informers {
		go informer.RunWithContext(ctx)
	}
}

// WaitForSync returns when every watch has seen its first full list, or false when ctx ends before.
func (w *Informers) WaitForSync(ctx context.Context) bool {
	synced := make([]cache.InformerSynced, 0, len(w.informers))
	for _, informer := range w.informers {
		synced = append(synced, informer.HasSynced)
	}
	return cache.WaitForCacheSync(ctx.Done(), synced...)
}

func exampleOf(kind Kind) runtime.Object {
	switch kind {
	case KindPod:
		return &corev1.Pod{}
	case KindClaim:
		return &corev1.PersistentVolumeClaim{}
	case KindConfigMap:
		return &corev1.ConfigMap{}
	case KindService:
		return &corev1.Service{}
	case KindBudget:
		return &policyv1.PodDisruptionBudget{}
	case KindNode:
		return &corev1.Node{}
	default:
		return &v1beta1.KafkaCluster{}
	}
}

// typedClient is what client-go's typed clients have in common.
type typedClient[L runtime.Object] interface {
	List(ctx context.Context, options metav1.ListOptions) (L, error)
	Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

func listWatch(core kubernetes.Interface, own *OwnClient, kind Kind, namespace string) cache.ListerWatcher {
	switch kind {
	case KindPod:
		return selected(core.CoreV1().Pods(namespace), LabelCluster)
	case KindClaim:
		return selected(core.CoreV1().PersistentVolumeClaims(namespace), LabelCluster)
	case KindConfigMap:
		return selected(core.CoreV1().ConfigMaps(namespace), LabelCluster)
	case KindService:
		return selected(core.CoreV1().Services(namespace), LabelCluster)
	case KindBudget:
		return selected(core.PolicyV1().PodDisruptionBudgets(namespace), LabelCluster)
	case KindNode:
		return selected(core.CoreV1().Nodes(), "")
	default:
		return &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
				return own.List(ctx, kind, namespace, options)
			},
			WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
				return own.Watch(ctx, kind, namespace, options)
			},
		}
	}
}

// selected watches only objects that carry the label key; an empty key watches all.
func selected[L runtime.Object](client typedClient[L], label string) cache.ListerWatcher {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector = label
			return client.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = label
			return client.Watch(ctx, options)
		},
	}
}

// Trimmed is an object as the cache keeps it: without what the daemon never reads and what is often larger than the
// rest. It changes the object that it is given. Whoever feeds a Cache calls it.
func Trimmed(object any) (any, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return object, nil // a tombstone
	}
	accessor.SetManagedFields(nil)
	annotations := accessor.GetAnnotations()
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	switch object := object.(type) {
	case *corev1.Node:
		return trimmedNode(object), nil
	case *corev1.Pod:
		object.Spec = trimmedPodSpec(object.Spec)
	}
	return object, nil
}

// trimmedPodSpec keeps where a Pod runs, with which images, environment and resources, under whose names, and which claims it
// has where. What a Pod should be is compared by hashes in its annotations; the rest of its spec would be most of the daemon's
// memory.
func trimmedPodSpec(spec corev1.PodSpec) corev1.PodSpec {
	trim := corev1.PodSpec{
		NodeName: spec.NodeName, RestartPolicy: spec.RestartPolicy, SchedulingGates: spec.SchedulingGates,
		TerminationGracePeriodSeconds: spec.TerminationGracePeriodSeconds,
		Subdomain:                     spec.Subdomain,
	}
	claims := map[string]bool{}
	for _, volume := range spec.Volumes {
		if volume.PersistentVolumeClaim != nil {
			trim.Volumes = append(trim.Volumes, volume)
			claims[volume.Name] = true
		}
	}
	for _, container := range spec.Containers {
		kept := corev1.Container{
			Name: container.Name, Image: container.Image, Env: container.Env, Resources: container.Resources,
			ResizePolicy: container.ResizePolicy,
		}
		for _, mount := range container.VolumeMounts {
			if claims[mount.Name] {
				kept.VolumeMounts = append(kept.VolumeMounts, corev1.VolumeMount{Name: mount.Name, MountPath: mount.MountPath})
			}
		}
		trim.Containers = append(trim.Containers, kept)
	}
	return trim
}

// trimmedNode keeps labels, taints, addresses and what fits.
func trimmedNode(node *corev1.Node) *corev1.Node {
	trim := &corev1.Node{}
	trim.Name, trim.UID, trim.ResourceVersion, trim.Labels = node.Name, node.UID, node.ResourceVersion, node.Labels
	trim.Spec.Taints, trim.Spec.Unschedulable = node.Spec.Taints, node.Spec.Unschedulable
	trim.Status.Addresses, trim.Status.Allocatable = node.Status.Addresses, node.Status.Allocatable
	return trim
}
