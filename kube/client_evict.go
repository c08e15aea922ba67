package kube

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// EvictionRefused says that a PodDisruptionBudget does not let a Pod go now, or that several of them select it.
type EvictionRefused struct{ Message string }

// Error implements error.
func (e *EvictionRefused) Error() string { return "eviction refused: " + e.Message }

// Evict implements Writer. The precondition keeps a decision about one Pod from hitting its successor.
func (c *Client) Evict(ctx context.Context, pod *corev1.Pod) error { return c.evict(ctx, pod, nil) }

// MayEvict implements Writer, by a dry run.
func (c *Client) MayEvict(ctx context.Context, pod *corev1.Pod) error {
	return c.evict(ctx, pod, []string{metav1.DryRunAll})
}

func (c *Client) evict(ctx context.Context, pod *corev1.Pod, dryRun []string) error {
	if err := c.begin(ctx, "evict", pod); err != nil {
		return err
	}
	defer c.end(pod)
	err := c.core.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: ptr.To(pod.UID)}, DryRun: dryRun},
	})
	return evictionError(pod, err)
}

// evictionError tells a refusal, which waiting can cure, from a failure. The API server answers 429 where one budget has
// nothing left and 500 where two select the Pod (pkg/registry/core/pod/storage/eviction.go).
func evictionError(pod *corev1.Pod, err error) error {
	var status apierrors.APIStatus
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return nil
	case apierrors.IsTooManyRequests(err) && errors.As(err, &status):
		return &EvictionRefused{Message: refusalText(status.Status())}
	case apierrors.IsInternalError(err):
		return &EvictionRefused{Message: err.Error()}
	default:
		return fmt.Errorf("evict %s: %w", describe(pod), err)
	}
}

// refusalText names the budget where the API server does.
func refusalText(status metav1.Status) string {
	if status.Details != nil {
		for _, cause := range status.Details.Causes {
			if cause.Type == policyv1.DisruptionBudgetCause {
				return cause.Message
			}
		}
	}
	return status.Message
}
