package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1alpha1"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Object is a typed Kubernetes object.
type Object interface {
	metav1.Object
	runtime.Object
}

// Writer is everything that the daemon does to the API server. Implementations are safe for concurrent use.
type Writer interface {
	// Apply writes the fields that are set in wanted by server-side apply, takes them from other managers, and
	// returns the object as it then stands. It creates the object when there is none.
	Apply(ctx context.Context, wanted Object) (Object, error)
	// Create is Apply for an object that is believed not to exist: it takes no field from anybody, so that a foreign
	// object that happens to have the name stays as it is and a conflict tells of it. The fields of a ConfigMap need not
	// overlap with those of a foreign one, so it is looked for first; those of other kinds do. A Pod is made anew or not at all.
	Create(ctx context.Context, wanted Object) (Object, error)
	// MayCreate asks whether a Pod would be made, and makes none. What the API server would refuse is a CreateRefused; that there is one
	// of the name is none.
	MayCreate(ctx context.Context, pod *corev1.Pod) error
	// ApplyStatus writes the whole status of exactly this cluster, but for the number of alerts, which stays as it stands: if another
	// one has taken its name that is a conflict. With a resourceVersion it is one, too, when the cluster has changed since that was read.
	ApplyStatus(ctx context.Context, cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error)
	// Delete removes exactly this object as it was read. If it is gone already nothing happens and nothing is wrong; if it
	// has changed since, or another one has taken its name, that is an error.
	Delete(ctx context.Context, object Object) error
	// Evict asks for a Pod to be stopped, within what the PodDisruptionBudgets allow that are asked. A refusal is an EvictionRefused; a
	// Pod that is gone is no error, another one of its name is.
	Evict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) error
	// MayEvict asks whether Evict would be refused now, and stops nothing. Its errors are those of Evict.
	MayEvict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) error
	// TakeFields makes ours what Koperator set in an object, so that Apply takes back what is not wanted any more.
	TakeFields(ctx context.Context, object Object) error
	// Mend replaces the selector and the ports of exactly this Service by the wanted ones: Apply leaves there what others have set.
	Mend(ctx context.Context, standing, wanted *corev1.Service) error
	// ReleaseFinalizers takes the given finalizers from an object that is being deleted.
	ReleaseFinalizers(ctx context.Context, object Object, finalizers []string) error
	// ReleaseOwners takes all owner references from an object, whoever set them, and returns it as it then stands.
	ReleaseOwners(ctx context.Context, object Object) (Object, error)
	// Annotate sets annotations of exactly this object and returns it as it then stands.
	Annotate(ctx context.Context, object Object, annotations map[string]string) (Object, error)
	// Dependents lists the topics, users and operations that name the cluster.
	Dependents(ctx context.Context, key messages.ClusterKey) ([]Object, error)
	// Resize gives a container of exactly this Pod other resources while it runs, and returns the Pod as it then stands. What
	// the API server does not do is a ResizeRefused.
	Resize(ctx context.Context, pod *corev1.Pod, container string, resources corev1.ResourceRequirements) (*corev1.Pod, error)
	// Volume is the volume that a claim is bound to, nil when there is none.
	Volume(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, error)
	// PodLog returns the last bytes of the log of a container that has ended.
	PodLog(ctx context.Context, pod *corev1.Pod, container string, bytes int64) (string, error)
}

// of names the claim that is meant: an apply without a UID would make one anew that was deleted meanwhile, empty and without the right
// to be formatted. With one it is a conflict, as for a status.
func of(claim *corev1.PersistentVolumeClaim, standing Object) *corev1.PersistentVolumeClaim {
	claim = claim.DeepCopy()
	claim.UID = standing.GetUID()
	return claim
}

// Write applies an object: as ours if the cache shows it, else as one that must not belong to anybody yet. One that Koperator
// wrote is taken over with its fields and keeps Koperator's record of it.
func Write(ctx context.Context, writer Writer, cache *Cache, wanted Object) (Object, error) {
	if err := cache.coveredBy(wanted); err != nil {
		return nil, err
	}
	standing := cache.standing(wanted)
	if _, isPod := wanted.(*corev1.Pod); isPod || standing == nil { // a Pod of its name that stands has lost its labels, or is to go
		return writer.Create(ctx, wanted)
	}
	if claim, ok := wanted.(*corev1.PersistentVolumeClaim); ok {
		return writer.Apply(ctx, of(claim, standing))
	}
	if !takenOver(standing) {
		return applyMending(ctx, writer, standing, wanted)
	}
	if standing.GetAnnotations()[AnnotationWantedHash] == "" {
		if err := writer.TakeFields(ctx, standing); err != nil {
			return nil, err
		}
	}
	recorded, err := withLastApplied(wanted)
	if err != nil {
		return nil, err
	}
	return applyMending(ctx, writer, standing, recorded)
}

