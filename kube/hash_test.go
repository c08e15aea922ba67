package kube

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/kube/golden"
)

// Hashes are kept on running Pods. If this file changes, every cluster of an older version sees another hash:
// of the user's inputs, and all brokers would restart (hashVersion must change); of the rendered Pod, and all of them
// show UpdateAvailable, which must be meant.
func TestHashesArePinned(t *testing.T) {
	var lines strings.Builder
	clusters := pinned()
	for _, name := range sortedKeys(clusters) {
		for id := range int32(3) {
			pod := brokerPod(t, podInput(t, clusters[name], id))
			fmt.Fprintf(&lines, "%s node %d: user %s rendered %s\n", name, id,
				pod.Annotations[AnnotationUserInputsHash], pod.Annotations[AnnotationRenderedHash])
		}
	}
	golden.Equal(t, "testdata/hashes.txt", []byte(lines.String()))
}

func pinned() map[string]*v1beta1.KafkaCluster {
	return map[string]*v1beta1.KafkaCluster{
		"plain": demo(), "headless": demo(headless), "ZooKeeper": demo(zooKeeper), "extras": demo(extras),
	}
}

// Pods of earlier versions are left alone: what is in this file they carry, and -update does not write it. A line that fails is a version
// that would restart every such broker by itself; lines are added, never changed.
func TestPodsOfEarlierVersionsHaveTheUsersInputsOfToday(t *testing.T) {
	earlier, err := os.ReadFile("testdata/earlier-versions.txt")
	require.NoError(t, err)
	clusters, compared := pinned(), 0
	for line := range strings.Lines(string(earlier)) {
		var name, hash string
		var id int32
		_, err := fmt.Sscanf(line, "%s node %d %s", &name, &id, &hash)
		require.NoError(t, err, line)
		require.True(t, SameHash(hash, UserInputsHash(podInput(t, clusters[name], id))), line)
		compared++
	}
	require.GreaterOrEqual(t, compared, 12)
}

