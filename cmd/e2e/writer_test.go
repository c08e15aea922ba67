//go:build e2e

package e2e

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/kube/writertest"
)

// TestWriter holds a real API server to what the simulation's does (actors/simulation, TestTheStoreKeepsTheContractOfTheWriter). It
// needs our kinds and no operator.
func TestWriter(t *testing.T) {
	kubectl(t, "", "apply", "-k", "../../deploy/crds")
	n := newNamespace(t)
	n.eventually(time.Minute, "Pods can be made", func() (bool, string) { // admission wants the account
		out := n.kubectl("get", "serviceaccount", "default", "--ignore-not-found")
		return out != "", out
	})
	n.eventually(time.Minute, "the API server serves our kinds", func() (bool, string) {
		out, err := run(t.Context(), "", "get", "--raw", "/apis/kafka.banzaicloud.io/v1beta1/kafkaclusters")
		return err == nil, out
	})
	for _, behaviour := range writertest.Behaviours() {
		t.Run(behaviour.Name, func(t *testing.T) { behaviour.Holds(t, n.server(t)) })
	}
}

func (n namespace) server(t *testing.T) writertest.Server {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	require.NoError(t, err)
	core, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	custom, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	o := others{t, custom}
	return writertest.Server{
		Namespace: n.name,
		Writer:    kube.NewClient(core, kube.NewOwnClient(custom), nil, func() error { return nil }),
		Read:      o.read, Put: o.put, Report: o.report,
	}
}

// others are clients beside the daemon's.
type others struct {
	t      *testing.T
	client dynamic.Interface
}

func (o others) resource(object kube.Object) dynamic.ResourceInterface {
	kind := o.kind(object)
	resource := kind.GroupVersion().WithResource(strings.ToLower(kind.Kind) + "s")
	return o.client.Resource(resource).Namespace(object.GetNamespace())
}

func (o others) read(object kube.Object) kube.Object {
	raw, err := o.resource(object).Get(o.t.Context(), object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(o.t, err)
	return o.typed(object, raw)
}

func (o others) put(object kube.Object) kube.Object {
	raw := o.raw(object)
	standing := o.read(object)
	if standing == nil {
		made, err := o.resource(object).Create(o.t.Context(), raw, metav1.CreateOptions{FieldManager: "somebody"})
		require.NoError(o.t, err)
		return o.typed(object, made)
	}
	raw.SetResourceVersion(standing.GetResourceVersion())
	updated, err := o.resource(object).Update(o.t.Context(), raw, metav1.UpdateOptions{FieldManager: "somebody"})
	require.NoError(o.t, err)
	return o.typed(object, updated)
}

func (o others) report(pod *corev1.Pod) {
	raw := o.raw(pod)
	raw.SetResourceVersion("") // the scheduler, too, has something to say of it
	_, err := o.resource(pod).UpdateStatus(o.t.Context(), raw, metav1.UpdateOptions{FieldManager: "kubelet"})
	require.NoError(o.t, err)
}

func (o others) raw(object kube.Object) *unstructured.Unstructured {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	require.NoError(o.t, err)
	raw := &unstructured.Unstructured{Object: fields}
	raw.SetGroupVersionKind(o.kind(object))
	return raw
}

// kind is that of an object's type: what a typed client has read does not say it.
func (o others) kind(object kube.Object) schema.GroupVersionKind {
	if _, ours := object.(*v1beta1.KafkaCluster); ours {
		return v1beta1.GroupVersion().WithKind("KafkaCluster")
	}
	kinds, _, err := scheme.Scheme.ObjectKinds(object)
	require.NoError(o.t, err)
	return kinds[0]
}

// typed is what was answered, as the same type as example.
func (o others) typed(example kube.Object, raw *unstructured.Unstructured) kube.Object {
	object := reflect.New(reflect.TypeOf(example).Elem()).Interface().(kube.Object)
	require.NoError(o.t, runtime.DefaultUnstructuredConverter.FromUnstructured(raw.Object, object))
	return object
}
