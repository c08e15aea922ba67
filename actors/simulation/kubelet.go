package simulation

import (
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// kubelets are the machines of the cluster with their scheduler. Each change of a Pod, and of what a Pod waits for,
// makes them look at that Pod once more; a look moves it one state on.
type kubelets struct {
	store      *store
	faults     *faults
	kafka      *kafka
	invariants *invariants

	mu      sync.Mutex
	pods    map[types.UID]*podState
	volumes map[types.UID]*volume // by the claim's UID
	// offline are the claims whose volumes grow only while no Pod mounts them.
	offline map[types.UID]bool
	lost    map[string]time.Time // nodes that nobody hears of, until when
	full    map[string]bool      // nodes whose disks have no room
	// sidecarDown are the brokers beside whose Kafka another container crashes.
	sidecarDown map[string]bool
	// local: new volumes are on disks of nodes.
	local bool
	// probe is how long after Kafka a probe notices it, 0 where that differs.
	probe time.Duration
}

// stage is how far a Pod has come.
type stage int

const (
	waiting  stage = iota // for a node, claims, ConfigMaps
	pulling               // images, init containers
	holding               // the start script waits for a person
	booting               // Kafka starts
	up                    // Kafka runs; whether it serves is Kafka's word
	backoff               // between two starts of the container
	finished              // for ever
)

// podState is what a kubelet knows of a Pod; the disks in it go with the Pod.
type podState struct {
	key      key
	node     string
	stage    stage
	turn     int // of the stage; a timer of an earlier turn does nothing
	restarts int
	started  time.Time
	scratch  *volume         // emptyDirs
	markers  map[string]bool // the start script's, on a disk-backed emptyDir
	why      string          // it holds
	// file is broker.properties as the container found it at its start.
	file map[string]string
	// log4j is its file of loggers.
	log4j string
	// firstVoter is the Pod that its ConfigMap names as a first voter.
	firstVoter string
}

func newKubelets(s *store, f *faults, k *kafka, i *invariants) *kubelets {
	l := &kubelets{
		store: s, faults: f, kafka: k, invariants: i,
		pods: map[types.UID]*podState{}, volumes: map[types.UID]*volume{}, lost: map[string]time.Time{}, full: map[string]bool{},
		offline: map[types.UID]bool{},
	}
	i.directories, i.gone = l.directoriesOf, l.goneWithItsNode
	k.changed = func(pod types.UID) { time.AfterFunc(l.probed(pod), func() { l.lookAt(pod) }) }
	s.observe(l.changed)
	return l
}

// changed is told by the store, under its lock.
func (l *kubelets) changed(c change) {
	switch c.key.kind {
	case kube.KindPod:
		if c.after == nil {
			uid := c.before.GetUID()
			time.AfterFunc(time.Millisecond, func() { l.forget(uid); l.lookAtWaiting() })
			return
		}
		time.AfterFunc(10*time.Millisecond, func() { l.look(c.key) })
	case kube.KindConfigMap, kube.KindNode:
		if c.before == nil || c.key.kind == kube.KindNode {
			time.AfterFunc(500*time.Millisecond, l.lookAtWaiting)
		}
	case kube.KindClaim:
		if c.before == nil {
			time.AfterFunc(100*time.Millisecond, l.lookAtWaiting)
		}
		if claim, ok := c.after.(*corev1.PersistentVolumeClaim); ok && tooSmall(claim) {
			time.AfterFunc(3*time.Second, func() { l.resize(c.key, claim.UID) })
		}
	}
}

// lookAtWaiting looks at every Pod that may wait for what has changed.
func (l *kubelets) lookAtWaiting() {
	for _, object := range l.store.list(kube.KindPod) {
		l.mu.Lock()
		state := l.pods[object.GetUID()]
		waits := state == nil || state.stage == waiting
		l.mu.Unlock()
		if waits {
			l.look(keyOf(object))
		}
	}
}

func (l *kubelets) lookAt(pod types.UID) {
	l.mu.Lock()
	state := l.pods[pod]
	l.mu.Unlock()
	if state != nil {
		l.look(state.key)
	}
}

// look moves a Pod on.
func (l *kubelets) look(k key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pod, _ := l.store.get(k).(*corev1.Pod)
	if pod == nil {
		return
	}
	state := l.pods[pod.UID]
	if state == nil {
		state = &podState{key: k, scratch: newVolume(""), markers: map[string]bool{}}
		l.pods[pod.UID] = state
	}
	switch {
	case pod.Spec.NodeName == "":
		l.schedule(pod)
	case l.isLost(pod.Spec.NodeName):
	case pod.DeletionTimestamp != nil:
		l.terminate(pod, state)
	case state.stage == waiting && !ended(pod):
		state.node = pod.Spec.NodeName
		if missing := l.missing(pod); missing != "" {
			l.report(pod, state, notStarted("ContainerCreating", missing))
			return
		}
		l.mounted(pod)
		if unpullable(pod) {
			l.report(pod, state, notStarted("ImagePullBackOff", "no such image"))
			return
		}
		state.file, state.log4j, state.firstVoter = l.fileOf(pod), l.log4jOf(pod), l.fileIn(pod, kube.KeyFirstVoter) // mounted from now on, whatever becomes of the ConfigMap
		l.enter(pod, state, pulling, l.faults.between("pull of "+k.String(), time.Second, 3*time.Second))
	case state.stage == up:
		serves, refused := l.kafka.state(clusterOf(pod), idOf(pod), pod.UID)
		if refused != "" {
			l.containerEnded(pod, state, 1)
			return
		}
		l.report(pod, state, running(serves, state))
	}
}

// enter begins a stage that ends by itself after d.
func (l *kubelets) enter(pod *corev1.Pod, state *podState, next stage, d time.Duration) {
	state.stage = next
	state.turn++
	turn, uid := state.turn, pod.UID
	time.AfterFunc(d, func() { l.passed(uid, turn) })
}

// passed ends a stage that took its time.
func (l *kubelets) passed(uid types.UID, turn int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := l.pods[uid]
	if state == nil || state.turn != turn || l.isLost(state.node) {
		return
	}
	pod, _ := l.store.get(state.key).(*corev1.Pod)
	if pod == nil || pod.UID != uid || pod.DeletionTimestamp != nil && state.stage != finished {
		return
	}
	switch state.stage {
	case pulling, backoff:
		l.start(pod, state)
	case booting:
		l.listen(pod, state)
	case finished:
		l.store.remove(state.key, uid)
	}
}

// start runs the start script up to where Kafka starts, or holds.
func (l *kubelets) start(pod *corev1.Pod, state *podState) {
	state.started = time.Now()
	if file := l.fileOf(pod); len(file) > 0 { // of a ConfigMap that is gone the kubelet keeps what it has mounted
		state.file, state.log4j, state.firstVoter = file, l.log4jOf(pod), l.fileIn(pod, kube.KeyFirstVoter)
	}
	if state.why = l.runScript(pod, state); state.why != "" {
		state.stage = holding
		state.turn++
		l.report(pod, state, running(false, state))
		return
	}
	l.report(pod, state, running(false, state))
	l.enter(pod, state, booting, l.faults.between("boot of "+state.key.String(), 2*time.Second, 6*time.Second))
}

// listen is Kafka with its listeners open.
func (l *kubelets) listen(pod *corev1.Pod, state *podState) {
	state.stage = up
	state.turn++
	if crashesAtStart(pod, state) {
		l.containerEnded(pod, state, 1)
		return
	}
	l.formatsItself(pod, state)
	if !l.kafka.start(clusterOf(pod), l.processOf(pod, state)) {
		l.containerEnded(pod, state, 1)
		return
	}
	time.AfterFunc(l.probed(pod.UID), func() { l.look(state.key) })
}

// probed is how long it takes until a probe notices what has become of Kafka: one looks every five seconds.
func (l *kubelets) probed(pod types.UID) time.Duration {
	if l.probe > 0 {
		return l.probe
	}
	return l.faults.between("probe of "+string(pod), 100*time.Millisecond, 5*time.Second)
}

// containerEnded: the kubelet starts it again, later and later, unless the Pod says never.
func (l *kubelets) containerEnded(pod *corev1.Pod, state *podState, code int32) {
	l.kafka.stop(clusterOf(pod), idOf(pod), pod.UID, killing)
	if pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
		state.stage = finished
		state.turn++
		l.report(pod, state, failed(code))
		return
	}
	if time.Since(state.started) > 10*time.Minute {
		state.restarts = 0
	}
	delay := min(10*time.Second<<min(state.restarts, 6), 5*time.Minute)
	if state.restarts == 0 {
		delay = time.Second
	}
	state.restarts++
	l.report(pod, state, crashed(code, state.restarts))
	l.enter(pod, state, backoff, delay)
}

