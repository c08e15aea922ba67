package broker

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/messages"
)

// PodReader reads past the cache.
type PodReader interface {
	// Pods are those of a cluster as they stand.
	Pods(ctx context.Context, key messages.ClusterKey) ([]*corev1.Pod, error)
}

// ascertain looks past the cache whether a Pod still stands.
type ascertain struct{ pod *corev1.Pod }

func (ascertain) isStep() {}

// unanswered finds out what became of a request to stop the Pod that had no answer: it may have been done, and a cache that is behind
// does not show that. Until it is known the Pod counts as one that stops, so that nobody else does.
func unanswered(o observed) step {
	if pod := o.pod(); pod != nil && o.unsure == pod.UID && !o.written.Deleting(pod) {
		return ascertain{pod}
	}
	return nil
}

// stopping reports whether a Pod is on its way out, or may be.
func (o observed) stopping(pod *corev1.Pod) bool {
	return o.written.Deleting(pod) || o.unsure == pod.UID
}

// stopped is the Pod that a step stops, nil when it stops none.
func stopped(s step) *corev1.Pod {
	switch s := s.(type) {
	case evict:
		return s.pod
	case remove:
		pod, _ := s.object.(*corev1.Pod)
		return pod
	default:
		return nil
	}
}

// stands reports whether a Pod is there and not on its way out.
func (e worldEffects) stands(ctx context.Context, pod *corev1.Pod) (bool, error) {
	pods, err := e.Reader.Pods(ctx, e.Cluster)
	return slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return p.UID == pod.UID && p.DeletionTimestamp == nil }), err
}