func TestWhatChangesWhichHash(t *testing.T) {
	spec := func(change func(*v1beta1.KafkaClusterSpec)) func(*PodInput) {
		return func(in *PodInput) {
			in.Cluster = in.Cluster.DeepCopy()
			change(&in.Cluster.Spec)
		}
	}
	tests := map[string]struct {
		change         func(*PodInput)
		user, rendered bool
	}{
		"nothing":                {change: func(*PodInput) {}},
		"an image":               {change: func(in *PodInput) { in.Config.Image = "other" }, user: true, rendered: true},
		"the image of all":       {change: spec(func(s *v1beta1.KafkaClusterSpec) { s.ClusterImage = "other" }), user: true, rendered: true},
		"a property of the user": {change: func(in *PodInput) { in.UserProperties = "a=b\n"; in.Properties += "a=b\n" }, user: true, rendered: true},
		"a property of ours":     {change: func(in *PodInput) { in.Properties += "a=b\n" }, rendered: true},
		"memory of one broker": {change: func(in *PodInput) {
			in.Config.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("5Gi")}}
		}, user: true, rendered: true},
		"heap":         {change: func(in *PodInput) { in.Config.KafkaHeapOpts = "-Xmx3G" }, user: true, rendered: true},
		"a variable":   {change: func(in *PodInput) { in.Config.Envs = []corev1.EnvVar{{Name: "A", Value: "b"}} }, user: true, rendered: true},
		"log4j":        {change: func(in *PodInput) { in.Config.Log4jConfig = "x" }, user: true, rendered: true},
		"a new disk":   {change: addDisk("/more", "claim"), user: true, rendered: true},
		"rack labels":  {change: spec(func(s *v1beta1.KafkaClusterSpec) { s.RackAwareness = &v1beta1.RackAwareness{Labels: []string{"zone"}} }), user: true},
		"no reporter":  {change: spec(func(s *v1beta1.KafkaClusterSpec) { s.CruiseControlConfig.Disabled = true }), user: true, rendered: true},
		"grace period": {change: func(in *PodInput) { in.Config.TerminationGracePeriod = ptr.To(int64(60)) }, user: true, rendered: true},
		"a sidecar": {change: func(in *PodInput) {
			in.Config.BrokerAnnotations = map[string]string{"sidecar.istio.io/inject": "true"}
		}, user: true, rendered: true},
		"an annotation, which a running Pod takes": {change: func(in *PodInput) {
			in.Config.BrokerAnnotations = map[string]string{"prometheus.io/scrape": "true"}
		}, rendered: true},
		"a label, which a running Pod takes": {change: func(in *PodInput) {
			in.Config.BrokerLabels = map[string]string{"tier": "gold"}
		}, rendered: true},
		"a port that opens nothing": {change: spec(func(s *v1beta1.KafkaClusterSpec) {
			s.AdditionalPorts = []corev1.ContainerPort{{ContainerPort: 1234}}
		}), rendered: true},
		"a claim that grows": {change: func(in *PodInput) {
			in.Config.StorageConfigs[0].PvcSpec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("99Gi")
		}},
		"the grace period that the schema writes": {change: func(in *PodInput) {
			in.Config.TerminationGracePeriod = ptr.To(int64(120))
		}},
		"rules of the exporter": {change: spec(func(s *v1beta1.KafkaClusterSpec) {
			s.MonitoringConfig = &v1beta1.MonitoringConfig{KafkaJMXExporterConfig: "rules: []"}
		})},
		"dynamic configuration":                   {change: func(in *PodInput) { in.Config.Config = "log.cleaner.threads=2" }},
		"the right to format, which is withdrawn": {change: func(in *PodInput) { in.FormatDirs = nil }},
		"first voters, which are forgotten":       {change: func(in *PodInput) { in.Quorum.Initial = nil }},
		"Envoy": {change: spec(func(s *v1beta1.KafkaClusterSpec) {
			s.ListenersConfig.ExternalListeners[0].AnyCastPort = ptr.To(int32(1))
		})},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := podInput(t, demo(), 2)
			before := brokerPod(t, in).Annotations
			test.change(&in)
			after := brokerPod(t, in).Annotations
			require.Equal(t, test.user, before[AnnotationUserInputsHash] != after[AnnotationUserInputsHash], "user's inputs")
			require.Equal(t, test.rendered, before[AnnotationRenderedHash] != after[AnnotationRenderedHash], "rendered")
		})
	}
}

