package v1beta1_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

type config = v1beta1.BrokerConfig

func TestABrokersConfigIsLaidOverItsGroups(t *testing.T) {
	cases := map[string]struct{ group, own, want config }{
		"nothing anywhere": {config{}, config{}, config{}},
		"a word of the broker wins": {
			config{Image: "g", KafkaHeapOpts: "g"}, config{Image: "b"}, config{Image: "b", KafkaHeapOpts: "g"}},
		"maps are united, the broker wins": {
			config{BrokerLabels: map[string]string{"a": "g", "b": "g"}}, config{BrokerLabels: map[string]string{"b": "b", "c": "b"}},
			config{BrokerLabels: map[string]string{"a": "g", "b": "b", "c": "b"}}},
		"lists are the broker's, then the group's": {
			config{BrokerIngressMapping: []string{"g"}, Tolerations: []corev1.Toleration{{Key: "g"}}},
			config{BrokerIngressMapping: []string{"b"}, Tolerations: []corev1.Toleration{{Key: "b"}}},
			config{BrokerIngressMapping: []string{"b", "g"}, Tolerations: []corev1.Toleration{{Key: "b"}, {Key: "g"}}}},
		"a mount path is taken once, the broker's": {
			config{StorageConfigs: []v1beta1.StorageConfig{{MountPath: "/a"}, {MountPath: "/b"}}},
			config{StorageConfigs: []v1beta1.StorageConfig{{MountPath: "/b", EmptyDir: &corev1.EmptyDirVolumeSource{}}, {MountPath: "/c"}}},
			config{StorageConfigs: []v1beta1.StorageConfig{{MountPath: "/b", EmptyDir: &corev1.EmptyDirVolumeSource{}}, {MountPath: "/c"}, {MountPath: "/a"}}}},
		"a role is taken once, though Koperator took it twice": {
			config{ProcessRoles: []string{"broker", "controller"}}, config{ProcessRoles: []string{"controller"}},
			config{ProcessRoles: []string{"controller", "broker"}}},
		"a pull Secret is taken once": {
			config{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "a"}}}, config{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "a"}}},
			config{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "a"}}}},
		"the group's envs come first": {
			config{Envs: envs("A", "g")}, config{Envs: envs("A", "b")}, config{Envs: envs("A", "g", "A", "b")}},
		"resources are merged field by field": {
			config{Resources: &corev1.ResourceRequirements{Limits: quantities("cpu", "1", "memory", "1Gi")}},
			config{Resources: &corev1.ResourceRequirements{Limits: quantities("cpu", "2"), Requests: quantities("cpu", "1")}},
			config{Resources: &corev1.ResourceRequirements{Limits: quantities("cpu", "2", "memory", "1Gi"), Requests: quantities("cpu", "1")}}},
		"so are security contexts, and false is a value": {
			config{SecurityContext: &corev1.SecurityContext{RunAsNonRoot: ptr.To(true), Privileged: ptr.To(true)}},
			config{SecurityContext: &corev1.SecurityContext{Privileged: ptr.To(false)}},
			config{SecurityContext: &corev1.SecurityContext{RunAsNonRoot: ptr.To(true), Privileged: ptr.To(false)}}},
		"so is the network": {
			config{NetworkConfig: &v1beta1.NetworkConfig{IncomingNetworkThroughPut: "1", OutgoingNetworkThroughPut: "1"}},
			config{NetworkConfig: &v1beta1.NetworkConfig{OutgoingNetworkThroughPut: "2"}},
			config{NetworkConfig: &v1beta1.NetworkConfig{IncomingNetworkThroughPut: "1", OutgoingNetworkThroughPut: "2"}}},
		"of affinities each kind is taken": {
			config{Affinity: &corev1.Affinity{NodeAffinity: nodeAffinity("g"), PodAffinity: &corev1.PodAffinity{}}},
			config{Affinity: &corev1.Affinity{NodeAffinity: nodeAffinity("b")}},
			config{Affinity: &corev1.Affinity{NodeAffinity: nodeAffinity("b"), PodAffinity: &corev1.PodAffinity{}}}},
		"a grace period of the broker wins": {
			config{TerminationGracePeriod: ptr.To(int64(300))}, config{TerminationGracePeriod: ptr.To(int64(60))},
			config{TerminationGracePeriod: ptr.To(int64(60))}},
		"the schema's grace period does not hide the group's": {
			config{TerminationGracePeriod: ptr.To(int64(300))}, config{TerminationGracePeriod: ptr.To(int64(120))},
			config{TerminationGracePeriod: ptr.To(int64(300))}},
		"a grace period of the broker alone": {
			config{}, config{TerminationGracePeriod: ptr.To(int64(120))}, config{TerminationGracePeriod: ptr.To(int64(120))}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spec := specWith(tc.group, tc.own)
			before := spec.DeepCopy()
			merged, err := v1beta1.BrokerConfigOf(spec, &spec.Brokers[0])
			require.NoError(t, err)
			require.Equal(t, &tc.want, merged)
			require.Equal(t, before, spec, "what was given is not changed")
		})
	}
}