const (
	// maxCalls bounds how many requests are under way at once, so that a thousand brokers that want the same moment
	// leave room for the lease and for other clients. The API server's own priority and fairness does the rest.
	maxCalls = 64
	// maxLogs is the same for logs, which kubelets send: they hang where their nodes do, and must not hold up anything else.
	maxLogs = 16
)

// Client is the Writer that talks to an API server.
type Client struct {
	core        kubernetes.Interface
	own         *OwnClient
	namespaces  []string
	calls, logs *shares
	gate        Gate
}

// NewClient writes core objects through core and the project's own kinds through own. namespaces are the watched ones,
// empty for all. Nothing is changed past the gate.
func NewClient(core kubernetes.Interface, own *OwnClient, namespaces []string, gate Gate) *Client {
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	return &Client{core: core, own: own, namespaces: namespaces, calls: newShares(maxCalls), logs: newShares(maxLogs), gate: gate}
}

// Apply implements Writer.
func (c *Client) Apply(ctx context.Context, wanted Object) (Object, error) {
	return c.apply(ctx, wanted, true)
}

// Create implements Writer.
func (c *Client) Create(ctx context.Context, wanted Object) (Object, error) {
	if config, ok := wanted.(*corev1.ConfigMap); ok {
		if err := c.nameIsFree(ctx, config); err != nil {
			return nil, fmt.Errorf("create %s: %w", describe(wanted), err)
		}
	}
	if pod, ok := wanted.(*corev1.Pod); ok {
		return c.createPod(ctx, pod)
	}
	return c.apply(ctx, wanted, false)
}

func (c *Client) apply(ctx context.Context, wanted Object, takeOver bool) (Object, error) {
	if err := c.begin(ctx, "apply", wanted); err != nil {
		return nil, err
	}
	defer c.end(wanted)
	patch, err := applyPatch(wanted)
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", describe(wanted), err)
	}
	applied, err := c.patch(ctx, wanted, types.ApplyPatchType, patch,
		metav1.PatchOptions{FieldManager: FieldManager, Force: ptr.To(takeOver)})
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", describe(wanted), err)
	}
	return applied, nil
}

// nameIsFree is nil when there is no ConfigMap of the name but what an earlier Create may have made.
func (c *Client) nameIsFree(ctx context.Context, wanted *corev1.ConfigMap) error {
	if err := c.calls.enter(ctx, clusterOf(wanted)); err != nil {
		return err
	}
	defer c.calls.leave(clusterOf(wanted))
	standing, err := c.core.CoreV1().ConfigMaps(wanted.Namespace).Get(ctx, wanted.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	default:
		return NameTaken(standing, wanted)
	}
}

// ApplyStatus implements Writer.
func (c *Client) ApplyStatus(ctx context.Context, cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error) {
	if err := c.begin(ctx, "apply status of", cluster); err != nil {
		return nil, err
	}
	defer c.end(cluster)
	cluster, err := c.onStanding(ctx, cluster)
	if err != nil {
		return nil, fmt.Errorf("apply status of %s: %w", describe(cluster), err)
	}
	patch, err := statusPatch(cluster)
	if err != nil {
		return nil, fmt.Errorf("apply status of %s: %w", describe(cluster), err)
	}
	applied, err := c.own.Patch(ctx, cluster, types.ApplyPatchType, patch,
		metav1.PatchOptions{FieldManager: FieldManager, Force: ptr.To(true)}, "status")
	if err != nil {
		return nil, fmt.Errorf("apply status of %s: %w", describe(cluster), err)
	}
	return applied.(*v1beta1.KafkaCluster), nil
}

// onStanding is a status with the resourceVersion that it is for: the one it was made from or, where that does not matter, the newest of
// this very cluster, with the number of alerts that stands there. Only a version keeps a late status from a cluster that was made again
// under the name: the API server takes no notice of the uid in an apply of a custom resource's status.
func (c *Client) onStanding(ctx context.Context, cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error) {
	if cluster.ResourceVersion != "" {
		return cluster, nil
	}
	standing, err := c.own.Get(ctx, KindCluster, cluster.Namespace, cluster.Name)
	if err != nil {
		return cluster, err
	}
	if standing.GetUID() != cluster.UID {
		return cluster, apierrors.NewConflict(v1beta1.Resource(v1beta1.KafkaClusterResource).GroupResource(), cluster.Name,
			fmt.Errorf("another cluster has taken its name: its uid is %s, not %s", standing.GetUID(), cluster.UID))
	}
	is := *cluster
	is.ResourceVersion = standing.GetResourceVersion()
	is.Status = WithAlerts(cluster.Status, Alerts(standing.(*v1beta1.KafkaCluster).Status))
	return &is, nil
}

