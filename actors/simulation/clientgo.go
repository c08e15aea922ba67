package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	applyconfigurations "k8s.io/client-go/applyconfigurations"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1alpha1"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// onBoth plays a scenario in both worlds.
func onBoth(t *testing.T, scenario func(*World), options ...Option) {
	t.Helper()
	t.Run("the store itself", func(t *testing.T) { run(t, scenario, options...) })
	t.Run("client-go between", func(t *testing.T) { run(t, scenario, append(options, throughClientGo)...) })
}

// throughClientGo puts client-go between the daemon and the store: its typed clients, patches, informers and field
// managers, and the daemon's own kube.Client and kube.Informers over them.
func throughClientGo(o *worldOptions) { o.connect = overClientGo }

// clientGo is client-go's fake clientsets in front of the store. Core objects are merged by client-go's field manager;
// the store keeps the result and adds what only an API server knows.
type clientGo struct {
	store  *store
	faults *faults
	core   *fake.Clientset
	own    *dynamicfake.FakeDynamicClient
	// merged holds what client-go's field manager knows of core objects: who owns which field.
	merged clienttesting.ObjectTracker
	caches map[kube.Kind]*watchCache
}

func overClientGo(w *World) func(context.Context, *requests) api {
	w.faults.returns = 20*time.Second + 2*time.Minute // a gap, and a reflector's longest waits: for a connection, and after 410
	c := newClientGo(w.store, w.faults)
	return func(ctx context.Context, r *requests) api { return c.connect(ctx, w, r) }
}

func newClientGo(s *store, f *faults) *clientGo {
	c := &clientGo{store: s, faults: f, core: fake.NewClientset(), merged: newTracker(), caches: map[kube.Kind]*watchCache{}}
	lists := map[schema.GroupVersionResource]string{}
	for resource, kind := range kinds() {
		c.caches[kind] = &watchCache{kind: kind, store: s, faults: f}
		if resource.Group == v1beta1.GroupVersion().Group {
			lists[resource] = string(kind) + "List"
		}
	}
	c.own = dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists)
	s.observe(func(is change) { c.caches[is.key.kind].changed(is) })
	c.core.PrependReactor("*", "*", c.reactCore)
	c.core.PrependWatchReactor("*", c.watch)
	c.own.PrependReactor("*", "*", c.reactOwn)
	c.own.PrependWatchReactor("*", c.watch)
	return c
}

// newTracker is the clientset's own tracker for the kinds that the daemon writes. It asks at every request which resource is which
// kind, and learns that anew each time: of all that Kubernetes has, which is dearer than all the rest of an apply.
func newTracker() clienttesting.ObjectTracker {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(corev1.SchemeGroupVersion,
		&corev1.Pod{}, &corev1.PersistentVolumeClaim{}, &corev1.ConfigMap{}, &corev1.Service{})
	scheme.AddKnownTypes(policyv1.SchemeGroupVersion, &policyv1.PodDisruptionBudget{})
	return clienttesting.NewFieldManagedObjectTracker(scheme, serializer.NewCodecFactory(scheme).UniversalDecoder(),
		applyconfigurations.NewTypeConverter(scheme))
}

func (c *clientGo) connect(ctx context.Context, w *World, r *requests) api {
	own := kube.NewOwnClient(c.own)
	informers, err := kube.NewInformers(c.core, own, kube.WatchOptions{Nodes: true})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(ctx)
	informers.Run(ctx)
	if !informers.WaitForSync(ctx) {
		w.t.Error("informers did not sync")
	}
	client := throughClient{r, kube.NewClient(c.core, own, nil, r.term.held)}
	return api{cache: informers.Cache, writer: client, reader: client, close: stop, away: c.breakAll}
}

// breakAll ends all watches; the informers begin new ones when they reach the API server again.
func (c *clientGo) breakAll() {
	for _, kind := range kube.WatchedKinds() {
		c.caches[kind].breakAll()
	}
}

// throughClient sends the writes of kube.Client through faults, invariants and the journal.
type throughClient struct {
	*requests
	client *kube.Client
}

// Apply implements kube.Writer.
func (c throughClient) Apply(ctx context.Context, wanted kube.Object) (applied kube.Object, err error) {
	err = c.do(ctx, "apply", wanted, func() (err error) { applied, err = c.client.Apply(ctx, wanted); return err })
	return applied, err
}

// Create implements kube.Writer.
func (c throughClient) Create(ctx context.Context, wanted kube.Object) (applied kube.Object, err error) {
	err = c.do(ctx, "create", wanted, func() (err error) { applied, err = c.client.Create(ctx, wanted); return err })
	return applied, err
}

