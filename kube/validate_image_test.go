package kube

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestANonsenseImageIsRefusedWithTheFormOfARightOne(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for image, sound := range map[string]bool{
		"":      true,
		"kafka": true,
		"ghcr.io/adobe/koperator/kafka:2.13-3.9.2-jdk21.0.11": true,
		"localhost:5000/a/b_c--d:v1" + digest:                 true,
		"[2001:db8::1]:5000/kafka":                            true,
		"registry.example.com/kafka" + digest:                 true,
		"not an image!!":                                      false,
		"UPPER/Case:tag:tag":                                  false,
		"example.com/Kafka:1":                                 false,
		" kafka":                                              false,
		"kafka:":                                              false,
		"https://example.com/kafka":                           false,
		"kafka@sha256:12":                                     false,
		"kafka:" + strings.Repeat("t", 129):                   false,
		strings.Repeat("k", 5000):                             false,
	} {
		problems := Validate(quiet(func(c *v1beta1.KafkaCluster) { c.Spec.ClusterImage = image }))
		if sound {
			require.Empty(t, problems, image)
			continue
		}
		require.Len(t, problems, 1, image)
		require.Equal(t, messages.ReasonInvalidSpec, problems[0].Reason)
		require.Equal(t, messages.SeverityError, problems[0].Severity)
		text := problems[0].String()
		require.True(t, strings.HasPrefix(text, `spec.clusterImage: "`+image[:5]), text)
		require.True(t, strings.HasSuffix(text, "for example "+v1beta1.DefaultKafkaImage), text)
		require.Less(t, len(text), 500)
	}
}

func TestEachImageIsLookedAt(t *testing.T) {
	const bad = "UPPER/Case:tag:tag"
	container := []corev1.Container{{Name: "fine", Image: "busybox"}, {Name: "bad", Image: bad}}
	for name, test := range map[string]struct {
		change func(*v1beta1.KafkaCluster)
		want   string
	}{
		"the cluster's reporter": {func(c *v1beta1.KafkaCluster) {
			c.Spec.CruiseControlConfig.Disabled, c.Spec.ClusterMetricsReporterImage = false, bad
		}, "error spec.clusterMetricsReporterImage: "},
		"a reporter that is not used": {
			func(c *v1beta1.KafkaCluster) { c.Spec.ClusterMetricsReporterImage = bad }, "warning spec.clusterMetricsReporterImage: "},
		"Cruise Control's, from which the reporter is taken": {func(c *v1beta1.KafkaCluster) {
			c.Spec.CruiseControlConfig.Disabled, c.Spec.CruiseControlConfig.Image = false, bad
		}, "error spec.cruiseControlConfig.image: "},
		"Cruise Control's without Cruise Control": {
			func(c *v1beta1.KafkaCluster) { c.Spec.CruiseControlConfig.Image = bad }, "warning spec.cruiseControlConfig.image: "},
		"the exporter's": {
			func(c *v1beta1.KafkaCluster) { c.Spec.MonitoringConfig = &v1beta1.MonitoringConfig{JmxImage: bad} }, "error spec.monitoringConfig.jmxImage: "},
		"Envoy's": {func(c *v1beta1.KafkaCluster) { c.Spec.EnvoyConfig = &v1beta1.EnvoyConfig{Image: bad} }, "warning spec.envoyConfig.image: "},
		"a group's": {
			group(func(b *v1beta1.BrokerConfig) { b.Image = bad }), "error spec.brokerConfigGroups[default].image: "},
		"a broker's": {
			own(func(b *v1beta1.BrokerConfig) { b.Image = bad }), "error spec.brokers[id=1].brokerConfig.image: "},
		"a broker's reporter": {
			own(func(b *v1beta1.BrokerConfig) { b.MetricsReporterImage = bad }), "error spec.brokers[id=1].brokerConfig.metricsReporterImage: "},
		"an init container's": {
			own(func(b *v1beta1.BrokerConfig) { b.InitContainers = container }), "error spec.brokers[id=1].brokerConfig.initContainers[1].image: "},
		"a container's beside Kafka": {
			group(func(b *v1beta1.BrokerConfig) { b.Containers = container }), "error spec.brokerConfigGroups[default].containers[1].image: "},
	} {
		t.Run(name, func(t *testing.T) {
			var found []string
			for _, p := range Validate(quiet(test.change)) {
				if p.Reason != messages.ReasonNotSupported {
					found = append(found, string(p.Severity)+" "+p.String())
				}
			}
			require.Len(t, found, 1)
			require.True(t, strings.HasPrefix(found[0], test.want), found[0])
		})
	}
}
