package operator

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/koperator-go/koperator/actors/cluster"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// deafServer is an API server that answers no request: operator tests are about who exists, not about what is written.
type deafServer struct {
	kube.Writer
	mu   sync.Mutex
	read []messages.ClusterKey
}

func (s *deafServer) Pods(context.Context, messages.ClusterKey) ([]*corev1.Pod, error) {
	return nil, errors.New("no answer")
}

func (s *deafServer) Cluster(_ context.Context, key messages.ClusterKey) (*v1beta1.KafkaCluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = append(s.read, key)
	return nil, errors.New("no answer")
}

type silent struct{ cluster.Dialer }

type stage struct {
	sys    *actor.ActorSystem
	cache  *kube.Cache
	index  cache.Indexer
	server *deafServer
	pid    *actor.PID
}

func onStage(t *testing.T, play func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{sys: kittest.System(t), server: &deafServer{}}
		s.index = cache.NewIndexer(cache.MetaNamespaceKeyFunc, kube.Indexers())
		s.cache = kube.NewCache(map[kube.Kind]map[string]cache.Indexer{kube.KindCluster: {"": s.index}})
		pid, err := Start(s.sys, World{
			Context: context.Background(), Cache: s.cache, Writer: s.server, Reader: s.server, Kafka: silent{},
			Metrics: kit.NewMetrics(prometheus.NewRegistry(), s.sys), Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		s.pid = pid
		synctest.Wait()
		play(t, s)
		require.NoError(t, kit.StopAndWait(context.Background(), s.sys, pid))
		time.Sleep(2 * time.Second)
	})
}

func (s *stage) put(name, uid string, change ...func(*v1beta1.KafkaCluster)) {
	cluster := &v1beta1.KafkaCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: name, UID: types.UID(uid)}}
	for _, c := range change {
		c(cluster)
	}
	_ = s.index.Update(cluster)
	s.cache.Notify(kube.KindCluster, cluster)
	synctest.Wait()
}

func (s *stage) drop(name string) {
	cluster := &v1beta1.KafkaCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: name}}
	_ = s.index.Delete(cluster)
	s.cache.Notify(kube.KindCluster, cluster)
	synctest.Wait()
}

// actors is how many cluster actors there are.
func (s *stage) actors(t *testing.T) int {
	t.Helper()
	n, err := kit.Ask[int](t.Context(), s.sys, s.pid, messages.Inspect{})
	require.NoError(t, err)
	return n
}

func (s *stage) exists(name string) bool {
	_, found := s.sys.ProcessRegistry.Get(actor.NewPID(s.sys.Address(), "cluster/kafka/"+name))
	return found
}

func TestEveryClusterHasAnActorAsLongAsItExists(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		require.Zero(t, s.actors(t))
		s.put("one", "a")
		s.put("two", "b")
		require.Equal(t, 2, s.actors(t))
		require.True(t, s.exists("one"))
		s.drop("one")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 1, s.actors(t))
		require.False(t, s.exists("one"))
		s.put("one", "c")
		time.Sleep(time.Second)
		synctest.Wait()
		require.True(t, s.exists("one"), "the name is free again")
	})
}

func TestAClusterThatBelongsToAnotherDaemonGetsNoActor(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		remote := func(c *v1beta1.KafkaCluster) { c.Annotations = map[string]string{kube.AnnotationRemoteOwner: "x"} }
		s.put("one", "a", remote)
		require.Zero(t, s.actors(t))
		s.put("one", "a")
		require.Equal(t, 1, s.actors(t), "when it is handed over")
		s.put("one", "a", remote)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Zero(t, s.actors(t), "and when it is handed back")
	})
}

func TestAnEventWakesTheActorThatOwnsTheObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := kittest.System(t)
		probe := kittest.NewProbe(t, sys, nil)
		type woken struct{ who string }
		trigger := func(who string) *kit.Trigger {
			tr := kit.NewTrigger(sys.Root, woken{who})
			tr.Bind(probe.PID())
			kittest.Expect[woken](probe)
			tr.Ack()
			return tr
		}
		key := messages.ClusterKey{Namespace: "kafka", Name: "demo"}
		index := NewIndex(trigger("operator"))
		fires := func(change kube.Change, who string) {
			t.Helper()
			index.Tell(change)
			synctest.Wait()
			last, found := kittest.Last[woken](probe)
			require.Equal(t, who != "", found)
			require.Equal(t, who, last.who)
		}
		fires(kube.Change{Kind: kube.KindPod, Cluster: key}, "")
		fires(kube.Change{Kind: kube.KindNode}, "")
		fires(kube.Change{Kind: kube.KindCluster, Cluster: key}, "operator")
		index.PublishCluster(key, trigger("cluster"))
		fires(kube.Change{Kind: kube.KindService, Cluster: key}, "cluster")
		index = NewIndex(trigger("operator"))
		index.PublishCluster(key, trigger("cluster"))
		index.PublishBroker(key, 1, trigger("broker"))
		fires(kube.Change{Kind: kube.KindPod, Cluster: key, Broker: 1, HasBroker: true}, "broker")
		fires(kube.Change{Kind: kube.KindPod, Cluster: key, Broker: 2, HasBroker: true}, "cluster")
		index.PublishBroker(key, 1, nil)
		index.PublishCluster(key, trigger("cluster again"))
		fires(kube.Change{Kind: kube.KindPod, Cluster: key, Broker: 1, HasBroker: true}, "cluster again")
		probe.Stop()
	})
}