// terminate stops a Pod's containers and then lets the API server forget it.
func (l *kubelets) terminate(pod *corev1.Pod, state *podState) {
	if state.stage == finished && state.why == "stopping" {
		return
	}
	l.kafka.stop(clusterOf(pod), idOf(pod), pod.UID, shutdown)
	state.why = "stopping"
	if state.started.IsZero() {
		l.report(pod, state, neverMade())
	}
	l.enter(pod, state, finished, l.faults.between("stop of "+state.key.String(), 100*time.Millisecond, 5*time.Second))
}

func (l *kubelets) forget(uid types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if state := l.pods[uid]; state != nil {
		delete(l.pods, uid)
		state.turn++
	}
}

// missing names the first thing that a Pod's volumes wait for.
func (l *kubelets) missing(pod *corev1.Pod) string {
	for _, v := range pod.Spec.Volumes {
		switch {
		case v.ConfigMap != nil && l.store.get(key{kube.KindConfigMap, pod.Namespace, v.ConfigMap.Name}) == nil:
			return "configmap " + v.ConfigMap.Name + " not found"
		case v.PersistentVolumeClaim != nil && l.store.get(key{kube.KindClaim, pod.Namespace, v.PersistentVolumeClaim.ClaimName}) == nil:
			return "claim " + v.PersistentVolumeClaim.ClaimName + " not found"
		}
	}
	return ""
}

