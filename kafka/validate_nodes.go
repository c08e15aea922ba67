package kafka

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// quorumProblems are about the nodes as a whole. A cluster of none is refused in either mode: it is rather a mistake than
// a wish, and brokers that run go on.
func quorumProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	switch {
	case len(cluster.Spec.Brokers) == 0:
		return []messages.FieldProblem{messages.Invalid(brokersField, "is empty; %s", firstNodeAdvice(&cluster.Spec))}
	case !cluster.Spec.KRaft:
		return zooKeeperProblems(&cluster.Spec)
	}
	return append(noBrokerProblems(&cluster.Spec), controllerProblems(cluster)...)
}

// noBrokerProblems: who only controls serves no clients. Of nodes whose config group is missing nobody knows the roles.
func noBrokerProblems(spec *v1beta1.KafkaClusterSpec) []messages.FieldProblem {
	for i := range spec.Brokers {
		b := &spec.Brokers[i]
		_, known := spec.BrokerConfigGroups[b.BrokerConfigGroup]
		if b.BrokerConfigGroup != "" && !known || nodeOf(spec, rolesOf(spec, b)).broker {
			return nil
		}
	}
	return []messages.FieldProblem{messages.Invalid(brokersField,
		"no node has the broker role, so nobody would serve clients; add it to brokerConfig.processRoles of one node or more")}
}

func controllerProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	switch count := len(controllers(cluster)); {
	case count == 0:
		return []messages.FieldProblem{messages.Invalid(brokersField,
			"no node has the controller role, which a KRaft cluster needs; add one to brokerConfig.processRoles of one or three nodes")}
	case count%2 == 0:
		return []messages.FieldProblem{messages.Warning(brokersField,
			"of %d controllers %d may be down at once, as of %d: the even one adds nothing but a vote that may be missing; use an odd number",
			count, (count-1)/2, count-1)}
	default:
		return nil
	}
}

// zooKeeperProblems: brokers of a cluster without KRaft that know no ZooKeeper never start.
func zooKeeperProblems(spec *v1beta1.KafkaClusterSpec) []messages.FieldProblem {
	if slices.ContainsFunc(spec.ZKAddresses, func(address string) bool { return strings.TrimSpace(address) != "" }) {
		return nil
	}
	return []messages.FieldProblem{messages.Invalid("spec.zkAddresses", "is empty, and brokers without KRaft need ZooKeeper; write host:port of its nodes, "+
		"or make a new cluster with spec.kRaft: true")}
}

// firstNodeAdvice says what to write where there is no node yet.
func firstNodeAdvice(spec *v1beta1.KafkaClusterSpec) messages.Advice {
	roles := messages.Advice("")
	if spec.KRaft {
		roles = "processRoles (one or three nodes are controllers) and "
	}
	groups := slices.Sorted(maps.Keys(spec.BrokerConfigGroups))
	if len(groups) == 0 {
		return "add an entry with an id and brokerConfig: its " + roles + "storageConfigs"
	}
	return "add an entry with an id and one of brokerConfigGroups: " + messages.ThereAre(groups)
}

// nodeProblems are about each node's roles and disks. Brokers whose config group is missing are left out.
func nodeProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for i := range cluster.Spec.Brokers {
		b := &cluster.Spec.Brokers[i]
		if _, ok := cluster.Spec.BrokerConfigGroups[b.BrokerConfigGroup]; !ok && b.BrokerConfigGroup != "" {
			continue
		}
		if cluster.Spec.KRaft {
			problems = append(problems, roleProblems(cluster, b)...)
		}
		problems = append(problems, storageProblems(cluster, b)...)
	}
	return problems
}

func roleProblems(cluster *v1beta1.KafkaCluster, b *v1beta1.Broker) []messages.FieldProblem {
	roles := rolesOf(&cluster.Spec, b)
	own := b.BrokerConfig != nil && len(b.BrokerConfig.ProcessRoles) > 0
	field := settingField(b, own, "processRoles")
	if len(roles) == 0 {
		return []messages.FieldProblem{messages.Invalid(field, "a node of a KRaft cluster needs a role; write broker, controller or both%s",
			orGroup(cluster, b))}
	}
	var problems []messages.FieldProblem
	for _, role := range roles {
		if role != v1beta1.BrokerRole && role != v1beta1.ControllerRole {
			problems = append(problems, messages.Invalid(field, "there is no role %q; write broker, controller or both", role))
		}
	}
	return problems
}

