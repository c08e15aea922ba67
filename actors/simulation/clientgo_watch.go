package simulation

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
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
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// list answers a typed list of core objects.
func (c *clientGo) list(kind kube.Kind, action clienttesting.ListActionImpl) runtime.Object {
	found, version := c.selected(kind, action)
	objects := make([]runtime.Object, 0, len(found))
	for _, object := range found {
		objects = append(objects, object.DeepCopyObject())
	}
	if kind == kube.KindBudget {
		for i, budget := range c.store.withBudgetStatus(found) {
			objects[i] = &budget
		}
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

// watch streams a kind, with all that stands first when the reflector asks for that.
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
	cache := c.caches[kind]
	if err := cache.reached(); err != nil {
		return true, nil, err
	}
	_, own := ownKinds()[kind]
	w := &storeWatch{
		cache: cache, namespace: asked.Namespace, selector: selector, untyped: own,
		events: make(chan apiwatch.Event), news: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	if asked.ListOptions.TimeoutSeconds != nil {
		w.ends = time.After(time.Duration(*asked.ListOptions.TimeoutSeconds) * time.Second)
	}
	if !w.begin(asked.ListOptions) {
		return true, gone(asked.ListOptions.ResourceVersion), nil
	}
	go w.run()
	return true, w, nil
}

// ownKinds are those that client-go knows as unstructured.
func ownKinds() map[kube.Kind]bool {
	return map[kube.Kind]bool{kube.KindCluster: true, kube.KindTopic: true, kube.KindUser: true, kube.KindOperation: true}
}

// storeWatch is a watch of the store in client-go's form.
type storeWatch struct {
	cache     *watchCache
	namespace string
	selector  labels.Selector
	untyped   bool
	events    chan apiwatch.Event
	news      chan struct{}
	stopped   chan struct{}
	once      sync.Once
	// ends is when the server closes a watch that nothing is wrong with, nil for never.
	ends <-chan time.Time
	// first are the events that come before all changes.
	first []apiwatch.Event
	// version is up to where everything was told.
	version uint64
}

// begin finds out what is to be told and from where on; it is false when a part of that was forgotten.
func (w *storeWatch) begin(asked metav1.ListOptions) bool {
	if asked.SendInitialEvents == nil || !*asked.SendInitialEvents {
		return w.cache.enter(w, numbered(asked.ResourceVersion))
	}
	objects, version := w.cache.list(asked.ResourceVersion)
	for !w.cache.enter(w, version) { // it was forgotten meanwhile
		objects, version = w.cache.list(asked.ResourceVersion)
	}
	for _, object := range objects {
		if w.wants(object) {
			w.first = append(w.first, apiwatch.Event{Type: apiwatch.Added, Object: w.form(object, object.GetResourceVersion())})
		}
	}
	end := map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	w.first = append(w.first, apiwatch.Event{Type: apiwatch.Bookmark, Object: w.bookmark(version, end)})
	return true
}

// gone is how an API server refuses to watch from a version: by the first event.
func gone(version string) apiwatch.Interface {
	w := apiwatch.NewFakeWithChanSize(1, false)
	w.Error(&apierrors.NewResourceExpired("too old resource version: " + version).ErrStatus)
	return w
}

// ResultChan implements watch.Interface.
func (w *storeWatch) ResultChan() <-chan apiwatch.Event { return w.events }

// Stop implements watch.Interface.
func (w *storeWatch) Stop() { w.once.Do(func() { close(w.stopped) }) }

func (w *storeWatch) wants(object kube.Object) bool {
	return object != nil && (w.namespace == "" || object.GetNamespace() == w.namespace) && selects(w.selector, object)
}

// form is a copy, since informers change what they get.
func (w *storeWatch) form(object kube.Object, version string) runtime.Object {
	if !w.untyped {
		form := object.DeepCopyObject().(kube.Object)
		form.SetResourceVersion(version)
		return form
	}
	raw, err := untyped(object)
	if err != nil {
		return object.DeepCopyObject()
	}
	raw.SetResourceVersion(version)
	return raw
}

func (w *storeWatch) bookmark(version uint64, annotations map[string]string) runtime.Object {
	object := exampleOf(w.cache.kind)
	object.SetAnnotations(annotations)
	return w.form(object, strconv.FormatUint(version, 10))
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
	case kube.KindNode:
		return &corev1.Node{}
	default:
		return &v1beta1.KafkaCluster{}
	}
}

// event is what a change is to this watch; it is false when it is nothing. What goes has the version at which it went.
func (w *storeWatch) event(c change) (apiwatch.Event, bool) {
	was, is := w.wants(c.before), w.wants(c.after)
	event := apiwatch.Event{Type: apiwatch.Modified}
	switch {
	case was && !is:
		event.Type = apiwatch.Deleted
	case is && !was:
		event.Type = apiwatch.Added
	case !is:
		return event, false
	}
	object := c.newest()
	if was && !is { // it may stand, and be selected no more: the watch cache shows what was (cacher.convertToWatchEvent)
		object = c.before
	}
	event.Object = w.form(object, strconv.FormatUint(c.version, 10))
	return event, true
}

func (w *storeWatch) ring() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// run hands events over until the watch is stopped, breaks or has lasted long enough.
func (w *storeWatch) run() {
	defer close(w.events)
	defer w.cache.leave(w)
	for _, event := range w.first {
		if !w.tell(event) {
			return
		}
	}
	w.first = nil
	for w.wait() {
		change, known := w.cache.next(w.version)
		if !known || change.at.After(time.Now()) {
			continue
		}
		event, wanted := w.event(change.change)
		if wanted && (w.breaks() || !w.tell(event)) {
			return
		}
		w.version = change.version
	}
}

// wait returns when there is a change to tell; it is false when the watch is over.
func (w *storeWatch) wait() bool {
	var due <-chan time.Time
	if change, known := w.cache.next(w.version); known {
		due = time.After(time.Until(change.at))
	}
	select {
	case <-w.stopped:
		return false
	case <-w.ends: // so that the next one begins where this one ended, though nothing has changed for long
		w.tell(apiwatch.Event{Type: apiwatch.Bookmark, Object: w.bookmark(w.cache.bookmark(w.version), nil)})
		return false
	case <-due:
	case <-w.news:
	}
	return true
}

// breaks decides whether the watch breaks instead of telling the next event.
func (w *storeWatch) breaks() bool {
	gap, breaks := w.cache.faults.watchBreaks(w.cache.kind)
	if breaks {
		w.cache.broke(gap)
	}
	return breaks
}

// tell is false when the watch was stopped.
func (w *storeWatch) tell(event apiwatch.Event) bool {
	select {
	case w.events <- event:
		return true
	case <-w.stopped:
		return false
	}
}
