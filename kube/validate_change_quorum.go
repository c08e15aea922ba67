package kube

import (
	"slices"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// staticQuorumProblems: the voters of a static quorum stand in every node's file. While some nodes have another list than others two
// majorities are possible, which Kafka has no protection against; KIP-853 is its answer.
func staticQuorumProblems(before *v1beta1.KafkaClusterSpec, cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	if !staticQuorum(&cluster.Status) {
		return nil
	}
	was, is := controllerIDs(before), controllerIDs(&cluster.Spec)
	if slices.Equal(was, is) {
		return nil
	}
	return []messages.FieldProblem{messages.Invalid("spec.brokers", "the controllers change from %v to %v, which the quorum of this cluster cannot: it is a "+
		"static one; take the change back, and see condition %s for the way to the dynamic quorum", was, is, ConditionStaticQuorum)}
}

// staticQuorum: Koperator recorded a cluster's id alone.
func staticQuorum(status *v1beta1.KafkaClusterStatus) bool {
	return status.Quorum == v1beta1.QuorumStatic || status.Quorum == "" && status.ClusterID != ""
}

// controllerIDs are the nodes with the controller role, sorted; one whose group is missing has none.
func controllerIDs(spec *v1beta1.KafkaClusterSpec) []int32 {
	var ids []int32
	for i := range spec.Brokers {
		group := spec.BrokerConfigGroups[spec.Brokers[i].BrokerConfigGroup].ProcessRoles
		if own := spec.Brokers[i].BrokerConfig; own != nil {
			group = slices.Concat(group, own.ProcessRoles)
		}
		if slices.Contains(group, v1beta1.ControllerRole) {
			ids = append(ids, spec.Brokers[i].ID)
		}
	}
	slices.Sort(ids)
	return ids
}
