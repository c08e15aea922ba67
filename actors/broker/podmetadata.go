package broker

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// A controller with its metadata on an emptyDir has an empty log with each new Pod, and must not have the vote that its last one had:
// it would vote again in a term in which it has voted, and complete a majority without what it had confirmed (KIP-595). So the first
// Pod alone has the directory id that the first voters know. All others have a random one, join without a vote and get one when they
// have the log (KIP-853).
//
// What tells whether Kafka may have run in the first Pod is the broker's ConfigMap: no container starts without it. It is written when
// that Pod has a node and names it, and nothing takes it away again but the word of the Pod's kubelet, at its end, that there never was a
// container.

// metadataOnPod reports whether a controller is to have its metadata on an emptyDir.
func (w blueprint) metadataOnPod() bool {
	return w.Cluster.Spec.KRaft && w.config.IsController() && len(w.disks) > 0 && w.disks[0].PvcSpec == nil
}

// mayForm reports whether the next Pod may be a first voter: nobody has seen a quorum, and none can have begun on this node.
func (w blueprint) mayForm(o observed) bool {
	return w.metadataOnPod() && w.InitialController && w.FirstVoter && o.config == nil && o.pod() == nil
}

// firstVoter is the Pod that may be a first voter, empty where none may: the one that is named already, or the first that is there.
func (w blueprint) firstVoter(o observed) types.UID {
	pod := o.pod()
	switch {
	case pod == nil || !kube.FirstVoterPod(pod):
		return ""
	case o.config == nil && w.FirstVoter, o.config != nil && o.config.Data[kube.KeyFirstVoter] == string(pod.UID):
		return pod.UID
	default:
		return ""
	}
}

// firstVoterSpent stands in place of the Pod's UID when it runs in a quorum: a node that loses its emptyDirs in a reboot keeps its Pods,
// and the same directory id with an empty log must not come back under the same UID either.
const firstVoterSpent = "spent"

// firstVoterText is what the ConfigMap says of the first voter, empty for nothing.
func (w blueprint) firstVoterText(o observed) string {
	pod := w.firstVoter(o)
	switch {
	case pod != "" && !w.FirstVoter && podReady(o.pod()):
		return firstVoterSpent
	case pod == "" && o.config != nil && o.config.Data[kube.KeyFirstVoter] == firstVoterSpent && o.pod() != nil && kube.FirstVoterPod(o.pod()):
		return firstVoterSpent
	}
	return string(pod)
}

// spends takes the right of a first voter that runs by an older wish, whose file stays as it is; nil where there is nothing to take.
func (w blueprint) spends(o observed) step {
	if o.config == nil || o.config.Data[kube.KeyFirstVoter] == "" || w.firstVoterText(o) != firstVoterSpent ||
		o.config.Data[kube.KeyFirstVoter] == firstVoterSpent {
		return nil
	}
	config := w.configMap.DeepCopy()
	config.Labels, config.Annotations, config.Data = maps.Clone(o.config.Labels), maps.Clone(o.config.Annotations), maps.Clone(o.config.Data)
	config.Data[kube.KeyFirstVoter] = firstVoterSpent
	kube.SignConfig(config)
	return apply{objects: []kube.Object{config}, reason: "the Pod runs in a quorum: no other start of it may be that of a first voter"}
}

const firstVoterAgain = "the Pod never started, so its successor may still be a first voter of the quorum"

// neverVoted takes the ConfigMap of a first voter away whose Pod has ended without a start, so that the next one may be a first voter.
// While the Pod may still start, to take it away would be too early: its container has what was mounted.
func neverVoted(w blueprint, o observed, _ time.Time) step {
	if !w.votesStillUnused(o) {
		return nil
	}
	return remove{object: o.config, reason: firstVoterAgain}
}

// votesStillUnused reports whether the Pod that the ConfigMap names as first voter has ended without a start, by the word of its kubelet:
// its last one, where the Pod is gone already.
func (w blueprint) votesStillUnused(o observed) bool {
	if !w.FirstVoter || o.config == nil {
		return false
	}
	if pod := o.pod(); pod != nil {
		return w.firstVoter(o) != "" && kube.NeverHadContainer(pod)
	}
	named := types.UID(o.config.Data[kube.KeyFirstVoter])
	return named != "" && named != firstVoterSpent && o.neverRan != nil && o.neverRan(named)
}

// formsUnrecorded reports whether a first voter runs although the ConfigMap that tells so is gone: whatever becomes of that Pod, it must
// be known.
func (w blueprint) formsUnrecorded(o observed) bool {
	pod := o.pod()
	return w.FirstVoter && pod != nil && o.config == nil && kube.FirstVoterPod(pod) && everStarted(pod) &&
		!kube.NeverHadContainer(pod)
}

// mendsInPlace reports whether a first voter cannot start and there is no quorum yet: another Pod could not be one, but this one's container
// finds the newest file when it is started again.
func (w blueprint) mendsInPlace(o observed) bool {
	return w.FirstVoter && o.config != nil && w.firstVoter(o) != "" && !o.written.Deleting(o.pod()) && everStarted(o.pod()) && stuck(o.pod()) &&
		(!w.racks() || o.node != nil)
}

// wasFirstVoter reports whether others may know the node by the directory id that it had on an emptyDir: a claim that takes its place has
// another one.
func (w blueprint) wasFirstVoter(o observed) bool {
	pod := o.pod()
	return pod != nil && kube.FirstVoterPod(pod) || o.config != nil && o.config.Data[kube.KeyFirstVoter] != ""
}

const (
	// firstStart is how long a first voter may take from its creation until its container starts: to pull an image takes a while.
	firstStart = 2 * time.Minute
	// firstStartApart is how much later the time of the next one on the list is over.
	firstStartApart = 15 * time.Second
)

// mayYetVote is how long a Pod may yet take to start as a first voter, 0 for one that is none or that is stuck. Its container may be there
// already when the Pod goes, and then no other Pod has its vote (KIP-853 knows it by the directory id). If all went in one moment, as after an
// edit in the first seconds, there might never be a quorum: so they go apart.
func (w blueprint) mayYetVote(o observed, now time.Time) time.Duration {
	pod := o.pod()
	if o.config == nil || w.firstVoter(o) == "" || stuck(pod) {
		return 0
	}
	place := max(0, slices.IndexFunc(w.Quorum.Initial, func(v messages.Voter) bool { return v.ID == w.id }))
	return max(0, firstStart+time.Duration(place)*firstStartApart-now.Sub(pod.CreationTimestamp.Time))
}

// uninvited reports whether a Pod was made to be a first voter, never started, and came too late for that.
func (w blueprint) uninvited(o observed) bool {
	pod := o.pod()
	return pod != nil && !o.written.Deleting(pod) && o.config == nil && !w.FirstVoter && kube.FirstVoterPod(pod) && !everStarted(pod)
}

// rackOf is the rack of the node that the Pod runs on, as far as it is known.
func (w blueprint) rackOf(o observed) string {
	if !w.racks() || o.node == nil {
		return ""
	}
	return w.rack(o.node)
}

// lostMetadata is the mount path of metadata that went with a Pod, empty while there is one, or none is wanted. Who leaves gets a Pod
// without: it never gets a vote again.
func (w blueprint) lostMetadata(o observed) []string {
	if !w.metadataOnPod() || o.pod() != nil || w.Leaving || w.Entry.Maintenance || w.mayForm(o) || w.votesStillUnused(o) {
		return nil
	}
	return []string{w.disks[0].MountPath}
}