// orGroup is the other way out for a broker that has less than it needs and follows no template, empty where there is none to follow.
func orGroup(cluster *v1beta1.KafkaCluster, b *v1beta1.Broker) string {
	if b.BrokerConfigGroup != "" || len(cluster.Spec.BrokerConfigGroups) == 0 {
		return ""
	}
	return fmt.Sprintf(", or name one of spec.brokerConfigGroups in brokerConfigGroup, for example %q", slices.Min(slices.Collect(maps.Keys(cluster.Spec.BrokerConfigGroups))))
}

// settingField is where a setting of a broker comes from: its own entry, or its group.
func settingField(b *v1beta1.Broker, own bool, field string) string {
	if !own && b.BrokerConfigGroup != "" {
		return messages.GroupField(b.BrokerConfigGroup, field)
	}
	return messages.BrokerField(b.ID, "brokerConfig."+field)
}

func storageProblems(cluster *v1beta1.KafkaCluster, b *v1beta1.Broker) []messages.FieldProblem {
	var own []v1beta1.StorageConfig
	if b.BrokerConfig != nil {
		own = b.BrokerConfig.StorageConfigs
	}
	ofGroup := cluster.Spec.BrokerConfigGroups[b.BrokerConfigGroup].StorageConfigs
	field := settingField(b, len(own) > 0, "storageConfigs")
	groupsField := settingField(b, false, "storageConfigs")

	storages := storagesOf(cluster, b)
	problems := slices.Concat(twiceProblems(field, own), twiceProblems(groupsField, ofGroup),
		mountPathProblems(field, storages), nestedProblems(field, storages))
	if len(storages) == 0 {
		return append(problems, messages.Invalid(field, "a node needs a disk; add an entry with mountPath and pvcSpec%s", orGroup(cluster, b)))
	}
	if n := nodeOf(&cluster.Spec, rolesOf(&cluster.Spec, b)); n.controller {
		problems = append(problems, metadataProblems(cluster, n.broker, field, storages)...)
	}
	return problems
}

// storagesOf are a node's own storages and those of its group, each mount path once.
func storagesOf(cluster *v1beta1.KafkaCluster, b *v1beta1.Broker) []v1beta1.StorageConfig {
	all := slices.Clone(cluster.Spec.BrokerConfigGroups[b.BrokerConfigGroup].StorageConfigs)
	if b.BrokerConfig != nil {
		all = slices.Concat(b.BrokerConfig.StorageConfigs, all)
	}
	var first []v1beta1.StorageConfig
	for _, s := range all {
		if !slices.ContainsFunc(first, func(f v1beta1.StorageConfig) bool { return f.MountPath == s.MountPath }) {
			first = append(first, s)
		}
	}
	return first
}

// twiceProblems looks at one list: a broker's entry over one of its group is meant so.
func twiceProblems(field string, storages []v1beta1.StorageConfig) []messages.FieldProblem {
	var problems []messages.FieldProblem
	seen := map[string]bool{}
	for _, s := range storages {
		if seen[s.MountPath] {
			problems = append(problems, messages.Warning(field, "mountPath %s is there twice and the first entry counts; remove the other", s.MountPath))
		}
		seen[s.MountPath] = true
	}
	return problems
}

func mountPathProblems(field string, storages []v1beta1.StorageConfig) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, s := range storages {
		switch {
		case !path.IsAbs(s.MountPath):
			problems = append(problems, messages.Invalid(field, "mountPath %q is not absolute; begin it with a slash", s.MountPath))
		case strings.Contains(s.MountPath, ","):
			problems = append(problems, messages.Invalid(field, "mountPath %q has a comma, which separates log dirs for Kafka; choose another path", s.MountPath))
		case path.Clean(s.MountPath) == "/":
			problems = append(problems, messages.Invalid(field, "mountPath / would hide the image; choose a directory, for example /kafka-logs"))
		}
	}
	return problems
}

