package kube

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// quiet is a cluster that asks for nothing beside its brokers.
func quiet(change func(*v1beta1.KafkaCluster)) *v1beta1.KafkaCluster {
	return demo(func(c *v1beta1.KafkaCluster) {
		c.Spec.CruiseControlConfig.Disabled = true
		c.Spec.ListenersConfig.ExternalListeners = nil
	}, change)
}

func own(change func(*v1beta1.BrokerConfig)) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { change(c.Spec.Brokers[1].BrokerConfig) }
}

// memory are resources with a request, a limit, or both.
func memory(request, limit string) *corev1.ResourceRequirements {
	resources := &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(limit)}}
	if request != "" {
		resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(request)}
	}
	return resources
}

// problemCase is a change to a quiet cluster, and what is told of it: severity, field and the beginning of the message.
type problemCase struct {
	change func(*v1beta1.KafkaCluster)
	want   []string
}

func checkProblems(t *testing.T, cases map[string]problemCase) {
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { requireProblems(t, Validate(quiet(test.change)), test.want) })
	}
}

func requireProblems(t *testing.T, problems []messages.FieldProblem, want []string) {
	t.Helper()
	require.Len(t, problems, len(want), "%v", problems)
	for i, problem := range problems {
		got := string(problem.Severity) + " " + problem.String()
		require.True(t, strings.HasPrefix(got, want[i]), "%s\nshould begin with\n%s", got, want[i])
		require.Equal(t, messages.ReasonInvalidSpec, problem.Reason)
	}
}

func TestValidateNamesOfClusterAndGroups(t *testing.T) {
	checkProblems(t, map[string]problemCase{
		"a sound cluster has no problem": {change: func(*v1beta1.KafkaCluster) {}},
		"a name that no Service can have": {
			change: func(c *v1beta1.KafkaCluster) { c.Name = "1st.cluster" },
			want:   []string{`error metadata.name: "1st.cluster" cannot begin the name of a Service`},
		},
		"a name that is too long": {
			change: func(c *v1beta1.KafkaCluster) { c.Name = strings.Repeat("k", 44) },
			want:   []string{"error metadata.name: is too long: " + strings.Repeat("k", 44) + "-controller-headless would"},
		},
		"a name that just fits": {change: func(c *v1beta1.KafkaCluster) { c.Name = strings.Repeat("k", 43) }},
		"a group that is not there": {
			change: func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[1].BrokerConfigGroup = "gone" },
			want: []string{`error spec.brokers[id=1].brokerConfigGroup: there is no group "gone" in spec.brokerConfigGroups; ` +
				`add it, or name one that is there: "default"`},
		},
		"a group that is not there among many": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.Brokers[1].BrokerConfigGroup = "gone"
				for _, name := range []string{"f", "e", "d", "c", "b", "a"} {
					c.Spec.BrokerConfigGroups[name] = v1beta1.BrokerConfig{}
				}
			},
			want: []string{`error spec.brokers[id=1].brokerConfigGroup: there is no group "gone" in spec.brokerConfigGroups; ` +
				`add it, or name one that is there: "a", "b", "c", "d", "default", and 2 more`},
		},
		"a group where there are none": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.BrokerConfigGroups, c.Spec.Brokers = nil, []v1beta1.Broker{{ID: 4, BrokerConfigGroup: "gone"}}
			},
			want: []string{`error spec.brokers[id=4].brokerConfigGroup: there is no group "gone" in spec.brokerConfigGroups; there are none at all: add it, or give`},
		},
	})
}

