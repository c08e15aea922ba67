package simulation

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// failDisk takes the last of several disks from a broker that runs: without that of its metadata it would end.
func (h *history) failDisk() {
	h.withPod(func(p *corev1.Pod) {
		if path := h.kafka.lastDir(keyed(h.name), idOf(p)); path != "" {
			h.failDir(h.name, idOf(p), path)
		}
	})
}

// lastDir is the last of several log dirs of a broker that serves, empty where there is none.
func (k *kafka) lastDir(name messages.ClusterKey, id messages.BrokerID) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[name]
	if c == nil || c.brokers[id] == nil || !c.serving(id) || len(c.processes[id].dirs) < 2 {
		return ""
	}
	var paths []string
	for path := range c.processes[id].dirs {
		paths = append(paths, path)
	}
	return slices.Max(paths)
}

// exchangeDisks is somebody who repairs all disks that have failed, and starts their brokers again.
func (h *history) exchangeDisks() {
	for _, pod := range h.pods(h.name) {
		if h.kafka.hasFailed(keyed(h.name), idOf(pod)) {
			h.kubelets.crash(keyOf(pod), 1)
		}
	}
}

func (k *kafka) hasFailed(name messages.ClusterKey, id messages.BrokerID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[name]
	return c != nil && c.brokers[id] != nil && len(c.brokers[id].failed) > 0
}

// loseNodeForGood takes one machine away with its own disks; an autoscaler brings another one to the zone.
func (h *history) loseNodeForGood() {
	byTaint := h.rng.IntN(2) == 0
	h.withPod(func(p *corev1.Pod) {
		node, ok := h.store.get(key{kube.KindNode, "", p.Spec.NodeName}).(*corev1.Node)
		if !ok || h.gone || !h.canLose(node.Name) {
			return
		}
		h.gone = true
		if byTaint {
			h.givenUp(node.Name)
		} else {
			h.goneForGood(node.Name)
		}
		next := node.DeepCopy()
		next.ObjectMeta.Name, next.ObjectMeta.UID, next.ObjectMeta.ResourceVersion = "node-new", "", ""
		next.Labels[corev1.LabelHostname], next.Spec = next.Name, corev1.NodeSpec{}
		h.store.put(next)
	})
}

// canLose reports whether no vote is lost with a machine's disks: two of three would be lost for ever.
func (h *history) canLose(node string) bool {
	for _, pod := range h.pods(h.name) {
		votes := h.kubelets.fileOf(pod)["process.roles"] != "broker" && h.cluster(h.name).Spec.KRaft
		if pod.Spec.NodeName == node && votes && (h.kubelets.local || kube.MetadataOnPod(pod)) {
			return false
		}
	}
	return true
}

// goneForGood is a machine that never comes back, and whose Node object somebody deletes.
func (w *World) goneForGood(node string) {
	w.switchedOff(node)
	w.deleteObject(key{kube.KindNode, "", node})
}

// givenUp is a machine that never comes back, which somebody says by a taint.
func (w *World) givenUp(node string) {
	w.switchedOff(node)
	w.onNode(node, func(n *corev1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeOutOfService, Effect: corev1.TaintEffectNoExecute})
	})
}

// switchedOff is a machine that nobody hears of any more, and that Kubernetes has given up.
func (w *World) switchedOff(node string) {
	w.kubelets.lose(node, 1000*time.Hour)
	w.advance(2 * time.Minute)
	for _, object := range w.store.list(kube.KindPod) {
		if pod := object.(*corev1.Pod); pod.Spec.NodeName == node {
			w.store.remove(keyOf(pod), pod.UID) // Kubernetes' garbage collector lets go of Pods that nobody can stop
		}
	}
}
