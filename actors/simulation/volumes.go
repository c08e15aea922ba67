package simulation

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
)

// noSuchClass is a storage class that nobody serves.
const noSuchClass = "nosuch"

// volumeOn makes a volume where a Pod is to run, as storage classes with WaitForFirstConsumer do.
func (l *kubelets) volumeOn(node *corev1.Node, claim *corev1.PersistentVolumeClaim) *volume {
	v := newVolume(claim.UID)
	label, value := corev1.LabelTopologyZone, node.Labels[corev1.LabelTopologyZone]
	v.zone = value
	if l.local {
		label, value = corev1.LabelHostname, node.Labels[corev1.LabelHostname]
		v.node = node.Name
	}
	l.store.put(&corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv-" + string(claim.UID)},
		Spec: corev1.PersistentVolumeSpec{NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: label, Operator: corev1.NodeSelectorOpIn, Values: []string{value}},
			}}},
		}}},
	})
	return v
}

// reaches reports whether a Pod on a node can mount the volume.
func (v *volume) reaches(node *corev1.Node) bool {
	return v.zone == node.Labels[corev1.LabelTopologyZone] && (v.node == "" || v.node == node.Name)
}

// goneWithItsNode reports whether a claim's volume is the disk of a machine that is lost.
func (l *kubelets) goneWithItsNode(claim types.UID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.volumes[claim]
	return v != nil && v.node != "" && l.isLost(v.node)
}

// onNode changes a machine.
func (w *World) onNode(name string, change func(*corev1.Node)) {
	w.store.update(key{kube.KindNode, "", name}, func(o kube.Object) { change(o.(*corev1.Node)) })
}

// draining is the taint of an autoscaler.
func draining(taint string) func(*corev1.Node) {
	return func(node *corev1.Node) {
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: taint, Effect: corev1.TaintEffectNoSchedule})
	}
}

// undrained takes it back, and writes down when.
func undrained(node *corev1.Node) {
	node.Spec.Taints = nil
	node.Annotations = map[string]string{keptSince: time.Now().Format(time.RFC3339Nano)}
}

const keptSince = "kept-since"

// drained reports whether a machine was about to go within a time.
func (s *store) drained(name string, within time.Duration) bool {
	node, ok := s.get(key{kube.KindNode, "", name}).(*corev1.Node)
	if !ok {
		return false
	}
	kept, err := time.Parse(time.RFC3339Nano, node.Annotations[keptSince])
	return kube.DrainTaint(node, nil) != "" || err == nil && time.Since(kept) <= within
}