func TestValidateDisks(t *testing.T) {
	checkProblems(t, map[string]problemCase{
		"a disk of no kind": {
			change: own(func(b *v1beta1.BrokerConfig) { b.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/x"}} }),
			want:   []string{"error spec.brokers[id=1].brokerConfig.storageConfigs[0]: /x has neither pvcSpec nor emptyDir"},
		},
		"an emptyDir without a limit": {
			change: own(func(b *v1beta1.BrokerConfig) {
				b.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/x", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
			}),
			want: []string{"warning spec.brokers[id=1].brokerConfig.storageConfigs[0].emptyDir.sizeLimit: is not set"},
		},
		"both kinds for one disk": {
			change: own(func(b *v1beta1.BrokerConfig) {
				b.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/x", PvcSpec: claimSpec("1Gi"), EmptyDir: &corev1.EmptyDirVolumeSource{}}}
			}),
			want: []string{"warning spec.brokers[id=1].brokerConfig.storageConfigs[0].emptyDir: has no effect"},
		},
		"a claim without size and modes, of blocks": {
			change: own(func(b *v1beta1.BrokerConfig) {
				b.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/x", PvcSpec: &corev1.PersistentVolumeClaimSpec{
					VolumeMode: ptr.To(corev1.PersistentVolumeBlock),
				}}}
			}),
			want: []string{
				"error spec.brokers[id=1].brokerConfig.storageConfigs[0].pvcSpec.resources.requests.storage: is not set",
				"error spec.brokers[id=1].brokerConfig.storageConfigs[0].pvcSpec.accessModes: is not set",
				"error spec.brokers[id=1].brokerConfig.storageConfigs[0].pvcSpec.volumeMode: Kafka needs a file system",
			},
		},
		"a claim of nothing": {
			change: group(func(b *v1beta1.BrokerConfig) { b.StorageConfigs[0].PvcSpec = claimSpec("0") }),
			want:   []string{"error spec.brokerConfigGroups[default].storageConfigs[0].pvcSpec.resources.requests.storage: is 0"},
		},
		"a template that fails, once for all brokers of the group": {
			change: group(func(b *v1beta1.BrokerConfig) { b.StorageConfigs[0].PvcSpec.StorageClassName = ptr.To("{{ now }}") }),
			want:   []string{"error spec.brokerConfigGroups[default].storageConfigs[0].pvcSpec.storageClassName: the template cannot be rendered"},
		},
		"a template that fails at one broker": {
			change: own(func(b *v1beta1.BrokerConfig) {
				spec := claimSpec("1Gi")
				spec.StorageClassName = ptr.To(`{{ if eq .BrokerId 1 }}{{ fail "not me" }}{{ end }}`)
				b.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/x", PvcSpec: spec}}
			}),
			want: []string{"error spec.brokers[id=1].brokerConfig.storageConfigs[0].pvcSpec.storageClassName: the template cannot be rendered"},
		},
	})
}

func TestValidateBudgetsAndSelectors(t *testing.T) {
	checkProblems(t, map[string]problemCase{
		"a budget that is not said": {
			change: func(c *v1beta1.KafkaCluster) { c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: true} },
			want:   []string{"warning spec.disruptionBudget.budget: is not set"},
		},
		"a budget of none": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: true, Budget: "0"}
			},
			want: []string{"warning spec.disruptionBudget.budget: of none blocks every drain"},
		},
		"more restarts at once than the budget lets go": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.RollingUpgradeConfig.ConcurrentBrokerRestartCountPerRack = 2
			},
			want: []string{"warning spec.rollingUpgradeConfig.concurrentBrokerRestartCountPerRack: of 2 has no effect beyond the 1"},
		},
		"as many as it lets go": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.RollingUpgradeConfig.ConcurrentBrokerRestartCountPerRack = 2
				c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: true, Budget: "2"}
			},
		},
		"a cluster of Koperator's, which has no budget": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.RollingUpgradeConfig.ConcurrentBrokerRestartCountPerRack = 2
				c.Status.Adopted = true
			},
		},
		"a selector that is none": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.TaintedBrokersSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}
			},
			want: []string{`error spec.taintedBrokersSelector: "Like" is not a valid label selector operator`},
		},
		"an affinity whose selector is none": {
			change: own(func(b *v1beta1.BrokerConfig) {
				b.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
					RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
						LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a b": "c"}},
					}},
				}}
			}),
			want: []string{"error spec.brokers[id=1].brokerConfig.affinity: "},
		},
	})
}