// nestedProblems: Kafka takes each directory in a log dir for a partition and exits on one that is none.
func nestedProblems(field string, storages []v1beta1.StorageConfig) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for i, outer := range storages {
		for j, inner := range storages {
			outerDir, innerDir := LogDir(outer.MountPath), LogDir(inner.MountPath)
			switch {
			case i < j && outerDir == innerDir:
				problems = append(problems, messages.Invalid(field,
					"mountPath %s and %s are one directory; give each disk its own", outer.MountPath, inner.MountPath))
			case i != j && strings.HasPrefix(innerDir, outerDir+"/"):
				problems = append(problems, messages.Invalid(field,
					"log dir %s lies within log dir %s, which Kafka refuses; choose another mountPath", innerDir, outerDir))
			}
		}
	}
	return problems
}

// metadataProblems are about the disk of the metadata log, which Kafka keeps in the first log dir. A controller that
// comes back without it has forgotten its votes, so on emptyDirs alone they can only be where votes can be taken and given.
func metadataProblems(cluster *v1beta1.KafkaCluster, combined bool, field string, storages []v1beta1.StorageConfig) []messages.FieldProblem {
	claims := 0
	for _, s := range storages {
		if s.PvcSpec != nil {
			claims++
		}
	}
	switch {
	case claims == 0:
		return podMetadataProblems(cluster, combined, field, storages[0].EmptyDir)
	case claims != 1:
		return []messages.FieldProblem{messages.Invalid(field,
			"a controller needs exactly one storage with pvcSpec for its metadata, this one has %d; keep one, and add brokers without the controller role for more disks", claims)}
	case storages[0].PvcSpec == nil:
		return []messages.FieldProblem{messages.Invalid(field,
			"the first log dir of a controller holds its metadata and must not go with the Pod; put the storage with pvcSpec first")}
	default:
		return nil
	}
}

// fewestOnEmptyDirs is how many controllers a quorum needs of which some have their metadata on emptyDirs: when one of two dies, its
// vote is lost, and without it the other can never take it (KIP-853 asks for a majority of all votes).
const fewestOnEmptyDirs = 3

// podMetadataProblems are about a controller whose metadata go with its Pod: it loses its vote before, and gets another one after.
func podMetadataProblems(cluster *v1beta1.KafkaCluster, combined bool, field string, disk *corev1.EmptyDirVolumeSource) []messages.FieldProblem {
	const advice = "a controller of it cannot have its metadata on an emptyDir, which goes with its Pod; give it a storage with pvcSpec"
	if status := &cluster.Status; status.Quorum == v1beta1.QuorumStatic || status.Quorum == "" && status.ClusterID != "" {
		return []messages.FieldProblem{messages.Invalid(field, "the voters of this cluster's quorum are written in files and none can be taken: "+advice)}
	}
	if n := len(controllers(cluster)); n < fewestOnEmptyDirs {
		return []messages.FieldProblem{messages.Invalid(field, "a quorum of %d is lost for ever with one Pod: "+advice+
			", or have at least %d controllers", n, fewestOnEmptyDirs)}
	}
	if disk != nil && disk.Medium == corev1.StorageMediumMemory {
		return []messages.FieldProblem{messages.Invalid(field, "an emptyDir in memory is empty after each restart of its node, under a Pod that stays: "+
			advice+", or leave emptyDir.medium out")}
	}
	if combined && slices.ContainsFunc(cluster.Spec.Brokers, func(b v1beta1.Broker) bool { return onlyVoteOnPod(cluster, &b) }) {
		return []messages.FieldProblem{messages.Invalid(field, "other controllers are no brokers and have their metadata on emptyDirs, too; combined "+
			"nodes have another PodDisruptionBudget, and the two would let one of each go at once, with both votes: "+advice)}
	}
	return nil
}

// onlyVoteOnPod reports whether a node is a controller alone, with its metadata on an emptyDir.
func onlyVoteOnPod(cluster *v1beta1.KafkaCluster, b *v1beta1.Broker) bool {
	n, storages := nodeOf(&cluster.Spec, rolesOf(&cluster.Spec, b)), storagesOf(cluster, b)
	return n.controller && !n.broker && len(storages) > 0 && storages[0].PvcSpec == nil
}
