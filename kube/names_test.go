package kube

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Koperator's generated names end in five characters of this alphabet (Kubernetes: names.SimpleNameGenerator).
const generated = `[bcdfghjklmnpqrstvwxz2456789]{5}`

func TestPodNamesNeverMeet(t *testing.T) {
	koperators := regexp.MustCompile(`^(.+)-[0-9]+-` + generated + `$`)
	cluster := rapid.StringMatching(`[a-z]([-a-z0-9]{0,12}[a-z0-9])?`)
	id := rapid.Int32Range(0, 65534)
	rapid.Check(t, func(t *rapid.T) {
		a, b := cluster.Draw(t, "a"), cluster.Draw(t, "b")
		i, j := messages.BrokerID(id.Draw(t, "i")), messages.BrokerID(id.Draw(t, "j"))
		require.False(t, koperators.MatchString(PodName(a, i)), "Koperator may generate %s", PodName(a, i))
		require.Equal(t, a == b && i == j, PodName(a, i) == PodName(b, j))
	})
}

func TestClaimNamesDifferByMountPath(t *testing.T) {
	require.Equal(t, "demo-3-9e423fa7", ClaimName("demo", 3, "/kafka-logs"))
	require.NotEqual(t, ClaimName("demo", 3, "/a"), ClaimName("demo", 3, "/b"))
}

func TestListenerPortNames(t *testing.T) {
	for listener, want := range map[string]string{"internal": "tcp-internal", "tcp-x": "tcp-x", "a_b": "tcp-a-b"} {
		require.Equal(t, want, listenerPortName(listener))
	}
}

func TestLogDir(t *testing.T) {
	require.Equal(t, "/kafka-logs/kafka", LogDir("/kafka-logs"))
	require.Equal(t, "/kafka-logs/kafka", LogDir("/kafka-logs/"))
}

func TestOwned(t *testing.T) {
	cluster := demo()
	labels := map[string]string{LabelApp: AppKafka, LabelCluster: "demo"}
	other := OwnerReference(demo(func(c *v1beta1.KafkaCluster) { c.UID = "another" }))
	tests := map[string]struct {
		object metav1.ObjectMeta
		want   bool
	}{
		"label and owner":                              {metav1.ObjectMeta{Labels: labels, OwnerReferences: owners(cluster)}, true},
		"a copied label":                               {metav1.ObjectMeta{Labels: labels}, false},
		"an owner without the label":                   {metav1.ObjectMeta{OwnerReferences: owners(cluster)}, false},
		"the cluster of the same name that was before": {metav1.ObjectMeta{Labels: labels, OwnerReferences: []metav1.OwnerReference{other}}, false},
		"a retained claim":                             {metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{AnnotationRetainedClaim: "demo"}}, true},
		"a retained claim that somebody else owns": {metav1.ObjectMeta{
			Labels: labels, Annotations: map[string]string{AnnotationRetainedClaim: "demo"}, OwnerReferences: []metav1.OwnerReference{other},
		}, false},
		"a retained claim of another cluster": {metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{AnnotationRetainedClaim: "x"}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.object.Namespace = "ns1"
			require.Equal(t, test.want, Owned(&corev1.PersistentVolumeClaim{ObjectMeta: test.object}, cluster))
			test.object.Namespace = "ns2"
			require.False(t, Owned(&corev1.PersistentVolumeClaim{ObjectMeta: test.object}, cluster))
		})
	}
}

func TestRemotelyOwned(t *testing.T) {
	require.True(t, RemotelyOwned(&metav1.ObjectMeta{Annotations: map[string]string{AnnotationRemoteOwner: "x"}}))
	require.False(t, RemotelyOwned(&metav1.ObjectMeta{}))
}

// Everything that is built carries what Owned looks for, except retained claims' owner.
func TestAllObjectsAreOwned(t *testing.T) {
	cluster := demo(extras)
	in := podInput(t, cluster, 0)
	config, err := BrokerConfigMap(ConfigInput{Cluster: cluster, Broker: in.Broker, Config: in.Config})
	require.NoError(t, err)
	claim, err := Claim(claimInput(cluster, in.Config.StorageConfigs[0]))
	require.NoError(t, err)
	kept, err := Claim(claimInput(demo(retain), in.Config.StorageConfigs[0]))
	require.NoError(t, err)
	budget := BudgetInput{Cluster: cluster, Nodes: 3}
	objects := []Object{
		brokerPod(t, in), config, claim, kept, JMXConfigMap(cluster), BrokerService(cluster, 0),
		BrokerBudget(budget), ControllerBudget(budget), HeadlessService(cluster),
	}
	for _, service := range ClusterServices(cluster) {
		objects = append(objects, service)
	}
	for _, object := range objects {
		require.True(t, Owned(object, cluster), fmt.Sprintf("%T %s", object, object.GetName()))
	}
}
