package kube

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// KafkaContainer is the container of a node's Pod in which Kafka runs.
const KafkaContainer = kafkaContainer

// MadeByUs reports whether a Pod was made by this daemon and not by Koperator.
func MadeByUs(pod *corev1.Pod) bool { return pod.Annotations[AnnotationRenderedHash] != "" }

// ClusterIDOf is the KRaft cluster id that a node's Pod was started with, empty in ZooKeeper mode.
func ClusterIDOf(pod *corev1.Pod) string { return envOf(pod, envClusterID) }

// QuorumOf is how the controllers of a Pod's cluster know each other: Koperator's quorums are static.
func QuorumOf(pod *corev1.Pod) messages.QuorumMode {
	switch {
	case ClusterIDOf(pod) == "":
		return messages.QuorumNone
	case !MadeByUs(pod):
		return messages.QuorumStatic
	default:
		return messages.QuorumMode(envOf(pod, envQuorum))
	}
}

func envOf(pod *corev1.Pod, name string) string {
	for _, container := range pod.Spec.Containers {
		if container.Name != kafkaContainer {
			continue
		}
		for _, env := range container.Env {
			if env.Name == name {
				return env.Value
			}
		}
	}
	return ""
}

// HoldsController reports whether a claim belongs to a node with the controller role.
func HoldsController(claim Object) bool {
	return strings.Contains(claim.GetLabels()[LabelPVCRoles], v1beta1.ControllerRole)
}

// DependentFinalizers are those that topics, users and operations of a cluster may carry.
func DependentFinalizers() []string {
	return []string{TopicFinalizer, UserFinalizer, OperationFinalizer}
}
