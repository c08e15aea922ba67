package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Keys that the operator does not know reach Kafka exactly as the user wrote them, whatever is in them.
func TestTheUsersOwnKeysSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		users := Properties(rapid.MapOf(rapid.StringMatching(`my\.[a-z=: #é]{1,8}`), rapid.String()).Draw(t, "properties"))
		cluster := demo(readOnly(users.String()))
		properties, err := BrokerProperties(wildInput(cluster, 0, messages.QuorumDynamic))
		require.NoError(t, err)
		read, err := Parse(properties.String())
		require.NoError(t, err)
		require.Equal(t, users, read.only(users.Keys()))
	})
}

// Whatever a person writes, there is an answer: problems, an error or a file; the resource stays as it was.
func TestAnyClusterGetsAnAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cluster := wildCluster(t)
		before := cluster.DeepCopy()
		problems := Validate(cluster)
		require.Equal(t, problems, Validate(cluster), "the order must not change from run to run")
		for _, p := range problems {
			require.NotEmpty(t, p.Field)
			require.NotEmpty(t, p.Message)
			require.Contains(t, []messages.ProblemReason{messages.ReasonInvalidSpec, messages.ReasonNotSupported}, p.Reason)
		}
		mode := rapid.SampledFrom([]messages.QuorumMode{messages.QuorumDynamic, messages.QuorumStatic}).Draw(t, "quorum")
		for at := range cluster.Spec.Brokers {
			properties, err := BrokerProperties(wildInput(cluster, at, mode))
			grouped := cluster.Spec.Brokers[at].BrokerConfigGroup != "missing" // BrokerConfigOf's to tell
			if grouped && len(messages.Errors(problems)) == 0 {
				require.NoError(t, err, "what Validate accepts can be rendered")
				require.NotEmpty(t, properties["listeners"])
				require.NotEmpty(t, properties["log.dirs"])
			}
		}
		ListenerStatuses(cluster, addressesOf(cluster))
		require.Equal(t, before, cluster)
	})
}

func wildInput(cluster *v1beta1.KafkaCluster, at int, mode messages.QuorumMode) RenderInput {
	config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[at])
	if err != nil {
		config = &v1beta1.BrokerConfig{}
	}
	return RenderInput{
		Cluster: cluster, Broker: cluster.Spec.Brokers[at], Config: config,
		Addresses: addressesOf(cluster), Quorum: messages.Quorum{Mode: mode},
	}
}

func wildCluster(t *rapid.T) *v1beta1.KafkaCluster {
	text := rapid.SampledFrom([]string{"", "", "", "a=1", "broken", "security.inter.broker.protocol=PLAINTEXT", "migration.broker.kRaftMode=false"})
	cluster := demo()
	cluster.Spec.KRaft = rapid.Bool().Draw(t, "kRaft")
	cluster.Spec.HeadlessServiceEnabled = rapid.Bool().Draw(t, "headless")
	cluster.Spec.ReadOnlyConfig = text.Draw(t, "readOnlyConfig")
	cluster.Spec.ListenersConfig.InternalListeners = rapid.SliceOfN(rapid.Custom(wildInternal), 0, 3).Draw(t, "internal")
	cluster.Spec.ListenersConfig.ExternalListeners = rapid.SliceOfN(rapid.Custom(wildExternal), 0, 2).Draw(t, "external")
	cluster.Spec.Brokers = rapid.SliceOfN(rapid.Custom(wildBroker), 0, 4).Draw(t, "brokers")
	return cluster
}

func wildCommon(t *rapid.T, names []string) v1beta1.CommonListenerSpec {
	return v1beta1.CommonListenerSpec{
		Type: rapid.SampledFrom([]v1beta1.SecurityProtocol{v1beta1.SecurityProtocolPlaintext, v1beta1.SecurityProtocolPlaintext,
			v1beta1.SecurityProtocolPlaintext, v1beta1.SecurityProtocolSSL}).Draw(t, "type"),
		Name:                            rapid.SampledFrom(names).Draw(t, "name"),
		ContainerPort:                   rapid.Int32Range(29090, 29190).Draw(t, "port"),
		UsedForInnerBrokerCommunication: rapid.Bool().Draw(t, "inner"),
		UsedForKafkaAdminCommunication:  rapid.Bool().Draw(t, "admin"),
	}
}

func wildInternal(t *rapid.T) v1beta1.InternalListenerConfig {
	return v1beta1.InternalListenerConfig{
		CommonListenerSpec:             wildCommon(t, []string{"c", "cc", "internal", "controller", "controller-2", ""}),
		UsedForControllerCommunication: rapid.Bool().Draw(t, "controller"),
		InternalStartingPort:           rapid.SampledFrom([]int32{0, 30000, 65535}).Draw(t, "internalStartingPort"),
		ExternalListenerForHostname:    rapid.SampledFrom([]string{"", "test", "none"}).Draw(t, "borrow"),
	}
}

func wildExternal(t *rapid.T) v1beta1.ExternalListenerConfig {
	l := v1beta1.ExternalListenerConfig{
		CommonListenerSpec:   wildCommon(t, []string{"test", "internal", "np"}),
		ExternalStartingPort: rapid.SampledFrom([]int32{-1, 0, 19090}).Draw(t, "externalStartingPort"),
		AccessMethod:         rapid.SampledFrom([]corev1.ServiceType{"", corev1.ServiceTypeNodePort, corev1.ServiceTypeClusterIP}).Draw(t, "accessMethod"),
	}
	l.HostnameOverride = rapid.SampledFrom([]string{"", "host.com", "2001:db8::7"}).Draw(t, "host")
	if rapid.Bool().Draw(t, "has config") {
		l.Config = &v1beta1.Config{
			DefaultIngressConfig: rapid.SampledFrom([]string{"", "az1"}).Draw(t, "default"),
			IngressConfig:        map[string]v1beta1.IngressConfig{"az1": envoyEntry("az1.host.com"), "az2": {}},
		}
	}
	return l
}

func wildBroker(t *rapid.T) v1beta1.Broker {
	b := v1beta1.Broker{
		ID:                rapid.Int32Range(0, 65534).Draw(t, "id"),
		BrokerConfigGroup: rapid.SampledFrom([]string{"", "default", "default", "missing"}).Draw(t, "group"),
		ReadOnlyConfig:    rapid.SampledFrom([]string{"", "", "broker.rack=a", "broken"}).Draw(t, "readOnlyConfig"),
	}
	if rapid.Bool().Draw(t, "has brokerConfig") {
		roles := rapid.SampledFrom([]string{v1beta1.BrokerRole, v1beta1.ControllerRole, "typo"})
		b.BrokerConfig = &v1beta1.BrokerConfig{
			ProcessRoles:         rapid.SliceOfN(roles, 0, 2).Draw(t, "roles"),
			StorageConfigs:       rapid.SliceOfN(rapid.SampledFrom([]v1beta1.StorageConfig{disk("/a"), disk("/b"), emptyDir("/a/"), emptyDir("x,y")}), 0, 2).Draw(t, "storages"),
			BrokerIngressMapping: rapid.SliceOfN(rapid.SampledFrom([]string{"az1", "az2", "az3"}), 0, 2).Draw(t, "mapping"),
		}
	}
	return b
}
