package broker

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
)

// A node that is tainted to go takes its broker with it sooner or later. Here it moves before, through the same gates as
// every restart, if its volumes can follow.

// placesAgain is when volumes that could not be read are asked for again.
const placesAgain = 5 * time.Minute

// place is where a volume may be.
type place struct {
	// required is nil for a volume that may be anywhere.
	required *corev1.NodeSelector
	// unreadable says why nobody knows.
	unreadable string
	at         time.Time
}

// locate reads where volumes may be.
type locate struct {
	claims []*corev1.PersistentVolumeClaim
}

// announce tells people of something that changes nothing.
type announce struct {
	pod    *corev1.Pod
	notice notice
	text   string
	of     announced
}

// announced is what was told last: that a node was cordoned under a Pod.
type announced struct {
	pod  types.UID
	node string
}

func (locate) isStep()   {}
func (announce) isStep() {}

// drain finds out whether the volumes of a broker can leave a node that is about to go, and tells of a node that is only
// cordoned.
func drain(w blueprint, o observed, now time.Time) step {
	pod := o.pod()
	if pod == nil || o.node == nil || w.Leaving || o.written.Deleting(pod) {
		return nil
	}
	if w.drainTaint(o) == "" {
		told := announced{pod: pod.UID, node: o.node.Name}
		if !kube.Cordoned(o.node) || o.announced == told {
			return nil
		}
		return announce{pod: pod, of: told, notice: notice{"NodeCordoned", "Stay"}, text: "node " + o.node.Name +
			" is cordoned: a cordon alone moves no broker; drain the node to move it"}
	}
	return w.locates(o, now)
}

// locates asks for the volumes of which nobody knows where they may be; nil when that is known of all.
func (w blueprint) locates(o observed, now time.Time) step {
	var unknown []*corev1.PersistentVolumeClaim
	for _, claim := range w.bound(o) {
		at, asked := o.places[claim.Spec.VolumeName]
		if !asked || at.unreadable != "" && now.Sub(at.at) >= placesAgain {
			unknown = append(unknown, claim)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return locate{claims: unknown}
}

// drainTaint announces that the broker's node is about to go, empty while it stays.
func (w blueprint) drainTaint(o observed) string {
	if o.pod() == nil || o.node == nil {
		return ""
	}
	return kube.DrainTaint(o.node, w.config.Tolerations)
}

// bound are the claims that have a volume. One that has none yet can go anywhere.
func (w blueprint) bound(o observed) []*corev1.PersistentVolumeClaim {
	return slices.DeleteFunc(slices.Clone(o.claims), func(claim *corev1.PersistentVolumeClaim) bool {
		return claim.Spec.VolumeName == "" || !mounts(o.pod(), claim.Name)
	})
}

// moves says why the broker leaves its node, empty while it stays there. A Pod that has just come to a node has come to one
// without the taint: what is known of the node is older.
func (w blueprint) moves(o observed) string {
	taint := w.drainTaint(o)
	if taint == "" || !podReady(o.pod()) || w.held(o) != "" {
		return ""
	}
	for _, claim := range w.bound(o) {
		if _, known := o.places[claim.Spec.VolumeName]; !known {
			return ""
		}
	}
	return fmt.Sprintf("node %s is about to go (taint %s)", o.node.Name, taint)
}

// held says which volume keeps the broker on a node that is about to go.
func (w blueprint) held(o observed) string {
	taint := w.drainTaint(o)
	if taint == "" {
		return ""
	}
	for _, claim := range w.bound(o) {
		volume := claim.Spec.VolumeName
		at := o.places[volume]
		if at.unreadable != "" {
			return fmt.Sprintf("node %s is about to go (taint %s), and it is not known whether volume %s can leave it: %s",
				o.node.Name, taint, volume, at.unreadable)
		}
		if kube.StaysOn(at.required, o.node, o.allNodes()) {
			return fmt.Sprintf("node %s is about to go (taint %s), and volume %s is on that node alone: the broker stays with its data; "+
				"keep the node, or remove the broker from the spec", o.node.Name, taint, volume)
		}
	}
	return ""
}

// allNodes are the nodes of Kubernetes, as far as anybody can look.
func (o observed) allNodes() []*corev1.Node {
	if o.listNodes == nil {
		return nil
	}
	return o.listNodes()
}

// withPlaces is what was found of volumes, beside what is known of others.
func withPlaces(known, found map[string]place) map[string]place {
	all := map[string]place{}
	maps.Copy(all, known)
	maps.Copy(all, found)
	return all
}
