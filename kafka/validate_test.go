package kafka

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// sound is demo with three controllers: nothing is to be said about it.
func sound(changes ...func(*v1beta1.KafkaCluster)) *v1beta1.KafkaCluster {
	third := func(c *v1beta1.KafkaCluster) {
		c.Spec.Brokers = append(c.Spec.Brokers, withRoles(3, v1beta1.ControllerRole))
	}
	return demo(append([]func(*v1beta1.KafkaCluster){third}, changes...)...)
}

func storages(at int, list ...v1beta1.StorageConfig) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		delete(c.Spec.BrokerConfigGroups, "default")
		c.Spec.BrokerConfigGroups["default"] = v1beta1.BrokerConfig{}
		for i := range c.Spec.Brokers {
			c.Spec.Brokers[i].BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{disk("/kafka-logs")}
		}
		c.Spec.Brokers[at].BrokerConfig.StorageConfigs = list
	}
}

func groupStorages(list ...v1beta1.StorageConfig) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		c.Spec.BrokerConfigGroups["default"] = v1beta1.BrokerConfig{StorageConfigs: list}
	}
}

func TestValidateAcceptsWhatWorks(t *testing.T) {
	for name, cluster := range map[string]*v1beta1.KafkaCluster{
		"KRaft":                        sound(),
		"KRaft, headless":              sound(headless),
		"ZooKeeper mode without roles": sound(inZooKeeperMode, broker(0, func(b *v1beta1.Broker) { b.BrokerConfig.ProcessRoles = nil })),
		"a listener whose name begins with the controller's": sound(internal(
			internalListener("internal", 29092, innerBroker), internalListener("controller", 29093, forControllers),
			internalListener("controller-like", 29094), internalListener("c", 29095))),
		"a role in both broker and group": sound(func(c *v1beta1.KafkaCluster) {
			group := c.Spec.BrokerConfigGroups["default"]
			group.ProcessRoles = []string{v1beta1.ControllerRole}
			c.Spec.BrokerConfigGroups["default"] = group
			c.Spec.Brokers = c.Spec.Brokers[1:]
		}),
		"a broker's disk in place of its group's": sound(broker(0, func(b *v1beta1.Broker) {
			b.BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{disk("/ephemeral-dir1")}
		})),
		"nested mounts whose log dirs are beside each other": sound(storages(0, disk("/data"), disk("/data/second"))),
		"several disks of a broker":                          sound(storages(0, disk("/a"), disk("/b"), emptyDir("/c"))),
		"the rack that Koperator wrote":                      sound(broker(0, func(b *v1beta1.Broker) { b.ReadOnlyConfig = "broker.rack=a" })),
		"the inner-broker protocol instead of a listener": sound(readOnly("security.inter.broker.protocol=PLAINTEXT"), internal(
			internalListener("plaintext", 29092, forAdmin), internalListener("controller", 29093, forControllers))),
		"a config group that is missing, which is told elsewhere": sound(broker(0, func(b *v1beta1.Broker) { b.BrokerConfigGroup = "missing" })),
	} {
		t.Run(name, func(t *testing.T) { require.Empty(t, Validate(cluster)) })
	}
}

// What a problem begins with: reason, severity, and the start of most fields.
const (
	invalidSpec = "InvalidSpec error "
	unsupported = "NotSupported error "
	warned      = "InvalidSpec warning "
	listeners   = "spec.listenersConfig."
)

type validateCase struct {
	cluster *v1beta1.KafkaCluster
	want    []string // reason, severity, field and how the message begins
}

func checkValidate(t *testing.T, cases map[string]validateCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			problems := Validate(c.cluster)
			require.Len(t, problems, len(c.want), "%v", problems)
			for i, p := range problems {
				got := fmt.Sprintf("%s %s %s", p.Reason, p.Severity, p)
				require.True(t, strings.HasPrefix(got, c.want[i]), "%s\n%s", c.want[i], got)
			}
		})
	}
}

