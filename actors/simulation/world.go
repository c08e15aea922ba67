package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// World is an API server, machines, Kafka and one daemon, in a bubble of virtual time. Its methods are the words that
// scenarios are written in; each of those that let time pass checks the invariants.
type World struct {
	t   testing.TB
	log *slog.Logger
	// said is what went to log.
	said said

	store      *store
	faults     *faults
	invariants *invariants
	kubelets   *kubelets
	kafka      *kafka
	journal    journal
	events     events
	workers    workers
	// connect gives a new daemon its API server.
	connect func(context.Context, *requests) api
	// replay is the command that runs the same world again.
	replay string
	// story is what a random history did so far.
	story []string

	mu     sync.Mutex
	daemon *daemon // the one that leads, nil while none runs
	// starting is set while a daemon starts.
	starting bool
	lives    int
	stopped  bool
	// killAfter is how many more writes the daemon lives for, 0 for ever.
	killAfter int
	deposed   deposed
	// cleared waits for actors of daemons that were killed.
	cleared sync.WaitGroup
}

// Option changes a world before it starts.
type Option func(*worldOptions)

type worldOptions struct {
	seed    uint64
	nodes   int
	zones   int
	connect func(*World) func(context.Context, *requests) api
	replay  string
}

// seeded decides what goes wrong and when.
func seeded(seed uint64) Option { return func(o *worldOptions) { o.seed = seed } }

// machines sets the number of Kubernetes nodes and of zones that they are spread over.
func machines(nodes, zones int) Option {
	return func(o *worldOptions) { o.nodes, o.zones = nodes, zones }
}

// namespace is where scenarios have their clusters.
const namespace = "kafka"

func keyed(name string) messages.ClusterKey {
	return messages.ClusterKey{Namespace: namespace, Name: name}
}

// newWorld makes a world whose daemon runs. It ends with the test.
func newWorld(t testing.TB, options ...Option) *World {
	o := worldOptions{seed: 1, nodes: 3, zones: 3, connect: overStore}
	for _, option := range options {
		option(&o)
	}
	w := &World{t: t, said: newSaid(slog.DiscardHandler), replay: o.replay}
	if testing.Verbose() {
		w.said = newSaid(slog.NewTextHandler(os.Stderr, nil))
	}
	w.log = slog.New(w.said)
	w.store = newStore(o.seed)
	w.faults = newFaults(o.seed)
	w.kafka = newKafka(w.store, w.faults)
	w.invariants = newInvariants(w.store, newRestarts(w.kafka, w.faults))
	*w.said.heard, w.events.heard = w.invariants.overheard, w.invariants.overheard
	w.kubelets = newKubelets(w.store, w.faults, w.kafka, w.invariants)
	startControllers(w.store, w.kubelets, w.kafka)
	for n := range o.nodes {
		w.store.put(machine(n, o.zones))
	}
	w.connect = o.connect(w)
	t.Cleanup(w.stop)
	w.startDaemon()
	return w
}

func machine(n, zones int) *corev1.Node {
	name := fmt.Sprintf("node-%d", n)
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelHostname: name, corev1.LabelTopologyZone: fmt.Sprintf("zone-%c", 'a'+n%max(zones, 1)),
	}}}
}

// run plays a scenario in a world of its own.
func run(t *testing.T, scenario func(*World), options ...Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options...)
		scenario(w)
		w.check()
	})
}

// stop ends everything, so that the bubble can end.
func (w *World) stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.killDaemon()
	for _, d := range w.deposed.all() {
		w.end(d)
	}
	for w.isStarting() { // it ends itself when it has started
		time.Sleep(time.Second)
	}
	w.cleared.Wait()
	time.Sleep(2*time.Second + w.faults.returns) // the actor library throttles dead letters in a goroutine, reflectors wait to the end
	w.workers.end()
}

// reborn reports whether a daemon runs that is not the first one.
func (w *World) reborn() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lives > 1
}

