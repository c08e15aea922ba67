package broker

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// locate reads volumes. Where that is not allowed it is not tried again at once: people have to grant it.
func (e worldEffects) locate(ctx context.Context, s locate, now time.Time) (map[string]place, error) {
	found := map[string]place{}
	for _, claim := range s.claims {
		name := claim.Spec.VolumeName
		volume, err := e.Writer.Volume(ctx, claim)
		switch {
		case apierrors.IsForbidden(err):
			found[name] = place{at: now, unreadable: "grant the operator get on persistentvolumes"}
		case err != nil:
			return nil, err
		case volume == nil:
			found[name] = place{at: now, unreadable: "there is no such PersistentVolume"}
		default:
			found[name] = place{at: now, required: requiredNodes(volume)}
		}
	}
	return found, nil
}

func requiredNodes(volume *corev1.PersistentVolume) *corev1.NodeSelector {
	if volume.Spec.NodeAffinity == nil {
		return nil
	}
	return volume.Spec.NodeAffinity.Required
}

func (e worldEffects) announce(s announce) {
	e.Events.Event(s.pod, e.clusterReference(), corev1.EventTypeNormal, s.notice.reason, s.notice.action, s.text)
}
