package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/kube/golden"
	"github.com/koperator-go/koperator/messages"
)

// demo is the cluster of Koperator's own golden files: node 0 broker, 1 controller, 2 both.
func demo(change ...func(*v1beta1.KafkaCluster)) *v1beta1.KafkaCluster {
	cluster := &v1beta1.KafkaCluster{
		ObjectMeta: metav1.ObjectMeta{
			Name: "demo", Namespace: "ns1", UID: "6f1c2b9e-0000-4000-8000-000000000001", Generation: 3,
			Labels: map[string]string{"team": "streams", "app": "not-kafka"},
		},
		Spec: v1beta1.KafkaClusterSpec{
			KRaft: true,
			ListenersConfig: v1beta1.ListenersConfig{
				InternalListeners: []v1beta1.InternalListenerConfig{
					{CommonListenerSpec: listener("internal", 29092, true)},
					{CommonListenerSpec: listener("controller", 29093, false), UsedForControllerCommunication: true},
				},
				ExternalListeners: []v1beta1.ExternalListenerConfig{{
					CommonListenerSpec: listener("test", 9094, false), ExternalStartingPort: 19090,
					IngressServiceSettings: v1beta1.IngressServiceSettings{HostnameOverride: "test.host.com"},
				}},
				ServiceAnnotations: map[string]string{"mesh": "no"},
			},
			BrokerConfigGroups: map[string]v1beta1.BrokerConfig{"default": {StorageConfigs: []v1beta1.StorageConfig{
				{MountPath: "/kafka-logs", PvcSpec: claimSpec("10Gi")},
			}}},
			Brokers: []v1beta1.Broker{
				node0to2(0, "broker"), node0to2(1, "controller"), node0to2(2, "controller", "broker"),
			},
			RollingUpgradeConfig: v1beta1.RollingUpgradeConfig{FailureThreshold: 1},
		},
	}
	for _, c := range change {
		c(cluster)
	}
	return cluster
}

func listener(name string, port int32, inner bool) v1beta1.CommonListenerSpec {
	return v1beta1.CommonListenerSpec{
		Name: name, Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: port, UsedForInnerBrokerCommunication: inner,
	}
}

func node0to2(id int32, roles ...string) v1beta1.Broker {
	broker := v1beta1.Broker{ID: id, BrokerConfigGroup: "default", BrokerConfig: &v1beta1.BrokerConfig{ProcessRoles: roles}}
	if roles[0] == "broker" {
		broker.BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{
			{MountPath: "/kafka-logs", PvcSpec: claimSpec("10Gi")},
			{MountPath: "/ephemeral-dir1", EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(resource.MustParse("1Gi"))}},
		}
	}
	return broker
}

func claimSpec(size string) *corev1.PersistentVolumeClaimSpec {
	return &corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceStorage: resource.MustParse(size),
		}},
	}
}

func headless(cluster *v1beta1.KafkaCluster) { cluster.Spec.HeadlessServiceEnabled = true }

func zooKeeper(cluster *v1beta1.KafkaCluster) {
	cluster.Spec.KRaft = false
	cluster.Spec.ZKAddresses = []string{"zk:2181"}
}

// group changes the configuration that all nodes share.
func group(change func(*v1beta1.BrokerConfig)) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		config := cluster.Spec.BrokerConfigGroups["default"]
		change(&config)
		cluster.Spec.BrokerConfigGroups["default"] = config
	}
}

// podInput is what a broker actor would ask for when the cluster starts for the first time.
func podInput(t testing.TB, cluster *v1beta1.KafkaCluster, id int32) PodInput {
	t.Helper()
	broker := cluster.Spec.Brokers[id]
	config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &broker)
	require.NoError(t, err)
	in := PodInput{
		Cluster: cluster, Broker: broker, Config: config, Addresses: AddressesOf(cluster),
		ClaimNames:     map[string]string{},
		Properties:     "node.id=0\n",
		UserProperties: "auto.create.topics.enable=false\n",
	}
	for _, storage := range config.StorageConfigs {
		if storage.PvcSpec != nil {
			in.ClaimNames[storage.MountPath] = ClaimName(cluster.Name, messages.BrokerID(id), storage.MountPath)
		}
	}
	in.FormatDirs = mountPaths(config)
	if cluster.Spec.KRaft {
		in.ClusterID = "Qk1hb2tqT3ZBUVlYbEE9PQ"
		in.Quorum = messages.Quorum{Mode: messages.QuorumDynamic, Initial: []messages.Voter{
			voter(in.Addresses, 1, false), voter(in.Addresses, 2, true),
		}}
	}
	return in
}

func voter(a messages.Addresses, id messages.BrokerID, alsoBroker bool) messages.Voter {
	return messages.Voter{
		ID: id, Host: a.Controller(id, alsoBroker), Port: 29093, DirectoryID: "AAAAAAAAAAAAAAAAAAAAA" + id.String(),
	}
}

func brokerPod(t testing.TB, in PodInput) *corev1.Pod {
	t.Helper()
	pod, err := BrokerPod(in)
	require.NoError(t, err)
	return pod
}

// wantGolden compares what would be sent to the API server. The start script is a file of its own.
func wantGolden(t *testing.T, name string, object Object) {
	t.Helper()
	if pod, ok := object.(*corev1.Pod); ok {
		_, kraft := envValue(pod, envClusterID)
		require.Equal(t, startScriptOf(kraft), pod.Spec.Containers[0].Command[2])
		pod = pod.DeepCopy()
		pod.Spec.Containers[0].Command[2] = "(startscript.sh)"
		object = pod
	}
	fields, err := ownedFields(object)
	require.NoError(t, err)
	text, err := yaml.Marshal(fields)
	require.NoError(t, err)
	golden.Equal(t, "testdata/"+name+".yaml", text)
}
