package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// demo is the cluster of Koperator's own golden tests: a broker, a controller and a combined node, not headless, with
// an external listener whose address is fixed and a disk beside a throw-away one.
func demo(changes ...func(*v1beta1.KafkaCluster)) *v1beta1.KafkaCluster {
	cluster := &v1beta1.KafkaCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns1", Name: "demo"},
		Spec: v1beta1.KafkaClusterSpec{
			KRaft: true,
			ListenersConfig: v1beta1.ListenersConfig{
				InternalListeners: []v1beta1.InternalListenerConfig{
					internalListener("internal", 29092, innerBroker),
					internalListener("controller", 29093, forControllers),
				},
				ExternalListeners: []v1beta1.ExternalListenerConfig{externalTest()},
			},
			BrokerConfigGroups: map[string]v1beta1.BrokerConfig{
				"default": {StorageConfigs: []v1beta1.StorageConfig{disk("/kafka-logs"), emptyDir("/ephemeral-dir1")}},
			},
			Brokers: []v1beta1.Broker{
				withRoles(0, v1beta1.BrokerRole),
				withRoles(1, v1beta1.ControllerRole),
				withRoles(2, v1beta1.ControllerRole, v1beta1.BrokerRole),
			},
		},
	}
	for _, change := range changes {
		change(cluster)
	}
	return cluster
}

func internalListener(name string, port int32, marks ...func(*v1beta1.InternalListenerConfig)) v1beta1.InternalListenerConfig {
	l := v1beta1.InternalListenerConfig{CommonListenerSpec: v1beta1.CommonListenerSpec{
		Type: v1beta1.SecurityProtocolPlaintext, Name: name, ContainerPort: port,
	}}
	for _, mark := range marks {
		mark(&l)
	}
	return l
}

func innerBroker(l *v1beta1.InternalListenerConfig)    { l.UsedForInnerBrokerCommunication = true }
func forControllers(l *v1beta1.InternalListenerConfig) { l.UsedForControllerCommunication = true }
func forAdmin(l *v1beta1.InternalListenerConfig)       { l.UsedForKafkaAdminCommunication = true }

func externalTest(changes ...func(*v1beta1.ExternalListenerConfig)) v1beta1.ExternalListenerConfig {
	l := v1beta1.ExternalListenerConfig{
		CommonListenerSpec:     v1beta1.CommonListenerSpec{Type: v1beta1.SecurityProtocolPlaintext, Name: "test", ContainerPort: 9094},
		ExternalStartingPort:   19090,
		IngressServiceSettings: v1beta1.IngressServiceSettings{HostnameOverride: "test.host.com"},
	}
	for _, change := range changes {
		change(&l)
	}
	return l
}

func disk(mountPath string) v1beta1.StorageConfig {
	return v1beta1.StorageConfig{MountPath: mountPath, PvcSpec: &corev1.PersistentVolumeClaimSpec{}}
}

func emptyDir(mountPath string) v1beta1.StorageConfig {
	return v1beta1.StorageConfig{MountPath: mountPath, EmptyDir: &corev1.EmptyDirVolumeSource{}}
}

func withRoles(id int32, roles ...string) v1beta1.Broker {
	return v1beta1.Broker{ID: id, BrokerConfigGroup: "default", BrokerConfig: &v1beta1.BrokerConfig{ProcessRoles: roles}}
}

func headless(c *v1beta1.KafkaCluster) { c.Spec.HeadlessServiceEnabled = true }

func inZooKeeperMode(c *v1beta1.KafkaCluster) {
	c.Spec.KRaft = false
	c.Spec.ZKAddresses = []string{"zk-0:2181", "zk-1:2181"}
	path := "kafka"
	c.Spec.ZKPath = &path
}

func readOnly(text string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.ReadOnlyConfig = text }
}

func external(listeners ...v1beta1.ExternalListenerConfig) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.ListenersConfig.ExternalListeners = listeners }
}

func internal(listeners ...v1beta1.InternalListenerConfig) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.ListenersConfig.InternalListeners = listeners }
}

func broker(at int, change func(*v1beta1.Broker)) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { change(&c.Spec.Brokers[at]) }
}

func addressesOf(cluster *v1beta1.KafkaCluster) messages.Addresses {
	return messages.Addresses{
		Cluster:  messages.ClusterKey{Namespace: cluster.Namespace, Name: cluster.Name},
		Domain:   cluster.Spec.GetKubernetesClusterDomain(),
		Headless: cluster.Spec.HeadlessServiceEnabled,
	}
}

// inputOf is the input of a cluster with a dynamic quorum, or of one in ZooKeeper mode.
func inputOf(t testing.TB, cluster *v1beta1.KafkaCluster, at int) RenderInput {
	t.Helper()
	config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[at])
	require.NoError(t, err)
	in := RenderInput{Cluster: cluster, Broker: cluster.Spec.Brokers[at], Config: config, Addresses: addressesOf(cluster)}
	if cluster.Spec.KRaft {
		in.Quorum.Mode = messages.QuorumDynamic
	}
	return in
}

func rendered(t testing.TB, in RenderInput) Properties {
	t.Helper()
	properties, err := BrokerProperties(in)
	require.NoError(t, err)
	return properties
}
