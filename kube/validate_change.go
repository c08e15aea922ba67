package kube

import (
	"slices"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// ChangeProblems tells what a KafkaCluster must not become, coming from the last spec of it that could work; before is
// nil where that is not known. The CRD's rules refuse most of this already, but no rule there can look up the old entry
// of each broker, and resources may have been written under a CRD without them.
func ChangeProblems(before *v1beta1.KafkaClusterSpec, cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	if before == nil || !before.KRaft {
		return nil
	}
	if !cluster.Spec.KRaft {
		return []messages.FieldProblem{messages.Invalid("spec.kRaft",
			"a cluster that runs with KRaft cannot go back to ZooKeeper: its metadata is with its controllers; set it to true")}
	}
	return sortedProblems(slices.Concat(metadataDiskProblems(before, &cluster.Spec), roleProblems(before, cluster),
		listenerChangeProblems(before, cluster), staticQuorumProblems(before, cluster)))
}

// listenerChangeProblems: nodes find each other by a listener's name. While some have the old one and some the new they
// do not, and no order of restarts helps. Before Kafka has run on any disk every name may change.
func listenerChangeProblems(before *v1beta1.KafkaClusterSpec, cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	ran := false
	for _, state := range cluster.Status.BrokersState {
		ran = ran || len(state.FormattedLogDirs) > 0
	}
	if !ran {
		return nil
	}
	var problems []messages.FieldProblem
	for _, use := range []struct {
		who, mark string
		marked    func(*v1beta1.InternalListenerConfig) bool
	}{
		{"brokers", "usedForInnerBrokerCommunication", func(l *v1beta1.InternalListenerConfig) bool { return l.UsedForInnerBrokerCommunication }},
		{"controllers", "usedForControllerCommunication", func(l *v1beta1.InternalListenerConfig) bool { return l.UsedForControllerCommunication }},
	} {
		was, is := markedListener(before, use.marked), markedListener(&cluster.Spec, use.marked)
		if was != "" && is != "" && was != is {
			problems = append(problems, messages.Invalid("spec.listenersConfig.internalListeners", "%s find each other by listener %s (%s), and those that "+
				"run would not find the ones with %s: give it its name back; add another listener for clients instead", use.who, was, use.mark, is))
		}
	}
	return problems
}

func markedListener(spec *v1beta1.KafkaClusterSpec, marked func(*v1beta1.InternalListenerConfig) bool) string {
	for i := range spec.ListenersConfig.InternalListeners {
		if l := &spec.ListenersConfig.InternalListeners[i]; marked(l) {
			return l.Name
		}
	}
	return ""
}

// metadataDiskProblems: Kafka keeps the metadata log in the first of log.dirs. A controller with another first disk
// comes back with an empty one and has forgotten what it voted for (KIP-595 wants votes to outlive restarts).
func metadataDiskProblems(before, after *v1beta1.KafkaClusterSpec) []messages.FieldProblem {
	held := map[int32]metadataDisk{}
	for i := range before.Brokers {
		held[before.Brokers[i].ID] = metadataDiskOf(before, &before.Brokers[i])
	}
	var problems []messages.FieldProblem
	for i := range after.Brokers {
		broker := &after.Brokers[i]
		was, is := held[broker.ID], metadataDiskOf(after, broker)
		if was.mountPath == "" || is.mountPath == "" { // no controller before, or none any more
			continue
		}
		if was.mountPath == is.mountPath {
			if was.claimed && !is.claimed {
				problems = append(problems, messages.Invalid(changedField(broker.ID, was, is),
					"a controller has its metadata on the claim for %s, and would come back without them if that became an emptyDir; give it its "+
						"pvcSpec back, or add a controller with a new id and remove this one", was.mountPath))
			}
			if !was.claimed && !is.claimed && was.combined != is.combined {
				problems = append(problems, messages.Invalid(messages.BrokerField(broker.ID, "brokerConfig.processRoles"),
					"the metadata of this controller are on an emptyDir, and while some of its kind have the broker role and others have not, two "+
						"PodDisruptionBudgets would let one of each go at once, with both votes; give it its roles back, or add nodes with new ids and remove these"))
			}
			continue
		}
		problems = append(problems, messages.Invalid(changedField(broker.ID, was, is),
			"a controller has its metadata on %s, its first disk, and would come back without them if %s became the first; "+
				"put %s first again, or add a controller with a new id and remove this one", was.mountPath, is.mountPath, was.mountPath))
	}
	return problems
}

// roleProblems: brokers keep a copy of the metadata log on a disk, too, and it becomes the controller's when they get that role.
// So the role is not given while a disk is on its way out.
func roleProblems(before *v1beta1.KafkaClusterSpec, cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	if !cluster.Spec.KRaft {
		return nil
	}
	was := map[int32]*v1beta1.Broker{}
	for i := range before.Brokers {
		was[before.Brokers[i].ID] = &before.Brokers[i]
	}
	var problems []messages.FieldProblem
	for i := range cluster.Spec.Brokers {
		broker := &cluster.Spec.Brokers[i]
		old := was[broker.ID]
		if old == nil || metadataDiskOf(before, old).mountPath != "" || metadataDiskOf(&cluster.Spec, broker).mountPath == "" {
			continue
		}
		has := mountPathsOf(&cluster.Spec, broker)
		if slices.ContainsFunc(ranOn(cluster, broker.ID), func(path string) bool { return !slices.Contains(has, path) }) {
			problems = append(problems, messages.Invalid(messages.BrokerField(broker.ID, "brokerConfig.processRoles"),
				"a disk of this broker left the spec and is still there, and its metadata may be on it: give it the controller role when the disk is gone"))
		}
	}
	return problems
}

// ranOn are the mount paths on which Kafka was seen to run.
func ranOn(cluster *v1beta1.KafkaCluster, id int32) []string {
	var paths []string
	for _, dir := range cluster.Status.BrokersState[messages.BrokerID(id).String()].FormattedLogDirs {
		paths = append(paths, dir.MountPath)
	}
	return paths
}

// mountPathsOf are a node's disks: its own come before those of its group, each once.
func mountPathsOf(spec *v1beta1.KafkaClusterSpec, broker *v1beta1.Broker) []string {
	var paths []string
	configs := spec.BrokerConfigGroups[broker.BrokerConfigGroup].StorageConfigs
	if broker.BrokerConfig != nil {
		configs = slices.Concat(broker.BrokerConfig.StorageConfigs, configs)
	}
	for _, config := range configs {
		if !slices.Contains(paths, config.MountPath) {
			paths = append(paths, config.MountPath)
		}
	}
	return paths
}

// metadataDisk is where a controller keeps the metadata log: the mount path, and the field that says so. It is zero for
// a node that is no controller, and for one without disks.
type metadataDisk struct {
	mountPath string
	field     string
	// grouped is whether the disk is that of a group, claimed whether it is a claim, combined whether the node is a broker, too.
	grouped, claimed, combined bool
}

// changedField is the field whose change has put another disk first.
func changedField(id int32, was, is metadataDisk) string {
	switch {
	case !is.grouped, is.field == was.field:
		return is.field
	case was.grouped:
		return messages.BrokerField(id, "brokerConfigGroup")
	default: // its own disks are gone, so that those of the group come first
		return was.field
	}
}

// metadataDiskOf merges no more than it needs: a cluster may have thousands of brokers.
func metadataDiskOf(spec *v1beta1.KafkaClusterSpec, broker *v1beta1.Broker) metadataDisk {
	group := spec.BrokerConfigGroups[broker.BrokerConfigGroup]
	own := broker.BrokerConfig
	if own == nil {
		own = &v1beta1.BrokerConfig{}
	}
	combined := slices.Contains(own.ProcessRoles, v1beta1.BrokerRole) || slices.Contains(group.ProcessRoles, v1beta1.BrokerRole)
	switch {
	case !slices.Contains(own.ProcessRoles, v1beta1.ControllerRole) && !slices.Contains(group.ProcessRoles, v1beta1.ControllerRole):
		return metadataDisk{}
	case len(own.StorageConfigs) > 0:
		return metadataDisk{
			mountPath: own.StorageConfigs[0].MountPath, field: messages.BrokerField(broker.ID, "brokerConfig.storageConfigs"),
			claimed: own.StorageConfigs[0].PvcSpec != nil, combined: combined,
		}
	case len(group.StorageConfigs) > 0:
		return metadataDisk{
			mountPath: group.StorageConfigs[0].MountPath, field: messages.GroupField(broker.BrokerConfigGroup, "storageConfigs"), grouped: true,
			claimed: group.StorageConfigs[0].PvcSpec != nil, combined: combined,
		}
	default:
		return metadataDisk{}
	}
}
