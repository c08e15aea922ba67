package cluster

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// relic is what is left of a cluster whose status is lost.
func relic(cluster *v1beta1.KafkaCluster, name, format string) kube.Object {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Namespace: cluster.Namespace, Name: name,
		Labels:          map[string]string{kube.LabelCluster: cluster.Name, kube.LabelBrokerID: "1", kube.LabelPVCRoles: "controller"},
		Annotations:     map[string]string{kube.AnnotationFormat: format},
		OwnerReferences: []metav1.OwnerReference{kube.OwnerReference(cluster)},
	}}
}

func runningPod(cluster *v1beta1.KafkaCluster, id, quorum string) kube.Object {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: cluster.Namespace, Name: "demo-node-0", Labels: map[string]string{kube.LabelCluster: cluster.Name},
			Annotations:     map[string]string{kube.AnnotationRenderedHash: "v1:x"},
			OwnerReferences: []metav1.OwnerReference{kube.OwnerReference(cluster)},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: kube.KafkaContainer, Env: []corev1.EnvVar{
			{Name: "CLUSTER_ID", Value: id}, {Name: "KAFKA_QUORUM", Value: quorum},
		}}}},
	}
}

func TestALostIdentityIsFoundAgain(t *testing.T) {
	for name, test := range map[string]struct {
		users   string
		claims  []string
		pod     [2]string
		want    identity
		problem string
	}{
		"in a Pod that we made": {
			pod: [2]string{"running", "Dynamic"}, want: identity{clusterID: "running", quorum: messages.QuorumDynamic, initial: []messages.BrokerID{0, 1, 2}},
		},
		"a static quorum stays static when its Pods were made anew": {
			pod: [2]string{"running", "Static"}, want: identity{clusterID: "running", quorum: messages.QuorumStatic},
		},
		"a static quorum stays static when only claims are left": {
			claims: []string{"formatted:claimed:Static"}, want: identity{clusterID: "claimed", quorum: messages.QuorumStatic},
		},
		"a claim that may be formatted is better than a new id": {
			claims: []string{"allowed:maybe:Dynamic"}, want: identity{clusterID: "maybe", quorum: messages.QuorumDynamic, initial: []messages.BrokerID{0, 1, 2}},
		},
		"and counts last": {
			claims: []string{"allowed:maybe", "formatted:claimed"},
			want:   identity{clusterID: "claimed", quorum: messages.QuorumDynamic, initial: []messages.BrokerID{1}},
		},
		"two ids of claims start nothing":                    {claims: []string{"formatted:one", "formatted:two"}, problem: "claim a has one, claim b has two"},
		"an id that the user chose otherwise starts nothing": {users: "users", claims: []string{"formatted:one"}, problem: "CLUSTER_ID in spec.envs is users, but claim a has one"},
		"an id that the user chose alike is that one": {
			users: "one", claims: []string{"formatted:one"}, want: identity{clusterID: "one", quorum: messages.QuorumDynamic, initial: []messages.BrokerID{1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := demo(0, 1, 2)
			if test.users != "" {
				cluster.Spec.Envs = []corev1.EnvVar{{Name: "CLUSTER_ID", Value: test.users}}
			}
			var claims, pods []kube.Object
			for i, format := range test.claims {
				claims = append(claims, relic(cluster, string(rune('a'+i)), format))
			}
			if test.pod[0] != "" {
				pods = append(pods, runningPod(cluster, test.pod[0], test.pod[1]))
			}
			never := func() (string, error) { return "", errors.New("no id is to be made") }
			is, err := identityOf(cluster, v1beta1.KafkaClusterStatus{}, evidenceOf(cluster, claims, pods), never)
			if test.problem != "" {
				require.ErrorContains(t, err, test.problem)
				require.ErrorContains(t, err, "nothing is started until")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, is)
		})
	}
}

func TestFirstVotersAreChosenAnewWhileNobodyCanHaveStarted(t *testing.T) {
	status := v1beta1.KafkaClusterStatus{ClusterID: "x", Quorum: v1beta1.QuorumDynamic, InitialControllers: []int32{0, 1, 2}}
	nobody := func(messages.BrokerID) bool { return false }
	seen := *status.DeepCopy()
	seen.BrokersState = map[string]v1beta1.BrokerState{"0": {FormattedLogDirs: []v1beta1.FormattedLogDir{{MountPath: "/kafka-logs"}}}}
	for name, test := range map[string]struct {
		cluster *v1beta1.KafkaCluster
		status  v1beta1.KafkaClusterStatus
		started func(messages.BrokerID) bool
		want    []messages.BrokerID
	}{
		"while all are in the spec the list stays":   {demo(0, 1, 2, 3), status, nobody, nil},
		"one that was replaced in the spec":          {demo(0, 1, 3), status, nobody, []messages.BrokerID{0, 1, 3}},
		"not when one of them may have started":      {demo(0, 1, 3), status, func(id messages.BrokerID) bool { return id == 1 }, nil},
		"not when Kafka was seen on one of them":     {demo(0, 1, 3), seen, nobody, nil},
		"without one that came later and has begun":  {demo(0, 1, 3), status, func(id messages.BrokerID) bool { return id == 3 }, []messages.BrokerID{0, 1}},
		"a static quorum has no list to choose anew": {demo(0, 1), v1beta1.KafkaClusterStatus{ClusterID: "x", Quorum: v1beta1.QuorumStatic}, nobody, nil},
	} {
		t.Run(name, func(t *testing.T) {
			id, anew := chosenAnew(rolesOf(test.cluster).controllers, test.status, test.started)
			require.Equal(t, test.want != nil, anew)
			if anew {
				require.Equal(t, test.want, id.initial)
				require.Equal(t, "x", id.clusterID)
			}
		})
	}
	quorum := quorumNow(demo(0, 1, 3), rolesOf(demo(0, 1, 3)), seen, nil)
	require.Equal(t, []messages.BrokerID{2}, quorum.Missing)
	require.True(t, quorum.Formed)
}

func TestTheListOfFirstVotersNeverChangesWithAClaim(t *testing.T) {
	const was, is = types.UID("6f1c2b9e-0000-4000-8000-000000000001"), types.UID("6f1c2b9e-0000-4000-8000-000000000002")
	status := v1beta1.KafkaClusterStatus{ClusterID: "x", Quorum: v1beta1.QuorumDynamic, InitialControllers: []int32{0}}
	before := quorumNow(demo(0), rolesOf(demo(0)), status, map[messages.BrokerID]map[string]types.UID{0: {"/kafka-logs": was}})
	status.BrokersState = map[string]v1beta1.BrokerState{"0": {FormattedLogDirs: []v1beta1.FormattedLogDir{
		{MountPath: "/kafka-logs", ClaimUID: string(was)},
	}}}
	after := quorumNow(demo(0), rolesOf(demo(0)), status, map[messages.BrokerID]map[string]types.UID{0: {"/kafka-logs": is}})
	require.NotEmpty(t, before.Initial)
	require.Equal(t, before.Initial, after.Initial)
}

func TestABrokerThatLeavesWithItsGroupFollowsTheLastSpecThatHadIt(t *testing.T) {
	snapshot := demo(0)
	node := keep{entry: v1beta1.Broker{ID: 7, BrokerConfigGroup: "gone"}, leaving: true}
	require.False(t, describes(snapshot, node))
	snapshot.Spec.BrokerConfigGroups = map[string]v1beta1.BrokerConfig{"gone": {}}
	require.True(t, describes(snapshot, node))
}

// The Pods of a cluster that lived may be gone, and with them what they had on emptyDirs.
func TestBrokersOnEmptyDirsOfAClusterWhoseStatusIsLostMayHaveRun(t *testing.T) {
	volatile := demo(0, 1, 2)
	for i, roles := range [][]string{{v1beta1.BrokerRole}, {v1beta1.ControllerRole}} {
		volatile.Spec.Brokers[i].BrokerConfig = &v1beta1.BrokerConfig{ProcessRoles: roles, StorageConfigs: []v1beta1.StorageConfig{
			{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{}},
		}}
		volatile.Spec.Brokers[i].BrokerConfigGroup = ""
	}
	require.Empty(t, evidence{}.onPods(volatile), "nothing says that it lived")
	onPods := evidence{lived: true}.onPods(volatile)
	require.Equal(t, []messages.BrokerID{0}, onPods, "1 has no replicas, 2 no emptyDir")

	status := v1beta1.KafkaClusterStatus{}
	identity{onPods: onPods}.record(&status)
	require.Equal(t, map[string]v1beta1.BrokerState{"0": {RanOnEmptyDir: unknownUID}}, status.BrokersState)
	status.BrokersState["0"] = v1beta1.BrokerState{RanOnEmptyDir: "pod"}
	identity{onPods: onPods}.record(&status)
	require.Equal(t, "pod", status.BrokersState["0"].RanOnEmptyDir, "what is known stays")
}
