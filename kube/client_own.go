package kube

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/koperator-go/koperator/kube/api/v1alpha1"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// The other kinds of the project; they are listed when a cluster is deleted.
const (
	KindTopic     Kind = "KafkaTopic"
	KindUser      Kind = "KafkaUser"
	KindOperation Kind = "CruiseControlOperation"
)

// OwnClient reads and writes the custom resources of this project, typed. It decodes object by object: a quantity that
// the schema's pattern takes and Go does not ("1e1.5") must not hide the objects beside it.
type OwnClient struct{ dynamic dynamic.Interface }

// NewOwnClient gives a dynamic client types.
func NewOwnClient(client dynamic.Interface) *OwnClient { return &OwnClient{client} }

// ownResource is how one kind is addressed and made.
type ownResource struct {
	resource schema.GroupVersionResource
	object   func() Object
}

func ownResourceOf(kind Kind) ownResource {
	switch kind {
	case KindTopic:
		return ownResource{v1alpha1.Resource("kafkatopics"), func() Object { return &v1alpha1.KafkaTopic{} }}
	case KindUser:
		return ownResource{v1alpha1.Resource("kafkausers"), func() Object { return &v1alpha1.KafkaUser{} }}
	case KindOperation:
		return ownResource{
			v1alpha1.Resource("cruisecontroloperations"),
			func() Object { return &v1alpha1.CruiseControlOperation{} },
		}
	default:
		return ownResource{v1beta1.Resource("kafkaclusters"), func() Object { return &v1beta1.KafkaCluster{} }}
	}
}

func ownKind(object Object) (Kind, error) {
	switch object.(type) {
	case *v1beta1.KafkaCluster:
		return KindCluster, nil
	case *v1alpha1.KafkaTopic:
		return KindTopic, nil
	case *v1alpha1.KafkaUser:
		return KindUser, nil
	case *v1alpha1.CruiseControlOperation:
		return KindOperation, nil
	default:
		return "", fmt.Errorf("%T is no kind of %s", object, v1beta1.GroupVersion().Group)
	}
}

// typed is the object with its Go type; what cannot be read becomes an object with metadata alone.
func (r ownResource) typed(raw *unstructured.Unstructured) Object {
	object := r.object()
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw.Object, object)
	if err == nil {
		return object
	}
	object = r.object()
	object.SetNamespace(raw.GetNamespace())
	object.SetName(raw.GetName())
	object.SetUID(raw.GetUID())
	object.SetResourceVersion(raw.GetResourceVersion())
	object.SetGeneration(raw.GetGeneration())
	object.SetCreationTimestamp(raw.GetCreationTimestamp())
	object.SetDeletionTimestamp(raw.GetDeletionTimestamp())
	object.SetFinalizers(raw.GetFinalizers())
	object.SetLabels(raw.GetLabels())
	annotations := raw.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	wrong := unreadIn(raw.Object, r.object, err)
	annotations[AnnotationUndecodable], annotations[AnnotationUndecodableField] = wrong.message(), wrong.field()
	object.SetAnnotations(annotations)
	if cluster, ok := object.(*v1beta1.KafkaCluster); ok { // the status is ours and has no such values
		status, _, _ := unstructured.NestedMap(raw.Object, "status")
		_ = runtime.DefaultUnstructuredConverter.FromUnstructured(status, &cluster.Status)
	}
	return object
}

func (c *OwnClient) of(resource ownResource, namespace string) dynamic.ResourceInterface {
	return c.dynamic.Resource(resource.resource).Namespace(namespace)
}

// Get reads one object.
func (c *OwnClient) Get(ctx context.Context, kind Kind, namespace, name string) (Object, error) {
	resource := ownResourceOf(kind)
	raw, err := c.of(resource, namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return resource.typed(raw), nil
}

// List reads all objects of a namespace, or of all for "".
func (c *OwnClient) List(ctx context.Context, kind Kind, namespace string, options metav1.ListOptions) (runtime.Object, error) {
	resource := ownResourceOf(kind)
	raw, err := c.of(resource, namespace).List(ctx, options)
	if err != nil {
		return nil, err
	}
	list := &typedList{}
	list.ListMeta = metav1.ListMeta{ResourceVersion: raw.GetResourceVersion(), Continue: raw.GetContinue()}
	for i := range raw.Items {
		list.Items = append(list.Items, resource.typed(&raw.Items[i]))
	}
	return list, nil
}

// Watch follows the objects of a namespace, or of all for "".
func (c *OwnClient) Watch(ctx context.Context, kind Kind, namespace string, options metav1.ListOptions) (watch.Interface, error) {
	resource := ownResourceOf(kind)
	events, err := c.of(resource, namespace).Watch(ctx, options)
	if err != nil {
		return nil, err
	}
	return newTypedWatch(events, resource), nil
}

// Patch changes one object, or a subresource of it.
func (c *OwnClient) Patch(ctx context.Context, object Object, patchType types.PatchType, patch []byte,
	options metav1.PatchOptions, subresources ...string,
) (Object, error) {
	kind, err := ownKind(object)
	if err != nil {
		return nil, err
	}
	resource := ownResourceOf(kind)
	raw, err := c.of(resource, object.GetNamespace()).Patch(ctx, object.GetName(), patchType, patch, options, subresources...)
	if err != nil {
		return nil, err
	}
	return resource.typed(raw), nil
}

// Delete removes one object.
func (c *OwnClient) Delete(ctx context.Context, object Object, options metav1.DeleteOptions) error {
	kind, err := ownKind(object)
	if err != nil {
		return err
	}
	return c.of(ownResourceOf(kind), object.GetNamespace()).Delete(ctx, object.GetName(), options)
}

// typedList is a list of objects that were decoded one by one.
type typedList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []runtime.Object
}

// DeepCopyObject implements runtime.Object.
func (l *typedList) DeepCopyObject() runtime.Object {
	list := &typedList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&list.ListMeta)
	for _, item := range l.Items {
		list.Items = append(list.Items, item.DeepCopyObject())
	}
	return list
}
