package messages

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// NeedSpec asks the parent to tell again all that is wanted: a started or restarted actor remembers nothing.
type NeedSpec struct{ ID BrokerID }

// Reconfigure is all that is wanted of one broker (cluster → broker). It can be sent again without harm.
type Reconfigure struct {
	// Revision grows with each change of Wanted; what is not newer than the last one is ignored.
	Revision int64
	Wanted   BrokerWanted
}

// BrokerWanted is everything that one broker's objects are made from.
type BrokerWanted struct {
	// Cluster is a snapshot with a spec that passed validation; shared and read-only. It may be older than the
	// newest one when nothing in between concerns this broker.
	Cluster *v1beta1.KafkaCluster
	// Entry is the broker's entry of spec.brokers, or the last one it had.
	Entry v1beta1.Broker
	// Leaving is set while the broker is no longer in the spec but still has objects.
	Leaving bool
	// ClusterID is Kafka's cluster id, recorded in status before any Pod is made; empty in ZooKeeper mode.
	ClusterID string
	// Quorum lists the first voters once the directory id of each is known.
	Quorum Quorum
	// InitialController is set for a controller that belongs to the first voters of a dynamic quorum: it formats its
	// metadata with their list. Every other node joins what is there.
	InitialController bool
	// FirstVoter is set while such a controller may still be one whose metadata are on an emptyDir: as far as anybody knows the quorum
	// never formed. Later its Pod's directory is another one, and joins.
	FirstVoter bool
	// Formatted lists the log dirs on which Kafka was seen to run: mount path → UID of the claim.
	Formatted map[string]types.UID
	// RanBefore is set for a broker that Koperator left in status: its disks hold data although nobody here has seen it run.
	RanBefore bool
	// Paused forbids every write but making a lost Pod again, unchanged.
	Paused bool
	// Permit allows to stop a Pod that has to be replaced.
	Permit Permit
	// Kafka is what is known of the version that runs.
	Kafka KafkaRelease
	// ClusterApplied are the keys that the operator has set for all brokers, sorted.
	ClusterApplied []string
	// Consent says that people, or a maintenance window, agree to restarts which only a newer daemon asks for.
	Consent bool
	// Removal is how far a leaving broker is on its way out.
	Removal Removal
	// Replace are the mount paths whose lost claims, or emptyDirs with a controller's metadata, may be replaced by empty ones, sorted: what
	// was on them is elsewhere.
	Replace []string
	// RanOnPod is set for a broker that ran with a log dir on an emptyDir, as far as anybody knows. StartEmpty says, while its Pod is gone, that Kafka
	// has nothing which others would give up for the empty one of its next Pod.
	RanOnPod, StartEmpty bool
	// MetadataDirectory is the id of the log dir with the metadata of the node's vote; empty while it has none, or nobody knows.
	MetadataDirectory string
	// Elsewhere says that every partition which may have a replica on a disk of the broker that cannot be read is led by another
	// broker.
	Elsewhere bool
	// BrokersTook tells a node without the broker role, while its own file is old, that all brokers run with the newest of their files: Kafka has refused nothing
	// of it.
	BrokersTook bool
}

// Removal tells a broker that left the spec what of it may go. The zero Removal lets nothing go: whoever may still hold the
// last copy of a partition runs on.
type Removal struct {
	// Stop is the UID of the Pod that holds nothing any more and may be stopped for good.
	Stop types.UID
	// Stopped says that no Pod is made again.
	Stopped bool
	// Retire says that Kafka has forgotten the broker: its objects may go.
	Retire bool
	// Remembered says that Kafka may remember dynamic values of the broker, which would be in force when its id comes back: the
	// record of those that are ours stays.
	Remembered bool
}

// KafkaRelease is what decides how Kafka takes configuration.
type KafkaRelease struct {
	// Version is such as "4.3"; empty while Kafka has not told.
	Version string
	// ELR says that Kafka keeps eligible leader replicas (KIP-966).
	ELR bool
}

// Permit allows a broker actor to stop one Pod and none that follows it: to disturb Kafka is granted by the cluster actor
// alone. The zero Permit allows nothing.
type Permit struct {
	Pod types.UID
	// Asked are the PodDisruptionBudgets that may refuse.
	Asked Budgets
	// WhileStuck says that the permit ends when the Pod is not stuck any more: its controller may then hold a vote.
	WhileStuck bool
	// Because is why the cluster actor wants the Pod replaced although its broker does not ask for it; empty otherwise.
	Because string
}

