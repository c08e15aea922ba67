package cluster

import (
	"cmp"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// identity is what a KRaft cluster is for ever: chosen once, recorded in status before the first Pod.
type identity struct {
	clusterID string
	quorum    messages.QuorumMode
	// initial are the first voters of a dynamic quorum, sorted.
	initial []messages.BrokerID
	// disks are those of a cluster that lived before and that nobody has recorded, by node.
	disks map[messages.BrokerID][]v1beta1.FormattedLogDir
	// onPods are its brokers that may have run with a log dir on an emptyDir.
	onPods []messages.BrokerID
}

// identityOf finds what the cluster already is, or decides what a new one becomes. newID makes a cluster id; it is
// asked only when nothing that exists names one.
//
// A lost cluster id is fatal for new nodes, so it is looked for wherever it may still stand: in status, in the user's
// environment, on claims that outlived an earlier custom resource, in Pods that run.
func identityOf(cluster *v1beta1.KafkaCluster, status v1beta1.KafkaClusterStatus, found evidence,
	newID func() (string, error),
) (identity, error) {
	if !cluster.Spec.KRaft {
		return identity{}, nil
	}
	if status.ClusterID != "" {
		return recordedIdentity(status), nil
	}
	users := userClusterID(cluster)
	if err := found.disagreement(users); err != nil {
		return identity{}, err
	}
	id := identity{
		clusterID: cmp.Or(found.running, found.claimed, users, found.allowed),
		quorum:    cmp.Or(found.quorum, messages.QuorumDynamic),
	}
	if id.clusterID == "" {
		fresh, err := newID()
		if err != nil {
			return identity{}, err
		}
		id.clusterID = fresh
	}
	if id.quorum == messages.QuorumStatic {
		return id, nil
	}
	if id.initial = found.formattedControllers; len(id.initial) == 0 {
		id.initial = rolesOf(cluster).controllers
	}
	return id, nil
}

func recordedIdentity(status v1beta1.KafkaClusterStatus) identity {
	id := identity{clusterID: status.ClusterID, quorum: messages.QuorumMode(status.Quorum)}
	if id.quorum == messages.QuorumNone { // Koperator recorded the id alone
		id.quorum = messages.QuorumStatic
	}
	for _, n := range status.InitialControllers {
		id.initial = append(id.initial, messages.BrokerID(n))
	}
	return id
}

// record writes an identity into a status.
func (i identity) record(status *v1beta1.KafkaClusterStatus) {
	status.ClusterID, status.Quorum = i.clusterID, v1beta1.QuorumMode(i.quorum)
	status.InitialControllers = nil
	for _, id := range i.initial {
		status.InitialControllers = append(status.InitialControllers, int32(id))
	}
	if len(i.disks)+len(i.onPods) > 0 && status.BrokersState == nil {
		status.BrokersState = map[string]v1beta1.BrokerState{}
	}
	for _, id := range i.onPods {
		if state := status.BrokersState[id.String()]; state.RanOnEmptyDir == "" {
			state.RanOnEmptyDir = unknownUID
			status.BrokersState[id.String()] = state
		}
	}
	for id, dirs := range i.disks {
		if state := status.BrokersState[id.String()]; len(state.FormattedLogDirs) == 0 {
			state.FormattedLogDirs = dirs
			status.BrokersState[id.String()] = state
		}
	}
}

// unknownUID stands for the claim of a disk, or the Pod with an emptyDir, that may have been in a cluster whose status is lost. Nothing has
// this UID.
const unknownUID = "00000000-0000-0000-0000-000000000000"

func userClusterID(cluster *v1beta1.KafkaCluster) string {
	for _, env := range cluster.Spec.Envs {
		if env.Name == "CLUSTER_ID" {
			return env.Value
		}
	}
	return ""
}

// identified reports whether the cluster's identity is recorded, and records it when it is not. No broker is told
// anything before.
func (a *cluster) identified(c actor.Context) bool {
	if !a.valid.Spec.KRaft {
		return a.disksRecorded()
	}
	if a.known.ClusterID != "" && a.known.Quorum != "" {
		if id, anew := chosenAnew(a.roles.controllers, a.known, a.mayHaveStarted); anew {
			a.status.record = &id
			return false
		}
		return true
	}
	if a.status.record != nil { // a write whose answer was lost may have landed: it must not be followed by another id
		return false
	}
	claims := a.Cache.Objects(kube.KindClaim, a.Key)
	found := evidenceOf(a.valid, claims, a.Cache.Objects(kube.KindPod, a.Key))
	id, err := identityOf(a.valid, a.known, found, newClusterID)
	if err != nil {
		if a.objects.problem != err.Error() { // which the status tells
			a.Log.Error("no cluster id", "error", err)
		}
		a.objects.problem = err.Error()
		return false
	}
	a.objects.problem, id.disks, id.onPods = "", found.disks(a.valid, claims), found.onPods(a.valid)
	a.status.record = &id
	return false
}

// disksRecorded does in ZooKeeper mode, where there is no id, what is left of that: it records the disks of a cluster whose status is lost.
func (a *cluster) disksRecorded() bool {
	switch {
	case a.status.record != nil:
		return false
	case a.status.sent != nil || anyFormatted(a.known.BrokersState):
		return true
	}
	claims := a.Cache.Objects(kube.KindClaim, a.Key)
	found := evidenceOf(a.valid, claims, nil)
	if disks := found.disks(a.valid, claims); len(disks) > 0 {
		a.status.record = &identity{
			clusterID: a.known.ClusterID, quorum: messages.QuorumMode(a.known.Quorum), disks: disks, onPods: found.onPods(a.valid),
		}
	}
	return a.status.record == nil
}
