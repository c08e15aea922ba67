package v1beta1

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Defaults of what stands beside the brokers: Envoy, Istio, Cruise Control, exporter, alerts. Their receivers may be nil,
// since the objects that hold the settings may be left out as a whole.

// GetImage returns the Envoy image.
func (c *EnvoyConfig) GetImage() string {
	if c == nil {
		return DefaultEnvoyImage
	}
	return stringOr(c.Image, DefaultEnvoyImage)
}

// GetReplicas returns how many Envoys run. Two, where Koperator had one: the loss of one then drops only its connections.
func (c *EnvoyConfig) GetReplicas() int32 {
	if c == nil {
		return DefaultEnvoyReplicas
	}
	return valueOr(c.Replicas, DefaultEnvoyReplicas)
}

// GetResources returns Envoy's resources. No CPU limit: throttling would be latency of every client.
func (c *EnvoyConfig) GetResources() corev1.ResourceRequirements {
	fallback := corev1.ResourceRequirements{
		Requests: resources("100m", "128Mi"),
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
	}
	if c == nil {
		return fallback
	}
	return resourcesOr(c.Resources, fallback)
}

// GetServiceAccountName returns the service account of Envoy's Pods.
func (c *EnvoyConfig) GetServiceAccountName() string {
	if c == nil {
		return DefaultServiceAccountName
	}
	return stringOr(c.ServiceAccountName, DefaultServiceAccountName)
}

// GetAdminPort returns the port of Envoy's admin interface.
func (c *EnvoyConfig) GetAdminPort() int32 {
	if c == nil {
		return DefaultEnvoyAdminPort
	}
	return valueOr(c.AdminPort, DefaultEnvoyAdminPort)
}

// GetHealthCheckPort returns the port of Envoy's HTTP health check.
func (c *EnvoyConfig) GetHealthCheckPort() int32 {
	if c == nil {
		return DefaultEnvoyHealthCheckPort
	}
	return valueOr(c.HealthCheckPort, DefaultEnvoyHealthCheckPort)
}

// GetReplicas returns how many Istio gateways run.
func (c *IstioIngressConfig) GetReplicas() int32 {
	if c == nil {
		return DefaultIstioReplicas
	}
	return valueOr(c.Replicas, DefaultIstioReplicas)
}

// GetResources returns the resources of an Istio gateway.
func (c *IstioIngressConfig) GetResources() corev1.ResourceRequirements {
	fallback := corev1.ResourceRequirements{
		Requests: resources("100m", "128Mi"),
		Limits:   resources("2000m", "1024Mi"),
	}
	if c == nil {
		return fallback
	}
	return resourcesOr(c.Resources, fallback)
}

// GetRoute returns the kind of routes that lead to the brokers.
func (c *GatewayAPIConfig) GetRoute() GatewayAPIRoute {
	return stringOr(c.Route, GatewayAPITLSRoute)
}

// GetImage returns the Cruise Control image.
func (c *CruiseControlConfig) GetImage() string {
	return stringOr(c.Image, DefaultCruiseControlImage)
}

// GetServiceAccountName returns the service account of Cruise Control's Pod.
func (c *CruiseControlConfig) GetServiceAccountName() string {
	return stringOr(c.ServiceAccountName, DefaultServiceAccountName)
}

// GetResources returns Cruise Control's resources.
func (c *CruiseControlConfig) GetResources() corev1.ResourceRequirements {
	return resourcesOr(c.Resources, corev1.ResourceRequirements{
		Requests: resources("200m", "768Mi"),
		Limits:   resources("200m", "768Mi"),
	})
}

// GetReplicationThrottle returns the bytes a second of each broker for moves of the operator's own.
func (c *CruiseControlConfig) GetReplicationThrottle() int64 {
	return valueOr(c.ReplicationThrottle, DefaultReplicationThrottle)
}

// GetTopicConfig returns the shape of the metrics reporter's topic.
func (c *CruiseControlConfig) GetTopicConfig() TopicConfig {
	if c.TopicConfig != nil {
		return *c.TopicConfig
	}
	return TopicConfig{
		Partitions:        DefaultMetricsTopicPartitions,
		ReplicationFactor: DefaultMetricsTopicReplicationFactor,
	}
}

// GetJMXImage returns the image from which the exporter's jar is copied.
func (c *MonitoringConfig) GetJMXImage() string {
	if c == nil {
		return DefaultJMXImage
	}
	return stringOr(c.JmxImage, DefaultJMXImage)
}

// GetPathToJar returns where the exporter's jar is in its image.
func (c *MonitoringConfig) GetPathToJar() string {
	if c == nil {
		return DefaultPathToJar
	}
	return stringOr(c.PathToJar, DefaultPathToJar)
}

// GetTimeout returns how long an alert plugin may take to answer.
func (p AlertPlugin) GetTimeout() time.Duration {
	return secondsOr(p.TimeoutSeconds, DefaultAlertPluginTimeout)
}

func stringOr[T ~string](value, fallback T) T {
	if value == "" {
		return fallback
	}
	return value
}

func valueOr[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}

func secondsOr(value *int32, fallback time.Duration) time.Duration {
	if value == nil {
		return fallback
	}
	return time.Duration(*value) * time.Second
}

func resourcesOr(value *corev1.ResourceRequirements, fallback corev1.ResourceRequirements) corev1.ResourceRequirements {
	if value == nil {
		return fallback
	}
	return *value.DeepCopy()
}

func resources(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse(memory),
	}
}
