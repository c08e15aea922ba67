package broker

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
)

// adopt marks a Pod that Koperator made with what the spec said when it was taken over. What differed in it before waits for
// consent, whoever had left it so; what people edit from then on works as it always does.
func adopt(w blueprint, o observed, _ time.Time) step {
	pod := o.pod()
	if pod == nil || w.Leaving || o.written.Deleting(pod) || kube.MadeByUs(pod) || pod.Annotations[kube.AnnotationAdoptedWith] != "" {
		return nil
	}
	return annotate{
		object: pod, annotations: map[string]string{kube.AnnotationAdoptedWith: w.userHash},
		reason: "the broker's Pod is taken over as it is; later edits of the spec restart it",
	}
}

// editedSince reports whether people have changed what only a restart brings in since the Pod was taken over.
func (w blueprint) editedSince(pod *corev1.Pod) bool {
	with := pod.Annotations[kube.AnnotationAdoptedWith]
	return !kube.MadeByUs(pod) && with != "" && !kube.SameHash(with, w.userHash)
}

// adopted says what differs in a Pod that Koperator made from one that would be made today.
func (w blueprint) adopted(pod *corev1.Pod) string {
	const text = "Koperator made its Pod"
	sample, err := w.pod(w.expectedClaims(), nil)
	if err != nil {
		return text
	}
	if parts := podDifferences(pod, sample); len(parts) > 0 {
		return text + ": " + shortList(parts)
	}
	return text
}
