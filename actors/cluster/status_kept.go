package cluster

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// withRetention adds to the conditions that say why the newest spec is not followed that its wish to keep the disks is
// not, either: who deletes the cluster now would lose them.
func withRetention(status v1beta1.KafkaClusterStatus, notice string) v1beta1.KafkaClusterStatus {
	if notice == "" {
		return status
	}
	for i := range status.Conditions {
		condition := &status.Conditions[i]
		switch condition.Type {
		case kube.ConditionPaused, kube.ConditionReady, kube.ConditionStalled:
			condition.Message = messages.Elided(condition.Message, kube.MaxConditionMessage-len(notice)) + notice
		}
	}
	return status
}

// retentionNotice is what people must know before they delete the cluster: that claims still go with it although the
// newest spec says Retain. It is empty when the wish is followed, or is about to be.
func retentionNotice(newest *v1beta1.KafkaCluster, claims []kube.Object, followed bool) string {
	if followed || newest.Spec.GetRetentionWhenDeleted() != v1beta1.RetentionRetain {
		return ""
	}
	bound := 0
	for _, claim := range claims {
		if kube.Owned(claim, newest) && len(claim.GetOwnerReferences()) > 0 {
			bound++
		}
	}
	if bound == 0 {
		return ""
	}
	return fmt.Sprintf("; spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Retain is not followed meanwhile: "+
		"deleting the KafkaCluster now would delete %d claims with their data", bound)
}

// withImages adds the image that each broker's Pod runs.
func withImages(status v1beta1.KafkaClusterStatus, pods []kube.Object) v1beta1.KafkaClusterStatus {
	for _, object := range pods {
		pod, ok := object.(*corev1.Pod)
		id := object.GetLabels()[kube.LabelBrokerID]
		state, listed := status.BrokersState[id]
		if !ok || !listed {
			continue
		}
		for _, container := range pod.Spec.Containers {
			if container.Name == kube.KafkaContainer {
				state.Image = container.Image
			}
		}
		status.BrokersState[id] = state
	}
	return status
}
