package kube

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestBrokerPodGolden(t *testing.T) {
	roles := []string{"broker", "controller", "combined"}
	for id, role := range roles {
		t.Run(role, func(t *testing.T) {
			wantGolden(t, "pod-"+role, brokerPod(t, podInput(t, demo(), int32(id))))
		})
		t.Run(role+" headless", func(t *testing.T) {
			wantGolden(t, "pod-"+role+"-headless", brokerPod(t, podInput(t, demo(headless), int32(id))))
		})
	}
	t.Run("ZooKeeper mode", func(t *testing.T) {
		wantGolden(t, "pod-zookeeper", brokerPod(t, podInput(t, demo(zooKeeper), 0)))
	})
	t.Run("what users add", func(t *testing.T) {
		wantGolden(t, "pod-extras", brokerPod(t, podInput(t, demo(extras), 0)))
	})
	t.Run("adopted static quorum, formatted, a disk that drains, no Cruise Control", func(t *testing.T) {
		in := podInput(t, demo(func(c *v1beta1.KafkaCluster) { c.Spec.CruiseControlConfig.Disabled = true }), 2)
		in.Quorum, in.FormatDirs = messages.Quorum{Mode: messages.QuorumStatic}, nil
		in.ClaimNames = map[string]string{"/kafka-logs": "demo-2-storage-0-x7k2p", "/old": "demo-2-storage-1-b9sd4"}
		wantGolden(t, "pod-static", brokerPod(t, in))
	})
	t.Run("a first voter with its metadata on an emptyDir", func(t *testing.T) {
		in := podInput(t, demo(), 2)
		limit := resource.MustParse("10Gi")
		in.Config.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit}}}
		in.ClaimNames, in.FormatDirs = nil, []string{"/kafka-logs"}
		pod := brokerPod(t, in)
		wantGolden(t, "pod-emptydir", pod)
		require.True(t, FirstVoterPod(pod))
		in.Quorum.Initial = nil
		require.False(t, FirstVoterPod(brokerPod(t, in)), "who comes later joins")
	})
	t.Run("IPv6", func(t *testing.T) {
		in := podInput(t, demo(), 1)
		in.Quorum.Initial = []messages.Voter{{ID: 1, Host: "fd00::1", Port: 29093, DirectoryID: "AAAAAAAAAAAAAAAAAAAAAA"}}
		wantGolden(t, "pod-ipv6", brokerPod(t, in))
	})
}