func TestValidateWhatPodsHave(t *testing.T) {
	checkProblems(t, map[string]problemCase{
		"labels that are ours, and that are none": {
			change: group(func(b *v1beta1.BrokerConfig) {
				b.BrokerLabels = map[string]string{"app": "mine", "not a key": "x", "key": "not a value"}
			}),
			want: []string{
				"error spec.brokerConfigGroups[default].brokerLabels: the value of key cannot be",
				`error spec.brokerConfigGroups[default].brokerLabels: "not a key" cannot be`,
				"warning spec.brokerConfigGroups[default].brokerLabels: app is how the operator finds its Pods",
			},
		},
		"annotations, selectors and names that no Pod can have": {
			change: group(func(b *v1beta1.BrokerConfig) {
				b.BrokerAnnotations = map[string]string{"bad key!": "x", "Example.com/Good": "any value!"}
				b.NodeSelector = map[string]string{"disk": "x y"}
				b.ServiceAccountName, b.PriorityClassName = "Bad Name", "Nope"
			}),
			want: []string{
				`error spec.brokerConfigGroups[default].brokerAnnotations: "bad key!" cannot be`,
				`error spec.brokerConfigGroups[default].nodeSelector: "disk" with value "x y" cannot be`,
				`error spec.brokerConfigGroups[default].serviceAccountName: "Bad Name" cannot be`,
				`error spec.brokerConfigGroups[default].priorityClassName: "Nope" cannot be`,
			},
		},
		"amounts that no Pod can have": {
			change: group(func(b *v1beta1.BrokerConfig) {
				b.Resources = &corev1.ResourceRequirements{
					Requests: corev1.ResourceList{
						"memory": resource.MustParse("-5Gi"), "example": resource.MustParse("1"), "example.com/gpu": resource.MustParse("1"),
					},
				}
			}),
			want: []string{
				"error spec.brokerConfigGroups[default].resourceRequirements.requests[example]: is no resource of Kubernetes",
				"error spec.brokerConfigGroups[default].resourceRequirements.requests[memory]: is -5Gi; nobody can have less",
			},
		},
		"variables that are none, and that are ours": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.Envs = []corev1.EnvVar{{Name: "+A"}, {Name: "A+"}, {Name: "a=b"}, {Name: "KAFKA_FORMAT_DIRS"}, {Name: "CLUSTER_ID"}}
			},
			want: []string{
				`error spec.envs: "a=b" cannot be the name of a variable`,
				"warning spec.envs: KAFKA_FORMAT_DIRS is set by the operator",
			},
		},
		"a request over its limit": {
			change: own(func(b *v1beta1.BrokerConfig) {
				b.Resources = &corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")},
					Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
				}
				b.KafkaHeapOpts = "-Xmx1g"
			}),
			want: []string{"error spec.brokers[id=1].brokerConfig.resourceRequirements.requests.memory: 2Gi is more than the limit of 1Gi"},
		},
		"a request of a group over its limit": {
			change: group(func(b *v1beta1.BrokerConfig) { b.Resources = memory("2Gi", "1Gi"); b.KafkaHeapOpts = "-Xmx512m" }),
			want:   []string{"error spec.brokerConfigGroups[default].resourceRequirements.requests.memory: 2Gi is more than the limit of 1Gi"},
		},
		"a broker's own limit below what its group requests": {
			change: func(c *v1beta1.KafkaCluster) {
				group(func(b *v1beta1.BrokerConfig) { b.Resources = memory("4Gi", "8Gi") })(c)
				own(func(b *v1beta1.BrokerConfig) { b.Resources = memory("", "3Gi") })(c)
			},
			want: []string{"error spec.brokers[id=1].brokerConfig.resourceRequirements.limits.memory: 3Gi is less than the request of 4Gi in " +
				"spec.brokerConfigGroups[default].resourceRequirements.requests.memory; raise"},
		},
		"a heap over the memory": {
			change: func(c *v1beta1.KafkaCluster) {
				group(func(b *v1beta1.BrokerConfig) {
					b.KafkaHeapOpts = "-Xmx1G -Dpassword=word -Xmx4g"
					b.Resources = memory("", "3Gi")
				})(c)
				own(func(b *v1beta1.BrokerConfig) { b.KafkaHeapOpts = "-Xmx3073m" })(c)
			},
			want: []string{
				`warning spec.brokerConfigGroups[default].kafkaHeapOpts: the heap of Kafka may grow to 4Gi (-Xmx4g), its container to 3Gi alone`,
				`warning spec.brokers[id=1].brokerConfig.kafkaHeapOpts: the heap of Kafka may grow to 3073Mi`,
			},
		},
		"the default heap over the memory": {
			change: own(func(b *v1beta1.BrokerConfig) { b.Resources = memory("", "1Gi") }),
			want:   []string{"warning spec.brokers[id=1].brokerConfig.resourceRequirements.limits.memory: the heap of Kafka may grow to 2Gi"},
		},
		"heaps that fit, or of which nothing is known": {
			change: func(c *v1beta1.KafkaCluster) {
				group(func(b *v1beta1.BrokerConfig) { b.KafkaHeapOpts = "-Xmx3g"; b.Resources = memory("", "3Gi") })(c)
				own(func(b *v1beta1.BrokerConfig) { b.KafkaHeapOpts = "-XX:MaxRAMPercentage=50" })(c)
				c.Spec.Brokers[2].BrokerConfig.KafkaHeapOpts = "-Xmx1x"
			},
		},
		"names that are ours": {
			change: own(func(b *v1beta1.BrokerConfig) {
				b.Containers = []corev1.Container{{Name: "kafka", Image: "busybox"}}
				b.InitContainers = []corev1.Container{{Name: "jmx-exporter", Image: "busybox"}}
				b.Volumes = []corev1.Volume{{Name: "extensions"}, {Name: "kafka-data-7"}, {Name: "listener-internal-certs"}, {Name: "kafka-data-of-mine"}}
				b.VolumeMounts = []corev1.VolumeMount{{Name: "x", MountPath: "/config"}}
			}),
			want: []string{
				"error spec.brokers[id=1].brokerConfig.initContainers: container jmx-exporter is one of the operator's own",
				"error spec.brokers[id=1].brokerConfig.containers: container kafka is one of the operator's own",
				"error spec.brokers[id=1].brokerConfig.volumes: volume extensions is one of the operator's own",
				"error spec.brokers[id=1].brokerConfig.volumes: volume kafka-data-7 is one of the operator's own",
				"error spec.brokers[id=1].brokerConfig.volumes: volume listener-internal-certs is one of the operator's own",
				"error spec.brokers[id=1].brokerConfig.volumeMounts: mountPath /config is one of the operator's own",
			},
		},
		"ports that no Service can have": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.AdditionalPorts = []corev1.ContainerPort{{ContainerPort: 99999, Name: "a"}, {ContainerPort: 2, Name: "A_b"}, {ContainerPort: 3, Protocol: "tcp"}}
			},
			want: []string{
				"error spec.additionalPorts[0].containerPort: 99999 is no port",
				`error spec.additionalPorts[1].name: "A_b" cannot be the name`,
				`error spec.additionalPorts[2].protocol: there is no protocol "tcp"`,
			},
		},
		"a variable that a field beside it sets": {
			change: own(func(b *v1beta1.BrokerConfig) {
				b.KafkaHeapOpts, b.Envs = "-Xmx1G", []corev1.EnvVar{{Name: "KAFKA_HEAP_OPTS+", Value: " -Xms1q"}, {Name: "KAFKA_LOG4J_OPTS", Value: "-D"}}
			}),
			want: []string{"warning spec.brokers[id=1].brokerConfig.envs: KAFKA_HEAP_OPTS is set by kafkaHeapOpts beside it"},
		},
		"an access mode that does not exist": {
			change: own(func(b *v1beta1.BrokerConfig) {
				b.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/x", PvcSpec: claimSpec("1Gi")}}
				b.StorageConfigs[0].PvcSpec.AccessModes = []corev1.PersistentVolumeAccessMode{"ReadWriteEverywhere"}
			}),
			want: []string{`error spec.brokers[id=1].brokerConfig.storageConfigs[0].pvcSpec.accessModes: there is no access mode "ReadWriteEverywhere"; write one of them: "ReadWriteOnce"`},
		},
		"ports that are taken": {
			change: func(c *v1beta1.KafkaCluster) {
				c.Spec.ListenersConfig.InternalListeners[0].ContainerPort = 9020
				c.Spec.AdditionalPorts = []corev1.ContainerPort{{ContainerPort: 29093}, {ContainerPort: 1, Name: "metrics"}}
			},
			want: []string{
				"error spec.listenersConfig: listener internal has port 9020, which the JMX exporter needs",
				"warning spec.additionalPorts[0].containerPort: port 29093 is that of listener controller",
				"warning spec.additionalPorts[1].name: metrics is the name of another port",
			},
		},
	})
}

