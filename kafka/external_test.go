package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestExternalAddress(t *testing.T) {
	nodePort := func(l *v1beta1.ExternalListenerConfig) {
		l.AccessMethod, l.HostnameOverride = corev1.ServiceTypeNodePort, ""
	}
	zones := func(l *v1beta1.ExternalListenerConfig) {
		l.Config = &v1beta1.Config{DefaultIngressConfig: "az1", IngressConfig: map[string]v1beta1.IngressConfig{
			"az1":      envoyEntry("az1.host.com"),
			"az2":      envoyEntry("az2.host.com"),
			"plain":    {IngressServiceSettings: v1beta1.IngressServiceSettings{HostnameOverride: "ignored.host.com"}},
			"inherits": {EnvoyConfig: &v1beta1.EnvoyConfig{}},
		}}
	}
	with := func(changes ...func(*v1beta1.ExternalListenerConfig)) v1beta1.ExternalListenerConfig {
		return externalTest(changes...)
	}
	mapped := func(names ...string) v1beta1.BrokerConfig { return v1beta1.BrokerConfig{BrokerIngressMapping: names} }
	externalIP := v1beta1.BrokerConfig{NodePortExternalIP: map[string]string{"test": "10.0.0.7", "other": "10.0.0.8"}}

	for name, c := range map[string]struct {
		listener v1beta1.ExternalListenerConfig
		config   v1beta1.BrokerConfig
		want     string
		state    AddressState
	}{
		"an overridden host has a port for each broker": {
			listener: with(), want: "test.host.com:19093", state: AddressKnown,
		},
		"a load balancer's own address is not in the resource": {
			listener: with(func(l *v1beta1.ExternalListenerConfig) { l.HostnameOverride = "" }),
		},
		"brokers on one port need names of their own": {
			listener: with(func(l *v1beta1.ExternalListenerConfig) { l.ExternalStartingPort = -1 }),
		},
		"a Contour proxy has names of its own": {
			listener: with(func(l *v1beta1.ExternalListenerConfig) { l.AccessMethod = corev1.ServiceTypeClusterIP }),
		},
		"a Gateway has names of its own": {
			listener: with(func(l *v1beta1.ExternalListenerConfig) { l.GatewayAPI = &v1beta1.GatewayAPIConfig{} }),
		},
		"without mapping the default entry counts": {
			listener: with(zones), want: "az1.host.com:19093", state: AddressKnown,
		},
		"a broker is reached through the first entry that it maps to": {
			listener: with(zones), config: mapped("elsewhere", "az2", "az1"), want: "az2.host.com:19093", state: AddressKnown,
		},
		"an entry inherits the listener's host": {
			listener: with(zones), config: mapped("inherits"), want: "test.host.com:19093", state: AddressKnown,
		},
		"an entry without the ingress controller's section counts for nothing": {
			listener: with(zones), config: mapped("plain"),
		},
		"a broker that maps to other listeners' entries only is not reached": {
			listener: with(zones), config: mapped("elsewhere"), state: AddressNone,
		},
		"a default entry that is missing has no address": {
			listener: with(zones, func(l *v1beta1.ExternalListenerConfig) { l.Config.DefaultIngressConfig = "" }),
		},
		"a NodePort with a suffix has the name of the broker's Service": {
			listener: with(nodePort, func(l *v1beta1.ExternalListenerConfig) {
				l.HostnameOverride, l.ExternalStartingPort = ".host.com", 32000
			}),
			want: "demo-3-test.ns1.host.com:32003", state: AddressKnown,
		},
		"a NodePort with an external IP is reached at the Service's port": {
			listener: with(nodePort), config: externalIP, want: "10.0.0.7:9094", state: AddressKnown,
		},
		"the external IP decides about the port, also where Kubernetes chooses node ports": {
			listener: with(nodePort, func(l *v1beta1.ExternalListenerConfig) {
				l.HostnameOverride, l.ExternalStartingPort = ".host.com", 0
			}),
			config: externalIP, want: "demo-3-test.ns1.host.com:9094", state: AddressKnown,
		},
		"an IPv6 address is put in brackets": {
			listener: with(nodePort), config: v1beta1.BrokerConfig{NodePortExternalIP: map[string]string{"test": "2001:db8::7"}},
			want: "[2001:db8::7]:9094", state: AddressKnown,
		},
		"a node's address is known only when the Pod has a node": {
			listener: with(nodePort), config: v1beta1.BrokerConfig{NodePortNodeAddressType: corev1.NodeExternalIP},
		},
		"a port that Kubernetes chooses is not in the resource": {
			listener: with(nodePort, func(l *v1beta1.ExternalListenerConfig) {
				l.HostnameOverride, l.ExternalStartingPort = ".host.com", 0
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := demo(external(c.listener))
			c.config.ProcessRoles = []string{v1beta1.BrokerRole}
			address, state := ExternalAddress(cluster, &c.listener, 3, &c.config)
			require.Equal(t, c.want, address)
			require.Equal(t, c.state, state)
		})
	}
}

func TestExternalAddressOfAController(t *testing.T) {
	cluster := demo()
	address, state := ExternalAddress(cluster, &cluster.Spec.ListenersConfig.ExternalListeners[0], 1,
		&v1beta1.BrokerConfig{ProcessRoles: []string{v1beta1.ControllerRole}})
	require.Empty(t, address)
	require.Equal(t, AddressNone, state)
}

func TestIngressNamesAreThoseOfTheMappingOrTheDefault(t *testing.T) {
	spec := &v1beta1.KafkaClusterSpec{ListenersConfig: v1beta1.ListenersConfig{ExternalListeners: []v1beta1.ExternalListenerConfig{
		{},
		{Config: &v1beta1.Config{DefaultIngressConfig: "a", IngressConfig: map[string]v1beta1.IngressConfig{"a": {}, "b": {}}}},
		{Config: &v1beta1.Config{DefaultIngressConfig: "c", IngressConfig: map[string]v1beta1.IngressConfig{"c": {}}}},
	}}}
	require.Equal(t, []string{"a", "c"}, IngressNames(spec, &v1beta1.BrokerConfig{}))
	require.Equal(t, []string{"b"}, IngressNames(spec, &v1beta1.BrokerConfig{BrokerIngressMapping: []string{"b", "unknown"}}))
}

func TestUnknownExternalAddresses(t *testing.T) {
	noHost := externalTest(func(l *v1beta1.ExternalListenerConfig) { l.HostnameOverride, l.Name = "", "lb" })
	require.Empty(t, UnknownExternalAddresses(demo()))
	require.Equal(t, []string{"spec.listenersConfig.externalListeners[name=lb]"},
		UnknownExternalAddresses(demo(external(externalTest(), noHost))))
	require.Empty(t, UnknownExternalAddresses(demo(external(noHost), func(c *v1beta1.KafkaCluster) {
		c.Spec.Brokers = c.Spec.Brokers[1:2]
	})), "a controller is not reached from outside")
}