func TestValidateListeners(t *testing.T) {
	checkValidate(t, map[string]validateCase{
		"no inner-broker listener": {
			sound(internal(internalListener("internal", 29092), internalListener("controller", 29093, forControllers))),
			[]string{invalidSpec + listeners + "internalListeners: no listener has usedForInnerBrokerCommunication"},
		},
		"a listener for brokers and controllers": {
			sound(internal(internalListener("internal", 29092, innerBroker, forControllers))),
			[]string{invalidSpec + listeners + "internalListeners[name=internal]: Kafka keeps the traffic"},
		},
		"KRaft without a controller listener": {
			sound(internal(internalListener("internal", 29092, innerBroker))),
			[]string{invalidSpec + listeners + "internalListeners: no listener has usedForControllerCommunication"},
		},
		"two controller listeners": {
			sound(internal(internalListener("internal", 29092, innerBroker), internalListener("controller", 29093, forControllers),
				internalListener("controller-2", 29094, forControllers))),
			[]string{warned + listeners + "internalListeners[name=controller].usedForControllerCommunication: listener controller-2 is marked"},
		},
		"two listeners between brokers": {
			sound(internal(internalListener("internal", 29092, innerBroker), internalListener("controller", 29093, forControllers),
				internalListener("second", 29094, innerBroker))),
			[]string{warned + listeners + "internalListeners[name=second].usedForInnerBrokerCommunication: listener internal is marked, too, and the first one counts"},
		},
		"two listeners of one name and port": {
			sound(external(externalTest(func(l *v1beta1.ExternalListenerConfig) { l.Name, l.ContainerPort = "internal", 29092 }))),
			[]string{
				invalidSpec + listeners + "externalListeners[name=internal].name: another listener is called INTERNAL",
				invalidSpec + listeners + "externalListeners[name=internal].containerPort: port 29092 is taken by listener internal",
			},
		},
		"a name that would break Kafka's lists": {
			sound(external(externalTest(func(l *v1beta1.ExternalListenerConfig) { l.Name = "a,b" }))),
			[]string{invalidSpec + listeners + `externalListeners[name=a,b].name: "a,b" cannot be`},
		},
		"listeners with protection are refused, never opened without": {
			sound(internal(internalListener("internal", 29092, innerBroker, func(l *v1beta1.InternalListenerConfig) { l.Type = v1beta1.SecurityProtocolSSL }),
				internalListener("controller", 29093, forControllers)),
				external(externalTest(func(l *v1beta1.ExternalListenerConfig) { l.Type = v1beta1.SecurityProtocolSASLPlaintext }))),
			[]string{
				unsupported + listeners + "internalListeners[name=internal].type: listeners of type ssl",
				unsupported + listeners + "externalListeners[name=test].type: listeners of type sasl_plaintext",
			},
		},
	})
}

