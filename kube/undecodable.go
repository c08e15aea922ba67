package kube

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/koperator-go/koperator/messages"
)

// Marks of an object whose fields Go could not read although the schema took them. They are in memory only; the spec of
// such an object is empty.
const (
	// AnnotationUndecodable says what is wrong with the value, and how a right one looks.
	AnnotationUndecodable = "kafka.banzaicloud.io/undecodable"
	// AnnotationUndecodableField is the path of the value.
	AnnotationUndecodableField = "kafka.banzaicloud.io/undecodable-field"
)

// Undecodable is the problem of an object that could not be read; false for one that could.
func Undecodable(object Object) (messages.FieldProblem, bool) {
	annotations := object.GetAnnotations()
	why, found := annotations[AnnotationUndecodable]
	if !found {
		return messages.FieldProblem{}, false
	}
	field := annotations[AnnotationUndecodableField]
	if field == "" {
		field = "spec"
	}
	return messages.FieldProblem{
		Field: messages.FieldOf(field), Reason: messages.ReasonInvalidSpec, Severity: messages.SeverityError, Message: why,
	}, true
}

// unread is a value that Go cannot read.
type unread struct {
	path  []any // keys and indexes
	value any
	err   error
}

// unreadIn finds the first value of a document that cannot be decoded: it decodes each part alone, in the place where it
// stands, and looks further into the first one that fails. The decoder itself does not tell where it failed.
func unreadIn(document map[string]any, object func() Object, err error) unread {
	found := unread{value: document, err: err}
	decode := func(path []any, value any) error {
		alone, _ := placed(path, value).(map[string]any)
		return runtime.DefaultUnstructuredConverter.FromUnstructured(alone, object())
	}
	for {
		if err := decode(found.path, emptied(found.value)); err != nil { // a list where a text should be
			found.err = err
			return found
		}
		part, failed := firstFailing(found, decode)
		if !failed {
			return found
		}
		found = part
	}
}

// firstFailing looks at the parts of a value, in an order that is always the same.
func firstFailing(of unread, decode func([]any, any) error) (unread, bool) {
	try := func(step, value any) (unread, bool) {
		part := unread{path: append(slices.Clone(of.path), step), value: value}
		part.err = decode(part.path, value)
		return part, part.err != nil
	}
	switch value := of.value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if part, failed := try(key, value[key]); failed {
				return part, true
			}
		}
	case []any:
		for i := range value {
			if part, failed := try(i, value[i]); failed {
				return part, true
			}
		}
	}
	return unread{}, false
}

// placed is a document with one value alone. Its lists have one entry, whatever the index.
func placed(path []any, value any) any {
	for _, step := range slices.Backward(path) {
		if key, ok := step.(string); ok {
			value = map[string]any{key: value}
		} else {
			value = []any{value}
		}
	}
	return value
}

// emptied is a map or a list without its content; every other value is itself.
func emptied(value any) any {
	switch value.(type) {
	case map[string]any:
		return map[string]any{}
	case []any:
		return []any{}
	default:
		return value
	}
}

// field is the path as people write it, with brackets around names that would not be clear without.
func (u unread) field() string {
	var text strings.Builder
	plain := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	for _, step := range u.path {
		key, isKey := step.(string)
		switch {
		case !isKey || !plain.MatchString(key) || strings.HasSuffix(text.String(), "brokerConfigGroups"):
			fmt.Fprintf(&text, "[%v]", step)
		case text.Len() == 0:
			text.WriteString(key)
		default:
			text.WriteString("." + key)
		}
	}
	return text.String()
}

// message says what is wrong and how a right value looks.
func (u unread) message() string {
	for _, wrong := range []error{resource.ErrFormatWrong, resource.ErrNumeric, resource.ErrSuffix} {
		if errors.Is(u.err, wrong) {
			return fmt.Sprintf("%q is no quantity: write a number with at most one unit or exponent, for example 100Gi, 1.5Gi, 500m or 15e8",
				messages.Values([]any{fmt.Sprint(u.value)})...)
		}
	}
	switch u.value.(type) {
	case map[string]any, []any:
		return fmt.Sprintf("cannot be read: %v; correct the value", messages.Values([]any{u.err})...)
	default:
		return fmt.Sprintf("%q cannot be read: %v; correct the value", messages.Values([]any{fmt.Sprint(u.value), u.err})...)
	}
}
