package simulation

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestALateStatusDoesNotReachAClusterMadeAgainUnderTheName(t *testing.T) {
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		late := w.cluster("demo").DeepCopy()
		late.ResourceVersion = "" // as every write but the first is sent
		w.delete("demo")
		w.eventuallyGone("demo")
		w.advance(2 * time.Minute)
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(2 * time.Minute)
		is := w.cluster("demo").Status
		_, err := w.daemon.api.writer.ApplyStatus(context.Background(), late)
		require.True(w.t, apierrors.IsConflict(err), "%v", err)
		require.Equal(w.t, is, w.cluster("demo").Status)
		w.settled()
	})
}

// A leader that was cut off may have sent an identity before another one chose its own.
func TestALateIdentityDoesNotReplaceTheOneThatWasRecorded(t *testing.T) {
	onBoth(t, func(w *World) {
		w.killDaemon()
		w.apply(kafkaCluster("demo", nodes(3)))
		late := w.cluster("demo").DeepCopy() // as the first leader read it
		late.Status.ClusterID, late.Status.Quorum = "chosenByTheOneBefore_A", v1beta1.QuorumMode("Dynamic")
		w.startDaemon()
		w.eventually(time.Minute, "an identity is recorded", func() bool { return w.cluster("demo").Status.ClusterID != "" })
		first := w.cluster("demo").Status.ClusterID
		_, err := w.daemon.api.writer.ApplyStatus(context.Background(), late)
		require.True(w.t, apierrors.IsConflict(err), "%v", err)
		w.eventuallyReady("demo")
		require.Equal(w.t, first, w.cluster("demo").Status.ClusterID)
		w.settled()
	})
}

func TestAForeignConfigMapOfTheNameStaysAsItIs(t *testing.T) {
	onBoth(t, func(w *World) {
		foreign := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: kube.BrokerConfigName("demo", 1)},
			Data:       map[string]string{"theirs": "1"},
		}
		was := w.store.put(foreign)
		w.apply(kafkaCluster("demo", nodes(3)))
		w.advance(10 * time.Minute)
		require.Equal(w.t, was, w.store.get(keyOf(foreign)))
		require.False(w.t, w.isReady("demo"))
		w.deleteObject(keyOf(foreign))
		w.eventuallyReady("demo")
		w.settled()
	})
}