func TestValidateAddressesAndRoles(t *testing.T) {
	checkValidate(t, map[string]validateCase{
		"an external listener without a known address": {
			sound(external(externalTest(func(l *v1beta1.ExternalListenerConfig) { l.HostnameOverride = "" }))),
			[]string{unsupported + listeners + "externalListeners[name=test]: this version cannot find out what address"},
		},
		"a host borrowed from nowhere": {
			sound(internal(internalListener("internal", 29092, innerBroker, func(l *v1beta1.InternalListenerConfig) { l.ExternalListenerForHostname = "gone" }),
				internalListener("controller", 29093, forControllers))),
			[]string{warned + listeners + `internalListeners[name=internal].externalListenerForHostname: there is no external listener "gone"`},
		},
		"a port beyond the last one": {
			sound(internal(internalListener("internal", 29092, innerBroker, func(l *v1beta1.InternalListenerConfig) { l.InternalStartingPort = 65533 }),
				internalListener("controller", 29093, forControllers))),
			[]string{invalidSpec + listeners + "internalListeners[name=internal].internalStartingPort: broker 3 would advertise port 65536"},
		},
		"a port beyond all numbers": {
			sound(internal(internalListener("internal", 29092, innerBroker, func(l *v1beta1.InternalListenerConfig) { l.InternalStartingPort = math.MaxInt32 }),
				internalListener("controller", 29093, forControllers))),
			[]string{invalidSpec + listeners + "internalListeners[name=internal].internalStartingPort: broker 3 would advertise port 2147483650"},
		},
		"a port below 0": {
			sound(internal(internalListener("internal", 29092, innerBroker, func(l *v1beta1.InternalListenerConfig) { l.InternalStartingPort = -1 }),
				internalListener("controller", 29093, forControllers))),
			[]string{warned + listeners + "internalListeners[name=internal].internalStartingPort: -1 is no port, so it has no effect"},
		},
		"a port outside that is none": {
			sound(external(
				externalTest(func(l *v1beta1.ExternalListenerConfig) { l.ExternalStartingPort = 0 }),
				externalTest(func(l *v1beta1.ExternalListenerConfig) {
					l.Name, l.ContainerPort, l.ExternalStartingPort = "high", 9095, 65534
				}))),
			[]string{
				invalidSpec + listeners + "externalListeners[name=test].externalStartingPort: invalid external listener starting port number: with 0 broker 0 would advertise port 0",
				invalidSpec + listeners + "externalListeners[name=high].externalStartingPort: invalid external listener starting port number: with 65534 broker 2 would advertise port 65536",
			},
		},
		"a role that is none": {
			sound(broker(0, func(b *v1beta1.Broker) { b.BrokerConfig.ProcessRoles = []string{"brokr"} })),
			[]string{invalidSpec + `spec.brokers[id=0].brokerConfig.processRoles: there is no role "brokr"`},
		},
		"a node without roles, told where its roles would come from": {
			sound(broker(0, func(b *v1beta1.Broker) { b.BrokerConfig.ProcessRoles = nil })),
			[]string{invalidSpec + "spec.brokerConfigGroups[default].processRoles: a node of a KRaft cluster needs a role"},
		},
		"KRaft without a controller": {
			sound(func(c *v1beta1.KafkaCluster) { c.Spec.Brokers = c.Spec.Brokers[:1] }),
			[]string{invalidSpec + "spec.brokers: no node has the controller role"},
		},
		"KRaft without a broker": {
			sound(func(c *v1beta1.KafkaCluster) {
				for i := range c.Spec.Brokers {
					c.Spec.Brokers[i].BrokerConfig.ProcessRoles = []string{"controller"}
				}
			}),
			[]string{invalidSpec + "spec.brokers: no node has the broker role, so nobody would serve clients", warned + "spec.brokers: of 4 controllers"},
		},
		"no node at all": {
			sound(func(c *v1beta1.KafkaCluster) { c.Spec.Brokers = nil }),
			[]string{invalidSpec + `spec.brokers: is empty; add an entry with an id and one of brokerConfigGroups: "default"`},
		},
		"no node and no group": {
			sound(func(c *v1beta1.KafkaCluster) { c.Spec.Brokers, c.Spec.BrokerConfigGroups = nil, nil }),
			[]string{invalidSpec + "spec.brokers: is empty; add an entry with an id and brokerConfig: its processRoles"},
		},
		"no node with ZooKeeper": {
			sound(func(c *v1beta1.KafkaCluster) { c.Spec.Brokers, c.Spec.KRaft = nil, false }),
			[]string{invalidSpec + "spec.brokers: is empty; add an entry with an id and one of brokerConfigGroups"},
		},
		"no ZooKeeper and no KRaft": {
			sound(inZooKeeperMode, func(c *v1beta1.KafkaCluster) { c.Spec.ZKAddresses = []string{" "} }),
			[]string{invalidSpec + "spec.zkAddresses: is empty, and brokers without KRaft need ZooKeeper; write host:port"},
		},
		"an even number of controllers": {
			demo(), []string{warned + "spec.brokers: of 2 controllers 0 may be down at once, as of 1: the even one adds nothing but a vote that may be missing; use an odd number"},
		},
	})
}

