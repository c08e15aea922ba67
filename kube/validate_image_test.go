package kube

import (
	"reflect"
	"slices"
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

const badImage = "UPPER/Case:tag:tag"

type imageCase struct {
	change func(*v1beta1.KafkaCluster)
	want   string
}

func checkImages(t *testing.T, cases map[string]imageCase) {
	for name, test := range cases {
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

func TestEachImageIsLookedAt(t *testing.T) {
	checkImages(t, map[string]imageCase{
		"the cluster's": {func(c *v1beta1.KafkaCluster) { c.Spec.ClusterImage = badImage }, "error spec.clusterImage: "},
		"the cluster's reporter": {func(c *v1beta1.KafkaCluster) {
			c.Spec.CruiseControlConfig.Disabled, c.Spec.ClusterMetricsReporterImage = false, badImage
		}, "error spec.clusterMetricsReporterImage: "},
		"a reporter that is not used": {
			func(c *v1beta1.KafkaCluster) { c.Spec.ClusterMetricsReporterImage = badImage }, "warning spec.clusterMetricsReporterImage: "},
		"Cruise Control's, from which the reporter is taken": {func(c *v1beta1.KafkaCluster) {
			c.Spec.CruiseControlConfig.Disabled, c.Spec.CruiseControlConfig.Image = false, badImage
		}, "error spec.cruiseControlConfig.image: "},
		"Cruise Control's without Cruise Control": {
			func(c *v1beta1.KafkaCluster) { c.Spec.CruiseControlConfig.Image = badImage }, "warning spec.cruiseControlConfig.image: "},
		"the exporter's": {
			func(c *v1beta1.KafkaCluster) { c.Spec.MonitoringConfig = &v1beta1.MonitoringConfig{JmxImage: badImage} }, "error spec.monitoringConfig.jmxImage: "},
		"Envoy's": {func(c *v1beta1.KafkaCluster) { c.Spec.EnvoyConfig = &v1beta1.EnvoyConfig{Image: badImage} }, "warning spec.envoyConfig.image: "},
		"that of one Envoy of a listener": {zones(config(func(c *v1beta1.Config) {
			c.IngressConfig["az2"] = v1beta1.IngressConfig{EnvoyConfig: &v1beta1.EnvoyConfig{Image: badImage}}
		})), "warning spec.listenersConfig.externalListeners[name=test].config.ingressConfig[az2].envoyConfig.image: "},
		"a group's": {
			group(func(b *v1beta1.BrokerConfig) { b.Image = badImage }), "error spec.brokerConfigGroups[default].image: "},
		"a broker's": {
			own(func(b *v1beta1.BrokerConfig) { b.Image = badImage }), "error spec.brokers[id=1].brokerConfig.image: "},
		"a broker's reporter": {
			own(func(b *v1beta1.BrokerConfig) { b.MetricsReporterImage = badImage }), "error spec.brokers[id=1].brokerConfig.metricsReporterImage: "},
	})
}

func TestEachImageOfContainersAndVolumesIsLookedAt(t *testing.T) {
	containers := []corev1.Container{{Name: "fine", Image: "busybox"}, {Name: "bad", Image: badImage}}
	unset := []corev1.Container{{Name: "unset"}}
	volume := func(image string) []corev1.Volume {
		return []corev1.Volume{
			{Name: "fine", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "ghcr.io/a/b:1"}}},
			{Name: "none", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			{Name: "bad", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: image}}},
		}
	}
	cruise := func(change func(*v1beta1.CruiseControlConfig)) func(*v1beta1.KafkaCluster) {
		return func(c *v1beta1.KafkaCluster) { change(&c.Spec.CruiseControlConfig) }
	}
	const node, groups, cruiseControl = "spec.brokers[id=1].brokerConfig.", "spec.brokerConfigGroups[default].", "spec.cruiseControlConfig."
	checkImages(t, map[string]imageCase{
		"an init container's": {
			own(func(b *v1beta1.BrokerConfig) { b.InitContainers = containers }), "error " + node + "initContainers[1].image: "},
		"a container's beside Kafka": {
			group(func(b *v1beta1.BrokerConfig) { b.Containers = containers }), "error " + groups + "containers[1].image: "},
		"none of a container": {
			own(func(b *v1beta1.BrokerConfig) { b.Containers = unset }), "error " + node + "containers[0].image: is not set, and there is no default for it"},
		"a volume's": {
			group(func(b *v1beta1.BrokerConfig) { b.Volumes = volume(badImage) }), "error " + groups + `volumes[2].image.reference: "UPPER`},
		"none of a volume": {
			own(func(b *v1beta1.BrokerConfig) { b.Volumes = volume("") }), "error " + node + "volumes[2].image.reference: is not set"},
		"an init container's of Cruise Control": {
			cruise(func(c *v1beta1.CruiseControlConfig) { c.InitContainers = containers }), "warning " + cruiseControl + "initContainers[1].image: "},
		"a volume's of Cruise Control": {
			cruise(func(c *v1beta1.CruiseControlConfig) { c.Volumes = volume(badImage) }), "warning " + cruiseControl + "volumes[2].image.reference: "},
	})
}

