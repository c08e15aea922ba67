package cluster

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/health"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// demo is a cluster of combined nodes.
func demo(ids ...int32) *v1beta1.KafkaCluster {
	cluster := &v1beta1.KafkaCluster{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "kafka", Name: "demo", UID: "6f1c2b9e-0000-4000-8000-000000000001", Generation: 1, ResourceVersion: "1",
		},
		Spec: v1beta1.KafkaClusterSpec{
			KRaft: true, HeadlessServiceEnabled: true,
			ListenersConfig: v1beta1.ListenersConfig{InternalListeners: []v1beta1.InternalListenerConfig{
				{CommonListenerSpec: v1beta1.CommonListenerSpec{
					Name: "internal", Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: 29092, UsedForInnerBrokerCommunication: true,
				}},
				{CommonListenerSpec: v1beta1.CommonListenerSpec{
					Name: "controller", Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: 29093,
				}, UsedForControllerCommunication: true},
			}},
			BrokerConfigGroups: map[string]v1beta1.BrokerConfig{"default": {
				ProcessRoles: []string{v1beta1.BrokerRole, v1beta1.ControllerRole},
				StorageConfigs: []v1beta1.StorageConfig{{MountPath: "/kafka-logs", PvcSpec: &corev1.PersistentVolumeClaimSpec{
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
					Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{
						corev1.ResourceStorage: resource.MustParse("10Gi"),
					}},
				}}},
			}},
			CruiseControlConfig: v1beta1.CruiseControlConfig{Disabled: true},
		},
	}
	for _, id := range ids {
		cluster.Spec.Brokers = append(cluster.Spec.Brokers, v1beta1.Broker{ID: id, BrokerConfigGroup: "default"})
	}
	return cluster
}

// server is an API server whose objects are in the cache at once. Every Pod turns ready by itself.
type server struct {
	mu       sync.Mutex
	stores   map[kube.Kind]cache.Indexer
	cache    *kube.Cache
	version  int
	statuses []time.Time
	writes   []string
	// panics is a name whose next write panics.
	panics string
	// answerLost lets the next write of the status land and fail.
	answerLost bool
	// deaf loses the answer to every write of a status that records formatted disks.
	deaf bool
	calls
}

func newServer() *server {
	s := &server{stores: map[kube.Kind]cache.Indexer{}}
	stores := map[kube.Kind]map[string]cache.Indexer{}
	for _, kind := range kube.WatchedKinds() {
		s.stores[kind] = cache.NewIndexer(cache.MetaNamespaceKeyFunc, kube.Indexers())
		stores[kind] = map[string]cache.Indexer{"": s.stores[kind]}
	}
	s.cache = kube.NewCache(stores)
	return s
}

func kindIn(object kube.Object) kube.Kind {
	switch object.(type) {
	case *v1beta1.KafkaCluster:
		return kube.KindCluster
	case *corev1.Pod:
		return kube.KindPod
	case *corev1.PersistentVolumeClaim:
		return kube.KindClaim
	case *corev1.ConfigMap:
		return kube.KindConfigMap
	case *corev1.Service:
		return kube.KindService
	default:
		return kube.KindBudget
	}
}

// put stores an object and tells the cache.
func (s *server) put(object kube.Object) kube.Object {
	s.mu.Lock()
	s.version++
	object = object.DeepCopyObject().(kube.Object)
	object.SetResourceVersion(strconv.Itoa(s.version))
	if object.GetUID() == "" {
		object.SetUID(types.UID("6f1c2b9e-0000-4000-8000-" + strings.Repeat("0", 12-len(strconv.Itoa(s.version))) + strconv.Itoa(s.version)))
	}
	_ = s.stores[kindIn(object)].Update(object)
	s.mu.Unlock()
	s.cache.Notify(kindIn(object), object)
	return object
}

func (s *server) drop(object kube.Object) {
	s.mu.Lock()
	_ = s.stores[kindIn(object)].Delete(object)
	s.mu.Unlock()
	s.cache.Notify(kindIn(object), object)
}