// ApplyStatus implements kube.Writer.
func (c throughClient) ApplyStatus(ctx context.Context, cluster *v1beta1.KafkaCluster) (applied *v1beta1.KafkaCluster, err error) {
	err = c.do(ctx, "status", cluster, func() (err error) { applied, err = c.client.ApplyStatus(ctx, cluster); return err })
	return applied, err
}

// Delete implements kube.Writer.
func (c throughClient) Delete(ctx context.Context, object kube.Object) error {
	return c.do(ctx, "delete", object, func() error { return c.client.Delete(ctx, object) })
}

// Evict implements kube.Writer.
func (c throughClient) Evict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) error {
	return c.do(ctx, "evict", pod, func() error { return c.client.Evict(ctx, pod, asked) })
}

// MayCreate implements kube.Writer.
func (c throughClient) MayCreate(ctx context.Context, pod *corev1.Pod) error {
	return c.client.MayCreate(ctx, pod)
}

// MayEvict implements kube.Writer.
func (c throughClient) MayEvict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) error {
	return c.client.MayEvict(ctx, pod, asked)
}

// TakeFields implements kube.Writer.
func (c throughClient) TakeFields(ctx context.Context, object kube.Object) error {
	return c.do(ctx, "take fields", object, func() error { return c.client.TakeFields(ctx, object) })
}

// Mend implements kube.Writer.
func (c throughClient) Mend(ctx context.Context, standing, wanted *corev1.Service) error {
	return c.do(ctx, "mend", standing, func() error { return c.client.Mend(ctx, standing, wanted) })
}

// ReleaseFinalizers implements kube.Writer.
func (c throughClient) ReleaseFinalizers(ctx context.Context, object kube.Object, finalizers []string) error {
	return c.do(ctx, "release", object, func() error { return c.client.ReleaseFinalizers(ctx, object, finalizers) })
}

// ReleaseOwners implements kube.Writer.
func (c throughClient) ReleaseOwners(ctx context.Context, object kube.Object) (free kube.Object, err error) {
	err = c.do(ctx, "disown", object, func() (err error) { free, err = c.client.ReleaseOwners(ctx, object); return err })
	return free, err
}

// Annotate implements kube.Writer.
func (c throughClient) Annotate(ctx context.Context, object kube.Object, annotations map[string]string) (annotated kube.Object, err error) {
	err = c.do(ctx, "annotate", object, func() (err error) { annotated, err = c.client.Annotate(ctx, object, annotations); return err })
	return annotated, err
}

// Dependents implements kube.Writer.
func (c throughClient) Dependents(ctx context.Context, cluster messages.ClusterKey) (found []kube.Object, err error) {
	err = c.faults.request(ctx, "list", key{kube.KindTopic, cluster.Namespace, cluster.Name}, func() (err error) {
		found, err = c.client.Dependents(ctx, cluster)
		return err
	})
	return found, err
}

// Resize implements kube.Writer.
func (c throughClient) Resize(
	ctx context.Context, pod *corev1.Pod, container string, resources corev1.ResourceRequirements,
) (resized *corev1.Pod, err error) {
	err = c.do(ctx, "resize", pod, func() (err error) { resized, err = c.client.Resize(ctx, pod, container, resources); return err })
	return resized, err
}

// Volume implements kube.Writer.
func (c throughClient) Volume(ctx context.Context, claim *corev1.PersistentVolumeClaim) (found *corev1.PersistentVolume, err error) {
	err = c.faults.request(ctx, "get", key{kindVolume, "", claim.Spec.VolumeName}, func() (err error) {
		found, err = c.client.Volume(ctx, claim)
		return err
	})
	return found, err
}

// PodLog implements kube.Writer.
func (c throughClient) PodLog(ctx context.Context, pod *corev1.Pod, container string, bytes int64) (string, error) {
	err := c.faults.request(ctx, "log", keyOf(pod), func() error {
		_, err := c.client.PodLog(ctx, pod, container, bytes) // the clientset has one log for all
		return err
	})
	return c.logs(pod.UID), err
}

// Pods implements cluster.Reader.
func (c throughClient) Pods(ctx context.Context, cluster messages.ClusterKey) (pods []*corev1.Pod, err error) {
	err = c.faults.request(ctx, "list", key{kube.KindPod, cluster.Namespace, cluster.Name}, func() (err error) {
		pods, err = c.client.Pods(ctx, cluster)
		return err
	})
	return pods, err
}

// Cluster implements cluster.Reader.
func (c throughClient) Cluster(ctx context.Context, cluster messages.ClusterKey) (found *v1beta1.KafkaCluster, err error) {
	err = c.faults.request(ctx, "get", key{kube.KindCluster, cluster.Namespace, cluster.Name}, func() (err error) {
		found, err = c.client.Cluster(ctx, cluster)
		return err
	})
	return found, err
}

