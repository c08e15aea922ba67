package kube

import (
	"fmt"
	"slices"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// imageProblems: the kubelet reads an image's name by the very grammar of this library, and a Pod whose image it cannot
// read waits for ever (InvalidImageName). Empty means the default.
func imageProblems(field, image string) []messages.FieldProblem {
	if image == "" {
		return nil
	}
	_, err := reference.ParseNormalizedNamed(image)
	if err == nil {
		return nil
	}
	return []messages.FieldProblem{messages.Invalid(field,
		"%q cannot be the name of an image (%v): write [registry[:port]/]name[:tag][@digest] with the name in lower case, for example %s",
		image, err, v1beta1.DefaultKafkaImage)}
}

// neededImageProblems is imageProblems where nothing stands in for an image that is not set: the API server refuses the
// Pod.
func neededImageProblems(field, image string) []messages.FieldProblem {
	if image == "" {
		return []messages.FieldProblem{messages.Invalid(field, "is not set, and there is no default for it; name an image, or remove the entry")}
	}
	return imageProblems(field, image)
}

// clusterImageProblems looks at the images that all brokers share. Those of parts that do not run yet are warnings: the
// brokers can do without.
func clusterImageProblems(spec *v1beta1.KafkaClusterSpec) []messages.FieldProblem {
	problems := imageProblems("spec.clusterImage", spec.ClusterImage)
	add := func(used bool, found []messages.FieldProblem) {
		for _, problem := range found {
			if !used {
				problem.Severity = messages.SeverityWarning
			}
			problems = append(problems, problem)
		}
	}
	cruise := &spec.CruiseControlConfig
	add(!cruise.Disabled, imageProblems("spec.clusterMetricsReporterImage", spec.ClusterMetricsReporterImage))
	add(!cruise.Disabled && spec.ClusterMetricsReporterImage == "", imageProblems("spec.cruiseControlConfig.image", cruise.Image))
	add(false, containerImageProblems("spec.cruiseControlConfig.initContainers", cruise.InitContainers))
	add(false, volumeImageProblems("spec.cruiseControlConfig.volumes", cruise.Volumes))
	if spec.MonitoringConfig != nil {
		add(true, imageProblems("spec.monitoringConfig.jmxImage", spec.MonitoringConfig.JmxImage))
	}
	if spec.EnvoyConfig != nil {
		add(false, imageProblems("spec.envoyConfig.image", spec.EnvoyConfig.Image))
	}
	for i := range spec.ListenersConfig.ExternalListeners {
		add(false, entryImageProblems(&spec.ListenersConfig.ExternalListeners[i]))
	}
	return problems
}

// entryImageProblems looks at the images of one listener's ways in.
func entryImageProblems(listener *v1beta1.ExternalListenerConfig) []messages.FieldProblem {
	if listener.Config == nil {
		return nil
	}
	var problems []messages.FieldProblem
	for _, name := range sortedKeys(listener.Config.IngressConfig) {
		if envoy := listener.Config.IngressConfig[name].EnvoyConfig; envoy != nil {
			problems = append(problems, imageProblems(entryField(listener, name)+".envoyConfig.image", envoy.Image)...)
		}
	}
	return problems
}

// brokerImageProblems looks at the images of one brokerConfig.
func brokerImageProblems(field func(string) string, config *v1beta1.BrokerConfig) []messages.FieldProblem {
	return slices.Concat(
		imageProblems(field("image"), config.Image),
		imageProblems(field("metricsReporterImage"), config.MetricsReporterImage),
		containerImageProblems(field("initContainers"), config.InitContainers),
		containerImageProblems(field("containers"), config.Containers),
		volumeImageProblems(field("volumes"), config.Volumes),
	)
}

func containerImageProblems(field string, containers []corev1.Container) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for i := range containers {
		problems = append(problems, neededImageProblems(fmt.Sprintf("%s[%d].image", field, i), containers[i].Image)...)
	}
	return problems
}

// volumeImageProblems looks at volumes that are images (or artifacts, whose names have the same form).
func volumeImageProblems(field string, volumes []corev1.Volume) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for i := range volumes {
		if image := volumes[i].Image; image != nil {
			problems = append(problems, neededImageProblems(fmt.Sprintf("%s[%d].image.reference", field, i), image.Reference)...)
		}
	}
	return problems
}

// ImageField is the field that says which image a container of a broker's Pod runs, empty for a container that the spec does not
// have.
func ImageField(spec *v1beta1.KafkaClusterSpec, broker *v1beta1.Broker, container string) string {
	own, group := broker.BrokerConfig, spec.BrokerConfigGroups[broker.BrokerConfigGroup]
	if own == nil {
		own = &v1beta1.BrokerConfig{}
	}
	chosen := func(field, ofBroker, ofGroup, ofCluster string) string {
		switch {
		case ofBroker != "":
			return messages.BrokerField(broker.ID, "brokerConfig."+field)
		case ofGroup != "":
			return messages.GroupField(broker.BrokerConfigGroup, field)
		default:
			return ofCluster
		}
	}
	switch container {
	case kafkaContainer:
		return chosen("image", own.Image, group.Image, "spec.clusterImage")
	case exporterContainer:
		return "spec.monitoringConfig.jmxImage"
	case reporterContainer:
		return chosen("metricsReporterImage", own.MetricsReporterImage, group.MetricsReporterImage, reporterImageField(spec))
	}
	for _, list := range []struct {
		field      string
		own, group []corev1.Container
	}{{"initContainers", own.InitContainers, group.InitContainers}, {"containers", own.Containers, group.Containers}} {
		named := func(c corev1.Container) bool { return c.Name == container }
		if i := slices.IndexFunc(list.own, named); i >= 0 {
			return messages.BrokerField(broker.ID, fmt.Sprintf("brokerConfig.%s[%d].image", list.field, i))
		}
		if i := slices.IndexFunc(list.group, named); i >= 0 {
			return messages.GroupField(broker.BrokerConfigGroup, fmt.Sprintf("%s[%d].image", list.field, i))
		}
	}
	return ""
}

// reporterImageField: the metrics reporter comes from Cruise Control's image where it has none of its own.
func reporterImageField(spec *v1beta1.KafkaClusterSpec) string {
	if spec.ClusterMetricsReporterImage == "" && spec.CruiseControlConfig.Image != "" {
		return "spec.cruiseControlConfig.image"
	}
	return "spec.clusterMetricsReporterImage"
}
