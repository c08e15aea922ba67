package kube

import (
	"context"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
)

// Recorder tells people what happened, as Kubernetes Events. It never blocks; an Event may be lost, so nothing that a
// person must act on is told by an Event alone.
type Recorder interface {
	// Event is about regarding and, if not nil, also concerns related. eventType is Normal or Warning, reason and
	// action are single words in camel case.
	Event(regarding, related runtime.Object, eventType, reason, action, note string)
}

// maxNote is what the API server takes for the text of an Event (events.k8s.io/v1).
const maxNote = 1024

type recorder struct{ events.EventRecorder }

// NewRecorder sends Events until ctx ends.
func NewRecorder(ctx context.Context, core kubernetes.Interface) (Recorder, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: core.EventsV1()})
	if err := broadcaster.StartRecordingToSinkWithContext(ctx); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, broadcaster.Shutdown)
	return recorder{broadcaster.NewRecorder(scheme, FieldManager)}, nil
}

func (r recorder) Event(regarding, related runtime.Object, eventType, reason, action, note string) {
	note = messages.ElidedAfter(note, maxNote/3, maxNote) // the longest notes end with a log, whose end tells why
	r.Eventf(regarding, related, eventType, reason, action, "%s", note)
}

// ClusterReference stands for a cluster in an Event.
func ClusterReference(key messages.ClusterKey, cluster *v1beta1.KafkaCluster) *metav1.PartialObjectMetadata {
	reference := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1beta1.GroupVersion().String(), Kind: "KafkaCluster"},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
	}
	if cluster != nil {
		reference.UID, reference.ResourceVersion = cluster.UID, cluster.ResourceVersion
	}
	return reference
}
