package kube

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ResizeRefused says that the API server does not give a running Pod another size: it has no pods/resize (before Kubernetes
// 1.33), the right to it is missing, or it does not allow this change. A new Pod may get it.
type ResizeRefused struct{ Message string }

// Error implements error.
func (r *ResizeRefused) Error() string { return "resize refused: " + r.Message }

// Resize implements Writer.
func (c *Client) Resize(ctx context.Context, pod *corev1.Pod, container string, resources corev1.ResourceRequirements) (*corev1.Pod, error) {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"spec":     map[string]any{"containers": []any{map[string]any{"name": container, "resources": resources}}},
	})
	if err != nil {
		return nil, err
	}
	if err := c.begin(ctx, "resize", pod); err != nil {
		return nil, err
	}
	defer c.end(pod)
	resized, err := c.core.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch,
		metav1.PatchOptions{FieldManager: FieldManager}, "resize")
	switch {
	case err == nil:
		return resized, nil
	case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err), apierrors.IsForbidden(err), apierrors.IsInvalid(err),
		apierrors.IsBadRequest(err):
		return nil, &ResizeRefused{Message: err.Error()}
	default:
		return nil, fmt.Errorf("resize %s: %w", describe(pod), err)
	}
}
