package kube

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/koperator-go/koperator/messages"
)

// refusal is a change that the API server will not take, known before it is sent: the answer to a refused apply names
// the field but no way out, and comes again with each try.
type refusal[T any] struct {
	field   string
	changed func(observed, wanted *T) bool
	message func(observed, wanted *T) string
}

// Refused lists what of the wanted object Kubernetes would refuse to change in the observed one. A field that is not
// wanted is not sent, so it is no change. The paths are those of the object; the caller knows where in the cluster's
// spec they come from.
func Refused(observed, wanted Object) []messages.FieldProblem {
	claim, ok := wanted.(*corev1.PersistentVolumeClaim)
	standing, same := observed.(*corev1.PersistentVolumeClaim)
	if !ok || !same {
		return nil
	}
	return refused(claimRefusals(), standing, claim)
}

func refused[T any](table []refusal[T], observed, wanted *T) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, row := range table {
		if row.changed(observed, wanted) {
			problems = append(problems, messages.FieldProblem{
				Field:    row.field,
				Reason:   ReasonImmutable,
				Severity: messages.SeverityWarning,
				Message:  row.message(observed, wanted),
			})
		}
	}
	return problems
}

const newDisk = "a claim keeps it for life; add a storageConfigs entry with another mountPath and remove this one when the data has moved " +
	"(a controller is replaced by one with a new id)"

// claimRefusals: of a bound claim only the requested size can change, and only grow (ValidatePersistentVolumeClaimUpdate).
func claimRefusals() []refusal[corev1.PersistentVolumeClaim] {
	type claim = corev1.PersistentVolumeClaim
	row := func(field string, was, is func(*claim) any, changed func(o, w *claim) bool) refusal[claim] {
		return refusal[claim]{field: field, changed: changed, message: func(o, w *claim) string {
			values := messages.Values([]any{fmt.Sprint(was(o)), fmt.Sprint(is(w))})
			return fmt.Sprintf("is %v and should be %v: "+newDisk, values...)
		}}
	}
	class := func(c *claim) any { return stringOf(c.Spec.StorageClassName) }
	modes := func(c *claim) any { return c.Spec.AccessModes }
	mode := func(c *claim) any { return stringOf(c.Spec.VolumeMode) }
	size := func(c *claim) any { return c.Spec.Resources.Requests.Storage() }
	volume := func(c *claim) any { return c.Spec.VolumeName }
	return []refusal[claim]{
		row("spec.storageClassName", class, class, func(o, w *claim) bool {
			return w.Spec.StorageClassName != nil && stringOf(o.Spec.StorageClassName) != *w.Spec.StorageClassName
		}),
		row("spec.accessModes", modes, modes, func(o, w *claim) bool {
			return len(w.Spec.AccessModes) > 0 && !equality.Semantic.DeepEqual(o.Spec.AccessModes, w.Spec.AccessModes)
		}),
		row("spec.volumeMode", mode, mode, func(o, w *claim) bool {
			return w.Spec.VolumeMode != nil && stringOf(o.Spec.VolumeMode) != string(*w.Spec.VolumeMode) &&
				(o.Spec.VolumeMode != nil || *w.Spec.VolumeMode != corev1.PersistentVolumeFilesystem)
		}),
		row("spec.volumeName", volume, volume, func(o, w *claim) bool {
			return w.Spec.VolumeName != "" && o.Spec.VolumeName != "" && o.Spec.VolumeName != w.Spec.VolumeName
		}),
		{
			field: "spec.selector",
			changed: func(o, w *claim) bool {
				return w.Spec.Selector != nil && !equality.Semantic.DeepEqual(o.Spec.Selector, w.Spec.Selector)
			},
			message: func(_, _ *claim) string { return "differs: " + newDisk },
		},
		{
			field: "spec.dataSource",
			changed: func(o, w *claim) bool {
				return w.Spec.DataSource != nil && !equality.Semantic.DeepEqual(o.Spec.DataSource, w.Spec.DataSource) ||
					w.Spec.DataSourceRef != nil && !equality.Semantic.DeepEqual(o.Spec.DataSourceRef, w.Spec.DataSourceRef)
			},
			message: func(_, _ *claim) string { return "differs: " + newDisk },
		},
		row("spec.resources.requests.storage", size, size, func(o, w *claim) bool {
			requested, found := w.Spec.Resources.Requests[corev1.ResourceStorage]
			return found && requested.Cmp(*o.Spec.Resources.Requests.Storage()) < 0
		}),
	}
}

func stringOf[T ~string](value *T) string {
	if value == nil {
		return ""
	}
	return string(*value)
}

// WithoutRefused is the wanted claim with what Kubernetes would refuse taken from the observed one, so that the rest
// (size, labels, annotations) can still be written.
func WithoutRefused(observed, wanted *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	accepted := wanted.DeepCopy()
	for _, problem := range refused(claimRefusals(), observed, wanted) {
		switch problem.Field {
		case "spec.storageClassName":
			accepted.Spec.StorageClassName = observed.Spec.StorageClassName
		case "spec.accessModes":
			accepted.Spec.AccessModes = observed.Spec.AccessModes
		case "spec.volumeMode":
			accepted.Spec.VolumeMode = observed.Spec.VolumeMode
		case "spec.volumeName":
			accepted.Spec.VolumeName = observed.Spec.VolumeName
		case "spec.selector":
			accepted.Spec.Selector = observed.Spec.Selector
		case "spec.dataSource":
			accepted.Spec.DataSource, accepted.Spec.DataSourceRef = observed.Spec.DataSource, observed.Spec.DataSourceRef
		case "spec.resources.requests.storage":
			accepted.Spec.Resources.Requests = observed.Spec.Resources.Requests
		}
	}
	return accepted
}
