package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestAnAcceptedSpecComesBackWhole(t *testing.T) {
	cluster := &v1beta1.KafkaCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: "demo", UID: "u"}}
	cluster.Spec.KRaft = true
	cluster.Spec.ReadOnlyConfig = "a=b\n"
	cluster.Spec.Brokers = []v1beta1.Broker{{ID: 3, BrokerConfigGroup: "default"}}
	config, err := AcceptedSpecConfigMap(cluster)
	require.NoError(t, err)
	spec, err := AcceptedSpec(config, cluster)
	require.NoError(t, err)
	require.Equal(t, cluster.Spec, *spec)

	other := cluster.DeepCopy()
	other.UID = "another"
	_, err = AcceptedSpec(config, other)
	require.ErrorContains(t, err, "no record", "that of a cluster of the same name before")
	_, err = AcceptedSpec(nil, cluster)
	require.ErrorContains(t, err, "no record")
	config.BinaryData[keyAcceptedSpec] = []byte("x")
	_, err = AcceptedSpec(config, cluster)
	require.ErrorContains(t, err, "read the accepted spec")
}

func TestTextsAreCutBetweenCharacters(t *testing.T) {
	require.Equal(t, "…ßend", Tail("somethingßend", 8))
	require.Equal(t, "…end", Tail("somethingßend", 7), "half a character is left out")
	require.Equal(t, "short", Tail("short", 8))
}
