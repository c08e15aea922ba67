package kube

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/koperator-go/koperator/kube/api/v1alpha1"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// clients are client-go's fakes with our client over them.
func clients(own ...runtime.Object) (*fake.Clientset, *dynamicfake.FakeDynamicClient, *Client) {
	core := fake.NewClientset()
	dynamic := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		v1beta1.Resource("kafkaclusters"):            "KafkaClusterList",
		v1alpha1.Resource("kafkatopics"):             "KafkaTopicList",
		v1alpha1.Resource("kafkausers"):              "KafkaUserList",
		v1alpha1.Resource("cruisecontroloperations"): "CruiseControlOperationList",
	}, own...)
	return core, dynamic, NewClient(core, NewOwnClient(dynamic), nil, open)
}

// open is the gate of tests that may change what they like.
func open() error { return nil }

func configMap(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta: configMapType(), ObjectMeta: metav1.ObjectMeta{Namespace: "ns1", Name: "a"}, Data: data,
	}
}

func TestApplyTakesBackWhatIsNotWantedAnyMoreAndLeavesOthersFields(t *testing.T) {
	core, _, client := clients()
	_, err := client.Apply(t.Context(), configMap(map[string]string{"ours": "1", "later gone": "2"}))
	require.NoError(t, err)
	config, err := core.CoreV1().ConfigMaps("ns1").Get(t.Context(), "a", metav1.GetOptions{})
	require.NoError(t, err)
	config.Data["theirs"] = "3"
	_, err = core.CoreV1().ConfigMaps("ns1").Update(t.Context(), config, metav1.UpdateOptions{FieldManager: "people"})
	require.NoError(t, err)
	applied, err := client.Apply(t.Context(), configMap(map[string]string{"ours": "4"}))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"ours": "4", "theirs": "3"}, applied.(*corev1.ConfigMap).Data)
}

func TestCreateTakesNothingFromAnybody(t *testing.T) {
	core, _, client := clients()
	_, err := core.CoreV1().ConfigMaps("ns1").Create(t.Context(), configMap(map[string]string{"k": "theirs"}), metav1.CreateOptions{FieldManager: "people"})
	require.NoError(t, err)
	_, err = client.Create(t.Context(), configMap(map[string]string{"k": "ours"}))
	require.True(t, apierrors.IsConflict(err), "%v", err)
	require.ErrorContains(t, err, "ConfigMap ns1/a")
	applied, err := client.Apply(t.Context(), configMap(map[string]string{"k": "ours"}))
	require.NoError(t, err)
	require.Equal(t, "ours", applied.(*corev1.ConfigMap).Data["k"])
}

func TestWriteAppliesOnlyWhatTheCacheShows(t *testing.T) {
	_, _, client := clients()
	_, err := client.core.CoreV1().ConfigMaps("ns1").Create(t.Context(), configMap(map[string]string{"k": "theirs"}), metav1.CreateOptions{FieldManager: "people"})
	require.NoError(t, err)
	wanted := configMap(map[string]string{"k": "ours"})
	_, err = Write(t.Context(), client, filled(nil), wanted)
	require.Error(t, err)
	_, err = Write(t.Context(), client, filled(map[Kind][]Object{KindConfigMap: {wanted}}), wanted)
	require.NoError(t, err)
}

func TestAnApplySendsOnlyWhatItMeans(t *testing.T) {
	pod := brokerPod(t, podInput(t, demo(), 0))
	pod.UID, pod.ResourceVersion, pod.Status.Phase = "u", "7", corev1.PodRunning
	patch, err := applyPatch(pod)
	require.NoError(t, err)
	var sent map[string]any
	require.NoError(t, json.Unmarshal(patch, &sent))
	require.NotContains(t, sent, "status")
	require.Equal(t, "Pod", sent["kind"])
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"} {
		require.NotContains(t, sent["metadata"], field)
	}
}

