package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestAStatusFromABackupIsReplacedByWhatIs(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventually(time.Minute, "a first status", func() bool { return w.cluster("demo").Status.ClusterID != "" })
		backup := w.cluster("demo").Status
		w.eventuallyReady("demo")
		w.settled()
		right, from := w.cluster("demo").Status, time.Now()
		w.store.update(keyOf(w.cluster("demo")), func(o kube.Object) { o.(*v1beta1.KafkaCluster).Status = *backup.DeepCopy() })
		w.eventually(30*time.Second, "it is as it was", func() bool { return w.isReady("demo") })
		require.Equal(w.t, right, w.cluster("demo").Status)
		require.Len(w.t, w.writesSince(from), 1)
		w.settled()
		w.deleteObject(keyOf(w.podsOf("demo", 1)[0])) // its disk is known as formatted
		w.eventuallyReady("demo")
		w.settled()
	})
}