// A new field of the API with an image must not be forgotten here.
func TestTheSpecHasNoOtherImages(t *testing.T) {
	var found []string
	imageFields(reflect.TypeFor[v1beta1.KafkaClusterSpec](), "spec", &found)
	slices.Sort(found)
	require.Equal(t, []string{
		"spec.brokerConfigGroups.containers.image", "spec.brokerConfigGroups.image", "spec.brokerConfigGroups.initContainers.image",
		"spec.brokerConfigGroups.metricsReporterImage", "spec.brokerConfigGroups.volumes.image.reference",
		"spec.brokers.brokerConfig.containers.image", "spec.brokers.brokerConfig.image", "spec.brokers.brokerConfig.initContainers.image",
		"spec.brokers.brokerConfig.metricsReporterImage", "spec.brokers.brokerConfig.volumes.image.reference",
		"spec.clusterImage", "spec.clusterMetricsReporterImage",
		"spec.cruiseControlConfig.image", "spec.cruiseControlConfig.initContainers.image", "spec.cruiseControlConfig.volumes.image.reference",
		"spec.envoyConfig.image", "spec.listenersConfig.externalListeners.config.ingressConfig.envoyConfig.image",
		"spec.monitoringConfig.jmxImage",
	}, found)
}

// imageFields are the paths of all texts that name an image. Volumes of Ceph have an image, too, which is none to run.
func imageFields(typ reflect.Type, path string, found *[]string) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		imageFields(typ.Elem(), path, found)
	case reflect.String:
		name := strings.ToLower(path[strings.LastIndex(path, ".")+1:])
		if strings.HasSuffix(name, "image") || name == "reference" {
			*found = append(*found, path)
		}
	case reflect.Struct:
		if typ == reflect.TypeFor[corev1.RBDVolumeSource]() {
			return
		}
		for i := range typ.NumField() {
			field, at := typ.Field(i), path
			if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
				at = path + "." + name
			}
			if field.IsExported() {
				imageFields(field.Type, at, found)
			}
		}
	}
}

func TestTheFieldOfAContainersImageIsThatWhichIsRead(t *testing.T) {
	cluster := demo()
	for _, container := range []struct{ name, field string }{
		{"kafka", "spec.clusterImage"},
		{"jmx-exporter", "spec.monitoringConfig.jmxImage"},
		{"cruise-control-reporter", "spec.clusterMetricsReporterImage"},
		{"injected", ""},
	} {
		require.Equal(t, container.field, ImageField(&cluster.Spec, &cluster.Spec.Brokers[1], container.name))
	}
	cluster.Spec.CruiseControlConfig.Image = "cruise:1"
	require.Equal(t, "spec.cruiseControlConfig.image", ImageField(&cluster.Spec, &cluster.Spec.Brokers[1], "cruise-control-reporter"))
	group(func(c *v1beta1.BrokerConfig) {
		c.Image, c.MetricsReporterImage = "kafka:1", "reporter:1"
		c.InitContainers, c.Containers = []corev1.Container{{Name: "a"}, {Name: "b"}}, []corev1.Container{{Name: "c"}}
	})(cluster)
	own := cluster.Spec.Brokers[1].BrokerConfig
	own.Image, own.InitContainers = "kafka:2", []corev1.Container{{Name: "a"}}
	for _, container := range []struct{ name, field string }{
		{"kafka", "spec.brokers[id=1].brokerConfig.image"},
		{"cruise-control-reporter", "spec.brokerConfigGroups[default].metricsReporterImage"},
		{"a", "spec.brokers[id=1].brokerConfig.initContainers[0].image"},
		{"b", "spec.brokerConfigGroups[default].initContainers[1].image"},
		{"c", "spec.brokerConfigGroups[default].containers[0].image"},
	} {
		require.Equal(t, container.field, ImageField(&cluster.Spec, &cluster.Spec.Brokers[1], container.name))
	}
	alone := v1beta1.Broker{ID: 7}
	require.Equal(t, "spec.clusterImage", ImageField(&cluster.Spec, &alone, "kafka"))
}
