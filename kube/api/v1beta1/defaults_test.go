package v1beta1_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestAFieldThatIsNotSetHasItsDefault(t *testing.T) {
	spec, broker, external := &v1beta1.KafkaClusterSpec{}, &v1beta1.BrokerConfig{}, &v1beta1.ExternalListenerConfig{}
	var envoy *v1beta1.EnvoyConfig
	var istio *v1beta1.IstioIngressConfig
	var monitoring *v1beta1.MonitoringConfig
	cases := map[string]struct{ want, got any }{
		"image":                          {"ghcr.io/adobe/koperator/kafka:2.13-3.9.2-jdk21.0.11", broker.GetImage(spec)},
		"metrics reporter image":         {"adobe/cruise-control:3.0.3-adbe-20260722", broker.GetMetricsReporterImage(spec)},
		"ZooKeeper path":                 {"/", spec.GetZKPath()},
		"domain":                         {"cluster.local", spec.GetKubernetesClusterDomain()},
		"ingress controller":             {v1beta1.IngressControllerEnvoy, spec.GetIngressController()},
		"wait for addresses":             {2 * time.Minute, spec.GetExternalAddressTimeout()},
		"volumes of removed brokers":     {v1beta1.RetentionDelete, spec.GetRetentionWhenScaled()},
		"volumes of a deleted cluster":   {v1beta1.RetentionDelete, spec.GetRetentionWhenDeleted()},
		"restarts in a rack":             {1, spec.RollingUpgradeConfig.GetConcurrentBrokerRestartCountPerRack()},
		"unprotected partitions":         {v1beta1.UnprotectedPartitionsProceed, spec.RollingUpgradeConfig.GetUnprotectedPartitions()},
		"service account":                {"default", broker.GetServiceAccountName()},
		"grace period":                   {int64(120), broker.GetTerminationGracePeriodSeconds()},
		"incoming network":               {"125000", broker.GetIncomingNetworkThroughPut()},
		"outgoing network":               {"125000", broker.GetOutgoingNetworkThroughPut()},
		"client certificate":             {v1beta1.SSLClientAuthRequired, external.GetSSLClientAuth()},
		"server keystore":                {"", external.GetServerSSLCertSecretName()},
		"anycast port":                   {int32(29092), external.GetAnyCastPort()},
		"ingress target port":            {int32(29092), external.GetIngressControllerTargetPort()},
		"access method":                  {corev1.ServiceTypeLoadBalancer, external.GetAccessMethod()},
		"ingress Service":                {corev1.ServiceTypeLoadBalancer, external.GetServiceType()},
		"Envoy image":                    {"envoyproxy/envoy:v1.39.0", envoy.GetImage()},
		"Envoy replicas":                 {int32(2), envoy.GetReplicas()},
		"Envoy service account":          {"default", envoy.GetServiceAccountName()},
		"Envoy admin port":               {int32(8081), envoy.GetAdminPort()},
		"Envoy health port":              {int32(8080), envoy.GetHealthCheckPort()},
		"Istio replicas":                 {int32(1), istio.GetReplicas()},
		"Gateway API route":              {v1beta1.GatewayAPITLSRoute, (&v1beta1.GatewayAPIConfig{}).GetRoute()},
		"Cruise Control image":           {"adobe/cruise-control:3.0.3-adbe-20260722", spec.CruiseControlConfig.GetImage()},
		"Cruise Control service account": {"default", spec.CruiseControlConfig.GetServiceAccountName()},
		"bytes a second for moves":       {int64(52428800), spec.CruiseControlConfig.GetReplicationThrottle()},
		"metrics topic":                  {v1beta1.TopicConfig{Partitions: 12, ReplicationFactor: 3}, spec.CruiseControlConfig.GetTopicConfig()},
		"exporter image":                 {"ghcr.io/adobe/koperator/jmx-javaagent:1.5.0", monitoring.GetJMXImage()},
		"exporter jar":                   {"/jmx_prometheus_javaagent.jar", monitoring.GetPathToJar()},
		"alert plugin":                   {5 * time.Second, v1beta1.AlertPlugin{}.GetTimeout()},
		"resources":                      {requirements("1000m", "2Gi", "1500m", "3Gi"), broker.GetResources()},
		"Istio resources":                {requirements("100m", "128Mi", "2000m", "1024Mi"), istio.GetResources()},
		"Cruise Control resources":       {requirements("200m", "768Mi", "200m", "768Mi"), spec.CruiseControlConfig.GetResources()},
		"Envoy resources": {corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
		}, envoy.GetResources()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, tc.got) })
	}
}

