package broker

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
)

// marksChanged names the labels and annotations of the spec that a Pod does not have as they are written there: they restart
// nobody. What the spec dropped is known by the entry that the Pod was made from: what others have put there is not ours to name.
func (w blueprint) marksChanged(pod *corev1.Pod) []string {
	var annotations, labels map[string]string
	if before, err := kube.BrokerFromBackup(pod.Annotations[kube.AnnotationConfigurationBackup]); err == nil && before.BrokerConfig != nil {
		annotations, labels = before.BrokerConfig.BrokerAnnotations, before.BrokerConfig.BrokerLabels
	}
	return slices.Concat(
		changedMarks("annotation", pod.Annotations, w.config.BrokerAnnotations, annotations),
		changedMarks("label", pod.Labels, w.podLabels, labels))
}

func changedMarks(kind string, is, want, before map[string]string) []string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if value, there := is[key]; !there || value != want[key] {
			parts = append(parts, kind+" "+key+" of the spec is not on the Pod")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		_, wanted := want[key]
		if _, there := is[key]; there && !wanted {
			parts = append(parts, kind+" "+key+" has left the spec and is on the Pod")
		}
	}
	return parts
}