func TestNotSupportedNamesFieldsAndLeavesBrokersRunning(t *testing.T) {
	cluster := demo(func(c *v1beta1.KafkaCluster) {
		c.Spec.AlertManagerConfig = &v1beta1.AlertManagerConfig{}
		c.Spec.ListenersConfig.SSLSecrets = &v1beta1.SSLSecrets{}
		c.Spec.ContourIngressConfig = &v1beta1.ContourIngressConfig{}
		c.Spec.IstioControlPlane = &v1beta1.IstioControlPlaneReference{}
		c.Spec.EnvoyConfig = &v1beta1.EnvoyConfig{}
		c.Spec.RemoveUnusedIngressResources = true
		c.Spec.ExternalAddressTimeoutSeconds = ptr.To(int32(60))
	})
	var fields []string
	for _, problem := range Validate(cluster) {
		require.Equal(t, messages.ReasonNotSupported, problem.Reason)
		require.Equal(t, messages.SeverityWarning, problem.Severity)
		fields = append(fields, problem.Field)
	}
	require.Equal(t, []string{
		"spec.cruiseControlConfig",
		"spec.listenersConfig.externalListeners[name=test]",
		"spec.istioIngressConfig",
		"spec.contourIngressConfig",
		"spec.envoyConfig",
		"spec.removeUnusedIngressResources",
		"spec.externalAddressTimeoutSeconds",
		"spec.listenersConfig.sslSecrets",
		"spec.alertManagerConfig",
	}, fields)
	require.Empty(t, NotSupported(quiet(func(*v1beta1.KafkaCluster) {})))
}

