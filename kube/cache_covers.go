package kube

import (
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
	if path, lacks := uncovered(have, want); lacks {
		return false, path
	}
	path := strayed(observed, wanted)
	return path == "", path
}

// uncovered is the path of the first field of want that have lacks, and whether there is one.
func uncovered(have, want any) (path string, lacks bool) {
	switch want := want.(type) {
	case map[string]any:
		fields, ok := have.(map[string]any)
		if !ok {
			return "", len(want) > 0 || have != nil
		}
		for _, key := range sortedKeys(want) {
			if rest, lacks := uncovered(fields[key], want[key]); lacks {
				return "." + key + rest, true
			}
		}
		return "", false
	case []any:
		items, ok := have.([]any)
		if !ok || len(items) != len(want) {
			return "", true
		}
		for i := range want {
			if rest, lacks := uncovered(items[i], want[i]); lacks {
				return fmt.Sprintf("[%d]%s", i, rest), true
			}
		}
		return "", false
	case nil:
		return "", false
	default:
		return "", !reflect.DeepEqual(have, want)
	}
}
