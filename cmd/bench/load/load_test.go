package load

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestClusterCanWork(t *testing.T) {
	for _, test := range []struct {
		name               string
		shape              Shape
		nodes, controllers int
	}{
		{"controllers apart from brokers", Shape{Controllers: 3, Brokers: 5}, 8, 3},
		{"combined nodes", Shape{Combined: 3}, 3, 3},
		{"combined nodes and brokers", Shape{Combined: 3, Brokers: 2}, 5, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw, err := Cluster("ns", "kafka", test.shape)
			require.NoError(t, err)
			cluster := &v1beta1.KafkaCluster{}
			require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(raw.Object, cluster, true))
			require.Equal(t, test.nodes, test.shape.Nodes())
			require.Len(t, cluster.Spec.Brokers, test.nodes)
			require.Empty(t, kafka.Validate(cluster))
			controllers := 0
			for i := range cluster.Spec.Brokers {
				config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[i])
				require.NoError(t, err)
				require.Len(t, config.StorageConfigs, 1)
				if config.IsController() {
					controllers++
				}
			}
			require.Equal(t, test.controllers, controllers)
		})
	}
}

func TestMovedIsHiddenFromTheDaemon(t *testing.T) {
	pod := applycore.Pod("kafka-1", "old").WithLabels(map[string]string{clusterLabel: "kafka", brokerLabel: "1", "app": "kafka"})
	p, err := moved(pods, "new", pod.ObjectMetaApplyConfiguration, pod)
	require.NoError(t, err)
	require.Equal(t, "1", p.broker)
	written := map[string]any{}
	require.NoError(t, json.Unmarshal(p.patch, &written))
	require.Equal(t, map[string]any{
		"name": "kafka-1", "namespace": "new",
		"labels": map[string]any{floorLabel: "kafka", brokerLabel: "1", "app": "kafka"},
	}, written["metadata"])
}

func TestFieldsOfAPostedPodAreFound(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "kafka-1", Namespace: "old", Labels: map[string]string{brokerLabel: "1", "theirs": "x"}}}
	pod.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: daemonManager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:brokerId":{}}}}`),
	}}
	wanted, err := applycore.ExtractPod(asApplied(pod), daemonManager)
	require.NoError(t, err)
	require.Equal(t, map[string]string{brokerLabel: "1"}, wanted.Labels)
	require.Equal(t, metav1.ManagedFieldsOperationUpdate, pod.ManagedFields[0].Operation, "what was read stays as it was")
}