func TestValidateDisks(t *testing.T) {
	checkValidate(t, map[string]validateCase{
		"a controller without a lasting disk": {
			demo(storages(1, emptyDir("/kafka-logs"))),
			[]string{warned + "spec.brokers: ", invalidSpec + "spec.brokers[id=1].brokerConfig.storageConfigs: a quorum of 2 is lost for ever with one Pod"},
		},
		"the only controller without a lasting disk": {
			demo(storages(1, emptyDir("/kafka-logs")), broker(2, func(b *v1beta1.Broker) { b.BrokerConfig.ProcessRoles = []string{v1beta1.BrokerRole} })),
			[]string{invalidSpec + "spec.brokers[id=1].brokerConfig.storageConfigs: a quorum of 1 is lost for ever with one Pod"},
		},
		"one of three without a lasting disk, which can lose its vote and get it back": {sound(storages(1, emptyDir("/kafka-logs"))), nil},
		"two on emptyDirs under two PodDisruptionBudgets": {
			sound(storages(1, emptyDir("/kafka-logs")), func(c *v1beta1.KafkaCluster) {
				c.Spec.Brokers[2].BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{emptyDir("/kafka-logs")}
			}),
			[]string{invalidSpec + "spec.brokers[id=2].brokerConfig.storageConfigs: other controllers are no brokers and have their metadata on emptyDirs, too"},
		},
		"one in memory, which a restart of the node empties under its Pod": {
			sound(storages(1, v1beta1.StorageConfig{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}})),
			[]string{invalidSpec + "spec.brokers[id=1].brokerConfig.storageConfigs: an emptyDir in memory is empty after each restart of its node"},
		},
		"one of three in a static quorum, where it cannot": {
			sound(storages(1, emptyDir("/kafka-logs")), func(c *v1beta1.KafkaCluster) { c.Status.Quorum = v1beta1.QuorumStatic }),
			[]string{invalidSpec + "spec.brokers[id=1].brokerConfig.storageConfigs: the voters of this cluster's quorum are written in files"},
		},
		"one of three that Koperator made": {
			sound(storages(1, emptyDir("/kafka-logs")), func(c *v1beta1.KafkaCluster) { c.Status.ClusterID = "theirs" }),
			[]string{invalidSpec + "spec.brokers[id=1].brokerConfig.storageConfigs: the voters of this cluster's quorum are written in files"},
		},
		"a controller with two lasting disks": {
			sound(storages(2, disk("/a"), disk("/b"))),
			[]string{invalidSpec + "spec.brokers[id=2].brokerConfig.storageConfigs: a controller needs exactly one storage with pvcSpec for its metadata, this one has 2"},
		},
		"a controller whose metadata would go with the Pod": {
			sound(storages(1, emptyDir("/a"), disk("/b"))),
			[]string{invalidSpec + "spec.brokers[id=1].brokerConfig.storageConfigs: the first log dir of a controller holds its metadata"},
		},
		"a broker that follows no template": {
			sound(func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[1].BrokerConfigGroup = "" }),
			[]string{invalidSpec + "spec.brokers[id=1].brokerConfig.storageConfigs: a node needs a disk; add an entry with mountPath and pvcSpec, " +
				"or name one of spec.brokerConfigGroups in brokerConfigGroup, for example \"default\""},
		},
		"a broker without a disk": {
			sound(storages(0)),
			[]string{invalidSpec + "spec.brokerConfigGroups[default].storageConfigs: a node needs a disk"},
		},
		"a disk that is there twice, told once for all brokers of the group": {
			sound(groupStorages(disk("/a"), emptyDir("/b"), emptyDir("/b"))),
			[]string{warned + "spec.brokerConfigGroups[default].storageConfigs: mountPath /b is there twice"},
		},
		"one directory under two names": {
			sound(storages(0, disk("/a"), disk("/a/"))),
			[]string{invalidSpec + "spec.brokers[id=0].brokerConfig.storageConfigs: mountPath /a and /a/ are one directory"},
		},
		"a log dir within another": {
			sound(storages(0, disk("/a/kafka"), disk("/a"))),
			[]string{invalidSpec + "spec.brokers[id=0].brokerConfig.storageConfigs: log dir /a/kafka/kafka lies within log dir /a/kafka"},
		},
		"mount paths that cannot be": {
			sound(storages(0, disk("relative"), disk("/a,b"), disk("/"))),
			[]string{
				invalidSpec + `spec.brokers[id=0].brokerConfig.storageConfigs: mountPath "relative" is not absolute`,
				invalidSpec + `spec.brokers[id=0].brokerConfig.storageConfigs: mountPath "/a,b" has a comma`,
				invalidSpec + `spec.brokers[id=0].brokerConfig.storageConfigs: mountPath / would hide the image`,
			},
		},
	})
}

