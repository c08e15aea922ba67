package simulation

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1alpha1"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// key names an object.
type key struct {
	kind            kube.Kind
	namespace, name string
}

func (k key) String() string { return string(k.kind) + " " + k.namespace + "/" + k.name }

func keyOf(object kube.Object) key {
	return key{kindOf(object), object.GetNamespace(), object.GetName()}
}

func kindOf(object kube.Object) kube.Kind {
	switch object.(type) {
	case *v1beta1.KafkaCluster:
		return kube.KindCluster
	case *corev1.Pod:
		return kube.KindPod
	case *corev1.PersistentVolumeClaim:
		return kube.KindClaim
	case *corev1.ConfigMap:
		return kube.KindConfigMap
	case *corev1.Service:
		return kube.KindService
	case *policyv1.PodDisruptionBudget:
		return kube.KindBudget
	case *corev1.Node:
		return kube.KindNode
	case *corev1.PersistentVolume:
		return kindVolume
	case *v1alpha1.KafkaTopic:
		return kube.KindTopic
	case *v1alpha1.KafkaUser:
		return kube.KindUser
	case *v1alpha1.CruiseControlOperation:
		return kube.KindOperation
	default:
		panic(fmt.Sprintf("the simulated API server has no kind for %T", object))
	}
}

// kindVolume is nothing that the daemon watches.
const kindVolume = kube.Kind("PersistentVolume")

// change is one version of an object becoming another. before is nil for a new object, after for one that is gone.
type change struct {
	key           key
	before, after kube.Object
	// version is the store's own from then on; to be deleted gives an object its last version, as in etcd.
	version uint64
}

// newest is what the change leaves, or what it took away.
func (c change) newest() kube.Object {
	if c.after != nil {
		return c.after
	}
	return c.before
}

// store is an API server in memory. Objects in it are never changed, only replaced, so who reads one may keep it.
type store struct {
	seed uint64

	mu      sync.Mutex
	objects map[key]*record
	version uint64
	// fixedSizes: the storage class lets no volume grow.
	fixedSizes bool
	// fixedPods: this Kubernetes has no pods/resize.
	fixedPods bool
	// refuses says why admission takes no such Pod, nil where it takes all.
	refuses func(*corev1.Pod) string
	made    map[key]int // how often an object of this name was created
	// observers hear of every change in order, while the lock is held: they must not block nor come back.
	observers []func(change)
}

// record is an object with what the daemon's field manager owns of it.
type record struct {
	object         kube.Object
	fields, status map[string]any
	// whole is the status of wholeOf as fields.
	whole   any
	wholeOf kube.Object
}

func newStore(seed uint64) *store {
	return &store{seed: seed, objects: map[key]*record{}, made: map[key]int{}}
}

func (s *store) observe(observer func(change)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observers = append(s.observers, observer)
}

// get returns nil when there is no such object.
func (s *store) get(k key) kube.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.objects[k]; r != nil {
		return r.object
	}
	return nil
}

// list returns all objects of a kind, sorted by name.
func (s *store) list(kind kube.Kind) []kube.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listed(kind)
}

func (s *store) listed(kind kube.Kind) []kube.Object {
	var found []kube.Object
	for k, r := range s.objects {
		if k.kind == kind {
			found = append(found, r.object)
		}
	}
	slices.SortFunc(found, func(a, b kube.Object) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return found
}

// snapshot lists a kind and calls then before anything else can change.
func (s *store) snapshot(kind kube.Kind, then func([]kube.Object)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	then(s.listed(kind))
}

// put is what people and controllers do: it creates the object, or replaces it whole but for what the server keeps.
func (s *store) put(object kube.Object) kube.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	object = object.DeepCopyObject().(kube.Object)
	r := s.objects[keyOf(object)]
	if r == nil {
		return s.create(object, &record{})
	}
	object.SetUID(r.object.GetUID())
	object.SetGeneration(r.object.GetGeneration())
	object.SetCreationTimestamp(r.object.GetCreationTimestamp())
	object.SetDeletionTimestamp(r.object.GetDeletionTimestamp())
	r.fields = stillOurs(r.fields, r.object, object)
	return s.commit(r, object)
}

// update changes an object as somebody else than the daemon; it is false when there is none.
func (s *store) update(k key, edit func(kube.Object)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.objects[k]
	if r == nil {
		return false
	}
	object := r.object.DeepCopyObject().(kube.Object)
	edit(object)
	r.fields = stillOurs(r.fields, r.object, object)
	s.commit(r, object)
	return true
}

// bind changes what the daemon never applies, so that all that is its own stays so.
func (s *store) bind(k key, edit func(kube.Object)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.objects[k]; r != nil {
		object := r.object.DeepCopyObject().(kube.Object)
		edit(object)
		s.commit(r, object)
	}
}

