package kube

import (
	"maps"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Labels that we write and find objects by; users' ServiceMonitors and network policies select by them too.
const (
	LabelApp            = "app"
	LabelCluster        = "kafka_cr"
	LabelBrokerID       = "brokerId"
	LabelIsBroker       = "isBrokerNode"
	LabelIsController   = "isControllerNode"
	LabelProcessRoles   = "processRoles"
	LabelPVCRoles       = "pvcRoles"
	LabelTopicOfCluster = "kafkaCluster"
)

// Values of LabelApp.
const (
	AppKafka    = "kafka"
	AppKafkaJMX = "kafka-jmx"
)

// ClusterSelector finds everything that belongs to the Kafka nodes of a cluster.
func ClusterSelector(cluster string) map[string]string {
	return map[string]string{LabelApp: AppKafka, LabelCluster: cluster}
}

// clusterLabels are the labels of an object that belongs to the whole cluster. The managed ones win over those of the
// custom resource: a KafkaCluster that is itself labelled "app" must not hide its objects from us.
func clusterLabels(cluster *v1beta1.KafkaCluster, managed map[string]string) map[string]string {
	labels := map[string]string{}
	if cluster.Spec.PropagateLabels {
		maps.Copy(labels, cluster.Labels)
	}
	maps.Copy(labels, managed)
	return labels
}

// publicLabels are the labels of headless Services and PodDisruptionBudgets: they carry those of the custom resource
// whatever propagateLabels says, as Koperator's do.
func publicLabels(cluster *v1beta1.KafkaCluster, managed map[string]string) map[string]string {
	labels := maps.Clone(cluster.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, managed)
	return labels
}

// brokerSelector finds everything of one node.
func brokerSelector(cluster string, id messages.BrokerID) map[string]string {
	return with(ClusterSelector(cluster), LabelBrokerID, id.String())
}

// roleLabels say what a node is. In ZooKeeper mode every node is a broker.
func roleLabels(kraft bool, config *v1beta1.BrokerConfig) map[string]string {
	if !kraft {
		return map[string]string{LabelIsBroker: "true", LabelIsController: "false"}
	}
	return map[string]string{
		LabelIsBroker:     formatBool(config.HasRole(v1beta1.BrokerRole)),
		LabelIsController: formatBool(config.IsController()),
		LabelProcessRoles: joinedRoles(config),
	}
}

func pvcRoles(kraft bool, config *v1beta1.BrokerConfig) string {
	if !kraft {
		return v1beta1.BrokerRole
	}
	return joinedRoles(config)
}

// joinedRoles is sorted and free of repetition: a role given by the group and by the broker arrives twice.
func joinedRoles(config *v1beta1.BrokerConfig) string {
	roles := slices.Compact(slices.Sorted(slices.Values(config.ProcessRoles)))
	return strings.Join(roles, "_")
}

func with(labels map[string]string, key, value string) map[string]string {
	labels = maps.Clone(labels)
	labels[key] = value
	return labels
}

// reservedLabels cannot be set by brokerLabels.
func reservedLabels() []string {
	return []string{LabelApp, LabelCluster, LabelBrokerID, LabelIsBroker, LabelIsController, LabelProcessRoles}
}
