package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
)

// ListenersConfig says where brokers and controllers listen.
type ListenersConfig struct {
	// Listeners inside the Kubernetes cluster.
	InternalListeners []InternalListenerConfig `json:"internalListeners"`
	// Listeners that are carried outside.
	// +optional
	ExternalListeners []ExternalListenerConfig `json:"externalListeners,omitempty"`
	// Keys and certificates that the operator manages.
	// +optional
	SSLSecrets *SSLSecrets `json:"sslSecrets,omitempty"`
	// Annotations of the headless, all-broker and per-broker Services and of the brokers' PodDisruptionBudgets.
	// +optional
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
}

// CommonListenerSpec is what internal and external listeners have in common.
type CommonListenerSpec struct {
	// Security protocol.
	// +kubebuilder:validation:Enum=ssl;plaintext;sasl_ssl;sasl_plaintext
	Type SecurityProtocol `json:"type"`
	// Name; Kafka sees it in upper case.
	// +kubebuilder:validation:Pattern=`^[a-z0-9\-]+`
	Name string `json:"name"`
	// Port that the broker binds. Unique among all listeners.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:ExclusiveMinimum=true
	// +kubebuilder:validation:Maximum=65535
	ContainerPort int32 `json:"containerPort"`
	// Brokers talk to each other here.
	// +optional
	UsedForInnerBrokerCommunication bool `json:"usedForInnerBrokerCommunication"`
	// The operator's own Kafka client uses this listener instead of the inner-broker one.
	// +optional
	UsedForKafkaAdminCommunication bool `json:"usedForKafkaAdminCommunication,omitempty"`
	// Secret with a keystore of your own (keystore.jks, truststore.jks, password). Default: a generated one.
	// +optional
	ServerSSLCertSecret *corev1.LocalObjectReference `json:"serverSSLCertSecret,omitempty"`
	// Whether clients must show a certificate. Default required.
	// +kubebuilder:validation:Enum=required;requested;none
	// +optional
	SSLClientAuth SSLClientAuthentication `json:"sslClientAuth,omitempty"`
}

// SecurityProtocol is the security protocol of a listener, in lower case.
type SecurityProtocol string

// The security protocols.
const (
	SecurityProtocolSSL           SecurityProtocol = "ssl"
	SecurityProtocolPlaintext     SecurityProtocol = "plaintext"
	SecurityProtocolSASLSSL       SecurityProtocol = "sasl_ssl"
	SecurityProtocolSASLPlaintext SecurityProtocol = "sasl_plaintext"
)

// IsSSL says whether the protocol encrypts.
func (p SecurityProtocol) IsSSL() bool {
	return p == SecurityProtocolSSL || p == SecurityProtocolSASLSSL
}

// IsSASL says whether clients authenticate by SASL.
func (p SecurityProtocol) IsSASL() bool {
	return p == SecurityProtocolSASLSSL || p == SecurityProtocolSASLPlaintext
}

// SSLClientAuthentication says whether clients must show a certificate.
type SSLClientAuthentication string

// The kinds of client authentication.
const (
	SSLClientAuthRequired  SSLClientAuthentication = "required"
	SSLClientAuthRequested SSLClientAuthentication = "requested"
	SSLClientAuthNone      SSLClientAuthentication = "none"
)

// InternalListenerConfig is a listener inside the Kubernetes cluster.
type InternalListenerConfig struct {
	CommonListenerSpec `json:",inline"`
	// Controllers listen here (ZooKeeper mode: the control plane).
	// +optional
	UsedForControllerCommunication bool `json:"usedForControllerCommunication,omitempty"`
	// With externalListenerForHostname: a broker advertises this port plus its id. 0: off.
	// +optional
	InternalStartingPort int32 `json:"internalStartingPort,omitempty"`
	// Name of the external listener whose host name is advertised for this listener too.
	// +optional
	ExternalListenerForHostname string `json:"externalListenerForHostname,omitempty"`
}

// ExternalListenerConfig is a listener that clients outside of the Kubernetes cluster reach.
type ExternalListenerConfig struct {
	CommonListenerSpec `json:",inline"`
	// Port outside of broker 0; each broker has this port plus its id. -1: all brokers on anyCastPort, told apart by
	// their host names (TLS). 0 with NodePort: Kubernetes chooses.
	// +kubebuilder:validation:Minimum=-1
	// +kubebuilder:validation:Maximum=65535
	ExternalStartingPort int32 `json:"externalStartingPort"`
	// Port that leads to any broker, for bootstrapping. Default 29092; must be set with Contour.
	// +optional
	AnyCastPort *int32 `json:"anyCastPort,omitempty"`
	// Port of the ingress Pods behind anyCastPort. Default 29092.
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=65535
	// +optional
	IngressControllerTargetPort *int32 `json:"ingressControllerTargetPort,omitempty"`
	// How clients come in. ClusterIP is for Contour. Default LoadBalancer.
	// +kubebuilder:validation:Enum=LoadBalancer;NodePort;ClusterIP
	// +optional
	AccessMethod corev1.ServiceType `json:"accessMethod,omitempty"`
	// Secret with tls.crt and tls.key, if the ingress ends TLS for the brokers.
	// +optional
	TLSSecretName string `json:"tlsSecretName,omitempty"`
	// Several ways in for one listener, for example one for each zone.
	// +optional
	Config *Config `json:"config,omitempty"`
	// Reach the brokers through the routes of a Gateway instead of the ingressController.
	// +optional
	GatewayAPI *GatewayAPIConfig `json:"gatewayAPI,omitempty"`

	IngressServiceSettings `json:",inline"`
}

// IngressServiceSettings is how the Service of an external listener looks.
type IngressServiceSettings struct {
	// Host to advertise instead of the load balancer's address; for NodePort a suffix of the brokers' names; with
	// Contour the name for bootstrapping.
	// +optional
	HostnameOverride string `json:"hostnameOverride,omitempty"`
	// Annotations of the external Services.
	// +optional
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
	// Local or Cluster, as in a Service.
	// +optional
	ExternalTrafficPolicy corev1.ServiceExternalTrafficPolicy `json:"externalTrafficPolicy,omitempty"`
	// Type of the ingress Service. Default LoadBalancer.
	// +optional
	ServiceType corev1.ServiceType `json:"serviceType,omitempty"`
}

// Config holds the ways into one external listener.
type Config struct {
	// Name of the entry that brokers without brokerIngressMapping use.
	DefaultIngressConfig string `json:"defaultIngressConfig"`
	// The entries by name; what an entry leaves out comes from the listener and the cluster.
	// +optional
	IngressConfig map[string]IngressConfig `json:"ingressConfig,omitempty"`
}

// IngressConfig is one way into an external listener.
type IngressConfig struct {
	IngressServiceSettings `json:",inline"`
	// Envoy of this entry; without it the entry does not count for Envoy.
	// +optional
	EnvoyConfig *EnvoyConfig `json:"envoyConfig,omitempty"`
	// Contour proxies of this entry; without it the entry does not count for Contour.
	// +optional
	ContourIngressConfig *ContourIngressConfig `json:"contourIngressConfig,omitempty"`
	// Istio gateway of this entry.
	// +optional
	IstioIngressConfig *IstioIngressConfig `json:"istioIngressConfig,omitempty"`
}
