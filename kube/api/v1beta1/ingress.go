package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// EnvoyConfig is how Envoys in front of the brokers run.
type EnvoyConfig struct {
	// Envoy image.
	// +optional
	Image string `json:"image,omitempty"`
	// Resources of the container.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resourceRequirements,omitempty"`
	// How many Pods.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Service account of the Pods. Default "default".
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// Secrets to pull images with.
	// +optional
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	// Affinity of the Pods.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// How the Pods spread over nodes.
	// +optional
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	// Node selector of the Pods.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations of the Pods.
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Annotations of the Deployment, its Pods and its PodDisruptionBudget.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// Client addresses (CIDR) that the load balancer lets in.
	// +optional
	LoadBalancerSourceRanges []string `json:"loadBalancerSourceRanges,omitempty"`
	// Address that the load balancer is asked for.
	// +optional
	LoadBalancerIP string `json:"loadBalancerIP,omitempty"`
	// Port of Envoy's admin interface. Default 8081.
	// +optional
	AdminPort *int32 `json:"adminPort,omitempty"`
	// Port of the HTTP health check. Default 8080.
	// +optional
	HealthCheckPort *int32 `json:"healthCheckPort,omitempty"`
	// PodDisruptionBudget of the Pods; only that of spec.envoyConfig counts.
	// +optional
	DisruptionBudget *DisruptionBudgetWithStrategy `json:"disruptionBudget,omitempty"`
	// Arguments of the Envoy process.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	CommandLineArgs *EnvoyCommandLineArgs `json:"envoyCommandLineArgs,omitempty"`
	// Host name of each broker, if they share a port; the first %id becomes the broker's id.
	// +optional
	BrokerHostnameTemplate string `json:"brokerHostnameTemplate,omitempty"`
	// Accept HTTP/1.0 on the health check. Default false.
	// +optional
	EnableHealthCheckHTTP10 bool `json:"enableHealthCheckHttp10,omitempty"`
	// Priority class of the Pods.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// Security context of the Pods.
	// +optional
	PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext,omitempty"`
}

// EnvoyCommandLineArgs are arguments of the Envoy process.
type EnvoyCommandLineArgs struct {
	// Number of worker threads. Default: Envoy's own.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Concurrency int32 `json:"concurrency,omitempty"`
}

// ContourIngressConfig is how brokers are reached through Contour's HTTPProxies.
type ContourIngressConfig struct {
	// Secret of the virtual hosts, as name or namespace/name (then Contour needs a certificate delegation).
	TLSSecretName string `json:"tlsSecretName"`
	// Host name of each broker; the first %id becomes the broker's id.
	BrokerFQDNTemplate string `json:"brokerFQDNTemplate"`
}

// IstioControlPlaneReference names an Istio control plane.
type IstioControlPlaneReference struct {
	// Name of the control plane.
	Name string `json:"name"`
	// Its namespace.
	Namespace string `json:"namespace"`
}

// IstioIngressConfig is how brokers are reached through Istio gateways.
type IstioIngressConfig struct {
	// Resources of the gateway. Default: requests of 100m and 128Mi, limits of 2 CPUs and 1Gi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resourceRequirements,omitempty"`
	// How many gateway Pods. Default 1.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Node selector of the gateway.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations of the gateway.
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Annotations of the gateway.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// TLS settings of the gateway's servers, as the field tls of a server in Istio's Gateway; handed on as they are.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	TLSOptions *runtime.RawExtension `json:"gatewayConfig,omitempty"`
	// Annotations of the VirtualServices.
	// +optional
	VirtualServiceAnnotations map[string]string `json:"virtualServiceAnnotations,omitempty"`
	// Environment of the gateway.
	// +optional
	Envs []corev1.EnvVar `json:"envs,omitempty"`
	// Client addresses (CIDR) that the load balancer lets in.
	// +optional
	LoadBalancerSourceRanges []string `json:"loadBalancerSourceRanges,omitempty"`
}

// GatewayAPIConfig is how brokers are reached through routes of the Kubernetes Gateway API.
type GatewayAPIConfig struct {
	// TLSRoute: all brokers on one port of the Gateway, told apart by host name (the listener must be ssl or sasl_ssl).
	// TCPRoute: a port of the Gateway for each broker, externalStartingPort plus its id. Default TLSRoute.
	// +kubebuilder:validation:Enum=TLSRoute;TCPRoute
	// +optional
	Route GatewayAPIRoute `json:"route,omitempty"`
	// Name of the Gateway.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	GatewayName string `json:"gatewayName"`
	// Namespace of the Gateway. Default: that of the cluster.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	GatewayNamespace string `json:"gatewayNamespace,omitempty"`
	// Name of the Gateway's listener that TLSRoutes attach to. Default: any that admits them.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	SectionName string `json:"sectionName,omitempty"`
	// Host name of each broker for TLSRoutes; the first %id becomes the broker's id. hostnameOverride is the name for
	// bootstrapping.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	BrokerHostnameTemplate string `json:"brokerHostnameTemplate,omitempty"`
	// Annotations of the routes.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// GatewayAPIRoute is a kind of route.
type GatewayAPIRoute string

// The kinds of routes.
const (
	GatewayAPITLSRoute GatewayAPIRoute = "TLSRoute"
	GatewayAPITCPRoute GatewayAPIRoute = "TCPRoute"
)
