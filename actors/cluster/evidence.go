package cluster

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// evidence is what the objects of a cluster tell about an identity that status has lost.
type evidence struct {
	// running is the id of Pods, claimed that of claims that were formatted, allowed that of claims which may be: no Kafka
	// has been seen under it.
	running, claimed, allowed string
	// quorum is Static as soon as anything says so.
	quorum               messages.QuorumMode
	formattedControllers []messages.BrokerID
	// ids are the different ids of Pods and formatted claims.
	ids []idOf
}

// idOf is a cluster id and the first object that carries it, in words.
type idOf struct{ id, object string }

// evidenceOf looks at owned objects alone.
func evidenceOf(cluster *v1beta1.KafkaCluster, claims, pods []kube.Object) evidence {
	var e evidence
	for _, object := range pods {
		if pod, ok := object.(*corev1.Pod); ok && kube.Owned(pod, cluster) {
			e.running = cmp.Or(e.running, kube.ClusterIDOf(pod))
			e.add(kube.ClusterIDOf(pod), "Pod "+pod.Name)
			e.says(kube.QuorumOf(pod))
		}
	}
	for _, claim := range claims {
		state := kube.FormatStateOf(claim.GetAnnotations())
		if !kube.Owned(claim, cluster) {
			continue
		}
		e.says(state.Quorum)
		if state.Allowed {
			e.allowed = cmp.Or(e.allowed, state.ClusterID)
		}
		if !state.Formatted {
			continue
		}
		e.claimed = cmp.Or(e.claimed, state.ClusterID)
		e.add(state.ClusterID, "claim "+claim.GetName())
		id, err := messages.ParseBrokerID(claim.GetLabels()[kube.LabelBrokerID])
		if err == nil && kube.HoldsController(claim) {
			e.formattedControllers = append(e.formattedControllers, id)
		}
	}
	slices.Sort(e.formattedControllers)
	e.formattedControllers = slices.Compact(e.formattedControllers)
	return e
}

// lostDisks are the disks of the spec that have no claim in a cluster whose claims say that it lived, by node. Its status is new, so nobody
// knows whether Kafka ran on them: they count as lost, and get empty claims by the same proof.
func (e evidence) lostDisks(cluster *v1beta1.KafkaCluster, claims []kube.Object) map[messages.BrokerID][]string {
	if e.claimed == "" {
		return nil
	}
	type disk struct {
		id        messages.BrokerID
		mountPath string
	}
	there := map[disk]bool{}
	for _, claim := range claims {
		if id, err := messages.ParseBrokerID(claim.GetLabels()[kube.LabelBrokerID]); err == nil {
			there[disk{id, claim.GetAnnotations()[kube.AnnotationMountPath]}] = true
		}
	}
	lost := map[messages.BrokerID][]string{}
	for i := range cluster.Spec.Brokers {
		id := messages.BrokerID(cluster.Spec.Brokers[i].ID)
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[i])
		if err != nil {
			continue
		}
		for _, storage := range config.StorageConfigs {
			if storage.PvcSpec != nil && !there[disk{id, storage.MountPath}] {
				lost[id] = append(lost[id], storage.MountPath)
			}
		}
	}
	return lost
}

func (e *evidence) says(quorum messages.QuorumMode) {
	if quorum == messages.QuorumStatic || e.quorum == messages.QuorumNone {
		e.quorum = quorum
	}
}

func (e *evidence) add(id, object string) {
	known := func(k idOf) bool { return k.id == id }
	if id != "" && !slices.ContainsFunc(e.ids, known) {
		e.ids = append(e.ids, idOf{id, object})
	}
}

// disagreement says that nobody can tell which cluster this is. A node that starts under the wrong id never joins, and
// one that is formatted under it has to be emptied by hand.
func (e evidence) disagreement(users string) error {
	if len(e.ids) > 1 {
		return fmt.Errorf("two cluster ids: %s has %s, %s has %s: nothing is started until one is left; delete what belongs to "+
			"another cluster", e.ids[0].object, e.ids[0].id, e.ids[1].object, e.ids[1].id)
	}
	if users != "" && len(e.ids) == 1 && e.ids[0].id != users {
		return fmt.Errorf("two cluster ids: CLUSTER_ID in spec.envs is %s, but %s has %s: nothing is started until they agree; "+
			"set CLUSTER_ID to the latter, or delete what belongs to another cluster", users, e.ids[0].object, e.ids[0].id)
	}
	return nil
}

// koperators reports whether Koperator ran a cluster before: its status says so, or a Pod does, before ours is written.
func koperators(cluster *v1beta1.KafkaCluster, pods []kube.Object) bool {
	if cluster.Status.ObservedGeneration > 0 { // which Koperator does not write
		return false
	}
	return cluster.Status.State != "" || slices.ContainsFunc(pods, func(object kube.Object) bool {
		pod, ok := object.(*corev1.Pod)
		return ok && kube.Owned(pod, cluster) && !kube.MadeByUs(pod)
	})
}
