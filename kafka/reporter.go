package kafka

import "github.com/koperator-go/koperator/kube/api/v1beta1"

const metricsReporterClass = "com.linkedin.kafka.cruisecontrol.metricsreporter.CruiseControlMetricsReporter"

// HasMetricsReporter says whether a node runs Cruise Control's metrics reporter, and so needs its jar.
func HasMetricsReporter(cluster *v1beta1.KafkaCluster, config *v1beta1.BrokerConfig) bool {
	return !cluster.Spec.CruiseControlConfig.Disabled && nodeOf(&cluster.Spec, config.ProcessRoles).broker
}

// reporterProperties send a broker's metrics to Cruise Control. The reporter connects by itself, so where the user
// chose the inner-broker protocol instead of a listener, the reporter is the user's, too.
func reporterProperties(in RenderInput, user Properties) Properties {
	port, ok := AdminPort(in.Cluster)
	if !HasMetricsReporter(in.Cluster, in.Config) || !ok {
		return Properties{}
	}
	properties := Properties{
		"cruise.control.metrics.reporter.bootstrap.servers": hostPort(in.Addresses.Bootstrap(), port),
	}
	if _, byProtocol := user.Get("security.inter.broker.protocol"); !byProtocol {
		properties.Set("metric.reporters", metricsReporterClass)
	}
	return properties
}
