package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// combinedNode is a wish for node 0 of a static quorum, as a cluster of Koperator's has it.
func combinedNode() messages.BrokerWanted {
	cluster := &v1beta1.KafkaCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: "demo", UID: "u"}}
	cluster.Spec.KRaft = true
	cluster.Spec.ListenersConfig.InternalListeners = []v1beta1.InternalListenerConfig{
		{CommonListenerSpec: v1beta1.CommonListenerSpec{
			Name: "internal", Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: 29092, UsedForInnerBrokerCommunication: true,
		}},
		{CommonListenerSpec: v1beta1.CommonListenerSpec{
			Name: "controller", Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: 29093,
		}, UsedForControllerCommunication: true},
	}
	entry := v1beta1.Broker{ID: 0, BrokerConfig: &v1beta1.BrokerConfig{
		ProcessRoles:   []string{v1beta1.BrokerRole, v1beta1.ControllerRole},
		StorageConfigs: []v1beta1.StorageConfig{{MountPath: "/kafka-logs", PvcSpec: &corev1.PersistentVolumeClaimSpec{}}},
	}}
	cluster.Spec.Brokers = []v1beta1.Broker{entry}
	return messages.BrokerWanted{
		Cluster: cluster, Entry: entry, ClusterID: "id", Quorum: messages.Quorum{Mode: messages.QuorumStatic},
	}
}

func TestAPodOnClaimsThatKoperatorNamedIsMadeFromTheSameInputs(t *testing.T) {
	w, err := newBlueprint(combinedNode())
	require.NoError(t, err)
	pod, err := w.pod(map[string]string{"/kafka-logs": "demo-0-storage-0-zx8vq"}, nil)
	require.NoError(t, err)
	require.True(t, w.madeFrom(pod), "its ConfigMap could never be written once it has a node")
	require.False(t, w.stale(pod))
}
