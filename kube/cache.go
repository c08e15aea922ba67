package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Kind is one of the kinds of objects that the daemon keeps in its cache.
type Kind string

// The kinds that are watched. Secrets are not among them: they are read by name when they are needed.
const (
	KindCluster   Kind = "KafkaCluster"
	KindPod       Kind = "Pod"
	KindClaim     Kind = "PersistentVolumeClaim"
	KindConfigMap Kind = "ConfigMap"
	KindService   Kind = "Service"
	KindBudget    Kind = "PodDisruptionBudget"
	KindNode      Kind = "Node"
)

// WatchedKinds lists the kinds in the order in which their caches are filled: a cluster is seen first.
func WatchedKinds() []Kind {
	return []Kind{KindCluster, KindPod, KindClaim, KindConfigMap, KindService, KindBudget, KindNode}
}

const (
	byCluster = "cluster" // value: namespace/name
	byBroker  = "broker"  // value: namespace/name/id
	byNode    = "node"    // of Pods; value: the node's name
)

// Indexers are what every store of a Cache is indexed by.
func Indexers() cache.Indexers {
	return cache.Indexers{
		byNode: func(object any) ([]string, error) {
			if pod, ok := object.(*corev1.Pod); ok && pod.Spec.NodeName != "" {
				return []string{pod.Spec.NodeName}, nil
			}
			return nil, nil
		},
		byCluster: func(object any) ([]string, error) {
			if change := changeOf("", object); change.Cluster.Name != "" {
				return []string{change.Cluster.String()}, nil
			}
			return nil, nil
		},
		byBroker: func(object any) ([]string, error) {
			if change := changeOf("", object); change.HasBroker {
				return []string{brokerIndex(change.Cluster, change.Broker)}, nil
			}
			return nil, nil
		},
	}
}

func brokerIndex(cluster messages.ClusterKey, id messages.BrokerID) string {
	return cluster.String() + "/" + id.String()
}

// Change says whose objects have changed. It carries no object: who is told looks at the cache.
type Change struct {
	Kind      Kind
	Cluster   messages.ClusterKey
	Broker    messages.BrokerID
	HasBroker bool
}

func changeOf(kind Kind, object any) Change {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return Change{Kind: kind}
	}
	change := Change{Kind: kind}
	if _, ok := object.(*v1beta1.KafkaCluster); ok {
		change.Cluster = messages.ClusterKey{Namespace: accessor.GetNamespace(), Name: accessor.GetName()}
		return change
	}
	labels := accessor.GetLabels()
	if labels[LabelCluster] == "" {
		return change
	}
	change.Cluster = messages.ClusterKey{Namespace: accessor.GetNamespace(), Name: labels[LabelCluster]}
	if id, err := messages.ParseBrokerID(labels[LabelBrokerID]); err == nil {
		change.Broker, change.HasBroker = id, true
	}
	return change
}

// Cache is what the daemon last saw of the API server. Reading never blocks and never calls out; what is returned
// is shared and must not be changed. Who fills it (informers, or a simulated API server) calls Notify after each
// change.
type Cache struct {
	stores  map[Kind]map[string]cache.Indexer // by namespace; "" holds all namespaces
	changed atomic.Pointer[func(Change)]
	unused  sync.Map // UIDs of first voters' Pods that ended without a container
}

// NewCache joins stores that were made with Indexers, by kind and watched namespace ("" for all).
func NewCache(stores map[Kind]map[string]cache.Indexer) *Cache { return &Cache{stores: stores} }

// OnChange sets who hears of changes. The function runs in the goroutine of whoever feeds the cache: it must only
// pass the news on.
func (c *Cache) OnChange(tell func(Change)) { c.changed.Store(&tell) }

// Notify is called by whoever feeds the cache, after an object of the kind was added, replaced or removed.
func (c *Cache) Notify(kind Kind, object any) {
	c.remember(object)
	tell := c.changed.Load()
	if tell == nil {
		return
	}
	for _, change := range c.changes(kind, object) {
		(*tell)(change)
	}
}