// Delete implements Writer. The preconditions keep a decision about one Pod from hitting its successor, or one that has
// started meanwhile.
func (c *Client) Delete(ctx context.Context, object Object) error {
	if err := c.begin(ctx, "delete", object); err != nil {
		return err
	}
	defer c.end(object)
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{
		UID: ptr.To(object.GetUID()), ResourceVersion: ptr.To(object.GetResourceVersion()),
	}}
	err := c.delete(ctx, object, options)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", describe(object), err)
	}
	return nil
}

// ReleaseFinalizers implements Writer. A JSON patch that tests what was read is the only way to take away what
// another field manager has set.
func (c *Client) ReleaseFinalizers(ctx context.Context, object Object, finalizers []string) error {
	patch, err := finalizerPatch(object, finalizers)
	if err != nil || patch == nil {
		return err
	}
	if err := c.begin(ctx, "release finalizers of", object); err != nil {
		return err
	}
	defer c.end(object)
	_, err = c.patch(ctx, object, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("release finalizers of %s: %w", describe(object), err)
	}
	return nil
}

// ReleaseOwners implements Writer.
func (c *Client) ReleaseOwners(ctx context.Context, object Object) (Object, error) {
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": object.GetUID()},
		{"op": "test", "path": "/metadata/ownerReferences", "value": object.GetOwnerReferences()},
		{"op": "remove", "path": "/metadata/ownerReferences"},
	})
	if err != nil {
		return nil, err
	}
	if err := c.begin(ctx, "release the owners of", object); err != nil {
		return nil, err
	}
	defer c.end(object)
	free, err := c.patch(ctx, object, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return nil, fmt.Errorf("release the owners of %s: %w", describe(object), err)
	}
	return free, nil
}

// Annotate implements Writer. A merge patch, since an apply would have to repeat all that cannot change of a Pod.
func (c *Client) Annotate(ctx context.Context, object Object, annotations map[string]string) (Object, error) {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": object.GetUID(), "annotations": annotations}})
	if err != nil {
		return nil, err
	}
	if err := c.begin(ctx, "annotate", object); err != nil {
		return nil, err
	}
	defer c.end(object)
	annotated, err := c.patch(ctx, object, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return nil, fmt.Errorf("annotate %s: %w", describe(object), err)
	}
	return annotated, nil
}

// Dependents implements Writer.
func (c *Client) Dependents(ctx context.Context, key messages.ClusterKey) ([]Object, error) {
	var found []Object
	collect := func(kind Kind, namespace, selector string) error {
		list, err := c.own.List(ctx, kind, namespace, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return fmt.Errorf("list %s: %w", kind, err)
		}
		return meta.EachListItem(list, func(item runtime.Object) error {
			if object := item.(Object); belongsTo(object, key) && !RemotelyOwned(object) {
				found = append(found, object)
			}
			return nil
		})
	}
	for _, namespace := range c.namespaces {
		selector := LabelTopicOfCluster + "=" + key.Name + "." + key.Namespace
		for _, kind := range []Kind{KindTopic, KindUser} {
			if err := collect(kind, namespace, selector); err != nil {
				return nil, err
			}
		}
	}
	err := collect(KindOperation, key.Namespace, LabelCluster+"="+key.Name)
	return found, err
}

// belongsTo reports whether a resource really names the cluster: a label is easily copied with a manifest.
func belongsTo(object Object, key messages.ClusterKey) bool {
	var reference v1alpha1.ClusterReference
	switch object := object.(type) {
	case *v1alpha1.KafkaTopic:
		reference = object.Spec.ClusterRef
	case *v1alpha1.KafkaUser:
		reference = object.Spec.ClusterRef
	default: // an operation is found by its label alone, in its cluster's namespace
		return true
	}
	return reference.Name == key.Name && reference.GetNamespace(object.GetNamespace()) == key.Namespace
}

// Cluster reads one cluster past any cache; nil when there is none.
func (c *Client) Cluster(ctx context.Context, key messages.ClusterKey) (*v1beta1.KafkaCluster, error) {
	if err := c.calls.enter(ctx, key); err != nil {
		return nil, err
	}
	defer c.calls.leave(key)
	object, err := c.own.Get(ctx, KindCluster, key.Namespace, key.Name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read KafkaCluster %s: %w", key, err)
	}
	return object.(*v1beta1.KafkaCluster), nil
}

