package kafka

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/kube/golden"
	"github.com/koperator-go/koperator/messages"
)

const (
	brokerOnly     = 0 // places in demo's list, and ids
	controllerOnly = 1
	combined       = 2
)

func TestBrokerPropertiesGolden(t *testing.T) {
	static := func(in *RenderInput) { in.Quorum.Mode = messages.QuorumStatic }
	for _, c := range []struct {
		golden  string
		node    int
		cluster *v1beta1.KafkaCluster
		with    func(*RenderInput)
	}{
		{golden: "broker", node: brokerOnly, cluster: demo()},
		{golden: "controller", node: controllerOnly, cluster: demo()},
		{golden: "combined", node: combined, cluster: demo()},
		{golden: "broker-headless", node: brokerOnly, cluster: demo(headless)},
		{golden: "controller-headless", node: controllerOnly, cluster: demo(headless)},
		{golden: "combined-headless", node: combined, cluster: demo(headless)},
		{golden: "broker-static", node: brokerOnly, cluster: demo(), with: static},
		{golden: "controller-static", node: controllerOnly, cluster: demo(), with: static},
		{golden: "combined-static-headless", node: combined, cluster: demo(headless), with: static},
		{golden: "zookeeper", node: brokerOnly, cluster: demo(inZooKeeperMode)},
		{golden: "zookeeper-headless", node: brokerOnly, cluster: demo(inZooKeeperMode, headless)},
		{golden: "rack", node: brokerOnly, cluster: demo(), with: func(in *RenderInput) { in.Rack = "eu-1,eu-1a" }},
		{golden: "ipv6", node: brokerOnly, cluster: demo(external(externalTest(func(l *v1beta1.ExternalListenerConfig) {
			l.HostnameOverride = "2001:db8::7"
		})))},
		{golden: "several-log-dirs", node: brokerOnly, cluster: demo(broker(0, func(b *v1beta1.Broker) {
			b.BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{disk("/disk2"), disk("/disk1/")}
		})), with: func(in *RenderInput) { in.Draining = []string{"/disk0", "/disk2"} }},
		{golden: "without-cruise-control", node: brokerOnly, cluster: demo(func(c *v1beta1.KafkaCluster) {
			c.Spec.CruiseControlConfig.Disabled = true
		})},
		{golden: "users-own", node: combined, cluster: demo(readOnly(usersOwn)), with: func(in *RenderInput) {
			in.SuperUsers = []string{"User:CN=demo-controller"}
		}},
	} {
		t.Run(c.golden, func(t *testing.T) {
			in := inputOf(t, c.cluster, c.node)
			if c.with != nil {
				c.with(&in)
			}
			golden.Equal(t, goldenFile(c.golden), []byte(rendered(t, in).String()))
		})
	}
}

func goldenFile(name string) string { return filepath.Join("testdata", name+".properties") }

const usersOwn = `
auto.create.topics.enable=false
# the user's values win over mere defaults
replica.fetch.backoff.ms=500
ssl.allow.dn.changes=false
config.providers=env
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
super.users=User:admin;User:CN=demo-controller
# but not over what only the operator knows
listeners=PLAINTEXT://:9092
node.id=77
broker.id=77
controller.quorum.voters=1@elsewhere:9093
log.dirs=/tmp
`

// The rest of the rules, each where it is easiest to see.
type renderCase struct {
	node    int
	cluster *v1beta1.KafkaCluster
	quorum  messages.QuorumMode
	want    map[string]string
	absent  []string
}

func checkRendered(t *testing.T, cases map[string]renderCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			in := inputOf(t, c.cluster, c.node)
			if c.quorum != messages.QuorumNone {
				in.Quorum.Mode = c.quorum
			}
			properties := rendered(t, in)
			for key, value := range c.want {
				require.Equal(t, value, properties[key], key)
			}
			for _, key := range c.absent {
				require.NotContains(t, properties, key)
			}
		})
	}
}

func TestUsersPropertiesBesideTheOperators(t *testing.T) {
	checkRendered(t, map[string]renderCase{
		"a broker's own property wins over the cluster's": {
			cluster: demo(readOnly("a=1\nb=1"), broker(0, func(b *v1beta1.Broker) { b.ReadOnlyConfig = "b=2" })),
			want:    map[string]string{"a": "1", "b": "2"},
		},
		"with security.inter.broker.protocol Kafka refuses an inter-broker listener name": {
			cluster: demo(readOnly("security.inter.broker.protocol=PLAINTEXT")),
			want:    map[string]string{"security.inter.broker.protocol": "PLAINTEXT"},
			absent:  []string{"inter.broker.listener.name", "metric.reporters"},
		},
		"a comment about security.inter.broker.protocol is a comment": {
			cluster: demo(readOnly("# security.inter.broker.protocol=PLAINTEXT")),
			want:    map[string]string{"inter.broker.listener.name": "INTERNAL"},
		},
		"a role of both broker and group is one role": {
			node: combined,
			cluster: demo(func(c *v1beta1.KafkaCluster) {
				group := c.Spec.BrokerConfigGroups["default"]
				group.ProcessRoles = []string{v1beta1.BrokerRole, v1beta1.ControllerRole}
				c.Spec.BrokerConfigGroups["default"] = group
			}),
			want: map[string]string{"process.roles": "controller,broker"},
		},
		"a file provider of the user's own stays": {
			cluster: demo(readOnly("config.providers=file\nconfig.providers.file.class=org.example.Files")),
			want:    map[string]string{"config.providers": "file", "config.providers.file.class": "org.example.Files"},
		},
	})
}