// What a broker advertises is read when it starts.
func TestEditsOfAnAdvertisedAddressAreTheUsers(t *testing.T) {
	nodePort := func(l *v1beta1.ExternalListenerConfig, _ *v1beta1.BrokerConfig) {
		l.AccessMethod = corev1.ServiceTypeNodePort
	}
	ingress := func(l *v1beta1.ExternalListenerConfig, config *v1beta1.BrokerConfig) {
		entry := func(host string) v1beta1.IngressConfig {
			return v1beta1.IngressConfig{
				IngressServiceSettings: v1beta1.IngressServiceSettings{HostnameOverride: host}, EnvoyConfig: &v1beta1.EnvoyConfig{},
			}
		}
		l.Config = &v1beta1.Config{DefaultIngressConfig: "a", IngressConfig: map[string]v1beta1.IngressConfig{"a": entry("a.example"), "b": entry("b.example")}}
		config.BrokerIngressMapping = nil
	}
	asIs := func(*v1beta1.ExternalListenerConfig, *v1beta1.BrokerConfig) {}
	for name, test := range map[string]struct {
		is, becomes func(*v1beta1.ExternalListenerConfig, *v1beta1.BrokerConfig)
		differs     bool
	}{
		"another way in": {asIs, nodePort, true},
		"the default way in, written out": {
			asIs,
			func(l *v1beta1.ExternalListenerConfig, _ *v1beta1.BrokerConfig) {
				l.AccessMethod = corev1.ServiceTypeLoadBalancer
			}, false,
		},
		"a node's address": {nodePort, func(l *v1beta1.ExternalListenerConfig, config *v1beta1.BrokerConfig) {
			config.NodePortExternalIP = map[string]string{l.Name: "192.0.2.1"}
		}, true},
		"a node's address for a load balancer": {
			asIs,
			func(l *v1beta1.ExternalListenerConfig, config *v1beta1.BrokerConfig) {
				config.NodePortExternalIP = map[string]string{l.Name: "192.0.2.1"}
			}, false,
		},
		"another ingress": {ingress, func(_ *v1beta1.ExternalListenerConfig, config *v1beta1.BrokerConfig) {
			config.BrokerIngressMapping = []string{"b"}
		}, true},
		"no ingress": {ingress, func(_ *v1beta1.ExternalListenerConfig, config *v1beta1.BrokerConfig) {
			config.BrokerIngressMapping = []string{"elsewhere"}
		}, true},
		"another default ingress": {ingress, func(l *v1beta1.ExternalListenerConfig, _ *v1beta1.BrokerConfig) {
			l.Config.DefaultIngressConfig = "b"
		}, true},
		"another name of its ingress": {ingress, func(l *v1beta1.ExternalListenerConfig, _ *v1beta1.BrokerConfig) {
			entry := l.Config.IngressConfig["a"]
			entry.HostnameOverride = "c.example"
			l.Config.IngressConfig["a"] = entry
		}, true},
		"the listener's name, written out": {ingress, func(l *v1beta1.ExternalListenerConfig, _ *v1beta1.BrokerConfig) {
			entry := l.Config.IngressConfig["b"]
			entry.HostnameOverride = l.HostnameOverride
			l.Config.IngressConfig["b"] = entry
		}, false},
		"another ingress of others": {ingress, func(l *v1beta1.ExternalListenerConfig, _ *v1beta1.BrokerConfig) {
			delete(l.Config.IngressConfig, "b")
		}, false},
		"how many Envoys there are": {ingress, func(l *v1beta1.ExternalListenerConfig, _ *v1beta1.BrokerConfig) {
			l.Config.IngressConfig["a"].EnvoyConfig.Replicas = ptr.To(int32(7))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := podInput(t, demo(), 2)
			in.Cluster = in.Cluster.DeepCopy()
			external := &in.Cluster.Spec.ListenersConfig.ExternalListeners[0]
			test.is(external, in.Config)
			before := UserInputsHash(in)
			test.becomes(external, in.Config)
			require.Equal(t, test.differs, before != UserInputsHash(in))
			controller := podInput(t, demo(), 1)
			controller.Cluster, before = in.Cluster.DeepCopy(), UserInputsHash(controller)
			controller.Cluster.Spec.ListenersConfig.ExternalListeners[0].AccessMethod = corev1.ServiceTypeNodePort
			require.Equal(t, before, UserInputsHash(controller), "a controller advertises nothing to clients outside")
		})
	}
}

func addDisk(path, claim string) func(*PodInput) {
	return func(in *PodInput) {
		in.Config.StorageConfigs = append(in.Config.StorageConfigs, v1beta1.StorageConfig{MountPath: path, PvcSpec: claimSpec("1Gi")})
		in.ClaimNames[path] = claim
	}
}

func TestTheOrderOfVariablesDoesNotMatterButThatOfAdditionsDoes(t *testing.T) {
	hash := func(envs ...corev1.EnvVar) string {
		in := podInput(t, demo(), 0)
		in.Config.Envs = envs
		return UserInputsHash(in)
	}
	a, b := corev1.EnvVar{Name: "A", Value: "1"}, corev1.EnvVar{Name: "B", Value: "2"}
	require.Equal(t, hash(a, b), hash(b, a))
	one, two := corev1.EnvVar{Name: "A+", Value: "1"}, corev1.EnvVar{Name: "A+", Value: "2"}
	require.NotEqual(t, hash(one, two), hash(two, one))
}

func TestHashesOfOtherVersionsSayNothing(t *testing.T) {
	require.True(t, SameHash("v1:a", "v1:a"))
	require.False(t, SameHash("v1:a", "v1:b"))
	require.True(t, SameHash("v0:a", "v1:b"))
	require.True(t, SameHash("", "v1:b"), "a Pod of Koperator's carries none")
}