// PodLog implements Writer.
func (c *Client) PodLog(ctx context.Context, pod *corev1.Pod, container string, bytes int64) (string, error) {
	if err := c.logs.enter(ctx, clusterOf(pod)); err != nil {
		return "", err
	}
	defer c.logs.leave(clusterOf(pod))
	// LimitBytes would cut the end off, and the end is what tells: a number of lines bounds what is sent.
	options := &corev1.PodLogOptions{Container: container, TailLines: ptr.To(int64(400))}
	stream, err := c.core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		return "", fmt.Errorf("log of %s: %w", describe(pod), err)
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, 1<<20))
	if err != nil {
		return "", fmt.Errorf("log of %s: %w", describe(pod), err)
	}
	return Tail(string(text), int(bytes)), nil
}

func (c *Client) patch(ctx context.Context, object Object, kind types.PatchType, patch []byte,
	options metav1.PatchOptions,
) (Object, error) {
	namespace, name := object.GetNamespace(), object.GetName()
	switch object.(type) {
	case *corev1.Pod:
		return c.core.CoreV1().Pods(namespace).Patch(ctx, name, kind, patch, options)
	case *corev1.PersistentVolumeClaim:
		return c.core.CoreV1().PersistentVolumeClaims(namespace).Patch(ctx, name, kind, patch, options)
	case *corev1.ConfigMap:
		return c.core.CoreV1().ConfigMaps(namespace).Patch(ctx, name, kind, patch, options)
	case *corev1.Service:
		return c.core.CoreV1().Services(namespace).Patch(ctx, name, kind, patch, options)
	case *policyv1.PodDisruptionBudget:
		return c.core.PolicyV1().PodDisruptionBudgets(namespace).Patch(ctx, name, kind, patch, options)
	default:
		return c.own.Patch(ctx, object, kind, patch, options)
	}
}

func (c *Client) delete(ctx context.Context, object Object, options metav1.DeleteOptions) error {
	namespace, name := object.GetNamespace(), object.GetName()
	switch object.(type) {
	case *corev1.Pod:
		return c.core.CoreV1().Pods(namespace).Delete(ctx, name, options)
	case *corev1.PersistentVolumeClaim:
		return c.core.CoreV1().PersistentVolumeClaims(namespace).Delete(ctx, name, options)
	case *corev1.ConfigMap:
		return c.core.CoreV1().ConfigMaps(namespace).Delete(ctx, name, options)
	case *corev1.Service:
		return c.core.CoreV1().Services(namespace).Delete(ctx, name, options)
	case *policyv1.PodDisruptionBudget:
		return c.core.PolicyV1().PodDisruptionBudgets(namespace).Delete(ctx, name, options)
	default:
		return c.own.Delete(ctx, object, options)
	}
}

func describe(object Object) string {
	kind := object.GetObjectKind().GroupVersionKind().Kind
	if kind == "" {
		kind = fmt.Sprintf("%T", object)
	}
	return kind + " " + object.GetNamespace() + "/" + object.GetName()
}

// applyPatch is the wanted object as JSON with only the fields that we mean to own.
func applyPatch(wanted Object) ([]byte, error) {
	fields, err := ownedFields(wanted)
	if err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// ownedFields leaves out what a typed object always carries but a spec never sets.
func ownedFields(wanted Object) (map[string]any, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(wanted)
	if err != nil {
		return nil, err
	}
	delete(fields, "status")
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		for _, read := range []string{"creationTimestamp", "resourceVersion", "generation", "managedFields"} {
			delete(metadata, read)
		}
		if _, claim := wanted.(*corev1.PersistentVolumeClaim); !claim {
			delete(metadata, "uid")
		}
	}
	return fields, nil
}

// statusPatch is a whole status for just this version of the cluster: on another one it is a conflict.
func statusPatch(cluster *v1beta1.KafkaCluster) ([]byte, error) {
	metadata := map[string]any{
		"namespace": cluster.Namespace, "name": cluster.Name, "uid": cluster.UID, "resourceVersion": cluster.ResourceVersion,
	}
	return json.Marshal(map[string]any{
		"apiVersion": v1beta1.GroupVersion().String(),
		"kind":       "KafkaCluster",
		"metadata":   metadata,
		"status":     cluster.Status,
	})
}

// finalizerPatch is nil when the object carries none of the finalizers.
func finalizerPatch(object Object, release []string) ([]byte, error) {
	drop := map[string]bool{}
	for _, finalizer := range release {
		drop[finalizer] = true
	}
	keep := []string{}
	for _, finalizer := range object.GetFinalizers() {
		if !drop[finalizer] {
			keep = append(keep, finalizer)
		}
	}
	if len(keep) == len(object.GetFinalizers()) {
		return nil, nil
	}
	return json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": object.GetUID()},
		{"op": "test", "path": "/metadata/finalizers", "value": object.GetFinalizers()},
		{"op": "replace", "path": "/metadata/finalizers", "value": keep},
	})
}
