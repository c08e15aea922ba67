package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KafkaUser is somebody who talks to a Kafka cluster: credentials in a Secret, and what they allow.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=kafkausers,singular=kafkauser,scope=Namespaced
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.spec.secretName`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type KafkaUser struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What you want.
	// +optional
	Spec KafkaUserSpec `json:"spec,omitempty"`
	// What the operator sees; written by the operator alone.
	// +optional
	Status KafkaUserStatus `json:"status,omitempty"`
}

// KafkaUserList is a list of KafkaUsers.
//
// +kubebuilder:object:root=true
type KafkaUserList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []KafkaUser `json:"items"`
}

// KafkaUserSpec says what is wanted of a user.
type KafkaUserSpec struct {
	// Secret in this namespace that receives the credentials.
	SecretName string `json:"secretName"`
	// The cluster that the user belongs to.
	ClusterRef ClusterReference `json:"clusterRef"`
	// Annotations of the CertificateSigningRequest.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// Names that the certificate holds beside its own.
	// +optional
	DNSNames []string `json:"dnsNames,omitempty"`
	// What the user may do with topics.
	// +optional
	TopicGrants []UserTopicGrant `json:"topicGrants,omitempty"`
	// Add Java keystores to the Secret. Default false.
	// +optional
	IncludeJKS bool `json:"includeJKS,omitempty"`
	// false: make no certificate, only grants; the user is CN=<name of this object>. Default true.
	// +optional
	CreateCert *bool `json:"createCert,omitempty"`
	// Who makes this user's certificate. Default: who makes those of the cluster.
	// +optional
	PKIBackendSpec *PKIBackendSpec `json:"pkiBackendSpec,omitempty"`
	// Lifetime of the certificate in seconds, counted from its issue. Default 7776000 (90 days).
	// +kubebuilder:validation:Minimum=3600
	// +optional
	ExpirationSeconds *int32 `json:"expirationSeconds,omitempty"`
	// How the user proves who it is: tls (a certificate) or scram-sha-512 (a password). Default tls.
	// +kubebuilder:validation:Enum=tls;scram-sha-512
	// +optional
	Authentication UserAuthentication `json:"authentication,omitempty"`
	// Consumer groups that the user may join.
	// +listType=atomic
	// +optional
	GroupGrants []UserGroupGrant `json:"groupGrants,omitempty"`
	// Transactional ids that the user may write with.
	// +listType=atomic
	// +optional
	TransactionalIDGrants []UserTransactionalIDGrant `json:"transactionalIdGrants,omitempty"`
	// Operations on the whole cluster that the user may do.
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +optional
	ClusterGrants []ClusterOperation `json:"clusterGrants,omitempty"`
	// Limits for this user on each broker.
	// +optional
	Quotas *UserQuotas `json:"quotas,omitempty"`
}

// DefaultExpirationSeconds is the lifetime of a certificate for which none is asked: 90 days.
const DefaultExpirationSeconds = int32(90 * 24 * 60 * 60)

// GetCreateCert returns whether the user gets a certificate.
func (s *KafkaUserSpec) GetCreateCert() bool {
	return s.CreateCert == nil || *s.CreateCert
}

// GetExpirationSeconds returns the lifetime of the user's certificate.
func (s *KafkaUserSpec) GetExpirationSeconds() int32 {
	if s.ExpirationSeconds == nil {
		return DefaultExpirationSeconds
	}
	return *s.ExpirationSeconds
}

// GetAuthentication returns how the user proves who it is.
func (s *KafkaUserSpec) GetAuthentication() UserAuthentication {
	if s.Authentication == "" {
		return AuthenticationTLS
	}
	return s.Authentication
}

// UserAuthentication is how a user proves who it is.
type UserAuthentication string

// The kinds of authentication.
const (
	AuthenticationTLS         UserAuthentication = "tls"
	AuthenticationSCRAMSHA512 UserAuthentication = "scram-sha-512"
)

// PKIBackendSpec says who makes a certificate.
type PKIBackendSpec struct {
	// cert-manager or k8s-csr.
	// +kubebuilder:validation:Enum=cert-manager;k8s-csr
	PKIBackend string `json:"pkiBackend"`
	// Issuer of cert-manager.
	// +optional
	IssuerRef *IssuerReference `json:"issuerRef,omitempty"`
	// Signer of the CertificateSigningRequest, for example clusterissuers.cert-manager.io/<issuer>.
	// +optional
	SignerName string `json:"signerName,omitempty"`
}

// The PKI backends of a user.
const (
	PKIBackendCertManager = "cert-manager"
	PKIBackendK8sCSR      = "k8s-csr"
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

// UserTopicGrant lets a user read or write topics.
type UserTopicGrant struct {
	// Name of the topic, or the beginning of its name.
	TopicName string `json:"topicName"`
	// read, or write (which may also create the topic).
	// +kubebuilder:validation:Enum=read;write
	AccessType UserAccessType `json:"accessType"`
	// literal or prefixed; match and any are refused by Kafka for grants. Default literal.
	// +kubebuilder:validation:Enum=literal;match;prefixed;any
	// +optional
	PatternType UserPatternType `json:"patternType,omitempty"`
}

// GetPatternType returns how the topic's name is matched.
func (g UserTopicGrant) GetPatternType() UserPatternType { return g.PatternType.orLiteral() }

// UserGroupGrant lets a user join consumer groups.
type UserGroupGrant struct {
	// Id of the group, or the beginning of it.
	// +kubebuilder:validation:MinLength=1
	GroupID string `json:"groupId"`
	// literal or prefixed. Default literal.
	// +kubebuilder:validation:Enum=literal;prefixed
	// +optional
	PatternType UserPatternType `json:"patternType,omitempty"`
}

// GetPatternType returns how the group's id is matched.
func (g UserGroupGrant) GetPatternType() UserPatternType { return g.PatternType.orLiteral() }

// UserTransactionalIDGrant lets a user write in transactions.
type UserTransactionalIDGrant struct {
	// The transactional id, or the beginning of it.
	// +kubebuilder:validation:MinLength=1
	TransactionalID string `json:"transactionalId"`
	// literal or prefixed. Default literal.
	// +kubebuilder:validation:Enum=literal;prefixed
	// +optional
	PatternType UserPatternType `json:"patternType,omitempty"`
}

// GetPatternType returns how the transactional id is matched.
func (g UserTransactionalIDGrant) GetPatternType() UserPatternType { return g.PatternType.orLiteral() }

// UserAccessType is what a user may do with a topic.
type UserAccessType string

// The access types.
const (
	AccessRead  UserAccessType = "read"
	AccessWrite UserAccessType = "write"
)

// UserPatternType is how a name is matched.
type UserPatternType string

// The pattern types.
const (
	PatternLiteral  UserPatternType = "literal"
	PatternMatch    UserPatternType = "match"
	PatternPrefixed UserPatternType = "prefixed"
	PatternAny      UserPatternType = "any"
)

func (p UserPatternType) orLiteral() UserPatternType {
	if p == "" {
		return PatternLiteral
	}
	return p
}

// ClusterOperation is an operation on the whole cluster, in the words of Kafka's authorizer.
//
// +kubebuilder:validation:Enum=alter;alterConfigs;clusterAction;create;describe;describeConfigs;idempotentWrite;all
type ClusterOperation string

// The cluster operations.
const (
	ClusterAlter           ClusterOperation = "alter"
	ClusterAlterConfigs    ClusterOperation = "alterConfigs"
	ClusterAction          ClusterOperation = "clusterAction"
	ClusterCreate          ClusterOperation = "create"
	ClusterDescribe        ClusterOperation = "describe"
	ClusterDescribeConfigs ClusterOperation = "describeConfigs"
	ClusterIdempotentWrite ClusterOperation = "idempotentWrite"
	ClusterAll             ClusterOperation = "all"
)

// UserQuotas are limits for a user; Kafka counts them on each broker by itself. What is left out has no limit.
type UserQuotas struct {
	// Bytes a second that the user may produce to a broker.
	// +kubebuilder:validation:Minimum=1
	// +optional
	ProducerByteRate *int64 `json:"producerByteRate,omitempty"`
	// Bytes a second that the user may fetch from a broker.
	// +kubebuilder:validation:Minimum=1
	// +optional
	ConsumerByteRate *int64 `json:"consumerByteRate,omitempty"`
	// Share of a broker's network and I/O threads, in percent of one thread; more than 100 is possible.
	// +kubebuilder:validation:Minimum=1
	// +optional
	RequestPercentage *int32 `json:"requestPercentage,omitempty"`
	// Partitions a second that the user may create or delete.
	// +kubebuilder:validation:Minimum=1
	// +optional
	ControllerMutationRate *int32 `json:"controllerMutationRate,omitempty"`
}

// KafkaUserStatus is what the operator sees of a user.
type KafkaUserStatus struct {
	// Generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Ready is True when credentials and grants are as the observed generation says; Reconciling and Stalled
	// exist only while they are true.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// created, once credentials and grants are in place.
	State UserState `json:"state"`
	// The grants in Kafka's words; what stands here was made for this user.
	// +optional
	ACLs []string `json:"acls,omitempty"`
}

// UserState is the state of a user.
type UserState string

// UserStateCreated says that credentials and grants are in place.
const UserStateCreated UserState = "created"
