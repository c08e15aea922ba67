package kube

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	clienttesting "k8s.io/client-go/testing"

	"github.com/koperator-go/koperator/kube/api/v1alpha1"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// granted are verbs by group and resource.
type granted map[string][]string

func (g granted) add(group, resource string, verbs ...string) {
	name := group + "/" + resource
	g[name] = slices.Compact(slices.Sorted(slices.Values(append(g[name], verbs...))))
}

func rightsOfTable() granted {
	table := granted{}
	for _, right := range Rights() {
		table.add(right.Group, right.Resource, right.Verbs...)
	}
	return table
}

// grantedIn are the rights of the first object of a file, which is a role.
func grantedIn(t *testing.T, file string, role any, rules *[]rbacv1.PolicyRule) granted {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096).Decode(role))
	inFile := granted{}
	for _, rule := range *rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				inFile.add(group, resource, rule.Verbs...)
			}
		}
	}
	return inFile
}

func TestTheClusterRoleGrantsWhatTheDaemonDoesAndNoMore(t *testing.T) {
	var role rbacv1.ClusterRole
	require.Equal(t, rightsOfTable(), grantedIn(t, "../deploy/rbac/clusterrole.yaml", &role, &role.Rules))
}

func TestTheRoleOfANamespaceGrantsTheSameButWhatHasNone(t *testing.T) {
	var role rbacv1.Role
	table := rightsOfTable()
	delete(table, "/nodes")
	delete(table, "/persistentvolumes")
	require.Equal(t, table, grantedIn(t, "../deploy/rbac/namespaced/role.yaml", &role, &role.Rules))
	require.Equal(t, "kafka", role.Namespace)
}

// Every request that the client can make is one of the table.
func TestTheTableOfRightsNamesEveryRequestOfTheClient(t *testing.T) {
	core, dynamic, client := clients()
	ctx, meta := t.Context(), metav1.ObjectMeta{Namespace: "ns1", Name: "a", UID: "u", Finalizers: []string{TopicFinalizer}}
	pod := &corev1.Pod{ObjectMeta: meta}
	for _, object := range []Object{
		pod, &corev1.PersistentVolumeClaim{ObjectMeta: meta}, &corev1.ConfigMap{ObjectMeta: meta},
		&corev1.Service{ObjectMeta: meta}, &policyv1.PodDisruptionBudget{ObjectMeta: meta},
	} {
		_, _ = client.Create(ctx, object) // what is answered does not matter here
		_, _ = client.Apply(ctx, object)
		_, _ = client.ReleaseOwners(ctx, object)
		_ = client.TakeFields(ctx, object)
		_, _ = client.Annotate(ctx, object, map[string]string{"a": "b"})
		_ = client.Delete(ctx, object)
	}
	for _, asked := range []messages.Budgets{messages.AllBudgets, messages.OthersBudgets} {
		_ = client.Evict(ctx, pod, asked)
		_ = client.MayEvict(ctx, pod, asked)
	}
	_ = client.MayCreate(ctx, pod)
	_, _ = client.Resize(ctx, pod, KafkaContainer, corev1.ResourceRequirements{})
	_, _ = client.Volume(ctx, &corev1.PersistentVolumeClaim{ObjectMeta: meta, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "v"}})
	_, _ = client.PodLog(ctx, pod, KafkaContainer, 1)
	for _, object := range []Object{
		&v1alpha1.KafkaTopic{ObjectMeta: meta}, &v1alpha1.KafkaUser{ObjectMeta: meta},
		&v1alpha1.CruiseControlOperation{ObjectMeta: meta},
	} {
		_ = client.Delete(ctx, object)
		_ = client.ReleaseFinalizers(ctx, object, DependentFinalizers())
	}
	cluster := &v1beta1.KafkaCluster{ObjectMeta: meta}
	cluster.Finalizers = ClusterFinalizers()
	_, _ = client.ApplyStatus(ctx, cluster)
	read := cluster.DeepCopy()
	read.ResourceVersion = "7"
	_, _ = client.ApplyStatus(ctx, read)
	_ = client.ReleaseFinalizers(ctx, cluster, ClusterFinalizers())
	_, _ = client.Cluster(ctx, messages.ClusterKey{Namespace: "ns1", Name: "a"})
	_, _ = client.Dependents(ctx, messages.ClusterKey{Namespace: "ns1", Name: "a"})
	asked := granted{}
	for _, action := range append(core.Actions(), dynamic.Actions()...) {
		resource := action.GetResource().Resource
		if sub := action.GetSubresource(); sub != "" {
			resource += "/" + sub
		}
		asked.add(action.GetResource().Group, resource, action.GetVerb())
		if patch, ok := action.(clienttesting.PatchAction); ok && patch.GetSubresource() == "" && action.GetResource().Group != v1beta1.GroupVersion().Group {
			asked.add(action.GetResource().Group, resource, "create")
		}
	}
	table := rightsOfTable()
	for _, kind := range WatchedKinds() {
		asked.add(resourcesOf()[kind][0], resourcesOf()[kind][1], "list", "watch")
	}
	delete(table, "events.k8s.io/events")                          // the recorder's
	delete(table, "kafka.banzaicloud.io/kafkaclusters/finalizers") // asked by admission, not by us
	require.Equal(t, table, asked)
}

// resourcesOf are group and resource of the watched kinds.
func resourcesOf() map[Kind][2]string {
	return map[Kind][2]string{
		KindCluster: {"kafka.banzaicloud.io", "kafkaclusters"}, KindPod: {"", "pods"}, KindNode: {"", "nodes"},
		KindClaim: {"", "persistentvolumeclaims"}, KindConfigMap: {"", "configmaps"}, KindService: {"", "services"},
		KindBudget: {"policy", "poddisruptionbudgets"},
	}
}