// Budgets are the PodDisruptionBudgets that have a say when a Pod is stopped.
type Budgets int

const (
	// AllBudgets means that the Pod is evicted.
	AllBudgets Budgets = iota
	// OthersBudgets leaves out those of the operator: they are closed for everybody else while a broker is down or out of sync, or the
	// user's budget lets nobody go at all.
	OthersBudgets
	// NoBudget is for a Pod that cannot start or that Kafka has lost, for one that a person has asked to be stopped whatever becomes of others,
	// and for a controller that has given up its vote for it.
	NoBudget
)

// String is for logs.
func (b Budgets) String() string { return [...]string{"all", "others", "none"}[b] }

// Restart is why a Pod has to be replaced.
type Restart struct {
	// Reason is empty when it has not to be.
	Reason string
	// Stuck is set when the Pod will not become ready by itself: it crashes again and again, has no image or no node.
	Stuck bool
	// Forced is a person's word that the broker restarts whatever becomes of its partitions.
	Forced bool
	// Refused is what the API server said when it last refused the eviction, empty when it did not.
	Refused string
}

// Equal reports whether two wishes are the same for the broker.
func (w BrokerWanted) Equal(o BrokerWanted) bool {
	return w.Cluster == o.Cluster && w.Leaving == o.Leaving && w.ClusterID == o.ClusterID && w.Paused == o.Paused &&
		w.InitialController == o.InitialController && w.FirstVoter == o.FirstVoter && w.Permit == o.Permit && w.Removal == o.Removal &&
		w.Elsewhere == o.Elsewhere && w.BrokersTook == o.BrokersTook && w.MetadataDirectory == o.MetadataDirectory &&
		w.Consent == o.Consent && w.Kafka == o.Kafka &&
		w.RanBefore == o.RanBefore && w.RanOnPod == o.RanOnPod && w.StartEmpty == o.StartEmpty &&
		slices.Equal(w.ClusterApplied, o.ClusterApplied) && slices.Equal(w.Replace, o.Replace) &&
		w.Quorum.Equal(o.Quorum) && maps.Equal(w.Formatted, o.Formatted)
}

// Phase is what a broker's Kubernetes objects are doing.
type Phase string

const (
	// PhaseUnknown is a broker that nobody has looked at yet.
	PhaseUnknown Phase = ""
	// PhasePending is a broker whose objects are being made.
	PhasePending Phase = "Pending"
	// PhaseStarting is a broker whose Pod exists and is not ready.
	PhaseStarting Phase = "Starting"
	// PhaseRunning is a broker whose Pod is ready.
	PhaseRunning Phase = "Running"
	// PhaseStopped is a broker that has no Pod because the spec says so.
	PhaseStopped Phase = "Stopped"
	// PhaseBlocked is a broker that goes on only after somebody outside the daemon has acted.
	PhaseBlocked Phase = "Blocked"
	// PhaseFailing is a broker whose last effect failed and will be tried again.
	PhaseFailing Phase = "Failing"
)