// remember keeps the one fact that a look at the cache may come too late for: a kubelet says at a Pod's end that there never was a
// container, and lets the Pod go a moment later.
func (c *Cache) remember(object any) {
	if pod, ok := object.(*corev1.Pod); ok && FirstVoterPod(pod) && NeverHadContainer(pod) {
		c.unused.Store(pod.UID, nil)
	}
}

// NeverRan reports whether the last word on a first voter's Pod was that it never had a container; false also where nobody has heard it.
func (c *Cache) NeverRan(pod types.UID) bool {
	_, known := c.unused.Load(pod)
	return known
}

// changes are what follows from a changed object: a node concerns the brokers that run on it.
func (c *Cache) changes(kind Kind, object any) []Change {
	node, ok := object.(*corev1.Node)
	if !ok {
		return []Change{changeOf(kind, object)}
	}
	var changes []Change
	for _, namespace := range slices.Sorted(maps.Keys(c.stores[KindPod])) {
		for _, pod := range c.indexed(KindPod, namespace, byNode, node.Name) {
			changes = append(changes, changeOf(kind, pod))
		}
	}
	return changes
}

// Clusters lists every KafkaCluster, sorted.
func (c *Cache) Clusters() []messages.ClusterKey {
	var keys []messages.ClusterKey
	for _, namespace := range slices.Sorted(maps.Keys(c.stores[KindCluster])) {
		for _, object := range c.stores[KindCluster][namespace].List() {
			keys = append(keys, changeOf(KindCluster, object).Cluster)
		}
	}
	slices.SortFunc(keys, func(a, b messages.ClusterKey) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// Cluster is the custom resource of one cluster, nil when there is none.
func (c *Cache) Cluster(key messages.ClusterKey) *v1beta1.KafkaCluster {
	return get[*v1beta1.KafkaCluster](c, KindCluster, key.Namespace, key.Name)
}

// Node is one Kubernetes node, nil when it is unknown or nodes are not watched.
func (c *Cache) Node(name string) *corev1.Node { return get[*corev1.Node](c, KindNode, "", name) }

// Nodes lists all Kubernetes nodes, sorted by name; none where they are not watched.
func (c *Cache) Nodes() []*corev1.Node {
	store := c.store(KindNode, "")
	if store == nil {
		return nil
	}
	var nodes []*corev1.Node
	for _, object := range store.List() {
		nodes = append(nodes, object.(*corev1.Node))
	}
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes
}

// Claim is one claim by name, nil when there is none with our label.
func (c *Cache) Claim(namespace, name string) *corev1.PersistentVolumeClaim {
	return get[*corev1.PersistentVolumeClaim](c, KindClaim, namespace, name)
}

// ConfigMap is one ConfigMap by name, nil when there is none with our label.
func (c *Cache) ConfigMap(namespace, name string) *corev1.ConfigMap {
	return get[*corev1.ConfigMap](c, KindConfigMap, namespace, name)
}

// Service is one Service by name, nil when there is none with our label.
func (c *Cache) Service(namespace, name string) *corev1.Service {
	return get[*corev1.Service](c, KindService, namespace, name)
}

// Budget is one PodDisruptionBudget by name, nil when there is none with our label.
func (c *Cache) Budget(namespace, name string) *policyv1.PodDisruptionBudget {
	return get[*policyv1.PodDisruptionBudget](c, KindBudget, namespace, name)
}

// BrokerPods lists the Pods that carry the labels of one broker, sorted by name; more than one is an anomaly.
func (c *Cache) BrokerPods(key messages.ClusterKey, id messages.BrokerID) []*corev1.Pod {
	return list[*corev1.Pod](c, KindPod, key.Namespace, byBroker, brokerIndex(key, id))
}

// BrokerClaims lists the claims that carry the labels of one broker, sorted by name.
func (c *Cache) BrokerClaims(key messages.ClusterKey, id messages.BrokerID) []*corev1.PersistentVolumeClaim {
	return list[*corev1.PersistentVolumeClaim](c, KindClaim, key.Namespace, byBroker, brokerIndex(key, id))
}

// BrokerIDs lists the brokers that own a Pod, a claim or a ConfigMap of the cluster, whether wanted or not. The record of a
// broker's dynamic values outlives it.
func (c *Cache) BrokerIDs(key messages.ClusterKey) []messages.BrokerID {
	seen := map[messages.BrokerID]bool{}
	for _, kind := range []Kind{KindPod, KindClaim, KindConfigMap} {
		for _, object := range c.indexed(kind, key.Namespace, byCluster, key.String()) {
			id, err := messages.ParseBrokerID(object.(Object).GetLabels()[LabelBrokerID])
			if err == nil && !ofAnotherDaemon(object) && object.(Object).GetName() != BrokerAppliedName(key.Name, id) {
				seen[id] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// standing is the object of the same type and name that the cache shows, nil when there is none.
func (c *Cache) standing(object Object) Object {
	kind := watchedKindOf(object)
	if kind == KindCluster {
		return nil
	}
	return get[Object](c, kind, object.GetNamespace(), object.GetName())
}

// Objects lists all objects of a kind that carry the cluster's label, sorted by name.
func (c *Cache) Objects(kind Kind, key messages.ClusterKey) []Object {
	return list[Object](c, kind, key.Namespace, byCluster, key.String())
}

func (c *Cache) store(kind Kind, namespace string) cache.Indexer {
	if store := c.stores[kind][namespace]; store != nil {
		return store
	}
	return c.stores[kind][""]
}

func (c *Cache) indexed(kind Kind, namespace, index, value string) []any {
	store := c.store(kind, namespace)
	if store == nil {
		return nil
	}
	objects, err := store.ByIndex(index, value)
	if err != nil { // only when a store lacks the index: a mistake of whoever made it
		panic(fmt.Sprintf("store of %s: %v", kind, err))
	}
	return objects
}

func list[T Object](c *Cache, kind Kind, namespace, index, value string) []T {
	objects := c.indexed(kind, namespace, index, value)
	typed := make([]T, 0, len(objects))
	for _, object := range objects {
		if !ofAnotherDaemon(object) {
			typed = append(typed, object.(T))
		}
	}
	slices.SortFunc(typed, func(a, b T) int { return strings.Compare(a.GetName(), b.GetName()) })
	return typed
}

func get[T Object](c *Cache, kind Kind, namespace, name string) T {
	object, _ := c.stored(kind, namespace, name).(T)
	if isNil(object) || ofAnotherDaemon(object) {
		var none T
		return none
	}
	return object
}

// stored is an object of a store, whoever cares for it; nil when there is none.
func (c *Cache) stored(kind Kind, namespace, name string) any {
	store := c.store(kind, namespace)
	if store == nil {
		return nil
	}
	key := name
	if namespace != "" {
		key = namespace + "/" + name
	}
	object, exists, err := store.GetByKey(key)
	if err != nil || !exists {
		return nil
	}
	return object
}

// ofAnotherDaemon reports whether nobody here may touch an object. Readers of the cache do not see it: whoever does
// not know of an object cannot replace it. A custom resource is shown, so that its actor learns of the hand-over.
func ofAnotherDaemon(object any) bool {
	if _, ok := object.(*v1beta1.KafkaCluster); ok {
		return false
	}
	of, ok := object.(Object)
	return ok && RemotelyOwned(of)
}

// coveredBy is the error of a write that would hit an object of a daemon elsewhere, nil when there is none of the name.
func (c *Cache) coveredBy(wanted Object) error {
	standing, ok := c.stored(watchedKindOf(wanted), wanted.GetNamespace(), wanted.GetName()).(Object)
	if !ok || !ofAnotherDaemon(standing) {
		return nil
	}
	return fmt.Errorf("%s carries annotation %s and so belongs to an operator in another Kubernetes cluster: remove the "+
		"annotation to hand it over, or delete the object", describe(wanted), AnnotationRemoteOwner)
}

// watchedKindOf is the kind of an object that the daemon writes; a cluster's for all others.
func watchedKindOf(object Object) Kind {
	switch object.(type) {
	case *corev1.Pod:
		return KindPod
	case *corev1.PersistentVolumeClaim:
		return KindClaim
	case *corev1.ConfigMap:
		return KindConfigMap
	case *corev1.Service:
		return KindService
	case *policyv1.PodDisruptionBudget:
		return KindBudget
	default:
		return KindCluster
	}
}
