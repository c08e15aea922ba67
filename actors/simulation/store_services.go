package simulation

import (
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/koperator-go/koperator/kube"
)

// mergePorts completes an apply of a Service: its ports are a list by number and protocol, so those of others stay. A name that
// then stands twice is refused (ValidateService).
func mergePorts(merged, live, last map[string]any) error {
	ours := portsOf(merged)
	ports, names := append([]any{}, ours...), map[any]bool{}
	for _, port := range portsOf(live) {
		if !hasPort(ours, port) && !hasPort(portsOf(last), port) {
			ports = append(ports, port)
		}
	}
	for i, port := range ports {
		name := port.(map[string]any)["name"]
		if names[name] {
			path := field.NewPath("spec", "ports").Index(i).Child("name")
			return apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "", field.ErrorList{field.Duplicate(path, name)})
		}
		names[name] = true
	}
	if spec, ok := merged["spec"].(map[string]any); ok {
		spec["ports"] = ports
	}
	return nil
}

// takeSelector completes it further: a selector is one value (mapType=atomic), whoever has set which of its labels.
func takeSelector(merged, want map[string]any) {
	if selector, found, err := unstructured.NestedFieldNoCopy(want, "spec", "selector"); found && err == nil {
		merged["spec"].(map[string]any)["selector"] = selector
	}
}

func portsOf(service map[string]any) []any {
	spec, _ := service["spec"].(map[string]any)
	ports, _ := spec["ports"].([]any)
	return ports
}

func hasPort(ports []any, port any) bool {
	for _, p := range ports {
		if same := func(key string) bool {
			return reflect.DeepEqual(p.(map[string]any)[key], port.(map[string]any)[key])
		}; same("port") && same("protocol") {
			return true
		}
	}
	return false
}

// mend is a JSON patch of a Service's selector and ports that tests its uid.
func (s *store) mend(standing, wanted *corev1.Service) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.tested(standing, func(kube.Object) bool { return true })
	if err != nil {
		return err
	}
	mended := r.object.DeepCopyObject().(*corev1.Service)
	mended.Spec = kube.Mended(standing, wanted).Spec
	s.commit(r, mended)
	return nil
}

// refuse makes all writes of an object fail from now on, or no more.
func (f *faults) refuse(k key, refused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused[k] = refused
}

func (f *faults) refuses(k key) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused[k] {
		return fmt.Errorf("admission webhook denied the request: %s", k)
	}
	return nil
}
