package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
	// lived is set where Kafka was seen to run on any claim; with ZooKeeper such a claim has no id.
	lived bool
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
		e.lived, e.claimed = true, cmp.Or(e.claimed, state.ClusterID)
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

// disks are those of a cluster whose claims say that it lived, by node, as its status had them: that is new, and an empty disk must not
// take the place of one that Kafka ran on. Those that have no claim any more count as lost.
func (e evidence) disks(cluster *v1beta1.KafkaCluster, claims []kube.Object) map[messages.BrokerID][]v1beta1.FormattedLogDir {
	if !e.lived {
		return nil
	}
	disks, known := map[messages.BrokerID][]v1beta1.FormattedLogDir{}, map[messages.BrokerID][]string{}
	for _, claim := range claims {
		id, err := messages.ParseBrokerID(claim.GetLabels()[kube.LabelBrokerID])
		if err != nil || !kube.Owned(claim, cluster) || !kube.FormatStateOf(claim.GetAnnotations()).Formatted {
			continue
		}
		mountPath := claim.GetAnnotations()[kube.AnnotationMountPath]
		disks[id] = append(disks[id], v1beta1.FormattedLogDir{MountPath: mountPath, ClaimUID: string(claim.GetUID())})
		known[id] = append(known[id], strings.Split(claim.GetAnnotations()[kube.AnnotationNodeDisks], ",")...)
	}
	for i := range cluster.Spec.Brokers {
		id := messages.BrokerID(cluster.Spec.Brokers[i].ID)
		if len(disks[id]) == 0 { // new since, or all of its claims are lost: Kafka has to tell
			known[id] = claimedPaths(cluster, &cluster.Spec.Brokers[i])
		}
	}
	for id, mountPaths := range known {
		for _, mountPath := range mountPaths {
			there := slices.ContainsFunc(disks[id], func(d v1beta1.FormattedLogDir) bool { return d.MountPath == mountPath })
			if mountPath != "" && !there && !waitingClaim(claims, id, mountPath) {
				disks[id] = append(disks[id], v1beta1.FormattedLogDir{MountPath: mountPath, ClaimUID: unknownUID})
			}
		}
		slices.SortFunc(disks[id], func(a, b v1beta1.FormattedLogDir) int { return strings.Compare(a.MountPath, b.MountPath) })
	}
	return disks
}

// onPods are the brokers of such a cluster that may have run with a log dir on an emptyDir.
func (e evidence) onPods(cluster *v1beta1.KafkaCluster) []messages.BrokerID {
	if !e.lived {
		return nil
	}
	var ids []messages.BrokerID
	for i := range cluster.Spec.Brokers {
		entry := &cluster.Spec.Brokers[i]
		broker, _ := rolesOfNode(cluster, entry)
		if _, any, _ := emptyDirs(cluster, entry); broker && any {
			ids = append(ids, messages.BrokerID(entry.ID))
		}
	}
	return ids
}

// claimedPaths are the mount paths of a node's disks that have claims.
func claimedPaths(cluster *v1beta1.KafkaCluster, entry *v1beta1.Broker) []string {
	config, err := v1beta1.BrokerConfigOf(&cluster.Spec, entry)
	if err != nil {
		return nil
	}
	var paths []string
	for _, storage := range config.StorageConfigs {
		if storage.PvcSpec != nil {
			paths = append(paths, storage.MountPath)
		}
	}
	return paths
}

// waitingClaim reports whether a disk has a claim on which Kafka was not seen to run.
func waitingClaim(claims []kube.Object, id messages.BrokerID, mountPath string) bool {
	return slices.ContainsFunc(claims, func(claim kube.Object) bool {
		annotations := claim.GetAnnotations()
		return claim.GetLabels()[kube.LabelBrokerID] == id.String() && annotations[kube.AnnotationMountPath] == mountPath &&
			!kube.FormatStateOf(annotations).Formatted
	})
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
