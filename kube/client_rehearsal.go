package kube

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CreateRefused says that the API server would not take an object as it is.
type CreateRefused struct{ Message string }

// Error implements error.
func (c *CreateRefused) Error() string { return "refused: " + c.Message }

// MayCreate implements Writer, by a dry run. Validation and admission come before the API server looks whether there is one of
// the name (registry/generic/registry/store.go, Create), so the Pod that runs is in nobody's way. A quota counts it, though, and has
// room again when it is gone.
func (c *Client) MayCreate(ctx context.Context, pod *corev1.Pod) error {
	if err := c.begin(ctx, "ask about", pod); err != nil {
		return err
	}
	defer c.end(pod)
	_, err := c.core.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{FieldManager: FieldManager, DryRun: []string{metav1.DryRunAll}})
	switch {
	case err == nil, apierrors.IsAlreadyExists(err), apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota"):
		return nil
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		return &CreateRefused{Message: err.Error()}
	default:
		return fmt.Errorf("ask about %s: %w", describe(pod), err)
	}
}