func TestValidateProperties(t *testing.T) {
	checkValidate(t, map[string]validateCase{
		"texts that do not parse": {
			sound(readOnly("a=1\nb"), func(c *v1beta1.KafkaCluster) {
				c.Spec.ClusterWideConfig = "x"
				group := c.Spec.BrokerConfigGroups["default"]
				group.Config = "\ny"
				c.Spec.BrokerConfigGroups["default"] = group
				c.Spec.Brokers[0].ReadOnlyConfig = "\n\nz"
				c.Spec.Brokers[0].BrokerConfig.Config = `a=\u1`
			}),
			[]string{
				invalidSpec + "spec.readOnlyConfig: line 2: no separator",
				invalidSpec + "spec.clusterWideConfig: line 1: no separator",
				invalidSpec + "spec.brokerConfigGroups[default].config: line 2: no separator",
				invalidSpec + "spec.brokers[id=0].readOnlyConfig: line 3: no separator",
				invalidSpec + `spec.brokers[id=0].brokerConfig.config: line 1: malformed \u escape`,
			},
		},
		"keys that the operator sets": {
			sound(readOnly("listeners=x\nlog.dirs=/x"), broker(0, func(b *v1beta1.Broker) { b.ReadOnlyConfig = "node.id=7" })),
			[]string{
				warned + "spec.readOnlyConfig: listeners is set by the operator from spec.listenersConfig, this line has no effect",
				warned + "spec.readOnlyConfig: log.dirs is set by the operator from storageConfigs, this",
				warned + "spec.brokers[id=0].readOnlyConfig: node.id is set by the operator from the id in brokers, this",
			},
		},
		"keys that the operator sets, where Kafka takes them while it runs": {
			sound(func(c *v1beta1.KafkaCluster) { c.Spec.ClusterWideConfig = "process.roles=broker" },
				broker(0, func(b *v1beta1.Broker) { b.BrokerConfig.Config = "node.id=7\nlog.dirs=/x" })),
			[]string{
				warned + "spec.clusterWideConfig: process.roles is set by the operator from processRoles, this line has no effect; remove it",
				warned + "spec.brokers[id=0].brokerConfig.config: log.dirs is set by the operator from storageConfigs, this line has no effect; remove it",
				warned + "spec.brokers[id=0].brokerConfig.config: node.id is set by the operator from the id in brokers, this line has no effect; remove it",
			},
		},
		"a metadata log elsewhere": {
			sound(readOnly("metadata.log.dir=/x")),
			[]string{unsupported + "spec.readOnlyConfig: metadata.log.dir is not supported"},
		},
	})
}

// A line that has no effect must be told, and one that has an effect must not: every key of every node is tried.
func TestValidateWarnsOfExactlyTheKeysThatTheOperatorSets(t *testing.T) {
	merged := []string{"config.providers"} // the user's entries stay beside the operator's
	for name, cluster := range map[string]*v1beta1.KafkaCluster{
		"dynamic quorum": sound(), "ZooKeeper mode": sound(inZooKeeperMode),
		"without Cruise Control": sound(func(c *v1beta1.KafkaCluster) { c.Spec.CruiseControlConfig.Disabled = true }),
	} {
		t.Run(name, func(t *testing.T) {
			keys := []string{"controller.quorum.voters", "metric.reporters", "num.io.threads"}
			for at := range cluster.Spec.Brokers {
				keys = append(keys, rendered(t, inputOf(t, cluster, at)).Keys()...)
			}
			for _, key := range keys {
				own := cluster.DeepCopy()
				readOnly(key + "=mine")(own)
				mine := rendered(t, inputOf(t, own, brokerOnly))[key] == "mine"
				var told bool
				for _, p := range Validate(own) {
					told = told || strings.HasPrefix(p.Message, key+" is set by the operator")
				}
				if !strings.Contains(strings.Join(merged, " "), key) {
					require.Equal(t, !mine, told, key)
				}
			}
		})
	}
}

func BenchmarkValidate(b *testing.B) {
	cluster := sound(readOnly("num.io.threads=8"), func(c *v1beta1.KafkaCluster) {
		for id := int32(4); id < 1000; id++ {
			c.Spec.Brokers = append(c.Spec.Brokers, withRoles(id, v1beta1.BrokerRole))
		}
	})
	for b.Loop() {
		if problems := Validate(cluster); len(problems) != 0 {
			b.Fatal([]messages.FieldProblem(problems))
		}
	}
}