func TestAFieldThatIsSetWinsOverItsDefault(t *testing.T) {
	spec := &v1beta1.KafkaClusterSpec{
		ClusterImage: "kafka:cluster", ClusterMetricsReporterImage: "reporter:cluster", ZKPath: ptr.To("kafka"),
		KubernetesClusterDomain: "example.org", IngressController: v1beta1.IngressControllerContour,
		ExternalAddressTimeoutSeconds: ptr.To(int32(0)),
		PersistentVolumeClaimRetentionPolicy: &v1beta1.PersistentVolumeClaimRetentionPolicy{
			WhenScaled: v1beta1.RetentionRetain},
		RollingUpgradeConfig: v1beta1.RollingUpgradeConfig{ConcurrentBrokerRestartCountPerRack: 3, UnprotectedPartitions: v1beta1.UnprotectedPartitionsBlock},
		CruiseControlConfig:  v1beta1.CruiseControlConfig{Image: "cruise:1", TopicConfig: &v1beta1.TopicConfig{Partitions: 1, ReplicationFactor: 2}},
	}
	limits := &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4")}}
	broker := &v1beta1.BrokerConfig{Image: "kafka:broker", Resources: limits, TerminationGracePeriod: ptr.To(int64(0)),
		NetworkConfig: &v1beta1.NetworkConfig{IncomingNetworkThroughPut: "1"}}
	external := &v1beta1.ExternalListenerConfig{AnyCastPort: ptr.To(int32(443)),
		CommonListenerSpec: v1beta1.CommonListenerSpec{ServerSSLCertSecret: &corev1.LocalObjectReference{Name: "mine"}}}
	cases := map[string]struct{ want, got any }{
		"image of the broker":                              {"kafka:broker", broker.GetImage(spec)},
		"image of the cluster":                             {"kafka:cluster", (&v1beta1.BrokerConfig{}).GetImage(spec)},
		"metrics reporter image":                           {"reporter:cluster", broker.GetMetricsReporterImage(spec)},
		"a ZooKeeper path gets its slash":                  {"/kafka", spec.GetZKPath()},
		"domain":                                           {"example.org", spec.GetKubernetesClusterDomain()},
		"ingress controller":                               {v1beta1.IngressControllerContour, spec.GetIngressController()},
		"not to wait for addresses at all":                 {time.Duration(0), spec.GetExternalAddressTimeout()},
		"volumes of removed brokers":                       {v1beta1.RetentionRetain, spec.GetRetentionWhenScaled()},
		"volumes of a deleted cluster, one field left out": {v1beta1.RetentionDelete, spec.GetRetentionWhenDeleted()},
		"restarts in a rack":                               {3, spec.RollingUpgradeConfig.GetConcurrentBrokerRestartCountPerRack()},
		"unprotected partitions":                           {v1beta1.UnprotectedPartitionsBlock, spec.RollingUpgradeConfig.GetUnprotectedPartitions()},
		"resources are taken whole":                        {*limits, broker.GetResources()},
		"a grace period of zero":                           {int64(0), broker.GetTerminationGracePeriodSeconds()},
		"incoming network":                                 {"1", broker.GetIncomingNetworkThroughPut()},
		"outgoing network, left out":                       {"125000", broker.GetOutgoingNetworkThroughPut()},
		"anycast port":                                     {int32(443), external.GetAnyCastPort()},
		"server keystore":                                  {"mine", external.GetServerSSLCertSecretName()},
		"metrics topic":                                    {v1beta1.TopicConfig{Partitions: 1, ReplicationFactor: 2}, spec.CruiseControlConfig.GetTopicConfig()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, tc.got) })
	}
}

func TestTheMetricsReporterComesFromTheCruiseControlImageUnlessOneIsNamed(t *testing.T) {
	spec := &v1beta1.KafkaClusterSpec{CruiseControlConfig: v1beta1.CruiseControlConfig{Image: "cruise:1"}}
	require.Equal(t, "cruise:1", spec.GetClusterMetricsReporterImage())
}

func TestTheOutsidePortOfABroker(t *testing.T) {
	counted := &v1beta1.ExternalListenerConfig{ExternalStartingPort: 19090}
	require.Equal(t, int32(19097), counted.GetBrokerPort(7))
	byName := &v1beta1.ExternalListenerConfig{ExternalStartingPort: -1, AnyCastPort: ptr.To(int32(8443))}
	require.Equal(t, int32(8443), byName.GetBrokerPort(7))
}

func TestDefaultResourcesAreNotShared(t *testing.T) {
	broker := &v1beta1.BrokerConfig{Resources: &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4")}}}
	broker.GetResources().Limits[corev1.ResourceCPU] = resource.MustParse("1")
	require.Equal(t, resource.MustParse("4"), broker.Resources.Limits[corev1.ResourceCPU])
}

func requirements(requestCPU, requestMemory, limitCPU, limitMemory string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(requestCPU), corev1.ResourceMemory: resource.MustParse(requestMemory)},
		Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(limitCPU), corev1.ResourceMemory: resource.MustParse(limitMemory)},
	}
}