func (s *server) Apply(ctx context.Context, wanted kube.Object) (kube.Object, error) {
	if err := s.call(ctx, wanted.GetName()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.writes = append(s.writes, wanted.GetName())
	panics := s.panics == wanted.GetName()
	if panics {
		s.panics = ""
	}
	old, exists, _ := s.stores[kindIn(wanted)].Get(wanted)
	s.mu.Unlock()
	if panics {
		panic("ordered by the test")
	}
	wanted = wanted.DeepCopyObject().(kube.Object)
	if exists {
		wanted.SetUID(old.(kube.Object).GetUID())
	}
	if pod, ok := wanted.(*corev1.Pod); ok {
		pod.Spec.NodeName = "node-1"
		pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionTrue},
		}}
	}
	return s.put(wanted), nil
}

func (s *server) Create(ctx context.Context, wanted kube.Object) (kube.Object, error) {
	return s.Apply(ctx, wanted)
}

func (s *server) ApplyStatus(ctx context.Context, cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error) {
	if err := s.call(ctx, "status"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.statuses = append(s.statuses, time.Now())
	s.mu.Unlock()
	standing := s.cache.Cluster(kube.KeyOf(cluster)).DeepCopy()
	standing.Status = kube.WithAlerts(*cluster.Status.DeepCopy(), kube.Alerts(standing.Status))
	written := s.put(standing).(*v1beta1.KafkaCluster)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answerLost || s.deaf && len(cluster.Status.BrokersState["0"].FormattedLogDirs) > 0 {
		s.answerLost = false
		return nil, errors.New("timeout")
	}
	return written, nil
}

func (s *server) Delete(_ context.Context, object kube.Object) error {
	s.drop(object)
	return nil
}

func (s *server) Evict(_ context.Context, pod *corev1.Pod, _ messages.Budgets) error {
	s.drop(pod)
	return nil
}

func (s *server) MayEvict(context.Context, *corev1.Pod, messages.Budgets) error { return nil }

func (s *server) MayCreate(context.Context, *corev1.Pod) error { return nil }

func (s *server) TakeFields(context.Context, kube.Object) error { return nil }

func (s *server) Mend(_ context.Context, standing, wanted *corev1.Service) error {
	s.put(kube.Mended(standing, wanted))
	return nil
}

func (s *server) ReleaseFinalizers(_ context.Context, object kube.Object, _ []string) error {
	s.drop(object)
	return nil
}

func (s *server) ReleaseOwners(_ context.Context, object kube.Object) (kube.Object, error) {
	free := object.DeepCopyObject().(kube.Object)
	free.SetOwnerReferences(nil)
	return s.put(free), nil
}

func (s *server) Annotate(_ context.Context, object kube.Object, annotations map[string]string) (kube.Object, error) {
	annotated := object.DeepCopyObject().(kube.Object)
	annotated.SetAnnotations(annotations)
	return s.put(annotated), nil
}

func (*server) Dependents(context.Context, messages.ClusterKey) ([]kube.Object, error) {
	return nil, nil
}

func (*server) Volume(context.Context, *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, error) {
	return nil, nil
}

func (*server) Resize(context.Context, *corev1.Pod, string, corev1.ResourceRequirements) (*corev1.Pod, error) {
	return nil, nil
}

func (*server) PodLog(context.Context, *corev1.Pod, string, int64) (string, error) { return "", nil }

func (s *server) Pods(ctx context.Context, _ messages.ClusterKey) ([]*corev1.Pod, error) {
	return nil, s.call(ctx, "list")
}

func (s *server) Cluster(ctx context.Context, key messages.ClusterKey) (*v1beta1.KafkaCluster, error) {
	if err := s.call(ctx, "read"); err != nil {
		return nil, err
	}
	return s.cache.Cluster(key), nil
}

func (*server) Event(_, _ runtime.Object, _, _, _, _ string) {}

// Admin finds nobody: Kafka's version is not told, so nobody asks.
func (s *server) Admin(context.Context, string) (broker.Admin, error) {
	return nil, errors.New("nobody asks")
}

// Quorum finds nobody: no vote differs from the spec, so nobody asks.
func (s *server) Quorum(context.Context, string) (QuorumAdmin, error) {
	return nil, errors.New("nobody asks")
}

// Dial finds a Kafka that knows every node.
func (s *server) Dial(messages.ClusterKey, []string) (health.Session, error) { return s, nil }

func (s *server) Observe(context.Context, kafka.Ask) (messages.KafkaObserved, error) {
	o := messages.KafkaObserved{Answered: true}
	for _, b := range s.cache.Cluster(key()).Spec.Brokers {
		o.Brokers = append(o.Brokers, messages.BrokerID(b.ID))
	}
	return o, nil
}

func (*server) ElectPreferred(context.Context, []messages.Partition) error { return nil }

func (*server) Close() {}

func (s *server) statusCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.statuses)
}