// A sample that sets every field goes through the merge on either side, so that a field added to BrokerConfig cannot be
// forgotten in it.
func TestTheMergeForgetsNoField(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "broker_everything.yaml"))
	require.NoError(t, err)
	var cluster v1beta1.KafkaCluster
	require.NoError(t, yaml.Unmarshal(content, &cluster))
	full := *cluster.Spec.Brokers[0].BrokerConfig
	for i := range reflect.TypeOf(full).NumField() {
		require.False(t, reflect.ValueOf(full).Field(i).IsZero(), "the sample leaves out %s", reflect.TypeOf(full).Field(i).Name)
	}
	for name, spec := range map[string]*v1beta1.KafkaClusterSpec{
		"all from the group":  specWith(full, config{}),
		"all from the broker": specWith(config{}, full),
	} {
		t.Run(name, func(t *testing.T) {
			merged, err := v1beta1.BrokerConfigOf(spec, &spec.Brokers[0])
			require.NoError(t, err)
			require.Equal(t, &full, merged)
		})
	}
}

func TestABrokerWithoutGroupAndConfigGetsTheClustersEnvs(t *testing.T) {
	spec := &v1beta1.KafkaClusterSpec{Envs: envs("A", "c"), Brokers: []v1beta1.Broker{{ID: 0}}}
	merged, err := v1beta1.BrokerConfigOf(spec, &spec.Brokers[0])
	require.NoError(t, err)
	require.Equal(t, &config{Envs: envs("A", "c")}, merged)
}

func TestEnvsComeFromClusterThenGroupThenBroker(t *testing.T) {
	spec := specWith(config{Envs: envs("A+", "g")}, config{Envs: envs("A+", "b")})
	spec.Envs = envs("A", "c")
	merged, err := v1beta1.BrokerConfigOf(spec, &spec.Brokers[0])
	require.NoError(t, err)
	require.Equal(t, envs("A", "cgb"), v1beta1.MergeEnvs(merged.Envs))
}

func TestAGroupThatDoesNotExistIsNamed(t *testing.T) {
	spec := &v1beta1.KafkaClusterSpec{Brokers: []v1beta1.Broker{{ID: 7, BrokerConfigGroup: "nobody"}}}
	_, err := v1beta1.BrokerConfigOf(spec, &spec.Brokers[0])
	require.EqualError(t, err, `spec.brokers: broker 7 names the brokerConfigGroup "nobody", which spec.brokerConfigGroups `+
		`does not have: add the group, or name one that is there`)
}

func TestAMergedConfigSharesNothingWithTheSpec(t *testing.T) {
	spec := specWith(config{BrokerLabels: map[string]string{"a": "g"}, Affinity: &corev1.Affinity{NodeAffinity: nodeAffinity("g")}}, config{})
	spec.Envs = []corev1.EnvVar{{Name: "A", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "a"}}}}
	before := spec.DeepCopy()
	merged, err := v1beta1.BrokerConfigOf(spec, &spec.Brokers[0])
	require.NoError(t, err)
	merged.BrokerLabels["a"] = "changed"
	merged.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchExpressions[0].Key = "changed"
	merged.Envs[0].ValueFrom.FieldRef.FieldPath = "changed"
	require.Equal(t, before, spec)
}

func specWith(group, own config) *v1beta1.KafkaClusterSpec {
	return &v1beta1.KafkaClusterSpec{
		BrokerConfigGroups: map[string]config{"group": group},
		Brokers:            []v1beta1.Broker{{ID: 0, BrokerConfigGroup: "group", BrokerConfig: &own}},
	}
}

func quantities(pairs ...string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return list
}

func nodeAffinity(key string) *corev1.NodeAffinity {
	return &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpExists}}}}}}
}
