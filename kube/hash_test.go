package kube

import (
	"fmt"
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
	clusters := map[string]*v1beta1.KafkaCluster{
		"plain": demo(), "headless": demo(headless), "ZooKeeper": demo(zooKeeper), "extras": demo(extras),
	}
	for _, name := range sortedKeys(clusters) {
		for id := range int32(3) {
			pod := brokerPod(t, podInput(t, clusters[name], id))
			fmt.Fprintf(&lines, "%s node %d: user %s rendered %s\n", name, id,
				pod.Annotations[AnnotationUserInputsHash], pod.Annotations[AnnotationRenderedHash])
		}
	}
	golden.Equal(t, "testdata/hashes.txt", []byte(lines.String()))
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
