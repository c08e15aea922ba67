package v1beta1

import "reflect"

// overlaid lays one nested object over another, field by field: what own sets wins, what it leaves empty comes from under.
// Maps are united, lists are taken as a whole. It works on any Kubernetes type, so that fields which later versions of
// Kubernetes add to an affinity or a security context are merged by the same rule without a change here.
func overlaid[T any](own, under *T) *T {
	switch {
	case own == nil:
		return under
	case under == nil:
		return own
	}
	overlayValue(reflect.ValueOf(own).Elem(), reflect.ValueOf(under).Elem())
	return own
}

func overlayValue(own, under reflect.Value) {
	switch own.Kind() {
	case reflect.Struct:
		for i := range own.NumField() {
			if own.Type().Field(i).IsExported() {
				overlayValue(own.Field(i), under.Field(i))
			}
		}
	case reflect.Pointer:
		overlayPointer(own, under)
	case reflect.Map:
		overlayMap(own, under)
	case reflect.Slice:
		if own.Len() == 0 {
			own.Set(under)
		}
	default:
		if own.IsZero() {
			own.Set(under)
		}
	}
}

// overlayPointer descends into structs only: a pointer to a scalar is set on purpose, also when it points to zero.
func overlayPointer(own, under reflect.Value) {
	switch {
	case own.IsNil():
		own.Set(under)
	case !under.IsNil() && own.Elem().Kind() == reflect.Struct:
		overlayValue(own.Elem(), under.Elem())
	}
}

func overlayMap(own, under reflect.Value) {
	if own.IsNil() {
		own.Set(under)
		return
	}
	for entries := under.MapRange(); entries.Next(); {
		if !own.MapIndex(entries.Key()).IsValid() {
			own.SetMapIndex(entries.Key(), entries.Value())
		}
	}
}