// BrokerObserved is what a broker actor saw last (broker → cluster); it replaces what was said before.
type BrokerObserved struct {
	ID BrokerID
	// Revision is that of the Reconfigure under which this was observed.
	Revision int64
	Phase    Phase
	// Reason says in words what is waited for or what differs; empty for a running broker that is as wanted.
	Reason string
	// Since is when Phase and Reason became what they are.
	Since time.Time
	// Claims are the claims that hold the broker's log dirs: mount path → UID. Mounted are those that its Pod mounts: a
	// disk that was added to the spec has a claim before any Pod has it.
	Claims, Mounted map[string]types.UID
	// ScriptWaits is what the start script waits for before it runs Kafka, in its own words; empty when it does not.
	ScriptWaits string
	// FailedDisks are the mount paths whose log dir the broker cannot use, sorted.
	FailedDisks []string
	// FailedSince is when the newest of them was seen to have failed.
	FailedSince time.Time
	// LetGo are the mount paths that left the spec and that the broker runs without, sorted.
	LetGo []string
	// Version is the Kafka that runs, by its own word, empty while it has not said.
	Version string
	// Lost are the mount paths on which Kafka ran and whose claims are gone, sorted, and that of a controller's metadata on an emptyDir
	// whose Pod is gone. Nothing is started without them.
	Lost []string
	// PodRole is the label of the Pod that stands which says whether it has the broker role: the one by which PodDisruptionBudgets select.
	PodRole string
	// VoteOnPod is set while the Pod that stands has a controller's metadata on an emptyDir.
	VoteOnPod bool
	// ReplicasOnPod is set while the Pod that stands has a broker's log dir on an emptyDir. Emptied is set when such a Pod is gone, and with
	// it what Kafka had there.
	ReplicasOnPod, Emptied bool
	// Pod is the UID of the broker's Pod, empty when there is none; PodReady whether Kafka in it
	// is ready.
	Pod      types.UID
	PodReady bool
	// Unhealthy says why Kubernetes does not count the Pod as ready although Kafka in it is; empty when it does, or Kafka is not.
	Unhealthy string
	// ConfigStale is set while the Pod runs with other settings than those wanted.
	ConfigStale bool
	// Stopping is set while the Pod is on its way out; Started is when its kafka container started.
	Stopping bool
	Started  time.Time
	// Restart says why the Pod has to be replaced. It waits for a Permit.
	Restart Restart
	// Unfit says why the spec's Pod can be made nowhere, so that the one that runs stays; empty when it can.
	Unfit string
	// Held says why the Pod stays although it should go, empty when nothing holds it.
	Held string
	// Update says what would differ in a Pod made today although the user changed nothing: it waits for consent.
	Update string
	// ConfigSettled is set when the broker has all that is wanted of its dynamic configuration, or cannot have more of it.
	ConfigSettled bool
	// ConfigProblems say what of its dynamic configuration Kafka refuses, without secrets; empty when there is nothing.
	ConfigProblems string
	// ConfigRefused is set when Kafka itself has refused some of it.
	ConfigRefused bool
	// Pending says what of the wish this version does not bring to a running broker; empty when there is nothing.
	Pending string
	// Rack is the value of broker.rack that the broker's file holds, empty without racks.
	Rack string
	// Ended counts the Pods that ended by themselves in a row since the last change of the spec, LastEnded is when the
	// last of them was replaced.
	Ended     int32
	LastEnded time.Time
	// LastWords are exit code, reason and the end of the log of that Pod, or of a container that the kubelet starts again,
	// without secrets; empty when they are not known any more.
	LastWords string
	// Gone is set when a leaving broker has no objects any more.
	Gone bool
}

// Equal reports whether two observations say the same.
func (o BrokerObserved) Equal(p BrokerObserved) bool {
	return o.ID == p.ID && o.Revision == p.Revision && o.sameWords(p) && o.sameDisks(p) && o.samePod(p) && o.sameConfig(p) &&
		o.Ended == p.Ended && o.LastEnded.Equal(p.LastEnded) && o.LastWords == p.LastWords && o.Gone == p.Gone
}

func (o BrokerObserved) sameWords(p BrokerObserved) bool {
	return o.Phase == p.Phase && o.Reason == p.Reason && o.Since.Equal(p.Since) && o.ScriptWaits == p.ScriptWaits &&
		o.Held == p.Held && o.Unfit == p.Unfit && o.Update == p.Update && o.Pending == p.Pending
}

func (o BrokerObserved) sameDisks(p BrokerObserved) bool {
	return maps.Equal(o.Claims, p.Claims) && maps.Equal(o.Mounted, p.Mounted) && slices.Equal(o.Lost, p.Lost) &&
		slices.Equal(o.FailedDisks, p.FailedDisks) && o.FailedSince.Equal(p.FailedSince) && slices.Equal(o.LetGo, p.LetGo)
}

func (o BrokerObserved) samePod(p BrokerObserved) bool {
	return o.Pod == p.Pod && o.PodRole == p.PodRole && o.VoteOnPod == p.VoteOnPod && o.ReplicasOnPod == p.ReplicasOnPod && o.Emptied == p.Emptied && o.PodReady == p.PodReady &&
		o.Unhealthy == p.Unhealthy && o.Stopping == p.Stopping && o.Started.Equal(p.Started) &&
		o.Restart == p.Restart && o.Rack == p.Rack && o.Version == p.Version
}

func (o BrokerObserved) sameConfig(p BrokerObserved) bool {
	return o.ConfigStale == p.ConfigStale && o.ConfigSettled == p.ConfigSettled && o.ConfigProblems == p.ConfigProblems &&
		o.ConfigRefused == p.ConfigRefused
}
