package kube

import (
	"cmp"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
)

// Covers reports whether observed already has every field that is set in wanted. Fields that the API server or others
// have set beside are no difference, but in a Service's selector; lists must agree in length and order, their elements may have
// more fields.
// The second result names the first field that differs.
func Covers(observed, wanted Object) (bool, string) {
	want, err := ownedFields(wanted)
	if err != nil {
		return false, err.Error()
	}
	have, err := runtime.DefaultUnstructuredConverter.ToUnstructured(observed)
	if err != nil {
		return false, err.Error()
	}
	delete(want, "apiVersion") // a cached object has lost its type
	delete(want, "kind")
	path := cmp.Or(uncovered(have, want, ""), strayed(observed, wanted))
	return path == "", path
}

// uncovered is the path of the first field of want that have lacks, empty when there is none.
func uncovered(have, want any, path string) string {
	switch want := want.(type) {
	case map[string]any:
		fields, ok := have.(map[string]any)
		if !ok {
			if len(want) == 0 && have == nil {
				return ""
			}
			return path
		}
		for _, key := range sortedKeys(want) {
			if different := uncovered(fields[key], want[key], path+"."+key); different != "" {
				return different
			}
		}
		return ""
	case []any:
		items, ok := have.([]any)
		if !ok || len(items) != len(want) {
			return path
		}
		for i := range want {
			if different := uncovered(items[i], want[i], fmt.Sprintf("%s[%d]", path, i)); different != "" {
				return different
			}
		}
		return ""
	case nil:
		return ""
	default:
		if reflect.DeepEqual(have, want) {
			return ""
		}
		return path
	}
}
