package broker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
)

func TestAClaimWhoseDeletionWasAcceptedIsOnItsWayWhateverTheCacheShows(t *testing.T) {
	kept := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "kept", UID: "1"}}
	deleted := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "deleted", UID: "2"}}
	written := &kube.Written{}
	written.Deleted(deleted)
	claims := withDeleted(written, []*corev1.PersistentVolumeClaim{kept, deleted}, time.Now())
	require.Same(t, kept, claims[0])
	require.NotNil(t, claims[1].DeletionTimestamp)
	require.Nil(t, deleted.DeletionTimestamp, "what the cache holds is others', too")
}