func (w *World) isStarting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.starting
}

// kill ends the daemon at once; another one starts after a while.
func (w *World) kill() {
	w.killDaemon()
	w.startDaemon()
}

// killAfterWrites kills the daemon when so many more of its writes have arrived; another one starts a second later.
func (w *World) killAfterWrites(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.killAfter = n
}

// countdown is told of each write that arrived.
func (w *World) countdown(d *daemon) {
	w.mu.Lock()
	due := w.killAfter == 1 && w.daemon == d
	if w.killAfter > 0 && w.daemon == d {
		w.killAfter--
	}
	w.mu.Unlock()
	if due {
		w.killDaemon()
		time.AfterFunc(time.Second, w.startDaemon)
	}
}

// advance lets time pass.
func (w *World) advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	w.check()
}

// check fails the test when an invariant was broken.
func (w *World) check() {
	w.t.Helper()
	if broken := w.invariants.broken(); len(broken) > 0 {
		w.fail("broken: %s", strings.Join(broken, "\n        "))
	}
}

// fail ends the test with all that helps to understand it.
func (w *World) fail(format string, args ...any) {
	w.t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, format, args...)
	if w.replay != "" {
		fmt.Fprintf(&text, "\n  replay: %s", w.replay)
	}
	if len(w.story) > 0 {
		text.WriteString("\n  history:\n    " + strings.Join(w.story, "\n    "))
	}
	for _, line := range append(w.kafka.idle(), w.kubelets.held()...) {
		text.WriteString("\n  " + line)
	}
	text.WriteString("\n  clusters:")
	for _, object := range w.store.list(kube.KindCluster) {
		for _, c := range object.(*v1beta1.KafkaCluster).Status.Conditions {
			fmt.Fprintf(&text, "\n    %s %s=%s %s: %s", object.GetName(), c.Type, c.Status, c.Reason, c.Message)
		}
	}
	text.WriteString("\n  last writes:")
	writes := w.journal.since(time.Time{})
	for _, write := range writes[max(0, len(writes)-25):] {
		text.WriteString("\n    " + write.String())
	}
	w.t.Fatal(text.String())
}

