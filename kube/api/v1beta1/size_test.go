package v1beta1_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	apply "github.com/koperator-go/koperator/kube/apply/v1beta1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

const mebibyte = 1 << 20

// etcd refuses requests above 1.5 MiB (--max-request-bytes), and the whole object is one request. What is managed by
// server-side apply is counted with the very code that the API server counts with.
func TestAClusterOfThousandBrokersStaysUnderOneMebibyteAtRest(t *testing.T) {
	size := storedSize(t, clusterOf(1000, atRest))
	t.Logf("%d bytes", size)
	require.Less(t, size, mebibyte)
}

func TestAClusterOfThousandBrokersWithHundredBusyOnesStaysUnderOneMebibyte(t *testing.T) {
	size := storedSize(t, clusterOf(1000, func(id int32) v1beta1.BrokerState {
		if id < 100 {
			return busy(id)
		}
		return atRest(id)
	}))
	t.Logf("%d bytes", size)
	require.Less(t, size, mebibyte)
}

func TestAClusterOfThousandBusyBrokersStillFitsIntoEtcd(t *testing.T) {
	size := storedSize(t, clusterOf(1000, busy))
	t.Logf("%d bytes", size)
	require.Less(t, size, mebibyte+mebibyte/2)
}

func clusterOf(brokers int32, state func(int32) v1beta1.BrokerState) *v1beta1.KafkaCluster {
	cluster := &v1beta1.KafkaCluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1beta1.GroupVersion().String(), Kind: v1beta1.KafkaClusterKind},
		ObjectMeta: metav1.ObjectMeta{Name: "kafka", Namespace: "kafka", UID: uid, Finalizers: []string{"finalizer.kafkaclusters.kafka.banzaicloud.io"}},
		Spec: v1beta1.KafkaClusterSpec{
			KRaft:              true,
			BrokerConfigGroups: map[string]v1beta1.BrokerConfig{"default": {StorageConfigs: disks()}},
			ListenersConfig: v1beta1.ListenersConfig{
				InternalListeners: []v1beta1.InternalListenerConfig{{CommonListenerSpec: listener("internal", 29092)}},
				ExternalListeners: []v1beta1.ExternalListenerConfig{{CommonListenerSpec: listener("external", 9094), ExternalStartingPort: 19090}},
			},
		},
		Status: v1beta1.KafkaClusterStatus{State: v1beta1.ClusterRunning, BrokersState: map[string]v1beta1.BrokerState{}},
	}
	var inside, outside v1beta1.ListenerStatusList
	for id := range brokers {
		cluster.Spec.Brokers = append(cluster.Spec.Brokers, v1beta1.Broker{ID: id, BrokerConfigGroup: "default"})
		cluster.Status.BrokersState[fmt.Sprint(id)] = state(id)
		inside = append(inside, v1beta1.ListenerStatus{
			Name: fmt.Sprintf("broker-%d", id), Address: fmt.Sprintf("kafka-%d.kafka-headless.kafka.svc.cluster.local:29092", id)})
		outside = append(outside, v1beta1.ListenerStatus{
			Name: fmt.Sprintf("broker-%d", id), Address: fmt.Sprintf("kafka.example.com:%d", 19090+id)})
	}
	cluster.Status.ListenerStatuses = &v1beta1.ListenerStatuses{
		InternalListeners: map[string]v1beta1.ListenerStatusList{"internal": inside},
		ExternalListeners: map[string]v1beta1.ListenerStatusList{"external": outside},
	}
	return cluster
}

const uid = "11111111-2222-3333-4444-555555555555"

func disks() []v1beta1.StorageConfig {
	return []v1beta1.StorageConfig{{MountPath: "/kafka-logs1"}, {MountPath: "/kafka-logs2"}}
}

func listener(name string, port int32) v1beta1.CommonListenerSpec {
	return v1beta1.CommonListenerSpec{Name: name, Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: port}
}

func atRest(int32) v1beta1.BrokerState {
	return v1beta1.BrokerState{
		RackAwarenessState:          v1beta1.RackAwarenessStateOf("eu-central-1,eu-central-1a"),
		ConfigurationState:          v1beta1.ConfigInSync,
		PerBrokerConfigurationState: v1beta1.PerBrokerConfigInSync,
		ExternalListenerConfigNames: []string{"globalConfig"},
		Version:                     "3.9.2",
		Image:                       v1beta1.DefaultKafkaImage,
		FormattedLogDirs: []v1beta1.FormattedLogDir{
			{MountPath: "/kafka-logs1", ClaimUID: uid}, {MountPath: "/kafka-logs2", ClaimUID: uid}},
		GracefulActionState: v1beta1.GracefulActionState{
			CruiseControlState: v1beta1.GracefulUpscaleSucceeded,
			VolumeStates: map[string]v1beta1.VolumeState{
				"/kafka-logs1": {CruiseControlVolumeState: v1beta1.GracefulDiskRebalanceSucceeded},
				"/kafka-logs2": {CruiseControlVolumeState: v1beta1.GracefulDiskRebalanceSucceeded},
			},
		},
	}
}

// busy is all that can be said of a broker: the longest reason, and an operation at each of its disks.
func busy(id int32) v1beta1.BrokerState {
	state := atRest(id)
	since := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	state.Reason, state.Since = strings.Repeat("r", 200), &since
	if id < 100 { // the operator keeps the last words of no more
		state.Replacements = &v1beta1.PodReplacements{Count: 9, Last: &since, Message: strings.Repeat("m", 200)}
	}
	operation := &v1beta1.OperationReference{Name: "kafka-rebalance-abcde"}
	state.GracefulActionState.CruiseControlOperationReference = operation
	for path, volume := range state.GracefulActionState.VolumeStates {
		volume.CruiseControlOperationReference = operation
		state.GracefulActionState.VolumeStates[path] = volume
	}
	return state
}

// storedSize returns the size of a cluster in etcd, with the record of who set what: the spec by a person's server-side
// apply, the status by the operator's.
func storedSize(t *testing.T, cluster *v1beta1.KafkaCluster) int {
	t.Helper()
	spec := &v1beta1.KafkaCluster{TypeMeta: cluster.TypeMeta, Spec: cluster.Spec}
	status := &v1beta1.KafkaCluster{TypeMeta: cluster.TypeMeta, Status: cluster.Status}
	cluster = cluster.DeepCopy()
	cluster.ManagedFields = []metav1.ManagedFieldsEntry{owned(t, "kubectl", spec), owned(t, "koperator", status)}
	stored, err := json.Marshal(cluster)
	require.NoError(t, err)
	return len(stored)
}

func owned(t *testing.T, manager string, object *v1beta1.KafkaCluster) metav1.ManagedFieldsEntry {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1beta1.AddToScheme(scheme))
	typed, err := apply.NewTypeConverter(scheme).ObjectToTyped(object)
	require.NoError(t, err)
	set, err := typed.ToFieldSet()
	require.NoError(t, err)
	fields, err := set.ToJSON()
	require.NoError(t, err)
	recorded := &metav1.FieldsV1{}
	recorded.SetRawBytes(fields)
	now := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationApply,
		APIVersion: object.APIVersion, Time: &now, FieldsType: "FieldsV1", FieldsV1: recorded}
}
