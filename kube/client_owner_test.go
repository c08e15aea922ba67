package kube

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func ourConfig(data map[string]string) *corev1.ConfigMap {
	config := configMap(data)
	config.Labels, config.OwnerReferences = ClusterSelector("demo"), owners(demo())
	return config
}

// Server-side apply without force finds no conflict between keys that differ.
func TestAForeignConfigMapWithOtherKeysIsNotTakenOver(t *testing.T) {
	core, _, client := clients()
	foreign := configMap(map[string]string{"theirs": "1"})
	_, err := core.CoreV1().ConfigMaps("ns1").Create(t.Context(), foreign, metav1.CreateOptions{FieldManager: "people"})
	require.NoError(t, err)
	_, err = client.Create(t.Context(), ourConfig(map[string]string{"ours": "1"}))
	require.True(t, apierrors.IsConflict(err), "%v", err)
	require.ErrorContains(t, err, "ConfigMap ns1/a")
	require.ErrorContains(t, err, "delete or rename it")
	standing, err := core.CoreV1().ConfigMaps("ns1").Get(t.Context(), "a", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"theirs": "1"}, standing.Data)
	require.Empty(t, standing.OwnerReferences)
}

func TestAConfigMapOfAnEarlierClusterOfTheNameIsNotTakenOver(t *testing.T) {
	_, _, client := clients()
	earlier := ourConfig(nil)
	earlier.OwnerReferences[0].UID = "of the cluster before"
	_, err := client.Create(t.Context(), earlier)
	require.NoError(t, err)
	_, err = client.Create(t.Context(), ourConfig(nil))
	require.True(t, apierrors.IsConflict(err), "%v", err)
}

func TestAConfigMapWhoseFirstAnswerWasLostIsMadeAgain(t *testing.T) {
	_, _, client := clients()
	for range 2 {
		_, err := client.Create(t.Context(), ourConfig(map[string]string{"ours": "1"}))
		require.NoError(t, err)
	}
}

func TestAStatusIsOfJustThisCluster(t *testing.T) {
	var patch struct {
		Metadata map[string]any
		Status   v1beta1.KafkaClusterStatus
	}
	write := func(version string, standing types.UID) (map[string]any, error) {
		patch.Metadata = nil
		_, dynamic, client := clients()
		dynamic.PrependReactor("get", "kafkaclusters", func(clienttesting.Action) (bool, runtime.Object, error) {
			cluster := demo()
			cluster.UID, cluster.ResourceVersion = standing, "9"
			cluster.Status = WithAlerts(cluster.Status, 3)
			return true, rawOf(t, cluster, "KafkaCluster"), nil
		})
		dynamic.PrependReactor("patch", "kafkaclusters", func(action clienttesting.Action) (bool, runtime.Object, error) {
			require.NoError(t, json.Unmarshal(action.(clienttesting.PatchActionImpl).Patch, &patch))
			return true, rawOf(t, demo(), "KafkaCluster"), nil
		})
		cluster := demo()
		cluster.ResourceVersion, cluster.Status = version, WithAlerts(cluster.Status, 1)
		_, err := client.ApplyStatus(t.Context(), cluster)
		return patch.Metadata, err
	}
	named := func(version string) map[string]any {
		return map[string]any{"namespace": "ns1", "name": "demo", "uid": string(demo().UID), "resourceVersion": version}
	}
	sent, err := write("7", "not asked for")
	require.NoError(t, err)
	require.Equal(t, named("7"), sent, "as it was read")
	require.Equal(t, 1, Alerts(patch.Status))
	sent, err = write("", demo().UID)
	require.NoError(t, err)
	require.Equal(t, named("9"), sent, "whatever happened to it meanwhile")
	require.Equal(t, 3, Alerts(patch.Status), "which somebody else has counted meanwhile")
	sent, err = write("", "made later")
	require.True(t, apierrors.IsConflict(err), "%v", err)
	require.Nil(t, sent)
}

func TestWhatBelongsToADaemonElsewhereIsNeitherSeenNorWritten(t *testing.T) {
	remote := func(name string) metav1.ObjectMeta {
		meta := labelled("ns1", name, "demo", "1")
		meta.Annotations = map[string]string{AnnotationRemoteOwner: "another"}
		return meta
	}
	objects := map[Kind][]Object{
		KindPod:       {&corev1.Pod{ObjectMeta: remote("pod")}},
		KindClaim:     {&corev1.PersistentVolumeClaim{ObjectMeta: remote("claim")}},
		KindConfigMap: {&corev1.ConfigMap{ObjectMeta: remote("config")}},
		KindService:   {&corev1.Service{ObjectMeta: remote("service")}},
	}
	c, key := filled(objects), messages.ClusterKey{Namespace: "ns1", Name: "demo"}
	require.Empty(t, c.BrokerPods(key, 1))
	require.Empty(t, c.BrokerClaims(key, 1))
	require.Empty(t, c.BrokerIDs(key))
	require.Nil(t, c.ConfigMap("ns1", "config"))
	require.Nil(t, c.Service("ns1", "service"))
	core, _, client := clients()
	for kind, list := range objects {
		require.Empty(t, c.Objects(kind, key))
		wanted := list[0].DeepCopyObject().(Object)
		wanted.SetAnnotations(nil)
		require.Nil(t, c.standing(wanted))
		_, err := Write(t.Context(), client, c, wanted)
		require.ErrorContains(t, err, AnnotationRemoteOwner)
		require.ErrorContains(t, err, wanted.GetName())
	}
	require.Empty(t, core.Actions(), "nothing was sent")
	handedOver := &corev1.Pod{ObjectMeta: labelled("ns1", "pod", "demo", "1")}
	require.Len(t, filled(map[Kind][]Object{KindPod: {handedOver}}).BrokerPods(key, 1), 1)
}

func TestACustomResourceOfADaemonElsewhereIsShownForWhatItIs(t *testing.T) {
	cluster := demo()
	cluster.UID, cluster.Annotations = types.UID("u"), map[string]string{AnnotationRemoteOwner: "another"}
	require.True(t, RemotelyOwned(filled(map[Kind][]Object{KindCluster: {cluster}}).Cluster(KeyOf(cluster))))
}
