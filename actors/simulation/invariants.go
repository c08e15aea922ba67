package simulation

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// invariants hold after every change, whoever made it. They hear of each change of the store, and of each write before
// and after the daemon makes it.
type invariants struct {
	mu         sync.Mutex
	violations []string
	// pods are the live Pods of each broker.
	pods map[string]map[types.UID]bool
	// firstVoters are the nodes that formatted their metadata with the list of first voters, by cluster id.
	firstVoters map[string]types.UID
	// withData are the claims that were formatted.
	withData map[types.UID]bool
	// ids are the cluster ids as first recorded.
	ids map[types.UID]string
	// writers is which kind of actor wrote an object first.
	writers map[key]string
	// underway counts the writes of one object by one daemon that have not ended.
	underway map[writeOf]int
	// twins are brokers of which a test made a second Pod.
	twins map[string]bool
	// directories are the ids of the log dirs on a claim's volume.
	directories func(claim types.UID) []string
	// gone reports whether a claim's volume is in a machine that is lost.
	gone func(claim types.UID) bool
	// restarts are the rules for stopping what runs.
	restarts restarts
}

func newInvariants(s *store, r restarts) *invariants {
	i := &invariants{
		pods: map[string]map[types.UID]bool{}, withData: map[types.UID]bool{}, firstVoters: map[string]types.UID{}, ids: map[types.UID]string{},
		writers: map[key]string{}, underway: map[writeOf]int{}, twins: map[string]bool{}, restarts: r,
	}
	s.observe(i.changed)
	return i
}

// broken lists what did not hold.
func (i *invariants) broken() []string {
	harms := i.restarts.kafka.harmed()
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Concat(i.violations, harms)
}

func (i *invariants) violated(format string, args ...any) {
	i.violations = append(i.violations, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// changed is told by the store, under its lock.
func (i *invariants) changed(c change) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch c.key.kind {
	case kube.KindPod:
		i.podChanged(c)
	case kube.KindCluster:
		if c.after != nil {
			i.clusterChanged(c.after.(*v1beta1.KafkaCluster))
			i.statusKept(c.after.(*v1beta1.KafkaCluster))
			i.restarts.specChanged(c.after.(*v1beta1.KafkaCluster))
		}
	}
}

// podChanged: two Pods of one broker would write to the same disks, or serve under one id.
func (i *invariants) podChanged(c change) {
	object := c.newest()
	broker := brokerOf(object)
	if i.pods[broker] == nil {
		i.pods[broker] = map[types.UID]bool{}
	}
	if c.after == nil {
		delete(i.pods[broker], object.GetUID())
		return
	}
	i.pods[broker][object.GetUID()] = true
	i.restarts.podMade(object.(*corev1.Pod))
	if len(i.pods[broker]) > 1 && c.before == nil && !i.twins[broker] {
		i.violated("broker %s has a second Pod: %s", broker, c.key.name)
	}
}

func brokerOf(object kube.Object) string {
	return clusterOf(object).String() + "/" + object.GetLabels()[kube.LabelBrokerID]
}

// clusterChanged: a Kafka cluster keeps its id for ever.
func (i *invariants) clusterChanged(cluster *v1beta1.KafkaCluster) {
	known, is := i.ids[cluster.UID], cluster.Status.ClusterID
	if known != "" && is != known {
		i.violated("the id of cluster %s changed from %q to %q", kube.KeyOf(cluster), known, is)
	}
	if is != "" {
		i.ids[cluster.UID] = is
	}
}

// formatted is told by the start script. A disk that was ever formatted holds data, or held data that is lost: formatting
// it again makes Kafka believe that its replicas are there and empty.
func (i *invariants) formatted(pod *corev1.Pod, claim types.UID, dir string, times int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if times > 1 {
		i.violated("%s of Pod %s was formatted %d times", dir, pod.Name, times)
	}
	if claim == "" {
		return
	}
	if i.withData[claim] && times == 1 {
		i.violated("%s of Pod %s was formatted although its claim held data before", dir, pod.Name)
	}
}

// firstVoter is told by the start script. A directory id that the voters know is that of one log for ever: with another, empty one a node
// would vote twice, or begin a second quorum.
func (i *invariants) firstVoter(pod *corev1.Pod, clusterID string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	node := clusterID + "/" + brokerOf(pod)
	if before, again := i.firstVoters[node]; again && before != pod.UID {
		i.violated("Pod %s became a first voter, as another Pod of the node had", pod.Name)
	}
	i.firstVoters[node] = pod.UID
}

// hasData marks a claim whose disk was formatted.
func (i *invariants) hasData(claim types.UID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.withData[claim] = true
}

// writeOf is what a daemon writes: an object, or the status of one.
type writeOf struct {
	daemon int
	key    key
	status bool
}

// begun is told before a write of the daemon. Two writes of one object at a time would race.
func (i *invariants) begun(daemon int, k key, verb string) (ended func()) {
	about := writeOf{daemon, k, verb == "status"}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.underway[about]++
	if i.underway[about] > 1 {
		i.violated("two writes of %s at a time", k)
	}
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.underway[about]--
	}
}

