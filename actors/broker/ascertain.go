package broker

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

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

// unsure is a Pod whose stop was asked for without an answer, and when that was given up.
type unsure struct {
	pod types.UID
	at  time.Time
}

// stillUnderWay is how long a request may yet be done that nobody waits for any more.
const stillUnderWay = 10 * time.Second

// unanswered finds out what became of a request to stop the Pod that had no answer: it may have been done, or be done yet, and a cache that
// is behind does not show that. Until it is known the Pod counts as one that stops, so that nobody else does.
func unanswered(o observed, now time.Time) step {
	pod := o.pod()
	if pod == nil || o.unsure.pod != pod.UID || o.written.Deleting(pod) {
		return nil
	}
	if left := stillUnderWay - now.Sub(o.unsure.at); left > 0 {
		return wait{phase: messages.PhaseFailing, reason: o.refused.text, again: left}
	}
	return ascertain{pod}
}

// failedLately is for how long yet a stop that failed is told without another try: others may have their turn.
func (o observed) failedLately() time.Duration {
	if !o.refused.failed {
		return 0
	}
	return max(0, time.Minute-o.now.Sub(o.refused.at))
}

// answered reports whether the API server has refused what was asked of it. Its own failures (5xx) and what did not come through say
// nothing of what was done.
func answered(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= http.StatusBadRequest && code < http.StatusInternalServerError && code != http.StatusRequestTimeout
}

// stopping reports whether a Pod is on its way out, or may be. Nobody waits for one that is to stop for good: nothing is left on it.
func (w blueprint) stopping(o observed, pod *corev1.Pod) bool {
	return o.written.Deleting(pod) || o.unsure.pod == pod.UID && !(w.Leaving && w.Removal.Stop == pod.UID)
}

// stopped is the Pod that serves and that a step stops, nil when it stops none.
func stopped(s step) *corev1.Pod {
	switch s := s.(type) {
	case evict:
		return s.pod
	case remove:
		if pod, ok := s.object.(*corev1.Pod); ok && s.endings == 0 {
			return pod
		}
	}
	return nil
}

// stands reports whether a Pod is there and not on its way out.
func (e worldEffects) stands(ctx context.Context, pod *corev1.Pod) (bool, error) {
	pods, err := e.Reader.Pods(ctx, e.Cluster)
	return slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return p.UID == pod.UID && p.DeletionTimestamp == nil }), err
}
