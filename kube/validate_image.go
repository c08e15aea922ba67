package kube

import (
	"fmt"

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
	return []messages.FieldProblem{invalid(field,
		"%q cannot be the name of an image (%v): write [registry[:port]/]name[:tag][@digest] with the name in lower case, for example %s",
		image, err, v1beta1.DefaultKafkaImage)}
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
	if spec.MonitoringConfig != nil {
		add(true, imageProblems("spec.monitoringConfig.jmxImage", spec.MonitoringConfig.JmxImage))
	}
	if spec.EnvoyConfig != nil {
		add(false, imageProblems("spec.envoyConfig.image", spec.EnvoyConfig.Image))
	}
	return problems
}

// brokerImageProblems looks at the images of one brokerConfig.
func brokerImageProblems(field func(string) string, config *v1beta1.BrokerConfig) []messages.FieldProblem {
	problems := imageProblems(field("image"), config.Image)
	problems = append(problems, imageProblems(field("metricsReporterImage"), config.MetricsReporterImage)...)
	add := func(list string, containers []corev1.Container) {
		for i := range containers {
			problems = append(problems, imageProblems(fmt.Sprintf("%s[%d].image", field(list), i), containers[i].Image)...)
		}
	}
	add("initContainers", config.InitContainers)
	add("containers", config.Containers)
	return problems
}
