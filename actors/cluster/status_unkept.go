package cluster

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// unkept is what carries the labels of a cluster's nodes and has no broker actor that could speak of it.
type unkept struct {
	// strays are Pods and claims that do not belong to the cluster, in words: whatever broker id they carry, the
	// scheduler and Services take them for the cluster's.
	strays []string
	// running are nodes that are not in the spec and whose Pod nobody knows how to make again.
	running []node
	// claims are the disks of brokers that are not in the spec and have no Pod, by broker and name.
	claims []leftover
}

type leftover struct {
	id   messages.BrokerID
	name string
}

// unkeptOf sorts what the labels find. cared are the brokers that have an actor or stand in the spec.
func unkeptOf(cluster *v1beta1.KafkaCluster, cared map[messages.BrokerID]bool, pods, claims []kube.Object) unkept {
	var found unkept
	running := map[messages.BrokerID]bool{}
	for _, object := range slices.Concat(pods, claims) {
		_, isPod := object.(*corev1.Pod)
		id, err := messages.ParseBrokerID(object.GetLabels()[kube.LabelBrokerID])
		switch {
		case object.GetLabels()[kube.LabelApp] != kube.AppKafka: // Cruise Control, Envoy: not a node's
		case !kube.Owned(object, cluster) && isPod:
			found.strays = append(found.strays, "Pod "+object.GetName())
		case !kube.Owned(object, cluster):
			found.strays = append(found.strays, "claim "+object.GetName())
		case err != nil || cared[id] || object.GetDeletionTimestamp() != nil:
		case isPod && !running[id]:
			running[id] = true
			found.running = append(found.running, node{id: id, leaving: true})
		case !isPod && !running[id]: // all Pods were looked at before
			found.claims = append(found.claims, leftover{id, object.GetName()})
		}
	}
	slices.SortFunc(found.running, func(a, b node) int { return int(a.id - b.id) })
	slices.SortStableFunc(found.claims, func(a, b leftover) int { return int(a.id - b.id) })
	return found
}

// leftoverClaims are those that nobody means to keep.
func leftoverClaims(cluster *v1beta1.KafkaCluster, claims []leftover) []leftover {
	if cluster.Spec.GetRetentionWhenScaled() == v1beta1.RetentionRetain {
		return nil
	}
	return claims
}

// cared are the brokers that have an actor or stand in the spec.
func (a *cluster) cared() map[messages.BrokerID]bool {
	cared := map[messages.BrokerID]bool{}
	for id := range a.children {
		cared[id] = true
	}
	for _, spec := range []*v1beta1.KafkaClusterSpec{&a.newest.Spec, &a.valid.Spec} { // the newest may be unreadable
		for i := range spec.Brokers {
			cared[messages.BrokerID(spec.Brokers[i].ID)] = true
		}
	}
	return cared
}

func strayText(strays []string) string {
	if len(strays) == 0 {
		return ""
	}
	const most = 5
	text := strings.Join(strays[:min(most, len(strays))], ", ")
	if more := len(strays) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(strays) == 1 {
		return text + " carries the labels of this cluster's nodes but does not belong to it: the scheduler counts it for their " +
			"anti-affinity, Services and PodDisruptionBudgets select it; delete it or remove its label " + kube.LabelCluster
	}
	return withEnd(text, " carry the labels of this cluster's nodes but do not belong to it: the scheduler counts them for their "+
		"anti-affinity, Services and PodDisruptionBudgets select them; delete them or remove their label "+kube.LabelCluster)
}

func leftoverText(claims []leftover) string {
	if len(claims) == 0 {
		return ""
	}
	const most = 5
	var names []string
	var nodes []node
	for _, claim := range claims {
		if len(names) < most {
			names = append(names, claim.name)
		}
		if len(nodes) == 0 || nodes[len(nodes)-1].id != claim.id {
			nodes = append(nodes, node{id: claim.id})
		}
	}
	list := strings.Join(names, ", ")
	if more := len(claims) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	what, them := "claims of "+named(nodes)+" are left", "them"
	if len(claims) == 1 {
		what, them = "a claim of "+named(nodes)+" is left", "it"
	}
	return withEnd(what+" although the spec does not name the id any more ("+list+")",
		fmt.Sprintf(": the data is kept; put the broker back to use %s again, or delete %s", them, them))
}