func TestListenersOfANode(t *testing.T) {
	checkRendered(t, map[string]renderCase{
		"a listener whose name begins with the controller's is another one": {
			cluster: demo(internal(
				internalListener("internal", 29092, innerBroker),
				internalListener("controller", 29093, forControllers),
				internalListener("controller-like", 29094),
				internalListener("c", 29095),
			)),
			want: map[string]string{"listeners": "TEST://:9094,INTERNAL://:29092,CONTROLLER-LIKE://:29094,C://:29095"},
		},
		"of two controller listeners the last one counts": {
			node: controllerOnly,
			cluster: demo(internal(
				internalListener("a", 29092, innerBroker),
				internalListener("b", 29093, forControllers),
				internalListener("c", 29094, forControllers),
			)),
			want: map[string]string{"controller.listener.names": "C", "listeners": "C://:29094"},
		},
		"advertised listeners are sorted by name, external ones first": {
			cluster: demo(internal(
				internalListener("internal", 29092, innerBroker),
				internalListener("controller", 29093, forControllers),
				internalListener("internal-2", 29094),
				internalListener("admin", 29095, forAdmin),
			)),
			want: map[string]string{
				"advertised.listeners": "TEST://test.host.com:19090,ADMIN://demo-0.ns1.svc.cluster.local:29095," +
					"INTERNAL://demo-0.ns1.svc.cluster.local:29092,INTERNAL-2://demo-0.ns1.svc.cluster.local:29094",
				// the first of admin and inner-broker listeners, not the better mark
				"cruise.control.metrics.reporter.bootstrap.servers": "demo-all-broker.ns1.svc.cluster.local:29092",
			},
		},
		"an internal listener can borrow the host of an external one": {
			cluster: demo(internal(
				internalListener("internal", 29092, innerBroker, func(l *v1beta1.InternalListenerConfig) {
					l.ExternalListenerForHostname, l.InternalStartingPort = "test", 30000
				}),
				internalListener("controller", 29093, forControllers),
			)),
			want: map[string]string{"advertised.listeners": "TEST://test.host.com:19090,INTERNAL://test.host.com:30000"},
		},
		"the host of a listener that is not there cannot be borrowed": {
			cluster: demo(external(), internal(
				internalListener("internal", 29092, innerBroker, func(l *v1beta1.InternalListenerConfig) {
					l.ExternalListenerForHostname, l.InternalStartingPort = "test", 30000
				}),
				internalListener("controller", 29093, forControllers),
			)),
			want: map[string]string{"advertised.listeners": "INTERNAL://demo-0.ns1.svc.cluster.local:29092"},
		},
		"a broker outside of an ingress entry does not advertise that listener": {
			cluster: demo(external(externalTest(func(l *v1beta1.ExternalListenerConfig) {
				l.Config = &v1beta1.Config{DefaultIngressConfig: "az1", IngressConfig: map[string]v1beta1.IngressConfig{"az1": envoyEntry("az1.host.com")}}
			})), broker(0, func(b *v1beta1.Broker) { b.BrokerConfig.BrokerIngressMapping = []string{"az2"} })),
			want: map[string]string{"advertised.listeners": "INTERNAL://demo-0.ns1.svc.cluster.local:29092"},
		},
	})
}

func TestZooKeeperAndMigration(t *testing.T) {
	checkRendered(t, map[string]renderCase{
		"during migration a broker may stay with ZooKeeper": {
			cluster: demo(inZooKeeperMode, func(c *v1beta1.KafkaCluster) { c.Spec.KRaft = true },
				readOnly("zookeeper.metadata.migration.enable=true"),
				broker(0, func(b *v1beta1.Broker) { b.ReadOnlyConfig = "migration.broker.kRaftMode=false" })),
			quorum: messages.QuorumStatic,
			want: map[string]string{
				"broker.id": "0", "zookeeper.connect": "zk-0:2181,zk-1:2181/kafka", "zookeeper.metadata.migration.enable": "true",
				"controller.listener.names": "CONTROLLER", "listeners": "TEST://:9094,INTERNAL://:29092",
			},
			absent: []string{"node.id", "process.roles", "migration.broker.kRaftMode"},
		},
		"before migration a broker may not know the controllers": {
			cluster: demo(inZooKeeperMode, func(c *v1beta1.KafkaCluster) { c.Spec.KRaft = true },
				readOnly("migration.broker.kRaftMode=false\nmigration.broker.controllerQuorumConfigEnabled=false")),
			quorum: messages.QuorumStatic,
			want:   map[string]string{"broker.id": "0"},
			absent: []string{"controller.quorum.voters", "controller.listener.names", "controller.quorum.bootstrap.servers",
				"migration.broker.kRaftMode", "migration.broker.controllerQuorumConfigEnabled"},
		},
		"without ZooKeeper addresses the path remains, as in Koperator": {
			cluster: demo(inZooKeeperMode, func(c *v1beta1.KafkaCluster) { c.Spec.ZKAddresses, c.Spec.ZKPath = nil, nil }),
			want:    map[string]string{"zookeeper.connect": "/"},
		},
	})
}

