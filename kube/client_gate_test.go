package kube

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

var errNotLeading = errors.New("another daemon leads")

func closed() error { return errNotLeading }

// changes are the methods of the Writer that change something.
func changes(client *Client) map[string]func(context.Context) error {
	meta := metav1.ObjectMeta{Namespace: "ns1", Name: "a", UID: "u", Finalizers: []string{TopicFinalizer}}
	pod, config, service := &corev1.Pod{ObjectMeta: meta}, &corev1.ConfigMap{ObjectMeta: meta}, &corev1.Service{ObjectMeta: meta}
	return map[string]func(context.Context) error{
		"Apply": func(ctx context.Context) error { _, err := client.Apply(ctx, config); return err },
		"Create": func(ctx context.Context) error {
			_, err := client.Create(ctx, service)
			_, asPod := client.Create(ctx, pod)
			if asPod == nil {
				return nil
			}
			return err
		},
		"MayCreate": func(ctx context.Context) error { return client.MayCreate(ctx, pod) },
		"ApplyStatus": func(ctx context.Context) error {
			_, err := client.ApplyStatus(ctx, &v1beta1.KafkaCluster{ObjectMeta: meta})
			return err
		},
		"Delete":     func(ctx context.Context) error { return client.Delete(ctx, pod) },
		"Evict":      func(ctx context.Context) error { return client.Evict(ctx, pod, messages.AllBudgets) },
		"MayEvict":   func(ctx context.Context) error { return client.MayEvict(ctx, pod, messages.OthersBudgets) },
		"TakeFields": func(ctx context.Context) error { return client.TakeFields(ctx, service) },
		"Mend":       func(ctx context.Context) error { return client.Mend(ctx, service, service) },
		"ReleaseFinalizers": func(ctx context.Context) error {
			return client.ReleaseFinalizers(ctx, pod, []string{TopicFinalizer})
		},
		"ReleaseOwners": func(ctx context.Context) error { _, err := client.ReleaseOwners(ctx, pod); return err },
		"Annotate": func(ctx context.Context) error {
			_, err := client.Annotate(ctx, pod, map[string]string{"a": "b"})
			return err
		},
		"Resize": func(ctx context.Context) error {
			_, err := client.Resize(ctx, pod, KafkaContainer, corev1.ResourceRequirements{})
			return err
		},
	}
}

func TestNothingIsChangedPastTheGate(t *testing.T) {
	core, custom, client := clients()
	client.gate = closed
	for name, change := range changes(client) {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, change(t.Context()), errNotLeading)
			require.Empty(t, core.Actions())
			require.Empty(t, custom.Actions())
			require.Equal(t, maxCalls, client.calls.free, "others may send theirs")
		})
	}
}

// A method that somebody adds is a change until it is told here that it only asks.
func TestTheGateIsTriedWithEveryMethodThatChangesSomething(t *testing.T) {
	_, _, client := clients()
	known := slices.Sorted(maps.Keys(changes(client)))
	known = append(known, "Dependents", "PodLog", "Volume") // which read
	var all []string
	for method := range reflect.TypeFor[Writer]().Methods() {
		all = append(all, method.Name)
	}
	require.ElementsMatch(t, all, known)
}

func TestATakeoverAsksTheGateAgainAfterItHasRead(t *testing.T) {
	core, _, client := clients()
	owned := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns1", Name: "a", ManagedFields: []metav1.ManagedFieldsEntry{{
		Manager: koperatorsManager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1",
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:selector":{}}}`),
	}}}}
	core.PrependReactor("get", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
		client.gate = closed // the read took a minute
		return true, owned, nil
	})
	require.ErrorIs(t, client.TakeFields(t.Context(), owned), errNotLeading)
	require.Len(t, core.Actions(), 1)
}