// extras uses every field by which a user shapes Pods.
func extras(c *v1beta1.KafkaCluster) {
	c.Spec.PropagateLabels, c.Spec.OneBrokerPerNode = true, true
	c.Spec.ClusterImage = "registry.example/kafka:4.3.1"
	c.Spec.Envs = []corev1.EnvVar{{Name: "JMX_PORT", Value: "5555"}, {Name: "KAFKA_OPTS+", Value: " -Dx=y"}, {Name: "KAFKA_QUORUM", Value: "Static"}}
	c.Spec.AdditionalPorts = []corev1.ContainerPort{{ContainerPort: 7777}, {ContainerPort: 29092, Name: "again"}}
	c.Spec.ClientSSLCertSecret = &corev1.LocalObjectReference{Name: "client-keystore"}
	c.Spec.MonitoringConfig = &v1beta1.MonitoringConfig{JmxImage: "registry.example/jmx:1", PathToJar: "/agent.jar"}
	group(func(config *v1beta1.BrokerConfig) {
		config.MetricsReporterImage = "registry.example/reporter:1"
		config.ServiceAccountName, config.PriorityClassName = "kafka", "important"
		config.Resources = &corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m")}}
		config.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
		config.NodeSelector = map[string]string{"disk": "fast"}
		config.Tolerations = []corev1.Toleration{{Key: "kafka", Operator: corev1.TolerationOpExists}}
		config.KafkaHeapOpts, config.Log4jConfig = "-Xmx1G", "log4j.rootLogger=INFO"
		config.BrokerAnnotations = map[string]string{"sidecar.istio.io/inject": "true"}
		config.BrokerLabels = map[string]string{"tier": "gold", "kafka_cr": "other"}
		config.PodSecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(int64(1000)), FSGroup: ptr.To(int64(1000))}
		config.InitContainers = []corev1.Container{{Name: "a-first", Image: "busybox"}}
		config.Containers = []corev1.Container{{Name: "sidecar", Image: "busybox"}, {Name: "kafka", Image: "evil"}}
		config.Volumes = []corev1.Volume{{Name: "a-volume"}, {Name: "broker-config"}}
		config.VolumeMounts = []corev1.VolumeMount{{Name: "a-volume", MountPath: "/a"}, {Name: "a-volume", MountPath: "/config"}}
		config.Envs = []corev1.EnvVar{{Name: "ZONE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}}
		config.TerminationGracePeriod = ptr.To(int64(300))
	})(c)
}

func TestBrokerPodRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*PodInput)
		want   string
	}{
		"a claim that does not exist yet": {
			change: func(in *PodInput) { in.ClaimNames = nil },
			want:   "disk /kafka-logs of broker 0 has no claim yet",
		},
		"a disk of no kind": {
			change: func(in *PodInput) { in.Config.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/x"}} },
			want:   "disk /x of broker 0 has neither pvcSpec nor emptyDir",
		},
		"an emptyDir where a claim of the broker is": {
			change: func(in *PodInput) { in.ClaimNames["/ephemeral-dir1"] = "claim" },
			want:   "disk /ephemeral-dir1 of broker 0 is an emptyDir, but claim claim is there",
		},
		"a node without a role": {
			change: func(in *PodInput) { in.Config.ProcessRoles = nil },
			want:   "node 0 has no processRoles",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := podInput(t, demo(), 0)
			test.change(&in)
			_, err := BrokerPod(in)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestFirstVotersAreNamedOnlyWhereTheMetadataLogDirMayBeFormatted(t *testing.T) {
	tests := map[string]struct {
		node   int32
		format []string
		want   bool
	}{
		"a first controller at its first start":   {node: 1, format: []string{"/kafka-logs"}, want: true},
		"a first controller that has started":     {node: 1},
		"a first controller that gets a new disk": {node: 2, format: []string{"/more"}},
		"a broker": {node: 0, format: []string{"/kafka-logs", "/ephemeral-dir1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := podInput(t, demo(), test.node)
			in.FormatDirs = test.format
			_, found := envValue(brokerPod(t, in), envInitialControllers)
			require.Equal(t, test.want, found)
		})
	}
}

func TestMetadataOnPod(t *testing.T) {
	scratch := func(in *PodInput) {
		in.Config.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
		in.ClaimNames = nil
	}
	for name, test := range map[string]struct {
		node   int32
		change func(*PodInput)
		folder string
		want   bool
	}{
		"a controller on an emptyDir":          {2, scratch, "", true},
		"a controller on a claim":              {node: 2},
		"a controller on a claim, Koperator's": {node: 2, folder: "/kafka"},
		"a controller in an emptyDir's folder": {2, scratch, "/kafka", true},
		"a controller beside its claim":        {node: 2, folder: "-elsewhere", want: true},
		"a broker on an emptyDir":              {0, scratch, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			in := podInput(t, demo(), test.node)
			if test.change != nil {
				test.change(&in)
			}
			pod := brokerPod(t, in)
			for i, e := range pod.Spec.Containers[0].Env {
				if e.Name == envLogDirs {
					pod.Spec.Containers[0].Env[i].Value = e.Value + test.folder
				}
			}
			require.Equal(t, test.want, MetadataOnPod(pod))
			trimmed, err := Trimmed(pod)
			require.NoError(t, err)
			require.Equal(t, test.want, MetadataOnPod(trimmed.(*corev1.Pod)), "as the cache keeps it")
		})
	}
}

func envValue(pod *corev1.Pod, name string) (string, bool) {
	env := pod.Spec.Containers[0].Env
	at := slices.IndexFunc(env, func(e corev1.EnvVar) bool { return e.Name == name })
	if at < 0 {
		return "", false
	}
	return env[at].Value, true
}

// Server-side apply refuses lists that repeat a key (Kubernetes: listType=map).
func TestBrokerPodRepeatsNoKey(t *testing.T) {
	pod := brokerPod(t, podInput(t, demo(extras), 0))
	once := map[string]bool{}
	seen := func(kind, key string) {
		require.False(t, once[kind+key], "%s %s twice", kind, key)
		once[kind+key] = true
	}
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		seen("container ", c.Name)
		for _, e := range c.Env {
			seen("env of "+c.Name+" ", e.Name)
		}
		for _, m := range c.VolumeMounts {
			seen("mount of "+c.Name+" ", m.MountPath)
		}
		for _, p := range c.Ports {
			seen("port of "+c.Name+" ", fmt.Sprint(p.ContainerPort, p.Protocol))
		}
	}
	for _, v := range pod.Spec.Volumes {
		seen("volume ", v.Name)
	}
	require.Equal(t, "registry.example/kafka:4.3.1", pod.Spec.Containers[0].Image, "the user's container of that name is left out")
}

// PodSecurity "restricted" (Kubernetes: Pod Security Standards) admits the Pod of a user who says that it is not root.
func TestSecurityContexts(t *testing.T) {
	yes, no, user, root := ptr.To(true), ptr.To(false), ptr.To(int64(1000)), ptr.To(int64(0))
	tests := map[string]struct {
		pod       *corev1.PodSecurityContext
		container *corev1.SecurityContext
		hardened  bool
	}{
		"nothing said, the image may be root":     {},
		"root said":                               {pod: &corev1.PodSecurityContext{RunAsUser: root}},
		"non-root said for the Pod":               {pod: &corev1.PodSecurityContext{RunAsNonRoot: yes}, hardened: true},
		"a user said for the Pod":                 {pod: &corev1.PodSecurityContext{RunAsUser: user}, hardened: true},
		"non-root said for the container":         {container: &corev1.SecurityContext{RunAsNonRoot: yes}, hardened: true},
		"the container is root in a non-root Pod": {pod: &corev1.PodSecurityContext{RunAsNonRoot: yes}, container: &corev1.SecurityContext{RunAsUser: root, RunAsNonRoot: no}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := podInput(t, demo(), 0)
			in.Config.PodSecurityContext, in.Config.SecurityContext = test.pod, test.container
			pod := brokerPod(t, in)
			require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.Spec.SecurityContext.SeccompProfile.Type)
			kafka := pod.Spec.Containers[0].SecurityContext
			if !test.hardened {
				require.Equal(t, test.container, kafka)
				return
			}
			require.Equal(t, ptr.To(false), kafka.AllowPrivilegeEscalation)
			require.Equal(t, []corev1.Capability{"ALL"}, kafka.Capabilities.Drop)
		})
	}
	t.Run("the user's own settings stay", func(t *testing.T) {
		in := podInput(t, demo(), 0)
		in.Config.SecurityContext = &corev1.SecurityContext{
			RunAsUser: user, Privileged: yes, Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_NICE"}},
		}
		want := in.Config.SecurityContext.DeepCopy()
		require.Equal(t, want, brokerPod(t, in).Spec.Containers[0].SecurityContext)
	})
}

