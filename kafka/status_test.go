package kafka

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/kube/golden"
)

func TestListenerStatusesGolden(t *testing.T) {
	twoWays := externalTest(func(l *v1beta1.ExternalListenerConfig) {
		l.Name = "zones"
		l.Config = &v1beta1.Config{DefaultIngressConfig: "az1", IngressConfig: map[string]v1beta1.IngressConfig{
			"az1": envoyEntry("az1.host.com"), "az2": envoyEntry("az2.host.com"), "unused": envoyEntry("unused.host.com"),
		}}
	})
	nodePort := externalTest(func(l *v1beta1.ExternalListenerConfig) {
		l.Name, l.AccessMethod, l.HostnameOverride, l.ExternalStartingPort = "np", corev1.ServiceTypeNodePort, ".host.com", 32000
	})
	unknown := externalTest(func(l *v1beta1.ExternalListenerConfig) { l.Name, l.HostnameOverride = "lb", "" })
	ten := func(c *v1beta1.KafkaCluster) {
		c.Spec.Brokers = append(c.Spec.Brokers, withRoles(10, v1beta1.BrokerRole))
	}
	inAZ2 := broker(2, func(b *v1beta1.Broker) { b.BrokerConfig.BrokerIngressMapping = []string{"az2"} })

	for name, cluster := range map[string]*v1beta1.KafkaCluster{
		"listener-statuses":           demo(ten),
		"listener-statuses-headless":  demo(headless),
		"listener-statuses-zookeeper": demo(inZooKeeperMode),
		"listener-statuses-external":  demo(inAZ2, external(twoWays, nodePort, unknown)),
	} {
		t.Run(name, func(t *testing.T) {
			text, err := yaml.Marshal(ListenerStatuses(cluster, addressesOf(cluster)))
			require.NoError(t, err)
			golden.Equal(t, "testdata/"+name+".yaml", text)
		})
	}
}

// The status says the same as the brokers tell their clients.
func TestListenerStatusesAreTheAdvertisedAddresses(t *testing.T) {
	cluster := demo(headless)
	statuses := ListenerStatuses(cluster, addressesOf(cluster))
	advertised := rendered(t, inputOf(t, cluster, brokerOnly))["advertised.listeners"]
	for name, list := range map[string]v1beta1.ListenerStatusList{
		"TEST": statuses.ExternalListeners["test"], "INTERNAL": statuses.InternalListeners["internal"],
	} {
		require.Contains(t, list, v1beta1.ListenerStatus{Name: "broker-0", Address: addressIn(t, advertised, name)})
	}
}

func addressIn(t *testing.T, advertised, listener string) string {
	t.Helper()
	for _, entry := range splitList(advertised, ",") {
		if rest, ok := strings.CutPrefix(entry, listener+"://"); ok {
			return rest
		}
	}
	t.Fatalf("%s is not in %s", listener, advertised)
	return ""
}

func TestAdminPort(t *testing.T) {
	for name, c := range map[string]struct {
		cluster *v1beta1.KafkaCluster
		port    int32
		ok      bool
	}{
		"the inner-broker listener, if no other is marked": {demo(), 29092, true},
		"the first of both marks in the list": {demo(internal(
			internalListener("a", 1, forControllers), internalListener("b", 2, forAdmin), internalListener("c", 3, innerBroker))), 2, true},
		"an external listener, if no internal one is marked": {demo(
			internal(internalListener("a", 1, forControllers)),
			external(externalTest(func(l *v1beta1.ExternalListenerConfig) { l.UsedForInnerBrokerCommunication = true }))), 9094, true},
		"a mark on the controller listener does not count, for brokers do not open it": {demo(internal(
			internalListener("a", 1, forControllers, forAdmin), internalListener("b", 2, innerBroker))), 2, true},
		"in ZooKeeper mode brokers open all of them": {demo(inZooKeeperMode, internal(
			internalListener("a", 1, forControllers, forAdmin), internalListener("b", 2, innerBroker))), 1, true},
		"none, if none is marked": {demo(internal(internalListener("a", 1))), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			port, ok := AdminPort(c.cluster)
			require.Equal(t, c.port, port)
			require.Equal(t, c.ok, ok)
		})
	}
}
