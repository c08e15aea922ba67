package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Volume implements Writer.
func (c *Client) Volume(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, error) {
	if err := c.calls.enter(ctx, clusterOf(claim)); err != nil {
		return nil, err
	}
	defer c.calls.leave(clusterOf(claim))
	volume, err := c.core.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the volume of %s: %w", describe(claim), err)
	}
	return volume, nil
}