// kinds maps resources to the kinds of the store.
func kinds() map[schema.GroupVersionResource]kube.Kind {
	return map[schema.GroupVersionResource]kube.Kind{
		{Version: "v1", Resource: "pods"}:                                  kube.KindPod,
		{Version: "v1", Resource: "persistentvolumeclaims"}:                kube.KindClaim,
		{Version: "v1", Resource: "configmaps"}:                            kube.KindConfigMap,
		{Version: "v1", Resource: "services"}:                              kube.KindService,
		{Version: "v1", Resource: "nodes"}:                                 kube.KindNode,
		{Version: "v1", Resource: "persistentvolumes"}:                     kindVolume,
		{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}: kube.KindBudget,
		v1beta1.Resource("kafkaclusters"):                                  kube.KindCluster,
		v1alpha1.Resource("kafkatopics"):                                   kube.KindTopic,
		v1alpha1.Resource("kafkausers"):                                    kube.KindUser,
		v1alpha1.Resource("cruisecontroloperations"):                       kube.KindOperation,
	}
}

// reactCore answers for core objects.
func (c *clientGo) reactCore(action clienttesting.Action) (bool, runtime.Object, error) {
	kind, known := kinds()[action.GetResource()]
	if !known {
		return false, nil, nil
	}
	switch action := action.(type) {
	case clienttesting.GetActionImpl:
		if object := c.store.get(key{kind, action.Namespace, action.Name}); object != nil {
			return true, object.DeepCopyObject(), nil
		}
		return true, nil, apierrors.NewNotFound(resourceOf(kind), action.Name)
	case clienttesting.ListActionImpl:
		if err := c.caches[kind].reached(); err != nil {
			return true, nil, err
		}
		return true, c.list(kind, action), nil
	case clienttesting.DeleteActionImpl:
		return true, nil, c.delete(kind, action)
	case clienttesting.PatchActionImpl:
		if action.GetSubresource() == "resize" && c.store.fixedPods {
			return true, nil, noResize()
		}
		object, err := c.merge(kind, action)
		return true, object, err
	case clienttesting.CreateActionImpl:
		if pod, ok := action.Object.(*corev1.Pod); ok && len(action.CreateOptions.DryRun) > 0 {
			return true, pod, c.store.mayCreate(pod)
		} else if ok {
			made, err := c.store.apply(pod, false)
			return true, made, err
		}
		eviction, ok := action.Object.(*policyv1.Eviction)
		if !ok {
			return false, nil, nil
		}
		pod := key{kind, action.Namespace, eviction.Name}
		if len(eviction.DeleteOptions.DryRun) > 0 {
			return true, eviction, c.store.budgetRefuses(pod)
		}
		return true, eviction, c.store.evict(pod, *eviction.DeleteOptions.Preconditions.UID)
	default:
		return false, nil, nil
	}
}

func (c *clientGo) delete(kind kube.Kind, action clienttesting.DeleteActionImpl) error {
	uid, version := types.UID(""), ""
	if len(action.DeleteOptions.DryRun) > 0 {
		return nil
	}
	if p := action.DeleteOptions.Preconditions; p != nil && p.UID != nil {
		uid = *p.UID
	}
	if p := action.DeleteOptions.Preconditions; p != nil && p.ResourceVersion != nil {
		version = *p.ResourceVersion
	}
	return c.store.delete(key{kind, action.Namespace, action.Name}, uid, version)
}

// merge lets client-go's tracker apply a patch to the object as it stands, and keeps the result in the store.
func (c *clientGo) merge(kind kube.Kind, action clienttesting.PatchActionImpl) (runtime.Object, error) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	k := key{kind, action.Namespace, action.Name}
	tracker, resource := c.merged, action.GetResource()
	standing, _ := tracker.Get(resource, k.namespace, k.name)
	r := c.store.objects[k]
	named := &metav1.PartialObjectMetadata{} // a JSON patch tests for itself what it is meant for
	if action.PatchType != types.JSONPatchType {
		if err := json.Unmarshal(action.Patch, named); err != nil {
			return nil, err
		}
	}
	if err := meant(r, resourceOf(kind), named); err != nil {
		return nil, err
	}
	switch { // the tracker notes managers of fields on what it is given, and objects of the store never change
	case r == nil && standing != nil:
		if err := tracker.Delete(resource, k.namespace, k.name); err != nil {
			return nil, err
		}
	case r != nil && standing == nil:
		if err := tracker.Create(resource, r.object.DeepCopyObject(), k.namespace, metav1.CreateOptions{FieldManager: "others"}); err != nil {
			return nil, err
		}
	case r != nil:
		if err := tracker.Update(resource, r.object.DeepCopyObject(), k.namespace, metav1.UpdateOptions{FieldManager: "others"}); err != nil {
			return nil, err
		}
	}
	_, merged, err := clienttesting.ObjectReaction(tracker)(action)
	if err != nil {
		return nil, asAnswered(action, err)
	}
	object := merged.DeepCopyObject().(kube.Object)
	object.SetManagedFields(nil)
	if r == nil {
		return c.store.create(object, &record{}), nil
	}
	object.GetObjectKind().SetGroupVersionKind(r.object.GetObjectKind().GroupVersionKind())
	if err := immutable(r.object, object); err != nil && action.GetSubresource() != "resize" {
		return nil, err
	}
	return c.store.commit(r, object), nil
}

