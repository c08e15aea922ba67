package simulation

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// crash ends the kafka container of a Pod by itself; it reports whether there was one that ran.
func (l *kubelets) crash(k key, code int32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	pod, _ := l.store.get(k).(*corev1.Pod)
	if pod == nil || pod.DeletionTimestamp != nil {
		return false
	}
	state := l.pods[pod.UID]
	if state == nil || l.isLost(state.node) || state.stage != up && state.stage != booting && state.stage != holding {
		return false
	}
	l.containerEnded(pod, state, code)
	return true
}

// evict is the kubelet giving up a Pod for lack of a node's resources: it fails and is never started again.
func (l *kubelets) evict(k key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pod, _ := l.store.get(k).(*corev1.Pod)
	if pod == nil || pod.DeletionTimestamp != nil || l.pods[pod.UID] == nil {
		return
	}
	state := l.pods[pod.UID]
	l.kafka.stop(clusterOf(pod), idOf(pod), pod.UID, killing)
	state.stage = finished
	state.turn++
	l.store.updateStatus(k, func(p *corev1.Pod) {
		p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted"
		setPodCondition(p, corev1.PodReady, corev1.ConditionFalse, "", "")
	})
}

// reboot restarts every container of a node; disks, emptyDirs among them, stay.
func (l *kubelets) reboot(node string) {
	for _, pod := range l.podsOn(node) {
		l.crash(pod, 137)
	}
}

func (l *kubelets) podsOn(node string) []key {
	var keys []key
	for _, object := range l.store.list(kube.KindPod) {
		if object.(*corev1.Pod).Spec.NodeName == node {
			keys = append(keys, keyOf(object))
		}
	}
	return keys
}

// lose cuts a node off for a while: nothing on it is heard of, and what runs there is down for everybody else.
func (l *kubelets) lose(node string, d time.Duration) {
	l.mu.Lock()
	if end := time.Now().Add(d); end.After(l.lost[node]) { // one that is gone for good stays so
		l.lost[node] = end
	}
	l.mu.Unlock()
	for _, k := range l.podsOn(node) {
		pod, ok := l.store.get(k).(*corev1.Pod)
		if !ok {
			continue
		}
		l.kafka.stop(clusterOf(pod), idOf(pod), pod.UID, killing)
		l.store.updateStatus(k, func(p *corev1.Pod) {
			setPodCondition(p, corev1.PodReady, corev1.ConditionFalse, "NodeLost", "")
		})
	}
	time.AfterFunc(d, func() { l.found(node) })
}

// isLost reports whether nobody hears of a node. It is told under the lock.
func (l *kubelets) isLost(node string) bool { return !l.lost[node].IsZero() }

// found brings a node back: it starts its containers again, and finishes what it was asked to stop.
func (l *kubelets) found(node string) {
	l.mu.Lock()
	back := !l.lost[node].After(time.Now())
	if back {
		delete(l.lost, node)
	}
	l.mu.Unlock()
	if !back {
		return
	}
	for _, k := range l.podsOn(node) {
		l.restarted(k)
		l.look(k)
	}
	l.lookAtWaiting()
}

// restarted starts a Pod's container after its node came back.
func (l *kubelets) restarted(k key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pod, _ := l.store.get(k).(*corev1.Pod)
	if pod == nil || l.pods[pod.UID] == nil || ended(pod) {
		return
	}
	if pod.DeletionTimestamp != nil { // whatever was being stopped has to be stopped again
		l.pods[pod.UID].why = ""
		return
	}
	if state := l.pods[pod.UID]; state.stage != waiting {
		l.containerEnded(pod, state, 137)
	}
}

// empty takes everything from the disks of a Pod, as a storage system that loses a volume and mounts a new one. Kafka
// ends. What was there is returned for restore.
func (l *kubelets) empty(k key) map[types.UID]map[string]logDir {
	var claims []*corev1.PersistentVolumeClaim
	l.mu.Lock()
	if pod, _ := l.store.get(k).(*corev1.Pod); pod != nil {
		claims, _ = l.claimsOf(pod)
	}
	l.mu.Unlock()
	lost := l.emptyClaims(claims...)
	l.crash(k, 1)
	return lost
}

// emptyClaims does the same to volumes, whoever mounts them.
func (l *kubelets) emptyClaims(claims ...*corev1.PersistentVolumeClaim) map[types.UID]map[string]logDir {
	l.mu.Lock()
	defer l.mu.Unlock()
	lost := map[types.UID]map[string]logDir{}
	for _, claim := range claims {
		if v := l.volumes[claim.UID]; v != nil && len(v.dirs) > 0 {
			lost[claim.UID] = v.dirs
			v.dirs = map[string]logDir{}
		}
	}
	return lost
}

// claimsOfBroker are those of one broker.
func claimsOfBroker(claims []*corev1.PersistentVolumeClaim, id messages.BrokerID) []*corev1.PersistentVolumeClaim {
	return slices.DeleteFunc(slices.Clone(claims), func(c *corev1.PersistentVolumeClaim) bool { return idOf(c) != id })
}

// restore brings back what empty took; scripts that hold go on.
func (l *kubelets) restore(lost map[types.UID]map[string]logDir) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for uid, dirs := range lost {
		if v := l.volumes[uid]; v != nil && len(v.dirs) == 0 {
			v.dirs = dirs
		}
	}
	for uid, state := range l.pods {
		if state.stage == holding {
			if pod, _ := l.store.get(state.key).(*corev1.Pod); pod != nil && pod.UID == uid {
				l.enter(pod, state, backoff, time.Second)
			}
		}
	}
}

// logOf is the end of a Pod's log.
func (l *kubelets) logOf(pod types.UID) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if state := l.pods[pod]; state != nil && state.stage == holding {
		return "start: waiting: " + state.why + "\n"
	}
	return "[KafkaServer] fatal error, ssl.keystore.password=" + secretText
}

// held says why start scripts wait for a person.
func (l *kubelets) held() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, state := range l.pods {
		if state.stage == holding {
			lines = append(lines, state.key.String()+" holds: "+state.why)
		}
	}
	slices.Sort(lines)
	return lines
}

// lookAgain has a start script that waits look at what it waits for.
func (l *kubelets) lookAgain(pod *corev1.Pod) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if state := l.pods[pod.UID]; state != nil && state.stage == holding {
		l.start(pod, state)
	}
}
