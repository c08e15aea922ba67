package broker

import (
	"context"
	"log/slog"
	"slices"
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
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// demo is a cluster with one node, broker and controller.
func demo(changes ...func(*v1beta1.KafkaCluster)) *v1beta1.KafkaCluster {
	cluster := &v1beta1.KafkaCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: "demo", UID: "6f1c2b9e-0000-4000-8000-000000000001"},
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
			Brokers: []v1beta1.Broker{{ID: 0, BrokerConfig: &v1beta1.BrokerConfig{
				ProcessRoles: []string{v1beta1.BrokerRole, v1beta1.ControllerRole},
				StorageConfigs: []v1beta1.StorageConfig{{MountPath: "/kafka-logs", PvcSpec: &corev1.PersistentVolumeClaimSpec{
					Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{
						corev1.ResourceStorage: resource.MustParse("10Gi"),
					}},
				}}},
			}}},
			CruiseControlConfig: v1beta1.CruiseControlConfig{Disabled: true},
		},
	}
	for _, change := range changes {
		change(cluster)
	}
	return cluster
}

const claimUID = types.UID("6f1c2b9e-0000-4000-8000-0000000000aa")

// wish is all that is wanted of the node, once the voters of its quorum are known.
func wish(cluster *v1beta1.KafkaCluster) messages.BrokerWanted {
	return messages.BrokerWanted{
		Cluster: cluster, Entry: cluster.Spec.Brokers[0], ClusterID: "Qk1hb2tqT3ZBUVlYbEE9PQ", InitialController: true,
		Quorum: messages.Quorum{Mode: messages.QuorumDynamic, Initial: []messages.Voter{
			{ID: 0, Host: "demo-0.demo-headless.kafka.svc.cluster.local", Port: 29093, DirectoryID: "bxwrngAAQACAAAAAAAAAqg"},
		}},
	}
}

// fakeEffects is a small world: what is applied is there at once, and what goes wrong is ordered by the test.
type fakeEffects struct {
	mu      sync.Mutex
	objects map[string]kube.Object
	version int
	node    *corev1.Node
	// steps are those that were begun.
	steps    []step
	running  int
	overlaps int
	took     time.Duration
	// fail decides about the n-th step, panics lets the n-th panic.
	fail   func(n int) error
	panics int
	ended  []error
	// stands is what is said of Pods that are asked for past the cache.
	stands bool
}

func (f *fakeEffects) observe(written *kube.Written, now time.Time) observed {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := observed{nodes: true, node: f.node, written: written, now: now}
	for _, name := range slices.Sorted(keysOf(f.objects)) {
		switch object := f.objects[name].(type) {
		case *corev1.Pod:
			o.pods = append(o.pods, object)
		case *corev1.PersistentVolumeClaim:
			o.claims = append(o.claims, object)
		case *corev1.ConfigMap:
			o.config = object
		case *corev1.Service:
			o.service = object
		}
	}
	return o
}

func keysOf(objects map[string]kube.Object) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range objects {
			if !yield(name) {
				return
			}
		}
	}
}

func (f *fakeEffects) run(ctx context.Context, s step) (out outcome, err error) {
	f.mu.Lock()
	f.steps = append(f.steps, s)
	n := len(f.steps)
	f.running++
	if f.running > 1 {
		f.overlaps++
	}
	took, fail, panics := f.took, f.fail, f.panics == n
	f.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil && fail != nil {
		err = fail(n)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
	f.ended = append(f.ended, err)
	if panics {
		panic("ordered by the test")
	}
	if err != nil {
		return outcome{}, err
	}
	return outcome{step: s, applied: f.done(s), stands: f.stands}, nil
}

// askRestart has the broker's Pod run, and be asked to restart by a person.
func (f *fakeEffects) askRestart() types.UID {
	f.mu.Lock()
	defer f.mu.Unlock()
	pod := f.objects["Pod demo-node-0"].DeepCopyObject().(*corev1.Pod)
	ready(pod)
	pod.Annotations[kube.AnnotationRestart] = "now"
	f.objects["Pod demo-node-0"] = pod
	return pod.UID
}

func (f *fakeEffects) done(s step) (applied []kube.Object) {
	switch s := s.(type) {
	case apply:
		for _, object := range s.objects {
			stored := object.DeepCopyObject().(kube.Object)
			if standing := f.objects[nameIn(stored)]; standing != nil {
				stored.SetUID(standing.GetUID())
			} else {
				f.version++
				stored.SetUID(types.UID("made-" + string(rune('a'+f.version))))
				if kindOf(stored) == "PersistentVolumeClaim" {
					stored.SetUID(claimUID)
				}
			}
			f.objects[nameIn(stored)] = stored
			applied = append(applied, stored)
		}
	case remove:
		delete(f.objects, nameIn(s.object))
	}
	return applied
}

func nameIn(object kube.Object) string { return kindOf(object) + " " + object.GetName() }

// names are the steps that were begun.
func (f *fakeEffects) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, s := range f.steps {
		names = append(names, nameOf(s))
	}
	return names
}

func (f *fakeEffects) count() int { return len(f.names()) }

// stage is a broker actor whose parent is a probe.
type stage struct {
	sys      *actor.ActorSystem
	probe    *kittest.Probe
	trigger  *kit.Trigger
	pid      *actor.PID
	registry *prometheus.Registry
}

// onStage plays a test in virtual time. The parent answers NeedSpec with the wish.
func onStage(t *testing.T, e *fakeEffects, play func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if e.objects == nil {
			e.objects = map[string]kube.Object{}
		}
		s := &stage{sys: kittest.System(t), registry: prometheus.NewRegistry()}
		metrics := kit.NewMetrics(s.registry, s.sys)
		s.trigger = kit.NewTrigger(s.sys.Root, messages.Look{})
		wanted := wish(demo())
		s.probe = kittest.NewProbe(t, s.sys, func(c actor.Context) {
			if _, ok := c.Message().(messages.NeedSpec); ok {
				child := actor.NewPID(s.sys.Address(), c.Self().Id+"/broker-0")
				c.Send(child, messages.Reconfigure{Revision: 1, Wanted: wanted})
			}
		})
		config := Config{ID: 0, Context: context.Background(), Trigger: s.trigger, Log: slog.New(slog.DiscardHandler)}
		s.pid = s.probe.Spawn(metrics.Props("broker", func() actor.Actor { return newBroker(config, e) }, kittest.WithCrash()), "broker-0")
		s.trigger.Bind(s.pid)
		defer s.probe.Stop()
		play(t, s)
	})
}

// observed is what the actor says last.
func (s *stage) observed(t *testing.T) messages.BrokerObserved {
	t.Helper()
	o, err := kit.Ask[messages.BrokerObserved](t.Context(), s.sys, s.pid, messages.Inspect{})
	require.NoError(t, err)
	return o
}

func ready(pod *corev1.Pod) {
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
}