// updateStatus changes the status of a Pod alone, as kubelets and the scheduler do: all else is not even copied.
func (s *store) updateStatus(k key, edit func(*corev1.Pod)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.objects[k]
	if r == nil {
		return
	}
	pod := *r.object.(*corev1.Pod)
	pod.Status = *pod.Status.DeepCopy()
	edit(&pod)
	s.commit(r, &pod)
}

// create gives a new object what an API server gives.
func (s *store) create(object kube.Object, r *record) kube.Object {
	k := keyOf(object)
	s.made[k]++
	object.SetUID(s.uid(k))
	object.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
	object.SetGeneration(1)
	object.SetManagedFields(nil)
	defaulted(object)
	s.version++
	object.SetResourceVersion(strconv.FormatUint(s.version, 10))
	r.object = object
	s.objects[k] = r
	s.tell(change{key: k, after: object})
	return object
}

// uid depends on the name alone, so that a seed leads to the same ids in whatever order goroutines ran.
func (s *store) uid(k key) types.UID {
	a, b := digest(s.seed, "uid "+k.String(), s.made[k]), digest(s.seed, "more "+k.String(), s.made[k])
	return types.UID(fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0xfff, b&0xffffffffffff))
}

// commit replaces an object. Nothing happens when it is the same; the last finalizer gone ends one that is deleted.
func (s *store) commit(r *record, object kube.Object) kube.Object {
	before := r.object
	object.SetResourceVersion(before.GetResourceVersion())
	if reflect.DeepEqual(before, object) {
		return before
	}
	if specChanged(before, object) {
		object.SetGeneration(before.GetGeneration() + 1)
	}
	s.version++
	object.SetResourceVersion(strconv.FormatUint(s.version, 10))
	r.object = object
	s.tell(change{key: keyOf(object), before: before, after: object})
	if object.GetDeletionTimestamp() != nil && len(object.GetFinalizers()) == 0 && !stopping(object) {
		s.drop(r)
	}
	return object
}

// specChanged counts generations as a custom resource with a status subresource has them.
func specChanged(before, after kube.Object) bool {
	a, ok := before.(*v1beta1.KafkaCluster)
	return ok && !reflect.DeepEqual(a.Spec, after.(*v1beta1.KafkaCluster).Spec)
}

// stopping is a Pod that waits for its kubelet's word.
func stopping(object kube.Object) bool {
	pod, ok := object.(*corev1.Pod)
	return ok && pod.Spec.NodeName != "" && pod.DeletionGracePeriodSeconds != nil && *pod.DeletionGracePeriodSeconds > 0
}

func (s *store) drop(r *record) {
	k := keyOf(r.object)
	if s.objects[k] != r {
		return
	}
	delete(s.objects, k)
	s.version++
	s.tell(change{key: k, before: r.object})
}

func (s *store) tell(c change) {
	c.version = s.version
	for _, observer := range s.observers {
		observer(c)
	}
}

// delete asks for an object to go. Pods with a node and objects with finalizers only begin to. A version, where one is
// given, must be the one that stands.
func (s *store) delete(k key, uid types.UID, version string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.objects[k]
	if r == nil {
		return apierrors.NewNotFound(resourceOf(k.kind), k.name)
	}
	if uid != "" && r.object.GetUID() != uid {
		return apierrors.NewConflict(resourceOf(k.kind), k.name, fmt.Errorf("the UID in the precondition (%s) does not match "+
			"the UID in record (%s)", uid, r.object.GetUID()))
	}
	if version != "" && r.object.GetResourceVersion() != version {
		return apierrors.NewConflict(resourceOf(k.kind), k.name, fmt.Errorf("the ResourceVersion in the precondition (%s) does "+
			"not match the ResourceVersion in record (%s)", version, r.object.GetResourceVersion()))
	}
	if r.object.GetDeletionTimestamp() != nil {
		return nil
	}
	object := r.object.DeepCopyObject().(kube.Object)
	grace := int64(0)
	if pod, ok := object.(*corev1.Pod); ok && pod.Spec.NodeName != "" && !ended(pod) {
		grace = 30
		if pod.Spec.TerminationGracePeriodSeconds != nil {
			grace = *pod.Spec.TerminationGracePeriodSeconds
		}
	}
	if grace == 0 && len(object.GetFinalizers()) == 0 {
		s.drop(r)
		return nil
	}
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	object.SetDeletionTimestamp(&now)
	object.SetDeletionGracePeriodSeconds(&grace)
	s.commit(r, object)
	return nil
}

// remove takes an object away at once, as a kubelet confirms the end of a Pod.
func (s *store) remove(k key, uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.objects[k]; r != nil && r.object.GetUID() == uid {
		s.drop(r)
	}
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

func resourceOf(kind kube.Kind) schema.GroupResource {
	return schema.GroupResource{Resource: strings.ToLower(string(kind))}
}
