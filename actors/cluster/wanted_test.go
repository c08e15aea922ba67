package cluster

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestIdentityOf(t *testing.T) {
	fresh := func() (string, error) { return "fresh", nil }
	never := func() (string, error) { return "", errors.New("no id is to be made") }
	withEnv := demo(0, 1, 2)
	withEnv.Spec.Envs = []corev1.EnvVar{{Name: "CLUSTER_ID", Value: "users"}}
	zooKeeper := demo(0)
	zooKeeper.Spec.KRaft = false
	for name, test := range map[string]struct {
		cluster *v1beta1.KafkaCluster
		status  v1beta1.KafkaClusterStatus
		found   evidence
		newID   func() (string, error)
		want    identity
	}{
		"in ZooKeeper mode there is none": {cluster: zooKeeper, newID: never},
		"a new cluster gets a new id and a dynamic quorum of all its controllers": {
			newID: fresh, want: identity{clusterID: "fresh", quorum: messages.QuorumDynamic, initial: []messages.BrokerID{0, 1, 2}},
		},
		"what status records stays": {
			status: v1beta1.KafkaClusterStatus{ClusterID: "known", Quorum: v1beta1.QuorumDynamic, InitialControllers: []int32{1}},
			newID:  never, want: identity{clusterID: "known", quorum: messages.QuorumDynamic, initial: []messages.BrokerID{1}},
		},
		"an id that Koperator recorded means a static quorum": {
			status: v1beta1.KafkaClusterStatus{ClusterID: "known"}, newID: never,
			want: identity{clusterID: "known", quorum: messages.QuorumStatic},
		},
		"the user's own id is taken": {
			cluster: withEnv, newID: never, want: identity{clusterID: "users", quorum: messages.QuorumDynamic, initial: []messages.BrokerID{0, 1, 2}},
		},
		"claims that outlived a cluster bring its id and its controllers back": {
			found: evidence{claimed: "claimed", formattedControllers: []messages.BrokerID{0, 2}}, newID: never,
			want: identity{clusterID: "claimed", quorum: messages.QuorumDynamic, initial: []messages.BrokerID{0, 2}},
		},
		"Pods of Koperator bring their id and a static quorum": {
			found: evidence{running: "running", quorum: messages.QuorumStatic}, newID: never, want: identity{clusterID: "running", quorum: messages.QuorumStatic},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := test.cluster
			if cluster == nil {
				cluster = demo(0, 1, 2)
			}
			is, err := identityOf(cluster, test.status, test.found, test.newID)
			require.NoError(t, err)
			require.Equal(t, test.want, is)
			recorded := v1beta1.KafkaClusterStatus{}
			is.record(&recorded)
			if is.clusterID != "" {
				require.Equal(t, is, recordedIdentity(recorded), "what is recorded is read back")
			}
		})
	}
	_, err := identityOf(demo(0), v1beta1.KafkaClusterStatus{}, evidence{}, never)
	require.Error(t, err)
}

func TestEvidenceIsTakenFromOwnedObjectsAlone(t *testing.T) {
	cluster := demo(0, 1)
	meta := func(id string, owned bool) metav1.ObjectMeta {
		m := metav1.ObjectMeta{Namespace: "kafka", Name: "x" + id, Labels: map[string]string{
			kube.LabelCluster: "demo", kube.LabelBrokerID: id, kube.LabelPVCRoles: "broker_controller",
		}, Annotations: map[string]string{kube.AnnotationFormat: "formatted:id-" + id}}
		if owned {
			m.OwnerReferences = []metav1.OwnerReference{kube.OwnerReference(cluster)}
		}
		return m
	}
	claims := []kube.Object{
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("7", false)},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("1", true)},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("0", true)},
	}
	found := evidenceOf(cluster, claims, nil)
	require.Equal(t, evidence{
		claimed: "id-1", lived: true, formattedControllers: []messages.BrokerID{0, 1}, ids: []idOf{{"id-1", "claim x1"}, {"id-0", "claim x0"}},
	}, found)
}

