package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strconv"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// FieldManager owns every field that the daemon writes by server-side apply.
const FieldManager = "koperator"

// Finalizers that Koperator puts on its resources. We add none: what belongs to a cluster goes by owner references. An
// adopted resource carries them, so they must be released.
const (
	ClusterFinalizer       = "finalizer.kafkaclusters.kafka.banzaicloud.io"
	ClusterTopicsFinalizer = "topics.kafkaclusters.kafka.banzaicloud.io"
	ClusterUsersFinalizer  = "users.kafkaclusters.kafka.banzaicloud.io"
	TopicFinalizer         = "finalizer.kafkatopics.kafka.banzaicloud.io"
	UserFinalizer          = "finalizer.kafkausers.kafka.banzaicloud.io"
	OperationFinalizer     = "finalizer.cruisecontroloperations.kafka.banzaicloud.io"
)

// ClusterFinalizers are all that a KafkaCluster may carry of ours and of Koperator's.
func ClusterFinalizers() []string {
	return []string{ClusterFinalizer, ClusterTopicsFinalizer, ClusterUsersFinalizer}
}

// serviceNames lists the longest Service names that a cluster gets; validation reads it.
func serviceNames(cluster *v1beta1.KafkaCluster) []string {
	a := AddressesOf(cluster)
	names := []string{a.HeadlessService()}
	if !cluster.Spec.HeadlessServiceEnabled {
		names = []string{a.AllBrokerService(), a.BrokerService(highestID(cluster))}
	}
	if cluster.Spec.KRaft {
		names = append(names, a.ControllerService())
	}
	return names
}

func highestID(cluster *v1beta1.KafkaCluster) messages.BrokerID {
	highest := messages.BrokerID(0)
	for _, broker := range cluster.Spec.Brokers {
		highest = max(highest, messages.BrokerID(broker.ID))
	}
	return highest
}

// KeyOf identifies a cluster.
func KeyOf(cluster *v1beta1.KafkaCluster) messages.ClusterKey {
	return messages.ClusterKey{Namespace: cluster.Namespace, Name: cluster.Name}
}

// AddressesOf tells where the nodes of a cluster are reached from inside Kubernetes.
func AddressesOf(cluster *v1beta1.KafkaCluster) messages.Addresses {
	return messages.Addresses{
		Cluster:  KeyOf(cluster),
		Domain:   cluster.Spec.GetKubernetesClusterDomain(),
		Headless: cluster.Spec.HeadlessServiceEnabled,
	}
}

// PodName is the name of a node's Pod. The word before the id keeps it apart from the names that Koperator generates,
// <c>-<id>-xxxxx and <c>-controller-<id>-xxxxx: there the last part but one is a number. (Without it, <c>-<id> of a
// cluster "a-1" could be the generated name of a Pod of cluster "a".)
func PodName(cluster string, id messages.BrokerID) string { return cluster + "-node-" + id.String() }

// BrokerConfigName is the name of a node's ConfigMap.
func BrokerConfigName(cluster string, id messages.BrokerID) string {
	return cluster + "-config-" + id.String()
}

// ClaimName is the name of the claim that a node mounts at a path. The path is hashed: it may hold what a name may not.
func ClaimName(cluster string, id messages.BrokerID, mountPath string) string {
	sum := sha256.Sum256([]byte(mountPath))
	return cluster + "-" + id.String() + "-" + hex.EncodeToString(sum[:])[:8]
}

// JMXConfigName is the name of the ConfigMap with the brokers' JMX exporter rules; their Pods call the volume so too.
func JMXConfigName(cluster string) string { return cluster + "-kafka-jmx-exporter" }

// BrokerBudgetName is the name of the PodDisruptionBudget of all nodes with the broker role.
func BrokerBudgetName(cluster string) string { return cluster + "-pdb" }

// ControllerBudgetName is the name of the PodDisruptionBudget of the controller-only nodes.
func ControllerBudgetName(cluster string) string { return cluster + "-controller-pdb" }

// LogDir is the directory in which Kafka keeps its logs on a disk.
func LogDir(mountPath string) string { return path.Join(mountPath, "kafka") }

// listenerPortName is the name of a listener's port: tcp-<listener>, the prefix never twice, since Istio reads the
// protocol from it.
func listenerPortName(listener string) string {
	name := strings.ReplaceAll(listener, "_", "-")
	if strings.HasPrefix(name, "tcp-") {
		return name
	}
	return "tcp-" + name
}

func formatBool(b bool) string { return strconv.FormatBool(b) }