// eventually waits until something holds, at most within.
func (w *World) eventually(within time.Duration, what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(within); ; {
		synctest.Wait()
		w.check()
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			w.fail("not within %v: %s", within, what)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// eventuallyReady waits until a cluster's condition Ready speaks of its newest spec and is True, and Kafka agrees.
func (w *World) eventuallyReady(name string) {
	w.t.Helper()
	w.readyWithin(name, 10*time.Minute)
}

func (w *World) readyWithin(name string, within time.Duration) {
	w.t.Helper()
	w.eventually(within, "cluster "+name+" is ready", func() bool { return w.isReady(name) })
	cluster := w.cluster(name)
	for _, b := range cluster.Spec.Brokers {
		if id := messages.BrokerID(b.ID); !b.Maintenance && !w.serves(name, id) {
			w.fail("cluster %s is called ready, but Kafka does not serve on node %d", name, id)
		}
	}
}

func (w *World) isReady(name string) bool {
	cluster := w.cluster(name)
	if cluster == nil {
		return false
	}
	ready := kube.Condition(cluster.Status.Conditions, kube.ConditionReady)
	return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == cluster.Generation
}

// serves reports whether a node of a cluster accepts connections.
func (w *World) serves(name string, id messages.BrokerID) bool {
	pods := w.podsOf(name, id)
	if len(pods) != 1 {
		return false
	}
	serves, _ := w.kafka.state(keyed(name), id, pods[0].UID)
	return serves
}

// settled requires that the daemon writes nothing for an hour, after a moment for what is under way.
func (w *World) settled() {
	w.t.Helper()
	w.advance(2 * time.Minute)
	w.quietFor(time.Hour)
	if left := w.kafka.throttlesLeft(); left != "" {
		w.fail("nothing moves, and still %s", left)
	}
}

// quietFor lets time pass and requires that the daemon writes nothing.
func (w *World) quietFor(d time.Duration) {
	w.t.Helper()
	from := time.Now()
	w.advance(d)
	if writes := w.writesSince(from); len(writes) > 0 {
		w.fail("a converged cluster gets no writes, but there was: %v", writes[0])
	}
}

// writesSince are the daemon's writes from a moment on.
func (w *World) writesSince(t time.Time) []write { return w.journal.since(t) }

// cluster is a custom resource as it stands, nil when there is none.
func (w *World) cluster(name string) *v1beta1.KafkaCluster {
	cluster, _ := w.store.get(key{kube.KindCluster, namespace, name}).(*v1beta1.KafkaCluster)
	return cluster
}

// condition is one of a cluster's conditions, nil when there is none.
func (w *World) condition(name, kind string) *metav1.Condition {
	cluster := w.cluster(name)
	if cluster == nil {
		return nil
	}
	return kube.Condition(cluster.Status.Conditions, kind)
}

// conditionText is what one of a cluster's conditions says, empty when there is none.
func (w *World) conditionText(name, kind string) string {
	if c := w.condition(name, kind); c != nil {
		return c.Message
	}
	return ""
}

// apply is what people do with kubectl: the spec, labels and annotations become these, the status stays.
func (w *World) apply(cluster *v1beta1.KafkaCluster) {
	cluster = cluster.DeepCopy()
	if standing := w.cluster(cluster.Name); standing != nil {
		cluster.Status, cluster.Finalizers = standing.Status, standing.Finalizers
	}
	w.store.put(cluster)
}

// edit changes a custom resource.
func (w *World) edit(name string, change func(*v1beta1.KafkaCluster)) {
	w.store.update(key{kube.KindCluster, namespace, name}, func(o kube.Object) { change(o.(*v1beta1.KafkaCluster)) })
}

// delete deletes a custom resource.
func (w *World) delete(name string) { w.deleteObject(key{kube.KindCluster, namespace, name}) }

// deleteObject is kubectl delete.
func (w *World) deleteObject(k key) { _ = w.store.delete(k, "", "") } // what is gone need not go

// pods are all Pods of a cluster.
func (w *World) pods(name string) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, object := range w.owned(kube.KindPod, name) {
		pods = append(pods, object.(*corev1.Pod))
	}
	return pods
}

func (w *World) podsOf(name string, id messages.BrokerID) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, pod := range w.pods(name) {
		if idOf(pod) == id {
			pods = append(pods, pod)
		}
	}
	return pods
}

// owned are the objects of a kind that carry a cluster's label.
func (w *World) owned(kind kube.Kind, name string) []kube.Object {
	var found []kube.Object
	for _, object := range w.store.list(kind) {
		if object.GetNamespace() == namespace && object.GetLabels()[kube.LabelCluster] == name {
			found = append(found, object)
		}
	}
	return found
}

// podUIDs tells Pods apart from others of the same names.
func (w *World) podUIDs(name string) map[messages.BrokerID]types.UID {
	uids := map[messages.BrokerID]types.UID{}
	for _, pod := range w.pods(name) {
		uids[idOf(pod)] = pod.UID
	}
	return uids
}

// serverAway takes the API server away.
func (w *World) serverAway(d time.Duration) {
	w.faults.setAway(time.Now().Add(d))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.daemon != nil && w.daemon.api.away != nil {
		w.daemon.api.away()
	}
}

// eventuallyGone waits until a deleted cluster and all that belonged to it are gone.
func (w *World) eventuallyGone(name string) {
	w.t.Helper()
	w.eventually(10*time.Minute, "cluster "+name+" and all that was its are gone", func() bool {
		for _, kind := range kube.WatchedKinds() {
			if len(w.owned(kind, name)) > 0 {
				return false
			}
		}
		return w.cluster(name) == nil
	})
}
