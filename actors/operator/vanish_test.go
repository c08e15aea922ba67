package operator

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// vanishing lists a cluster that is gone when it is asked for.
type vanishing struct{ cache.Indexer }

func (vanishing) List() []any {
	return []any{&v1beta1.KafkaCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: "demo"}}}
}

func TestAClusterThatVanishesBetweenTwoLooksAtTheCacheGetsNoActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys, server := kittest.System(t), &deafServer{}
		index := vanishing{cache.NewIndexer(cache.MetaNamespaceKeyFunc, kube.Indexers())}
		pid, err := Start(sys, World{
			Context: context.Background(), Writer: server, Reader: server, Kafka: silent{},
			Cache:   kube.NewCache(map[kube.Kind]map[string]cache.Indexer{kube.KindCluster: {"": index}}),
			Metrics: kit.NewMetrics(prometheus.NewRegistry(), sys), Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		synctest.Wait()
		actors, err := kit.Ask[int](t.Context(), sys, pid, messages.Inspect{})
		require.NoError(t, err)
		require.Zero(t, actors)
		require.NoError(t, kit.StopAndWait(context.Background(), sys, pid))
		time.Sleep(2 * time.Second)
	})
}