func TestReadinessPort(t *testing.T) {
	for id, want := range []int32{29092, 29093, 29092} {
		require.Equal(t, want, readinessPort(podInput(t, demo(), int32(id))), "node %d", id)
	}
	// security.inter.broker.protocol in the properties makes the mark needless.
	unmarked := demo(func(c *v1beta1.KafkaCluster) {
		c.Spec.ListenersConfig.InternalListeners[0].UsedForInnerBrokerCommunication = false
	})
	require.Equal(t, int32(29092), readinessPort(podInput(t, unmarked, 0)))
}

func TestBrokerPodLeavesItsInputAlone(t *testing.T) {
	cluster := demo(extras)
	in := podInput(t, cluster, 0)
	before, config := cluster.DeepCopy(), in.Config.DeepCopy()
	brokerPod(t, in)
	require.Equal(t, before, cluster)
	require.Equal(t, config, in.Config)
}

func TestPortNamesThatKubernetesRefusesAreLeftOut(t *testing.T) {
	cluster := demo(func(c *v1beta1.KafkaCluster) {
		c.Spec.ListenersConfig.InternalListeners[0].Name = "a-name-that-is-too-long"
	})
	ports := brokerPod(t, podInput(t, cluster, 0)).Spec.Containers[0].Ports
	require.Empty(t, ports[1].Name)
	require.Equal(t, int32(29092), ports[1].ContainerPort)
	require.Equal(t, "tcp-a-name-that-is-too-long", HeadlessService(cluster).Spec.Ports[0].Name, "a Service may have it")
}

func TestStartScriptFitsIntoOneArgument(t *testing.T) {
	script := startScriptOf(false)
	require.Less(t, len(script), 128<<10, "Linux: MAX_ARG_STRLEN")
	require.False(t, strings.Contains(script, "\r"))
	require.Equal(t, 1, strings.Count(startScript, beforeKafka))
}

func BenchmarkBrokerPod(b *testing.B) {
	in := podInput(b, demo(), 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := BrokerPod(in); err != nil {
			b.Fatal(err)
		}
	}
}
