package cluster

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
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
			state.RanOnEmptyDir = unknownClaim
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

// unknownClaim stands for the claim of a disk, or the Pod with an emptyDir, that may have been in a cluster whose status is lost. Nothing has
// this UID.
const unknownClaim = "00000000-0000-0000-0000-000000000000"

func userClusterID(cluster *v1beta1.KafkaCluster) string {
	for _, env := range cluster.Spec.Envs {
		if env.Name == "CLUSTER_ID" {
			return env.Value
		}
	}
	return ""
}

// roles are what the nodes of a snapshot do, worked out once.
type roles struct {
	broker      map[messages.BrokerID]bool // has the broker role
	controllers []messages.BrokerID        // sorted
	// metadata is where each controller keeps the metadata log: the mount path of its first disk.
	metadata map[messages.BrokerID]string
	// volatile are the nodes with a log dir on an emptyDir, voteVolatile the controllers whose metadata are on one.
	// allVolatile are those that have nothing else.
	volatile, voteVolatile, allVolatile map[messages.BrokerID]bool
	// ingress are the names of the ways from outside to each node that has some.
	ingress map[messages.BrokerID][]string
	// brokers counts the nodes with the broker role, controllersOnly the others.
	brokers, controllersOnly int
}

func rolesOf(cluster *v1beta1.KafkaCluster) roles {
	r := roles{broker: map[messages.BrokerID]bool{}, metadata: map[messages.BrokerID]string{}, ingress: map[messages.BrokerID][]string{}}
	r.volatile, r.voteVolatile, r.allVolatile = map[messages.BrokerID]bool{}, map[messages.BrokerID]bool{}, map[messages.BrokerID]bool{}
	for i := range cluster.Spec.Brokers {
		entry := &cluster.Spec.Brokers[i]
		id := messages.BrokerID(entry.ID)
		broker, controller := rolesOfNode(cluster, entry)
		if first, any, all := emptyDirs(cluster, entry); any {
			r.volatile[id], r.voteVolatile[id], r.allVolatile[id] = true, first && controller, all
		}
		if names := ingressOf(cluster, entry); broker && len(names) > 0 {
			r.ingress[id] = names
		}
		r.broker[id] = broker
		if controller {
			r.controllers = append(r.controllers, id)
			r.metadata[id] = metadataMount(cluster, entry)
		}
		if broker {
			r.brokers++
		} else {
			r.controllersOnly++
		}
	}
	slices.Sort(r.controllers)
	return r
}

// rolesOfNode: in ZooKeeper mode every node is a broker.
func rolesOfNode(cluster *v1beta1.KafkaCluster, entry *v1beta1.Broker) (broker, controller bool) {
	if !cluster.Spec.KRaft {
		return true, false
	}
	config, err := v1beta1.BrokerConfigOf(&cluster.Spec, entry)
	if err != nil {
		return false, false
	}
	return config.HasRole(v1beta1.BrokerRole), config.IsController()
}

// ingressOf looks at a node's part of the spec only where there is an ingress to be found.
func ingressOf(cluster *v1beta1.KafkaCluster, entry *v1beta1.Broker) []string {
	configured := func(l v1beta1.ExternalListenerConfig) bool { return l.Config != nil }
	if !slices.ContainsFunc(cluster.Spec.ListenersConfig.ExternalListeners, configured) {
		return nil
	}
	config, err := v1beta1.BrokerConfigOf(&cluster.Spec, entry)
	if err != nil {
		return nil
	}
	return kafka.IngressNames(&cluster.Spec, config)
}

// emptyDirs reports whether a node's first log dir, whether any, and whether all go with its Pod.
func emptyDirs(cluster *v1beta1.KafkaCluster, entry *v1beta1.Broker) (first, any, all bool) {
	config, err := v1beta1.BrokerConfigOf(&cluster.Spec, entry)
	if err != nil || len(config.StorageConfigs) == 0 {
		return false, false, false
	}
	all = true
	for i, disk := range config.StorageConfigs {
		if disk.PvcSpec == nil && disk.EmptyDir != nil {
			first, any = first || i == 0, true
		} else {
			all = false
		}
	}
	return first, any, all
}

// metadataMount is where a controller keeps the metadata log: its first disk.
func metadataMount(cluster *v1beta1.KafkaCluster, broker *v1beta1.Broker) string {
	config, err := v1beta1.BrokerConfigOf(&cluster.Spec, broker)
	if err != nil || len(config.StorageConfigs) == 0 {
		return ""
	}
	return config.StorageConfigs[0].MountPath
}

// nodesToKeep are the entries that need an actor: those of the spec, and those that left it while they still have
// objects. The latter follow the last entry that their ConfigMap remembers.
func nodesToKeep(cluster *v1beta1.KafkaCluster, existing []messages.BrokerID,
	lastEntry func(messages.BrokerID) (v1beta1.Broker, bool),
) map[messages.BrokerID]keep {
	nodes := map[messages.BrokerID]keep{}
	for _, broker := range cluster.Spec.Brokers {
		nodes[messages.BrokerID(broker.ID)] = keep{entry: broker}
	}
	for _, id := range existing {
		if _, wanted := nodes[id]; wanted {
			continue
		}
		if entry, known := lastEntry(id); known {
			nodes[id] = keep{entry: entry, leaving: true}
		}
	}
	return nodes
}

// keep is a node that needs an actor.
type keep struct {
	entry   v1beta1.Broker
	leaving bool
}

// concerns reports whether a node's own entry differs. Entries of other brokers concern it only through the
// controllers that it must know, and those are part of what all share.
func concerns(before, after keep) bool {
	return before.leaving != after.leaving || !equality.Semantic.DeepEqual(before.entry, after.entry)
}

// sharedEqual compares what all brokers have in common.
func sharedEqual(a, b *v1beta1.KafkaCluster) bool {
	if !maps.Equal(a.Labels, b.Labels) || !slices.Equal(rolesOf(a).controllers, rolesOf(b).controllers) {
		return false
	}
	left, right := a.Spec, b.Spec
	left.Brokers, right.Brokers = nil, nil
	return equality.Semantic.DeepEqual(left, right)
}

// anyFormatted reports whether status knows any disk that Kafka ran on.
func anyFormatted(states map[string]v1beta1.BrokerState) bool {
	for _, state := range states {
		if len(state.FormattedLogDirs) > 0 || state.RanOnEmptyDir != "" {
			return true
		}
	}
	return false
}

// formattedOf reads from status on which claims a broker's log dirs were seen to run.
func formattedOf(state v1beta1.BrokerState) map[string]types.UID {
	if len(state.FormattedLogDirs) == 0 {
		return nil
	}
	formatted := map[string]types.UID{}
	for _, dir := range state.FormattedLogDirs {
		formatted[dir.MountPath] = types.UID(dir.ClaimUID)
	}
	return formatted
}