func TestQuorumOf(t *testing.T) {
	uid := func(n string) map[string]types.UID {
		return map[string]types.UID{"/kafka-logs": types.UID("6f1c2b9e-0000-4000-8000-00000000000" + n)}
	}
	dynamic := identity{clusterID: "x", quorum: messages.QuorumDynamic, initial: []messages.BrokerID{0, 1}}
	all := map[messages.BrokerID]map[string]types.UID{0: uid("0"), 1: uid("1"), 2: uid("2")}
	for name, test := range map[string]struct {
		cluster *v1beta1.KafkaCluster
		id      identity
		claims  map[messages.BrokerID]map[string]types.UID
		voters  []messages.BrokerID
	}{
		"a static quorum lists nobody":                           {id: identity{quorum: messages.QuorumStatic}, claims: all},
		"nobody is listed until all claims are known":            {id: dynamic, claims: map[messages.BrokerID]map[string]types.UID{0: uid("0")}},
		"the first voters are listed by id":                      {id: dynamic, claims: all, voters: []messages.BrokerID{0, 1}},
		"a controller that comes later is not among them":        {id: dynamic, claims: all, voters: []messages.BrokerID{0, 1}},
		"when one of the first is gone nobody may form a quorum": {cluster: demo(1, 2), id: dynamic, claims: all},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := test.cluster
			if cluster == nil {
				cluster = demo(0, 1, 2)
			}
			quorum := quorumOf(cluster, rolesOf(cluster), test.id, test.claims)
			require.Equal(t, test.id.quorum, quorum.Mode)
			var voters []messages.BrokerID
			for _, v := range quorum.Initial {
				voters = append(voters, v.ID)
				require.NotEmpty(t, v.DirectoryID)
				require.Contains(t, v.Host, "demo-headless")
			}
			require.Equal(t, test.voters, voters)
		})
	}
}

func TestNodesToKeep(t *testing.T) {
	entry := v1beta1.Broker{ID: 7}
	known := func(id messages.BrokerID) (v1beta1.Broker, bool) { return entry, id == 7 }
	kept := nodesToKeep(demo(0, 1), []messages.BrokerID{0, 7, 8}, known)
	require.Len(t, kept, 3)
	require.False(t, kept[0].leaving)
	require.Equal(t, keep{entry: entry, leaving: true}, kept[7], "it has left the spec and still has objects")
	require.NotContains(t, kept, messages.BrokerID(8), "of which nobody remembers how to run it")
}

func TestAChangeConcernsOnlyWhoseEntryItIs(t *testing.T) {
	one, other := demo(0, 1), demo(0, 1)
	other.Spec.Brokers[1].ReadOnlyConfig = "num.io.threads=9"
	require.True(t, sharedEqual(one, other))
	require.False(t, concerns(keep{entry: one.Spec.Brokers[0]}, keep{entry: other.Spec.Brokers[0]}))
	require.True(t, concerns(keep{entry: one.Spec.Brokers[1]}, keep{entry: other.Spec.Brokers[1]}))
	require.True(t, concerns(keep{entry: one.Spec.Brokers[0]}, keep{entry: one.Spec.Brokers[0], leaving: true}))
	require.False(t, sharedEqual(one, demo(0, 1, 2)), "another controller concerns everybody")
	other = demo(0, 1)
	other.Spec.ReadOnlyConfig = "num.io.threads=9"
	require.False(t, sharedEqual(one, other))
}

func TestWhoHasNothingButEmptyDirs(t *testing.T) {
	disks := func(volatile ...bool) v1beta1.Broker {
		entry := v1beta1.Broker{ID: 1, BrokerConfig: &v1beta1.BrokerConfig{}}
		for i, v := range volatile {
			disk := v1beta1.StorageConfig{MountPath: fmt.Sprintf("/disk-%d", i), PvcSpec: &corev1.PersistentVolumeClaimSpec{}}
			if v {
				disk.PvcSpec, disk.EmptyDir = nil, &corev1.EmptyDirVolumeSource{}
			}
			entry.BrokerConfig.StorageConfigs = append(entry.BrokerConfig.StorageConfigs, disk)
		}
		return entry
	}
	formatted := map[string]v1beta1.BrokerState{"1": {FormattedLogDirs: []v1beta1.FormattedLogDir{{MountPath: "/old"}}}}
	for name, test := range map[string]struct {
		keep   keep
		claims map[string]types.UID
		states map[string]v1beta1.BrokerState
		want   bool
	}{
		"all of its disks are":                {keep: keep{entry: disks(true, true)}, want: true},
		"some are claims":                     {keep: keep{entry: disks(true, false)}},
		"it left the spec with emptyDirs":     {keep: keep{entry: disks(true), leaving: true}, want: true},
		"it left the spec with claims":        {keep: keep{entry: disks(false), leaving: true}},
		"a claim is there that left the spec": {keep: keep{entry: disks(true)}, claims: map[string]types.UID{"/old": "claim"}},
		"Kafka ran on one that left the spec": {keep: keep{entry: disks(true)}, states: formatted},
		"also while it leaves":                {keep: keep{entry: disks(true), leaving: true}, states: formatted},
	} {
		t.Run(name, func(t *testing.T) {
			a := &cluster{valid: demo(0), known: v1beta1.KafkaClusterStatus{BrokersState: test.states}}
			if !test.keep.leaving {
				a.valid.Spec.Brokers = append(a.valid.Spec.Brokers, test.keep.entry)
			}
			a.roles = rolesOf(a.valid)
			a.children = map[messages.BrokerID]*child{1: {keep: test.keep, observed: messages.BrokerObserved{Claims: test.claims}}}
			require.Equal(t, test.want, a.nodes()[0].allVolatile)
		})
	}
}