func (s *server) writeCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writes)
}

func key() messages.ClusterKey { return messages.ClusterKey{Namespace: "kafka", Name: "demo"} }

type stage struct {
	*server
	sys      *actor.ActorSystem
	probe    *kittest.Probe
	pid      *actor.PID
	registry *prometheus.Registry
	log      *lines
}

// onStage plays a test with a cluster actor, its real children, and a probe as its parent.
func onStage(t *testing.T, cluster *v1beta1.KafkaCluster, play func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{server: newServer(), sys: kittest.System(t), registry: prometheus.NewRegistry(), log: &lines{}}
		metrics := kit.NewMetrics(s.registry, s.sys)
		trigger := kit.NewTrigger(s.sys.Root, messages.Look{})
		var brokers sync.Map
		s.cache.OnChange(func(change kube.Change) {
			if t, found := brokers.Load(change.Broker); found && change.HasBroker {
				t.(*kit.Trigger).Fire()
				return
			}
			trigger.Fire()
		})
		s.put(cluster)
		s.probe = kittest.NewProbe(t, s.sys, nil)
		config := Config{
			Key: key(), Context: context.Background(), Trigger: trigger, Metrics: metrics, Cache: s.cache, Writer: s.server,
			Reader: s.server, Events: s.server, Kafka: s.server, Log: slog.New(slog.NewTextHandler(s.log, nil)),
			Publish: func(id messages.BrokerID, trigger *kit.Trigger) {
				if trigger == nil {
					brokers.Delete(id)
					return
				}
				brokers.Store(id, trigger)
			},
		}
		s.pid = s.probe.Spawn(metrics.Props("cluster", func() actor.Actor {
			return newCluster(config, realEffects(config))
		}, kittest.WithCrash()), "demo")
		trigger.Bind(s.pid)
		play(t, s)
		s.probe.Stop()
	})
}

func (s *stage) report(t *testing.T) messages.ClusterReport {
	t.Helper()
	report, err := kit.Ask[messages.ClusterReport](t.Context(), s.sys, s.pid, messages.Inspect{})
	require.NoError(t, err)
	return report
}

func (s *stage) ready() bool { return isReady(s.cache.Cluster(key()).Status) }

func (s *stage) panicked(t *testing.T, kind string) float64 {
	t.Helper()
	return s.counted(t, "koperator_actor_panics_total", kind)
}

// counted is what a counter of one label says.
func (s *stage) counted(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name && metric.GetLabel()[0].GetValue() == label {
				return metric.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// flipped is a Pod with the other readiness.
func flipped(object kube.Object) kube.Object {
	pod := object.(*corev1.Pod)
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Status == corev1.ConditionTrue {
			pod.Status.Conditions[i].Status = corev1.ConditionFalse
		} else {
			pod.Status.Conditions[i].Status = corev1.ConditionTrue
		}
	}
	return pod
}

// panicOn lets the next write of an object panic.
func (s *server) panicOn(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.panics = name
}

// loseAnswer lets the next write of the status land and fail.
func (s *server) loseAnswer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answerLost = true
}
