package cluster

import (
	"fmt"
	"strings"

	"github.com/koperator-go/koperator/kube"
)

// tellGates logs why nobody may be drained. Between closed and closed only the reason changes, with every Pod that starts.
func (a *cluster) tellGates() {
	if !kube.WantsBudget(a.valid, a.known.Adopted) { // then it decides nobody's drains
		return
	}
	why := a.gatesClosed()
	if a.objects.gatesTold && why == a.objects.gates {
		return
	}
	wasOpen := a.objects.gatesTold && a.objects.gates == ""
	switch {
	case why == "":
		a.Log.Info("nodes may be drained", "reason", "all Pods are ready, and Kafka has all replicas in sync")
	case wasOpen || !a.objects.gatesTold:
		a.Log.Info("no node may be drained", "reason", why)
	default:
		a.Log.Debug("no node may be drained", "reason", why)
	}
	a.objects.gates, a.objects.gatesTold = why, true
}

// whyWrite is why one of the cluster's own objects is written: what differs, of a budget also what it follows from.
func (a *cluster) whyWrite(observed, wanted kube.Object) string {
	why := "it is missing"
	if observed != nil {
		why = "it differs at " + firstDifference(observed, wanted)
	}
	switch {
	case !isBudget(wanted):
		return why
	case a.objects.gates != "":
		return why + "; no node may be drained: " + a.objects.gates
	default:
		return why + "; nodes may be drained as far as spec.disruptionBudget allows"
	}
}

// firstDifference is the first field that differs, and the hash of the wish, which says nothing to anybody, only where no other does.
func firstDifference(observed, wanted kube.Object) string {
	plain := wanted.DeepCopyObject().(kube.Object)
	annotations := plain.GetAnnotations()
	delete(annotations, kube.AnnotationWantedHash)
	plain.SetAnnotations(annotations)
	if covered, path := kube.Covers(observed, plain); !covered {
		return path
	}
	_, path := kube.Covers(observed, wanted)
	return path
}

// tellWrites logs a reason once, not with each attempt: an attempt that fails is told by its job.
func (a *cluster) tellWrites(due []kube.Object, observed map[string]kube.Object) {
	if a.objects.told == nil {
		a.objects.told = map[string]string{}
	}
	for _, object := range due {
		name := nameOf(object)
		if reason := a.whyWrite(observed[name], object); a.objects.told[name] != reason {
			a.objects.told[name] = reason
			a.Log.Info("apply", "object", name, "reason", reason)
		}
	}
}

// nameOf is the kind and name of an object.
func nameOf(object kube.Object) string {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1.")
	return kind + " " + object.GetName()
}