// schedule finds a node and binds claims to volumes in its zone.
func (l *kubelets) schedule(pod *corev1.Pod) {
	if pod.DeletionTimestamp != nil {
		return
	}
	claims, missing := l.claimsOf(pod)
	if missing != "" {
		l.unschedulable(pod, `persistentvolumeclaim "`+missing+`" not found`)
		return
	}
	if slices.ContainsFunc(claims, func(c *corev1.PersistentVolumeClaim) bool {
		return c.Spec.VolumeName == "" && c.Spec.StorageClassName != nil && *c.Spec.StorageClassName == noSuchClass
	}) {
		l.unschedulable(pod, "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims")
		return
	}
	node := l.nodeFor(pod, claims)
	if node == nil {
		l.unschedulable(pod, "0 nodes are available")
		return
	}
	for _, claim := range claims {
		if l.volumes[claim.UID] == nil {
			l.volumes[claim.UID] = l.volumeOn(node, claim)
		}
		l.store.bind(keyOf(claim), func(object kube.Object) {
			c := object.(*corev1.PersistentVolumeClaim)
			c.Spec.VolumeName, c.Status.Phase = "pv-"+string(c.UID), corev1.ClaimBound
			if c.Status.Capacity == nil {
				c.Status.Capacity = c.Spec.Resources.Requests.DeepCopy()
			}
		})
	}
	l.store.bind(keyOf(pod), func(object kube.Object) {
		p := object.(*corev1.Pod)
		p.Spec.NodeName = node.Name
		setPodCondition(p, corev1.PodScheduled, corev1.ConditionTrue, "", "")
	})
}

func (l *kubelets) unschedulable(pod *corev1.Pod, message string) {
	l.store.updateStatus(keyOf(pod), func(p *corev1.Pod) {
		setPodCondition(p, corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable", message)
	})
}

func (l *kubelets) claimsOf(pod *corev1.Pod) (claims []*corev1.PersistentVolumeClaim, missing string) {
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		name := v.PersistentVolumeClaim.ClaimName
		claim, ok := l.store.get(key{kube.KindClaim, pod.Namespace, name}).(*corev1.PersistentVolumeClaim)
		if !ok || claim.DeletionTimestamp != nil {
			return nil, name
		}
		claims = append(claims, claim)
	}
	return claims, ""
}

// nodeFor is the emptiest node on which the Pod's volumes are, nil when there is none.
func (l *kubelets) nodeFor(pod *corev1.Pod, claims []*corev1.PersistentVolumeClaim) *corev1.Node {
	load := map[string]int{}
	for _, state := range l.pods {
		load[state.node]++
	}
	var best *corev1.Node
	for _, object := range l.store.list(kube.KindNode) {
		node := object.(*corev1.Node)
		fits := !l.isLost(node.Name) && !node.Spec.Unschedulable && kube.DrainTaint(node, nil) == "" && !slices.ContainsFunc(claims,
			func(c *corev1.PersistentVolumeClaim) bool {
				return l.volumes[c.UID] != nil && !l.volumes[c.UID].reaches(node)
			})
		if fits && (best == nil || load[node.Name] < load[best.Name]) {
			best = node
		}
	}
	if best != nil {
		l.pods[pod.UID].node = best.Name
	}
	return best
}

func clusterOf(object kube.Object) messages.ClusterKey {
	return messages.ClusterKey{Namespace: object.GetNamespace(), Name: object.GetLabels()[kube.LabelCluster]}
}

// idOf is -1 for what is no broker's.
func idOf(object kube.Object) messages.BrokerID {
	id, err := messages.ParseBrokerID(strings.TrimSpace(object.GetLabels()[kube.LabelBrokerID]))
	if err != nil {
		return -1
	}
	return id
}

// sidecarsCrash says beside which brokers' Kafka another container crashes from now on.
func (l *kubelets) sidecarsCrash(ids ...messages.BrokerID) {
	l.mu.Lock()
	l.sidecarDown = map[string]bool{}
	for _, id := range ids {
		l.sidecarDown[id.String()] = true
	}
	l.mu.Unlock()
	for _, pod := range l.store.list(kube.KindPod) {
		l.look(keyOf(pod))
	}
}