func envoyEntry(host string) v1beta1.IngressConfig {
	return v1beta1.IngressConfig{
		IngressServiceSettings: v1beta1.IngressServiceSettings{HostnameOverride: host},
		EnvoyConfig:            &v1beta1.EnvoyConfig{},
	}
}

func TestRackOfTheNode(t *testing.T) {
	aware := func(c *v1beta1.KafkaCluster) { c.Spec.RackAwareness = &v1beta1.RackAwareness{Labels: []string{"zone"}} }
	ownLine := broker(0, func(b *v1beta1.Broker) { b.ReadOnlyConfig = "broker.rack=old" })
	for name, c := range map[string]struct {
		cluster *v1beta1.KafkaCluster
		node    int
		depends bool
		rack    any
	}{
		"the node's rack is written":                              {cluster: demo(aware), depends: true, rack: "a"},
		"the line that Koperator wrote into the spec is honoured": {cluster: demo(aware, ownLine), rack: "old"},
		"a rack for the whole cluster says nothing of a node":     {cluster: demo(aware, readOnly("broker.rack=all")), depends: true, rack: "a"},
		"a controller holds no replicas, so its rack is nothing":  {cluster: demo(aware), node: controllerOnly},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputOf(t, c.cluster, c.node)
			require.Equal(t, c.depends, DependsOnNode(in.Cluster, &in.Broker, in.Config))
			before := rendered(t, in)
			in.Rack = "a"
			after := rendered(t, in)
			if c.rack == nil {
				require.NotContains(t, after, "broker.rack")
			} else {
				require.Equal(t, c.rack, after["broker.rack"])
			}
			require.Equal(t, c.depends, before["broker.rack"] != after["broker.rack"], "DependsOnNode says when to wait for the node")
		})
	}
}

func TestBrokerPropertiesRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		cluster *v1beta1.KafkaCluster
		mode    messages.QuorumMode
		says    string
	}{
		"a listener that would be opened without its protection": {
			demo(external(externalTest(func(l *v1beta1.ExternalListenerConfig) { l.Type = v1beta1.SecurityProtocolSASLPlaintext }))),
			messages.QuorumDynamic, "type sasl_plaintext is not supported",
		},
		"a cluster text that does not parse":   {demo(readOnly("a=1\nb")), messages.QuorumDynamic, "spec.readOnlyConfig: line 2"},
		"a broker's text that does not parse":  {demo(broker(0, func(b *v1beta1.Broker) { b.ReadOnlyConfig = "x" })), messages.QuorumDynamic, "spec.brokers[id=0].readOnlyConfig: line 1"},
		"a KRaft node without roles":           {demo(broker(0, func(b *v1beta1.Broker) { b.BrokerConfig.ProcessRoles = []string{"brokr"} })), messages.QuorumDynamic, "spec.brokers[id=0].brokerConfig.processRoles"},
		"KRaft without a controller listener":  {demo(internal(internalListener("internal", 29092, innerBroker))), messages.QuorumDynamic, "usedForControllerCommunication"},
		"KRaft whose quorum nobody decided on": {demo(), messages.QuorumNone, "quorum mode"},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputOf(t, c.cluster, 0)
			in.Quorum.Mode = c.mode
			_, err := BrokerProperties(in)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// Rendering must not grow with the cluster, but for the voters that stand in every file of a static quorum.
func BenchmarkBrokerProperties(b *testing.B) {
	for _, mode := range []messages.QuorumMode{messages.QuorumDynamic, messages.QuorumStatic} {
		for _, brokers := range []int32{10, 1000} {
			b.Run(fmt.Sprintf("%s/%d", mode, brokers), func(b *testing.B) {
				cluster := demo(headless, readOnly("num.io.threads=8\nauto.create.topics.enable=false"), func(c *v1beta1.KafkaCluster) {
					for id := int32(3); id < brokers; id++ {
						c.Spec.Brokers = append(c.Spec.Brokers, withRoles(id, v1beta1.BrokerRole))
					}
				})
				in := inputOf(b, cluster, brokerOnly)
				in.Quorum.Mode = mode
				b.ReportAllocs()
				for b.Loop() {
					_ = rendered(b, in).String()
				}
			})
		}
	}
}