func TestADeleteIsOfJustThisObject(t *testing.T) {
	core, _, client := clients()
	var options metav1.DeleteOptions
	answer := error(nil)
	core.PrependReactor("delete", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		options = action.(clienttesting.DeleteActionImpl).DeleteOptions
		return true, nil, answer
	})
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns1", Name: "a", UID: "one", ResourceVersion: "7"}}
	require.NoError(t, client.Delete(t.Context(), pod))
	require.Equal(t, types.UID("one"), *options.Preconditions.UID)
	require.Nil(t, options.GracePeriodSeconds, "a Pod is never forced away")
	answer = apierrors.NewNotFound(corev1.Resource("pods"), "a")
	require.NoError(t, client.Delete(t.Context(), pod), "gone already is as good")
	answer = errors.New("etcd leader changed")
	require.ErrorContains(t, client.Delete(t.Context(), pod), "etcd leader changed")
}

func TestStatusIsAppliedWhole(t *testing.T) {
	_, dynamic, client := clients()
	var sent clienttesting.PatchActionImpl
	dynamic.PrependReactor("patch", "kafkaclusters", func(action clienttesting.Action) (bool, runtime.Object, error) {
		sent = action.(clienttesting.PatchActionImpl)
		return true, rawOf(t, demo(), "KafkaCluster"), nil
	})
	cluster := demo()
	cluster.ResourceVersion, cluster.Status = "7", v1beta1.KafkaClusterStatus{ClusterID: "id", ObservedGeneration: 3}
	_, err := client.ApplyStatus(t.Context(), cluster)
	require.NoError(t, err)
	require.Equal(t, "status", sent.Subresource)
	require.Equal(t, types.ApplyPatchType, sent.PatchType)
	var patch map[string]any
	require.NoError(t, json.Unmarshal(sent.Patch, &patch))
	require.NotContains(t, patch, "spec")
	require.Equal(t, "id", patch["status"].(map[string]any)["clusterID"])
}