// asAnswered gives the failed test of a JSON patch the status that an API server gives it.
func asAnswered(action clienttesting.PatchActionImpl, err error) error {
	if status := apierrors.APIStatus(nil); action.PatchType != types.JSONPatchType || errors.As(err, &status) {
		return err
	}
	return apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "patch", schema.GroupResource{}, action.Name, err.Error(), 0, true)
}

// reactOwn answers for the project's own kinds, which client-go knows as unstructured.
func (c *clientGo) reactOwn(action clienttesting.Action) (bool, runtime.Object, error) {
	kind, known := kinds()[action.GetResource()]
	if !known {
		return false, nil, nil
	}
	switch action := action.(type) {
	case clienttesting.GetActionImpl:
		object := c.store.get(key{kind, action.Namespace, action.Name})
		if object == nil {
			return true, nil, apierrors.NewNotFound(resourceOf(kind), action.Name)
		}
		raw, err := untyped(object)
		return true, raw, err
	case clienttesting.ListActionImpl:
		list, err := c.listOwn(kind, action)
		return true, list, err
	case clienttesting.DeleteActionImpl:
		return true, nil, c.delete(kind, action)
	case clienttesting.PatchActionImpl:
		raw, err := c.patchOwn(kind, action)
		return true, raw, err
	default:
		return false, nil, nil
	}
}

func (c *clientGo) listOwn(kind kube.Kind, action clienttesting.ListActionImpl) (runtime.Object, error) {
	if err := c.caches[kind].reached(); err != nil {
		return nil, err
	}
	objects, version := c.selected(kind, action)
	list := &unstructured.UnstructuredList{}
	list.SetResourceVersion(version)
	list.SetAPIVersion(action.GetResource().GroupVersion().String())
	list.SetKind(string(kind) + "List")
	for _, object := range objects {
		raw, err := untyped(object)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, *raw)
	}
	return list, nil
}

func (c *clientGo) patchOwn(kind kube.Kind, action clienttesting.PatchActionImpl) (runtime.Object, error) {
	k := key{kind, action.Namespace, action.Name}
	object := c.store.get(k)
	if object == nil {
		return nil, apierrors.NewNotFound(resourceOf(kind), k.name)
	}
	if action.PatchType == types.ApplyPatchType && action.Subresource == "status" {
		cluster := &v1beta1.KafkaCluster{}
		if err := json.Unmarshal(action.Patch, cluster); err != nil {
			return nil, err
		}
		applied, err := c.store.applyStatus(cluster)
		if err != nil {
			return nil, err
		}
		return untyped(applied)
	}
	if action.PatchType != types.JSONPatchType {
		return nil, fmt.Errorf("no reaction to a patch of type %s", action.PatchType)
	}
	return c.jsonPatch(k, object, action.Patch)
}

func untyped(object kube.Object) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	raw := &unstructured.Unstructured{Object: fields}
	group := v1beta1.GroupVersion()
	if kindOf(object) != kube.KindCluster {
		group = v1alpha1.GroupVersion()
	}
	raw.SetGroupVersionKind(group.WithKind(string(kindOf(object))))
	return raw, nil
}

// selected is what a list shows, and its version.
func (c *clientGo) selected(kind kube.Kind, action clienttesting.ListActionImpl) (found []kube.Object, version string) {
	objects, at := c.caches[kind].list(action.ListOptions.ResourceVersion)
	for _, object := range objects {
		if (action.Namespace == "" || object.GetNamespace() == action.Namespace) && selects(action.ListRestrictions.Labels, object) {
			found = append(found, object)
		}
	}
	return found, strconv.FormatUint(at, 10)
}

func selects(selector labels.Selector, object kube.Object) bool {
	return selector == nil || selector.Matches(labels.Set(object.GetLabels()))
}

var _ apiwatch.Interface = (*storeWatch)(nil)
