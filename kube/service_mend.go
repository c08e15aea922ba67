package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Where a Service leads is ours alone: one more label in its selector and it finds no Pod, and a port of another number keeps
// the name that ours needs. Server-side apply takes the selector as a whole (mapType=atomic of ServiceSpec.selector), but leaves
// ports to whoever set them, since it merges them by number and protocol (listMapKey of ServiceSpec.ports), and then fails for
// ever on the name that stands twice.

// strayed is the path of the first thing in a Service's selector or ports that is not wanted and that an apply would leave
// there, empty when there is none.
func strayed(observed, wanted Object) string {
	have, ok := observed.(*corev1.Service)
	want, same := wanted.(*corev1.Service)
	if !ok || !same || have == nil {
		return ""
	}
	for _, label := range slices.Sorted(maps.Keys(have.Spec.Selector)) {
		if _, known := want.Spec.Selector[label]; !known {
			return ".spec.selector." + label
		}
	}
	for i, port := range have.Spec.Ports {
		if portOf(want.Spec.Ports, port) == nil {
			return fmt.Sprintf(".spec.ports[%d]", i)
		}
	}
	return ""
}

// portOf is the port of the same number and protocol, nil when there is none.
func portOf(ports []corev1.ServicePort, like corev1.ServicePort) *corev1.ServicePort {
	protocol := func(p corev1.ServicePort) corev1.Protocol { return cmp.Or(p.Protocol, corev1.ProtocolTCP) } // as the API server has it
	at := slices.IndexFunc(ports, func(p corev1.ServicePort) bool { return p.Port == like.Port && protocol(p) == protocol(like) })
	if at < 0 {
		return nil
	}
	return &ports[at]
}

// Mended is a Service as it stands, with the selector and the ports that are wanted. A port that stays keeps the port of the
// nodes that the API server gave it: clients outside may know it.
func Mended(standing, wanted *corev1.Service) *corev1.Service {
	mended := standing.DeepCopy()
	mended.Spec.Selector, mended.Spec.Ports = maps.Clone(wanted.Spec.Selector), slices.Clone(wanted.Spec.Ports)
	for i, port := range mended.Spec.Ports {
		if stands := portOf(standing.Spec.Ports, port); stands != nil && port.NodePort == 0 {
			mended.Spec.Ports[i].NodePort = stands.NodePort
		}
	}
	return mended
}

// Mend implements Writer.
func (c *Client) Mend(ctx context.Context, standing, wanted *corev1.Service) error {
	mended := Mended(standing, wanted)
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": standing.UID},
		{"op": "add", "path": "/spec/selector", "value": mended.Spec.Selector}, // which replaces what is there (RFC 6902, 4.1)
		{"op": "add", "path": "/spec/ports", "value": mended.Spec.Ports},
	})
	if err != nil {
		return err
	}
	if err := c.begin(ctx, "mend", standing); err != nil {
		return err
	}
	defer c.end(standing)
	if _, err := c.patch(ctx, standing, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager}); err != nil {
		return fmt.Errorf("mend ports and selector of %s: %w", describe(wanted), err)
	}
	return nil
}

// applyMending applies an object, and again once selector and ports of a Service are ours, where the apply left others there or was
// refused for them.
func applyMending(ctx context.Context, writer Writer, standing, wanted Object) (Object, error) {
	applied, err := writer.Apply(ctx, wanted)
	switch {
	case err != nil && (!apierrors.IsInvalid(err) || strayed(standing, wanted) == ""):
		return nil, err
	case err == nil && strayed(applied, wanted) == "":
		return applied, nil
	case err == nil:
		standing = applied
	}
	if err := writer.Mend(ctx, standing.(*corev1.Service), wanted.(*corev1.Service)); err != nil {
		return nil, err
	}
	return writer.Apply(ctx, wanted)
}