func TestNotSupportedSaysWhatDoesNotCarryAListener(t *testing.T) {
	tests := map[string]struct {
		change func(*v1beta1.ExternalListenerConfig)
		want   string
	}{
		"Envoy":       {change: func(*v1beta1.ExternalListenerConfig) {}, want: "makes no envoy for it"},
		"NodePort":    {change: func(l *v1beta1.ExternalListenerConfig) { l.AccessMethod = corev1.ServiceTypeNodePort }, want: "no NodePort Services"},
		"Gateway API": {change: func(l *v1beta1.ExternalListenerConfig) { l.GatewayAPI = &v1beta1.GatewayAPIConfig{} }, want: "no Gateway API routes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cluster := demo(func(c *v1beta1.KafkaCluster) { c.Spec.CruiseControlConfig.Disabled = true })
			test.change(&cluster.Spec.ListenersConfig.ExternalListeners[0])
			problems := NotSupported(cluster)
			require.Len(t, problems, 1)
			require.Contains(t, problems[0].Message, test.want)
			require.Contains(t, problems[0].Message, "port 9094")
		})
	}
}

func BenchmarkValidateThousandBrokers(b *testing.B) {
	cluster := quiet(group(func(config *v1beta1.BrokerConfig) {
		config.StorageConfigs[0].PvcSpec.StorageClassName = ptr.To("zone-{{ mod .BrokerId 3 }}")
	}))
	for id := int32(3); id < 1000; id++ {
		cluster.Spec.Brokers = append(cluster.Spec.Brokers, v1beta1.Broker{ID: id, BrokerConfigGroup: "default"})
	}
	for b.Loop() {
		if problems := Validate(cluster); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func TestALogThatWouldStayEmptyIsToldOf(t *testing.T) {
	logging := func(text string) problemCase {
		return problemCase{change: own(func(b *v1beta1.BrokerConfig) { b.Log4jConfig = text })}
	}
	told := func(text string) problemCase {
		c := logging(text)
		c.want = []string{"warning spec.brokers[id=1].brokerConfig.log4jConfig: has no line log4j.rootLogger=…, and Kafka would log nothing"}
		return c
	}
	checkProblems(t, map[string]problemCase{
		"levels in any case, and one that only Log4j can make out": logging("log4j.rootLogger=warn, stdout\nlog4j.logger.a=${level}\nlog4j.logger.b=, out\n"),
		"a level that Log4j does not have": {
			change: own(func(b *v1beta1.BrokerConfig) {
				b.Log4jConfig = "log4j.rootLogger=INFO, stdout\nlog4j.logger.kafka = WARNING\n"
			}),
			want: []string{"warning spec.brokers[id=1].brokerConfig.log4jConfig: the level of log4j.logger.kafka is none of Log4j's, which takes it for DEBUG"},
		},
		"a root logger":               logging("# ours\n log4j.rootLogger : INFO, stdout\n"),
		"by its older name":           logging("log4j.rootCategory=INFO, stdout"),
		"no properties":               told("this is no log4j"),
		"the format of Log4j 2":       told("rootLogger.level = info"),
		"a root logger as a comment":  told("#log4j.rootLogger=INFO"),
		"a logger that begins alike":  told("log4j.rootLoggers=INFO"),
		"a root logger within a line": told("x=log4j.rootLogger=INFO"),
	})
}
