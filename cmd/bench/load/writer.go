package load

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
)

// fieldManager owns what the bare client writes by server-side apply.
const fieldManager = "bench"

// object is one write: where, and what.
type object struct {
	resource, namespace, name string
	patch                     []byte
	// posted is made by POST, as the daemon makes Pods; all others are applied.
	posted bool
}

func newObject(resource, namespace, name string, wanted any) (object, error) {
	patch, err := json.Marshal(wanted)
	if err != nil {
		return object{}, fmt.Errorf("%s %s/%s: %w", resource, namespace, name, err)
	}
	return object{resource: resource, namespace: namespace, name: name, patch: patch}, nil
}

// write makes all objects, the given number at a time, in their order. It decodes no answer.
func write(ctx context.Context, core kubernetes.Interface, objects []object, parallel int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan object)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for o := range queue {
				if err := send(ctx, core, o); err != nil {
					cancel(fmt.Errorf("write %s %s/%s: %w", o.resource, o.namespace, o.name, err))
				}
			}
		})
	}
	for _, o := range objects {
		if ctx.Err() != nil {
			break
		}
		queue <- o
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

func send(ctx context.Context, core kubernetes.Interface, o object) error {
	if o.posted {
		return clientOf(core, o.resource).Post().Namespace(o.namespace).Resource(o.resource).
			VersionedParams(&metav1.CreateOptions{FieldManager: fieldManager}, metav1.ParameterCodec).Body(o.patch).Do(ctx).Error()
	}
	return clientOf(core, o.resource).Patch(types.ApplyPatchType).Namespace(o.namespace).Resource(o.resource).Name(o.name).
		VersionedParams(&metav1.PatchOptions{FieldManager: fieldManager, Force: ptr.To(true)}, metav1.ParameterCodec).
		Body(o.patch).Do(ctx).Error()
}

func clientOf(core kubernetes.Interface, resource string) rest.Interface {
	if resource == budgets {
		return core.PolicyV1().RESTClient()
	}
	return core.CoreV1().RESTClient()
}

// eachItem is what visit makes of every item of a list.
func eachItem[T, R any](items []T, visit func(*T) (R, error)) ([]R, error) {
	results := make([]R, 0, len(items))
	for i := range items {
		result, err := visit(&items[i])
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}
