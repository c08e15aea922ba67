package v1beta1

// SSLSecrets are keys and certificates that the operator manages.
type SSLSecrets struct {
	// With create false: Secret in the cluster's namespace that holds the CA (caCert and caKey, PEM).
	TLSSecretName string `json:"tlsSecretName"`
	// Not used; kept since manifests carry it.
	// +optional
	JKSPasswordName string `json:"jksPasswordName,omitempty"`
	// Make a CA, or use that of issuerRef. Default false.
	// +optional
	Create bool `json:"create,omitempty"`
	// Issuer of cert-manager to use instead of a CA of the operator's own.
	// +optional
	IssuerRef *IssuerReference `json:"issuerRef,omitempty"`
	// Who makes keys and certificates: cert-manager, or koperator (nothing else is needed then). Default: what the
	// cluster already has, else cert-manager if it is installed, else koperator.
	// +kubebuilder:validation:Enum=cert-manager;koperator
	// +optional
	PKIBackend PKIBackend `json:"pkiBackend,omitempty"`
}

// PKIBackend is who makes keys and certificates.
type PKIBackend string

// The PKI backends.
const (
	PKIBackendCertManager PKIBackend = "cert-manager"
	PKIBackendKoperator   PKIBackend = "koperator"
)

// IssuerReference names an issuer of cert-manager.
type IssuerReference struct {
	// Name of the issuer.
	Name string `json:"name"`
	// Issuer or ClusterIssuer. Default Issuer.
	// +optional
	Kind string `json:"kind,omitempty"`
	// API group. Default cert-manager.io.
	// +optional
	Group string `json:"group,omitempty"`
}