// neverStarted: nothing of Kafka has run in a Pod that still waits for its node, its image or its ConfigMap.
func neverStarted(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodPending || pod.Status.Phase == ""
}

// givenUp reports whether a person has given up what is on a claim.
func givenUp(claim *corev1.PersistentVolumeClaim, owner *v1beta1.KafkaCluster) bool {
	return owner != nil && slices.Contains(strings.Split(owner.Annotations[kube.AnnotationAllowDataLoss], ","), idOf(claim).String()+"/"+string(claim.UID)[:8])
}

// deleted is told after the daemon deleted an object, with what stood there.
func (i *invariants) deleted(object kube.Object, owner *v1beta1.KafkaCluster) {
	counted := ""
	if claim, ok := object.(*corev1.PersistentVolumeClaim); ok {
		counted = i.restarts.kafka.counted(clusterOf(claim), idOf(claim), i.directories(claim.UID), i.gone(claim.UID))
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if claim, ok := object.(*corev1.PersistentVolumeClaim); ok && i.withData[claim.UID] && counted != "" && !givenUp(claim, owner) {
		i.violated("claim %s with data was deleted: %s", claim.Name, counted)
	}
	if kindOf(object) != kube.KindCluster && (owner == nil || !kube.Owned(object, owner)) && isCore(object) {
		i.violated("%s was deleted although it does not belong to the cluster", keyOf(object))
	}
}

// isCore leaves out topics, users and operations: they belong to a cluster by label.
func isCore(object kube.Object) bool {
	return slices.Contains(kube.WatchedKinds(), kindOf(object))
}

func containerEnded(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.State.Terminated != nil })
}

// applied is told after the daemon wrote an object; before is what stood there.
func (i *invariants) applied(before kube.Object, wanted kube.Object, writer string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	k := keyOf(wanted)
	if i.writers[k] == "" {
		i.writers[k] = writer
	}
	if i.writers[k] != writer {
		i.violated("%s was written by %s and by %s", k, i.writers[k], writer)
	}
	if before == nil || k.kind == kube.KindCluster {
		return
	}
	retained := before.GetAnnotations()[kube.AnnotationRetainedClaim] == wanted.GetLabels()[kube.LabelCluster]
	for _, is := range before.GetOwnerReferences() {
		if is.Name != "" && is.Name == wanted.GetAnnotations()[kube.AnnotationRetainedClaim] {
			return // a claim that is to outlive its cluster lets go of it
		}
		for _, wants := range wanted.GetOwnerReferences() {
			if is.UID == wants.UID {
				return
			}
		}
	}
	if !retained {
		i.violated("%s was changed although it does not belong to the cluster", k)
	}
}

// writtenBy maps each kind of object to the actors that wrote one, sorted.
func (i *invariants) writtenBy() map[kube.Kind][]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	by := map[kube.Kind][]string{}
	for k, writer := range i.writers {
		if !slices.Contains(by[k.kind], writer) {
			by[k.kind] = append(by[k.kind], writer)
		}
	}
	for _, writers := range by {
		slices.Sort(writers)
	}
	return by
}

// allowTwins is for a test that makes a second Pod of a broker itself.
func (i *invariants) allowTwins(cluster messages.ClusterKey, id messages.BrokerID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.twins[cluster.String()+"/"+id.String()] = true
}

// restored is for a test that takes a custom resource's status away, as a restore from a backup does.
func (i *invariants) restored(cluster types.UID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.ids, cluster)
}
