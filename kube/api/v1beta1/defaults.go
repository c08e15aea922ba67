package v1beta1

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The defaults of fields that are not set. The API server writes only those that the schema carries (kRaft,
// localDebugEnabled, removeUnusedIngressResources, concurrentBrokerRestartCountPerRack, terminationGracePeriodSeconds);
// the others stay out of the object, so that a new version of the operator may have better ones.
//
// DefaultKafkaImage is the newest image that Koperator's project publishes for this purpose. Clusters that are taken over may count
// on it without naming it, so it is no Kafka 4 before there is an image of it there.
const (
	DefaultKafkaImage         = "ghcr.io/adobe/koperator/kafka:2.13-3.9.2-jdk21.0.11"
	DefaultCruiseControlImage = "adobe/cruise-control:3.0.3-adbe-20260722"
	DefaultEnvoyImage         = "envoyproxy/envoy:v1.39.0"
	DefaultJMXImage           = "ghcr.io/adobe/koperator/jmx-javaagent:1.5.0"
	DefaultPathToJar          = "/jmx_prometheus_javaagent.jar"

	DefaultServiceAccountName      = "default"
	DefaultKubernetesClusterDomain = "cluster.local"
	DefaultZKPath                  = "/"

	DefaultKafkaHeapOpts    = "-Xmx2G -Xms2G"
	DefaultKafkaJVMPerfOpts = "-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 " +
		"-XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true -Dsun.net.inetaddr.ttl=60"
	DefaultNetworkThroughPut             = "125000"
	DefaultTerminationGracePeriodSeconds = int64(120)

	DefaultAnyCastPort                 = int32(29092)
	DefaultIngressControllerTargetPort = int32(29092)
	DefaultEnvoyAdminPort              = int32(8081)
	DefaultEnvoyHealthCheckPort        = int32(8080)
	DefaultEnvoyReplicas               = int32(2)
	DefaultIstioReplicas               = int32(1)

	DefaultMetricsTopicPartitions        = int32(12)
	DefaultMetricsTopicReplicationFactor = int32(3)
	DefaultReplicationThrottle           = int64(50 << 20)

	DefaultExternalAddressTimeout = 120 * time.Second
	DefaultAlertPluginTimeout     = 5 * time.Second
)

// GetClusterImage returns the Kafka image of brokers that do not name their own.
func (s *KafkaClusterSpec) GetClusterImage() string {
	return stringOr(s.ClusterImage, DefaultKafkaImage)
}

// GetClusterMetricsReporterImage returns the image from which the metrics reporter is copied.
func (s *KafkaClusterSpec) GetClusterMetricsReporterImage() string {
	return stringOr(s.ClusterMetricsReporterImage, s.CruiseControlConfig.GetImage())
}

// GetZKPath returns the path below which the cluster keeps its data in ZooKeeper; it begins with a slash.
func (s *KafkaClusterSpec) GetZKPath() string {
	if s.ZKPath == nil || *s.ZKPath == "" {
		return DefaultZKPath
	}
	return "/" + strings.TrimPrefix(*s.ZKPath, "/")
}

// GetKubernetesClusterDomain returns the DNS domain of the Kubernetes cluster.
func (s *KafkaClusterSpec) GetKubernetesClusterDomain() string {
	return stringOr(s.KubernetesClusterDomain, DefaultKubernetesClusterDomain)
}

// GetIngressController returns what stands in front of external listeners.
func (s *KafkaClusterSpec) GetIngressController() IngressController {
	return stringOr(s.IngressController, IngressControllerEnvoy)
}

// GetExternalAddressTimeout returns how long a first start waits for addresses that a broker must advertise.
func (s *KafkaClusterSpec) GetExternalAddressTimeout() time.Duration {
	return secondsOr(s.ExternalAddressTimeoutSeconds, DefaultExternalAddressTimeout)
}

// GetRetentionWhenScaled returns what happens to volumes of removed brokers and disks.
func (s *KafkaClusterSpec) GetRetentionWhenScaled() RetentionPolicy {
	if s.PersistentVolumeClaimRetentionPolicy == nil {
		return RetentionDelete
	}
	return stringOr(s.PersistentVolumeClaimRetentionPolicy.WhenScaled, RetentionDelete)
}

// GetRetentionWhenDeleted returns what happens to volumes of a deleted cluster.
func (s *KafkaClusterSpec) GetRetentionWhenDeleted() RetentionPolicy {
	if s.PersistentVolumeClaimRetentionPolicy == nil {
		return RetentionDelete
	}
	return stringOr(s.PersistentVolumeClaimRetentionPolicy.WhenDeleted, RetentionDelete)
}

// GetConcurrentBrokerRestartCountPerRack returns how many brokers of a rack may restart together, at least one.
func (c RollingUpgradeConfig) GetConcurrentBrokerRestartCountPerRack() int {
	return max(c.ConcurrentBrokerRestartCountPerRack, 1)
}

// GetUnprotectedPartitions returns what a restart does about partitions that it makes unavailable in any case.
func (c RollingUpgradeConfig) GetUnprotectedPartitions() UnprotectedPartitions {
	return stringOr(c.UnprotectedPartitions, UnprotectedPartitionsProceed)
}

// GetImage returns the Kafka image of a broker.
func (c *BrokerConfig) GetImage(spec *KafkaClusterSpec) string {
	return stringOr(c.Image, spec.GetClusterImage())
}

// GetMetricsReporterImage returns the image from which a broker's metrics reporter is copied.
func (c *BrokerConfig) GetMetricsReporterImage(spec *KafkaClusterSpec) string {
	return stringOr(c.MetricsReporterImage, spec.GetClusterMetricsReporterImage())
}

// GetServiceAccountName returns the service account of a broker's Pod.
func (c *BrokerConfig) GetServiceAccountName() string {
	return stringOr(c.ServiceAccountName, DefaultServiceAccountName)
}

// GetResources returns the resources of the kafka container. The default is taken whole or not at all: a default limit
// beside a larger request of the user's would be refused by the API server.
func (c *BrokerConfig) GetResources() corev1.ResourceRequirements {
	return resourcesOr(c.Resources, corev1.ResourceRequirements{
		Requests: resources("1000m", "2Gi"),
		Limits:   resources("1500m", "3Gi"),
	})
}

// GetTerminationGracePeriodSeconds returns how long a broker may take to shut down.
func (c *BrokerConfig) GetTerminationGracePeriodSeconds() int64 {
	return valueOr(c.TerminationGracePeriod, DefaultTerminationGracePeriodSeconds)
}

// GetIncomingNetworkThroughPut returns what a broker can receive, in kB/s.
func (c *BrokerConfig) GetIncomingNetworkThroughPut() string {
	if c.NetworkConfig == nil {
		return DefaultNetworkThroughPut
	}
	return stringOr(c.NetworkConfig.IncomingNetworkThroughPut, DefaultNetworkThroughPut)
}

// GetOutgoingNetworkThroughPut returns what a broker can send, in kB/s.
func (c *BrokerConfig) GetOutgoingNetworkThroughPut() string {
	if c.NetworkConfig == nil {
		return DefaultNetworkThroughPut
	}
	return stringOr(c.NetworkConfig.OutgoingNetworkThroughPut, DefaultNetworkThroughPut)
}

// HasRole says whether the roles of a KRaft node include one.
func (c *BrokerConfig) HasRole(role string) bool {
	for _, r := range c.ProcessRoles {
		if r == role {
			return true
		}
	}
	return false
}

// IsController says whether the node is a KRaft controller; it may be a broker too.
func (c *BrokerConfig) IsController() bool { return c.HasRole(ControllerRole) }

// IsControllerOnly says whether the node is a KRaft controller and nothing else.
func (c *BrokerConfig) IsControllerOnly() bool {
	return c.HasRole(ControllerRole) && !c.HasRole(BrokerRole)
}

// GetSSLClientAuth returns whether clients must show a certificate.
func (l CommonListenerSpec) GetSSLClientAuth() SSLClientAuthentication {
	return stringOr(l.SSLClientAuth, SSLClientAuthRequired)
}

// GetServerSSLCertSecretName returns the name of the user's own keystore Secret, or nothing.
func (l CommonListenerSpec) GetServerSSLCertSecretName() string {
	if l.ServerSSLCertSecret == nil {
		return ""
	}
	return l.ServerSSLCertSecret.Name
}

// GetAnyCastPort returns the port that leads to any broker.
func (l *ExternalListenerConfig) GetAnyCastPort() int32 {
	return valueOr(l.AnyCastPort, DefaultAnyCastPort)
}

// GetIngressControllerTargetPort returns the port of the ingress Pods behind the anycast port.
func (l *ExternalListenerConfig) GetIngressControllerTargetPort() int32 {
	return valueOr(l.IngressControllerTargetPort, DefaultIngressControllerTargetPort)
}

// GetAccessMethod returns how clients come in.
func (l *ExternalListenerConfig) GetAccessMethod() corev1.ServiceType {
	return stringOr(l.AccessMethod, corev1.ServiceTypeLoadBalancer)
}

// TLSMode says whether all brokers share the anycast port and are told apart by their host names.
func (l *ExternalListenerConfig) TLSMode() bool { return l.ExternalStartingPort == -1 }

// GetBrokerPort returns the port outside by which clients reach a broker.
func (l *ExternalListenerConfig) GetBrokerPort(id int32) int32 {
	if l.TLSMode() {
		return l.GetAnyCastPort()
	}
	return l.ExternalStartingPort + id
}

// GetServiceType returns the type of the ingress Service.
func (s IngressServiceSettings) GetServiceType() corev1.ServiceType {
	return stringOr(s.ServiceType, corev1.ServiceTypeLoadBalancer)
}