func TestFinalizersAreReleasedByAPatchThatTestsWhatWasRead(t *testing.T) {
	cluster := demo()
	cluster.Finalizers = append(ClusterFinalizers(), "somebody/else")
	patch, err := finalizerPatch(cluster, ClusterFinalizers())
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"op":"test","path":"/metadata/uid","value":"6f1c2b9e-0000-4000-8000-000000000001"},
		{"op":"test","path":"/metadata/finalizers","value":["finalizer.kafkaclusters.kafka.banzaicloud.io",
			"topics.kafkaclusters.kafka.banzaicloud.io","users.kafkaclusters.kafka.banzaicloud.io","somebody/else"]},
		{"op":"replace","path":"/metadata/finalizers","value":["somebody/else"]}]`, string(patch))
	_, dynamic, client := clients()
	cluster.Finalizers = []string{"somebody/else"}
	require.NoError(t, client.ReleaseFinalizers(t.Context(), cluster, ClusterFinalizers()))
	require.Empty(t, dynamic.Actions(), "nothing of ours, nothing to send")
}

func TestDependentsAreFoundByTheLabelOfTheirKind(t *testing.T) {
	topic := &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "t", Labels: map[string]string{LabelTopicOfCluster: "demo.ns1"}}}
	other := &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "o", Labels: map[string]string{LabelTopicOfCluster: "demo.ns2"}}}
	user := &v1alpha1.KafkaUser{ObjectMeta: metav1.ObjectMeta{Namespace: "ns1", Name: "u", Labels: map[string]string{LabelTopicOfCluster: "demo.ns1"}}}
	operation := &v1alpha1.CruiseControlOperation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns1", Name: "op", Labels: map[string]string{LabelCluster: "demo"}}}
	elsewhere := &v1alpha1.CruiseControlOperation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns2", Name: "op", Labels: map[string]string{LabelCluster: "demo"}}}
	topic.Spec.ClusterRef = v1alpha1.ClusterReference{Namespace: "ns1", Name: "demo"}
	other.Spec.ClusterRef = v1alpha1.ClusterReference{Namespace: "ns2", Name: "demo"}
	user.Spec.ClusterRef = v1alpha1.ClusterReference{Name: "demo"} // of its own namespace
	_, _, client := clients(rawOf(t, topic, "KafkaTopic"), rawOf(t, other, "KafkaTopic"), rawOf(t, user, "KafkaUser"),
		rawOf(t, operation, "CruiseControlOperation"), rawOf(t, elsewhere, "CruiseControlOperation"))
	found, err := client.Dependents(t.Context(), messages.ClusterKey{Namespace: "ns1", Name: "demo"})
	require.NoError(t, err)
	var names []string
	for _, object := range found {
		names = append(names, object.GetNamespace()+"/"+object.GetName())
	}
	require.Equal(t, []string{"apps/t", "ns1/u", "ns1/op"}, names)
}

// A quantity that the schema's pattern takes and Go does not must not hide the objects beside it.
func TestAnObjectThatCannotBeReadHidesNoOther(t *testing.T) {
	broken := rawOf(t, demo(), "KafkaCluster")
	broken.SetName("broken")
	require.NoError(t, unstructured.SetNestedField(broken.Object, "no list", "spec", "brokers"))
	require.NoError(t, unstructured.SetNestedField(broken.Object, "kept", "status", "clusterID"))
	_, _, client := clients(rawOf(t, demo(), "KafkaCluster"), broken)
	list, err := client.own.List(t.Context(), KindCluster, "ns1", metav1.ListOptions{})
	require.NoError(t, err)
	items := list.(*typedList).Items
	require.Len(t, items, 2)
	unread := items[0].(*v1beta1.KafkaCluster)
	require.Equal(t, "broken", unread.Name)
	problem, found := Undecodable(unread)
	require.True(t, found)
	require.Equal(t, "spec.brokers", problem.Field)
	require.Contains(t, problem.Message, "slice from string")
	require.Equal(t, "kept", unread.Status.ClusterID, "its id is not lost")
	read := items[1].(*v1beta1.KafkaCluster)
	_, found = Undecodable(read)
	require.False(t, found)
	require.Len(t, read.Spec.Brokers, 3)
	cluster, err := client.Cluster(t.Context(), messages.ClusterKey{Namespace: "ns1", Name: "broken"})
	require.NoError(t, err)
	require.NotEmpty(t, cluster.Annotations[AnnotationUndecodable])
	none, err := client.Cluster(t.Context(), messages.ClusterKey{Namespace: "ns1", Name: "nobody"})
	require.NoError(t, err)
	require.Nil(t, none)
}

// rawOf is an object as the API server has it.
func rawOf(t *testing.T, object Object, kind string) *unstructured.Unstructured {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	require.NoError(t, err)
	raw := &unstructured.Unstructured{Object: fields}
	group := v1alpha1.GroupVersion()
	if kind == "KafkaCluster" {
		group = v1beta1.GroupVersion()
	}
	raw.SetGroupVersionKind(group.WithKind(kind))
	return raw
}

// A cache that has yet to show our own Pod must not lead to a Pod that seems to have been made from a newer wish.
func TestAPodIsMadeAnewOrNotAtAll(t *testing.T) {
	core, _, client := clients()
	pod := func(hash string) *corev1.Pod {
		return &corev1.Pod{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns1", Name: "a", Annotations: map[string]string{AnnotationUserInputsHash: hash}},
		}
	}
	_, err := client.Create(t.Context(), pod("old"))
	require.NoError(t, err)
	_, err = client.Create(t.Context(), pod("new"))
	require.True(t, apierrors.IsAlreadyExists(err), "%v", err)
	standing, err := core.CoreV1().Pods("ns1").Get(t.Context(), "a", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "old", standing.Annotations[AnnotationUserInputsHash])
}

// An apply without a UID would make a claim anew that was deleted meanwhile: empty, and without the right to be formatted.
func TestAClaimThatIsGoneIsNotMadeByAChangeOfIt(t *testing.T) {
	_, _, client := clients()
	claim := &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns1", Name: "a", UID: "gone"},
	}
	sent := ""
	client.core.(*fake.Clientset).PrependReactor("patch", "persistentvolumeclaims", func(action clienttesting.Action) (bool, runtime.Object, error) {
		sent = string(action.(clienttesting.PatchAction).GetPatch())
		return true, claim, nil
	})
	wanted := claim.DeepCopy()
	wanted.UID = ""
	_, err := Write(t.Context(), client, filled(map[Kind][]Object{KindClaim: {claim}}), wanted)
	require.NoError(t, err)
	require.Contains(t, sent, `"uid":"gone"`)
	require.Empty(t, wanted.UID)
}
