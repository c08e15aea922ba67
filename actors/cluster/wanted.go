package cluster

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

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
