package simulation

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"

	"github.com/koperator-go/koperator/kube"
)

// list answers a typed list of core objects.
func (c *clientGo) list(kind kube.Kind, action clienttesting.ListActionImpl) runtime.Object {
	version := c.store.current() // before what is listed: what comes between is told twice
	objects := []runtime.Object{}
	for _, object := range c.selected(kind, action.Namespace, action.ListRestrictions.Labels) {
		objects = append(objects, object.DeepCopyObject())
	}
	list := emptyList(kind)
	_ = meta.SetList(list, objects) // of the same kind
	if access, err := meta.ListAccessor(list); err == nil {
		access.SetResourceVersion(version)
	}
	return list
}

func emptyList(kind kube.Kind) runtime.Object {
	switch kind {
	case kube.KindPod:
		return &corev1.PodList{}
	case kube.KindClaim:
		return &corev1.PersistentVolumeClaimList{}
	case kube.KindConfigMap:
		return &corev1.ConfigMapList{}
	case kube.KindService:
		return &corev1.ServiceList{}
	case kube.KindBudget:
		return &policyv1.PodDisruptionBudgetList{}
	default:
		return &corev1.NodeList{}
	}
}

// jsonPatch does the operations test and replace, which are all that the daemon sends.
func (c *clientGo) jsonPatch(k key, read kube.Object, patch []byte) (runtime.Object, error) {
	var operations []struct {
		Op, Path string
		Value    any
	}
	if err := json.Unmarshal(patch, &operations); err != nil {
		return nil, err
	}
	raw, err := untyped(read)
	if err != nil {
		return nil, err
	}
	for _, o := range operations {
		path := strings.Split(strings.TrimPrefix(o.Path, "/"), "/")
		standing, _, err := unstructured.NestedFieldNoCopy(raw.Object, path...)
		switch {
		case err != nil:
			return nil, err
		case o.Op == "test" && !reflect.DeepEqual(standing, o.Value):
			return nil, errors.New("the server rejected our request: testing value " + o.Path + " failed")
		case o.Op == "replace":
			if err := unstructured.SetNestedField(raw.Object, o.Value, path...); err != nil {
				return nil, err
			}
		}
	}
	c.store.update(k, func(object kube.Object) { object.SetFinalizers(raw.GetFinalizers()) })
	return raw, nil
}

// watch streams a kind from now on, or with all that stands first when the reflector asks for that.
func (c *clientGo) watch(action clienttesting.Action) (bool, apiwatch.Interface, error) {
	kind, known := kinds()[action.GetResource()]
	if !known {
		return false, nil, nil
	}
	asked, ok := action.(clienttesting.WatchActionImpl)
	if !ok {
		return false, nil, nil
	}
	selector, err := labels.Parse(asked.ListOptions.LabelSelector)
	if err != nil {
		return true, nil, err
	}
	initial := asked.ListOptions.SendInitialEvents != nil && *asked.ListOptions.SendInitialEvents
	if !initial && asked.ListOptions.ResourceVersion != c.store.current() { // the store keeps no history: who comes back lists again
		return true, nil, apierrors.NewResourceExpired("too old resource version: " + asked.ListOptions.ResourceVersion)
	}
	_, own := ownKinds()[kind]
	w := &storeWatch{
		faults: c.faults, kind: kind, namespace: asked.Namespace, selector: selector, untyped: own,
		events: make(chan apiwatch.Event), news: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	c.store.observe(w.changed)
	c.store.snapshot(kind, func(list []kube.Object) {
		if !initial {
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pending = nil // the list holds it
		for _, object := range list {
			if w.wants(object) {
				w.pending = append(w.pending, apiwatch.Event{Type: apiwatch.Added, Object: w.form(object)})
			}
		}
		w.pending = append(w.pending, apiwatch.Event{Type: apiwatch.Bookmark, Object: w.bookmark()})
		w.ring()
	})
	go w.run()
	return true, w, nil
}

// ownKinds are those that client-go knows as unstructured.
func ownKinds() map[kube.Kind]bool {
	return map[kube.Kind]bool{kube.KindCluster: true, kube.KindTopic: true, kube.KindUser: true, kube.KindOperation: true}
}

// storeWatch is a watch of the store in client-go's form.
type storeWatch struct {
	faults    *faults
	kind      kube.Kind
	namespace string
	selector  labels.Selector
	untyped   bool
	events    chan apiwatch.Event
	news      chan struct{}
	stopped   chan struct{}
	once      sync.Once

	mu      sync.Mutex
	pending []apiwatch.Event
}

// ResultChan implements watch.Interface.
func (w *storeWatch) ResultChan() <-chan apiwatch.Event { return w.events }

// Stop implements watch.Interface.
func (w *storeWatch) Stop() { w.once.Do(func() { close(w.stopped) }) }

func (w *storeWatch) wants(object kube.Object) bool {
	return object != nil && (w.namespace == "" || object.GetNamespace() == w.namespace) && selects(w.selector, object)
}

// form is a copy, since informers change what they get.
func (w *storeWatch) form(object kube.Object) runtime.Object {
	if !w.untyped {
		return object.DeepCopyObject()
	}
	raw, err := untyped(object)
	if err != nil {
		return object.DeepCopyObject()
	}
	return raw
}

func (w *storeWatch) bookmark() runtime.Object {
	annotations := map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	if w.untyped {
		raw := &unstructured.Unstructured{Object: map[string]any{}}
		raw.SetResourceVersion("1")
		raw.SetAnnotations(annotations)
		return raw
	}
	object := exampleOf(w.kind)
	object.SetResourceVersion("1")
	object.SetAnnotations(annotations)
	return object
}

func exampleOf(kind kube.Kind) kube.Object {
	switch kind {
	case kube.KindPod:
		return &corev1.Pod{}
	case kube.KindClaim:
		return &corev1.PersistentVolumeClaim{}
	case kube.KindConfigMap:
		return &corev1.ConfigMap{}
	case kube.KindService:
		return &corev1.Service{}
	case kube.KindBudget:
		return &policyv1.PodDisruptionBudget{}
	default:
		return &corev1.Node{}
	}
}

// changed is told by the store, under its lock.
func (w *storeWatch) changed(c change) {
	if c.key.kind != w.kind {
		return
	}
	was, is := w.wants(c.before), w.wants(c.after)
	event := apiwatch.Event{Type: apiwatch.Modified}
	switch {
	case was && !is:
		event.Type = apiwatch.Deleted
	case is && !was:
		event.Type = apiwatch.Added
	case !is:
		return
	}
	event.Object = w.form(c.newest())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, event)
	w.ring()
}

func (w *storeWatch) ring() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// run hands events over, late, until the watch is stopped or breaks.
func (w *storeWatch) run() {
	defer close(w.events)
	for {
		select {
		case <-w.stopped:
			return
		case <-w.news:
		}
		w.mu.Lock()
		events := w.pending
		w.pending = nil
		w.mu.Unlock()
		for _, event := range events {
			if _, breaks := w.faults.watchBreaks(w.kind); breaks {
				return
			}
			select {
			case <-time.After(w.faults.delay(w.kind)):
			case <-w.stopped:
				return
			}
			select {
			case w.events <- event:
			case <-w.stopped:
				return
			}
		}
	}
}
