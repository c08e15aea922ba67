package simulation

import (
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// What people do with Pods, nodes and gates, and with the Kafka that runs.

// askForRestart marks a Pod by one of the two ways.
func (h *history) askForRestart() {
	byLabel := h.rng.IntN(2) == 0
	if byLabel {
		h.edit(h.name, taintedBy(labelled("restart", "me")))
	}
	h.withPod(func(p *corev1.Pod) {
		h.store.update(keyOf(p), func(o kube.Object) {
			if byLabel {
				o.GetLabels()["restart"] = "me"
			} else if annotations := o.GetAnnotations(); annotations != nil {
				annotations[kube.AnnotationRestart] = "true"
			}
		})
	})
}

// evictPod is somebody who asks once, as a descheduler does: what may not go the budget keeps.
func (h *history) evictPod() {
	h.withPod(func(p *corev1.Pod) { _ = h.store.evict(keyOf(p), p.UID) })
}

// drainForAWhile is kubectl drain, which somebody stops, and kubectl uncordon.
func (h *history) drainForAWhile() {
	rounds := 1 + h.rng.IntN(12)
	h.withPod(func(p *corev1.Pod) {
		node := p.Spec.NodeName
		if node == "" || h.store.get(key{kube.KindNode, "", node}) == nil {
			return
		}
		h.onNode(node, func(n *corev1.Node) { n.Spec.Unschedulable = true })
		for range rounds {
			for _, pod := range h.pods(h.name) {
				if pod.Spec.NodeName == node {
					_ = h.store.evict(keyOf(pod), pod.UID)
				}
			}
			h.advance(evictsEvery)
		}
		h.onNode(node, func(n *corev1.Node) { n.Spec.Unschedulable = false })
	})
}

// protectPods is somebody whose budget lets nobody go, until he thinks again.
func (h *history) protectPods() {
	h.closeBudget(true)
	if h.rng.IntN(2) == 0 {
		h.advance(h.minutes(4))
		h.closeBudget(false)
	}
}

// evictsEvery is when kubectl drain tries again what was refused.
const evictsEvery = 5 * time.Second

// limitTogether lets one or more brokers be away at a time, and restart together.
func (h *history) limitTogether() {
	n := 1 + h.rng.IntN(3)
	h.edit(h.name, budgeted(strconv.Itoa(n)))
	h.edit(h.name, func(c *v1beta1.KafkaCluster) {
		c.Spec.RollingUpgradeConfig.ConcurrentBrokerRestartCountPerRack = 1 + n/2
	})
}

// newerDaemon builds Pods in another way than whoever built those that run; people agree to their restart, by a word or by a window
// that is open, and may think again in the middle of it.
func (h *history) newerDaemon() {
	h.updated(h.name)
	if h.rng.IntN(2) == 0 {
		h.edit(h.name, annotated(kube.AnnotationConsent, []string{"true", "yes"}[h.rng.IntN(2)]))
	} else {
		h.edit(h.name, func(c *v1beta1.KafkaCluster) {
			c.Spec.MaintenanceWindows = []v1beta1.MaintenanceWindow{{Schedule: "*/10 * * * *", Duration: "3m"}}
		})
	}
	if h.rng.IntN(2) == 0 {
		h.advance(h.minutes(4))
		h.edit(h.name, withoutConsent)
	}
}

// withoutConsent takes back what people have agreed to.
func withoutConsent(c *v1beta1.KafkaCluster) {
	delete(c.Annotations, kube.AnnotationConsent)
	c.Spec.MaintenanceWindows = nil
}

// upgrade is a newer Kafka, and then and now the metadata version of it, which it may have to wait for. Without KRaft there is none.
func (h *history) upgrade() {
	if !h.cluster(h.name).Spec.KRaft {
		return
	}
	if h.rng.IntN(3) > 0 {
		h.edit(h.name, kafkaImage("4.3.1"))
	}
	if h.rng.IntN(2) == 0 {
		h.edit(h.name, metadataVersion("4.3"))
	}
}

// breakImage rolls out an image that cannot start, for all or for one, and takes it back. Pods that go meanwhile come back with it.
func (h *history) breakImage() {
	bad := []string{"registry.example/kafka:broken", "registry.example/kafka:unpullable"}[h.rng.IntN(2)]
	if h.onPods() && !h.allVote() { // first voters that have begun cannot have another image before there is a quorum: deploy/OPERATIONS.md
		return
	}
	before := h.cluster(h.name).Spec.ClusterImage
	h.edit(h.name, image(bad))
	h.advance(h.minutes(4))
	if h.rng.IntN(2) == 0 {
		h.withSparePod(func(p *corev1.Pod) { h.deleteObject(keyOf(p)) })
		h.advance(h.minutes(2))
	}
	h.edit(h.name, image(before))
}

// metadataProblems says what is missing of the metadata version that the spec asks for, where Kafka can have it.
func (w *World) metadataProblems(name string) []string {
	c := w.cluster(name)
	asked := c.Spec.MetadataVersion
	if asked == "" || c.Spec.ClusterImage != "registry.example/kafka:"+asked+".1" || c.Status.MetadataVersion == asked+"-IV0" {
		return nil
	}
	return []string{"metadata.version is " + c.Status.MetadataVersion + " and should be " + asked}
}

// agreeToDynamic has the quorum of a cluster that Koperator made moved, as soon as a Kafka runs that can.
func (h *history) agreeToDynamic() {
	if h.takenOver {
		h.edit(h.name, annotated(kube.AnnotationConsent, kube.ConsentDynamicQuorum))
		h.edit(h.name, kafkaImage("4.3.1"))
	}
}

// builtByAnother is what an older daemon recorded of how it built a Pod.
const builtByAnother = "v1:another"

// builtOtherwise marks all Pods as if an older daemon had built them in another way.
func (w *World) builtOtherwise(name string) {
	for _, pod := range w.pods(name) {
		if !kube.MadeByUs(pod) { // Koperator left no such record
			continue
		}
		w.store.update(keyOf(pod), func(o kube.Object) {
			annotations := o.GetAnnotations()
			annotations[kube.AnnotationRenderedHash] = kube.WithFilePart(builtByAnother, kube.FilePart(annotations[kube.AnnotationRenderedHash]))
			o.SetAnnotations(annotations)
		})
	}
}
