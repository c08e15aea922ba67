package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KafkaCluster is an Apache Kafka cluster: its brokers and controllers, how clients reach them, and the tools around them.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=kafkaclusters,singular=kafkacluster,scope=Namespaced
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Brokers",type=string,JSONPath=`.status.brokersReady`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name="Cluster state",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Cluster alert count",type=integer,priority=1,JSONPath=`.status.alertCount`
// +kubebuilder:printcolumn:name="Last successful upgrade",type=string,priority=1,JSONPath=`.status.rollingUpgradeStatus.lastSuccess`
// +kubebuilder:printcolumn:name="Upgrade error count",type=string,priority=1,JSONPath=`.status.rollingUpgradeStatus.errorCount`
// +kubebuilder:validation:XValidation:rule="has(oldSelf.status) && has(oldSelf.status.conditions) && oldSelf.status.conditions.exists(c, c.type == 'Ready' && c.reason == 'InvalidSpec') || !has(oldSelf.spec.kRaft) || !oldSelf.spec.kRaft || !has(self.spec.brokerConfigGroups) || !has(oldSelf.spec.brokerConfigGroups) || (has(oldSelf.spec.readOnlyConfig) && ('\\n' + oldSelf.spec.readOnlyConfig).contains('\\nmetadata.log.dir=') && !oldSelf.spec.readOnlyConfig.contains('\\\\\\n')) || self.spec.brokerConfigGroups.all(g, !(g in oldSelf.spec.brokerConfigGroups) || !has(oldSelf.spec.brokerConfigGroups[g].processRoles) || !('controller' in oldSelf.spec.brokerConfigGroups[g].processRoles) || !has(self.spec.brokerConfigGroups[g].processRoles) || !('controller' in self.spec.brokerConfigGroups[g].processRoles) || !has(oldSelf.spec.brokerConfigGroups[g].storageConfigs) || size(oldSelf.spec.brokerConfigGroups[g].storageConfigs) == 0 || !has(self.spec.brokerConfigGroups[g].storageConfigs) || size(self.spec.brokerConfigGroups[g].storageConfigs) == 0 || self.spec.brokerConfigGroups[g].storageConfigs[0].mountPath == oldSelf.spec.brokerConfigGroups[g].storageConfigs[0].mountPath)",message="the first entry of a controller group's storageConfigs holds the metadata of the cluster: its mountPath cannot change; add a new group with new controllers and remove the old ones instead",fieldPath=".spec.brokerConfigGroups"
// +kubebuilder:validation:XValidation:rule="has(oldSelf.status) && has(oldSelf.status.conditions) && oldSelf.status.conditions.exists(c, c.type == 'Ready' && c.reason == 'InvalidSpec') || !has(oldSelf.spec.kRaft) || !oldSelf.spec.kRaft || (has(oldSelf.spec.readOnlyConfig) && ('\\n' + oldSelf.spec.readOnlyConfig).contains('\\nmetadata.log.dir=') && !oldSelf.spec.readOnlyConfig.contains('\\\\\\n')) || oldSelf.spec.brokers.filter(b, (b.?brokerConfig.?processRoles[?0].orValue(\"\") == 'controller' || b.?brokerConfig.?processRoles[?1].orValue(\"\") == 'controller' || oldSelf.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?processRoles[?0].orValue(\"\") == 'controller' || oldSelf.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?processRoles[?1].orValue(\"\") == 'controller') && b.?brokerConfig.?storageConfigs[?0].?mountPath.or(oldSelf.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?storageConfigs[?0].?mountPath).hasValue()).map(b, b.id) != self.spec.brokers.filter(b, (b.?brokerConfig.?processRoles[?0].orValue(\"\") == 'controller' || b.?brokerConfig.?processRoles[?1].orValue(\"\") == 'controller' || self.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?processRoles[?0].orValue(\"\") == 'controller' || self.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?processRoles[?1].orValue(\"\") == 'controller')).map(b, b.id) || oldSelf.spec.brokers.filter(b, (b.?brokerConfig.?processRoles[?0].orValue(\"\") == 'controller' || b.?brokerConfig.?processRoles[?1].orValue(\"\") == 'controller' || oldSelf.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?processRoles[?0].orValue(\"\") == 'controller' || oldSelf.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?processRoles[?1].orValue(\"\") == 'controller') && b.?brokerConfig.?storageConfigs[?0].?mountPath.or(oldSelf.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?storageConfigs[?0].?mountPath).hasValue()).map(b, b.?brokerConfig.?storageConfigs[?0].?mountPath.or(oldSelf.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?storageConfigs[?0].?mountPath).orValue(\"\")) == self.spec.brokers.filter(b, (b.?brokerConfig.?processRoles[?0].orValue(\"\") == 'controller' || b.?brokerConfig.?processRoles[?1].orValue(\"\") == 'controller' || self.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?processRoles[?0].orValue(\"\") == 'controller' || self.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?processRoles[?1].orValue(\"\") == 'controller')).map(b, b.?brokerConfig.?storageConfigs[?0].?mountPath.or(self.spec.?brokerConfigGroups[?b.?brokerConfigGroup.orValue(\"\")].?storageConfigs[?0].?mountPath).orValue(\"\"))",message="the first of a controller's storageConfigs, its own before those of its group, holds the metadata of the cluster: its mountPath cannot change, nor can a controller move to a group where it is another; add a controller with a new id and remove this one instead",fieldPath=".spec.brokers"
type KafkaCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What you want.
	// +optional
	Spec KafkaClusterSpec `json:"spec,omitempty"`
	// What the operator sees and does; written by the operator alone.
	// +optional
	Status KafkaClusterStatus `json:"status,omitempty"`
}

// KafkaClusterList is a list of KafkaClusters.
//
// +kubebuilder:object:root=true
type KafkaClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []KafkaCluster `json:"items"`
}

// KafkaClusterSpec says what is wanted of a Kafka cluster.
//
// Two rules of KafkaCluster keep the first disk of a controller where it is. A rule cannot look up the old entry of each broker (a
// loop in a loop is over the API server's budget), so one compares all controllers at once, and only while an edit leaves their
// list as it is; the other also sees an edit that changes the list, but only where a group has role and disk. What escapes both is
// seen by the operator, and the way back from there is open: they compare with no spec that the operator has refused. A
// cluster that has metadata.log.dir may change its disks: they hold no metadata, and its way to a spec that the operator takes
// is to drop the property and to put that disk first. A line that continues another is none.
//
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.kRaft) || !oldSelf.kRaft || (has(self.kRaft) && self.kRaft)",message="a cluster that runs with KRaft cannot go back to ZooKeeper",fieldPath=".kRaft",reason="FieldValueForbidden"
// +kubebuilder:validation:XValidation:rule="self.brokers.all(b, !has(b.brokerConfigGroup) || size(b.brokerConfigGroup) == 0 || (has(self.brokerConfigGroups) && b.brokerConfigGroup in self.brokerConfigGroups))",messageExpression="'a broker names the brokerConfigGroup \"' + self.brokers.map(b, has(b.brokerConfigGroup) && size(b.brokerConfigGroup) > 0 && !(has(self.brokerConfigGroups) && b.brokerConfigGroup in self.brokerConfigGroups), b.brokerConfigGroup)[0] + '\", which brokerConfigGroups does not have: add the group, or name one that is there' + (has(self.brokerConfigGroups) && size(self.brokerConfigGroups) > 0 ? ', for example \"' + self.brokerConfigGroups.map(g, g)[0] + '\"' : \"\")",message="a broker names a brokerConfigGroup that brokerConfigGroups does not have: add the group, or name one that is there",fieldPath=".brokers"
type KafkaClusterSpec struct {
	// Run without ZooKeeper: metadata lives in the cluster's own controllers (Kafka 3.6 or later; the only mode of Kafka 4).
	// Once true it cannot become false again. Default false.
	// +kubebuilder:default=false
	// +optional
	KRaft bool `json:"kRaft"`
	// true: Pods get stable DNS names through a headless Service; false: one ClusterIP Service for each broker and one
	// for all of them.
	HeadlessServiceEnabled bool `json:"headlessServiceEnabled"`
	// Make the all-broker, per-broker and Cruise Control Services LoadBalancers, so that an operator outside of the
	// Kubernetes cluster can reach them. No effect on headless Services. Default false.
	// +kubebuilder:default=false
	// +optional
	LocalDebugEnabled bool `json:"localDebugEnabled,omitempty"`
	// Where brokers and controllers listen.
	ListenersConfig ListenersConfig `json:"listenersConfig"`
	// Extra ports of the kafka container; the broker Services get them too.
	// +optional
	AdditionalPorts []corev1.ContainerPort `json:"additionalPorts,omitempty"`
	// ZooKeeper addresses as host:port. Only without KRaft, and for brokers that are still migrating.
	// +optional
	ZKAddresses []string `json:"zkAddresses,omitempty"`
	// Path in ZooKeeper below which this cluster keeps its data. Default "/".
	// +optional
	ZKPath *string `json:"zkPath,omitempty"`
	// Spread replicas over failure domains: when set, each broker gets broker.rack from its node's labels.
	// +optional
	RackAwareness *RackAwareness `json:"rackAwareness,omitempty"`
	// Kafka image of all brokers that do not name their own.
	// +optional
	ClusterImage string `json:"clusterImage,omitempty"`
	// Image from which the Cruise Control metrics reporter is copied. Default: the Cruise Control image.
	// +optional
	ClusterMetricsReporterImage string `json:"clusterMetricsReporterImage,omitempty"`
	// Properties for every broker, one key=value a line. A change restarts brokers, except for keys that Kafka changes live.
	// +optional
	ReadOnlyConfig string `json:"readOnlyConfig,omitempty"`
	// Cluster-wide dynamic properties, one key=value a line; applied through Kafka's admin API without a restart.
	// +optional
	ClusterWideConfig string `json:"clusterWideConfig,omitempty"`
	// Named templates that brokers share.
	// +kubebuilder:validation:MaxProperties=10000
	// +optional
	BrokerConfigGroups map[string]BrokerConfig `json:"brokerConfigGroups,omitempty"`
	// The brokers and controllers. Ids are unique and chosen by you; an id keeps its disks.
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=20000
	Brokers []Broker `json:"brokers"`
	// PodDisruptionBudget of the brokers. Left out, new clusters get one that allows one broker at a time, and those that
	// Koperator ran before none.
	// +optional
	DisruptionBudget *DisruptionBudget `json:"disruptionBudget,omitempty"`
	// How restarts of brokers go on.
	RollingUpgradeConfig RollingUpgradeConfig `json:"rollingUpgradeConfig"`
	// A broker whose Pod's labels match is restarted under the rules of a rolling upgrade.
	// +optional
	TaintedBrokersSelector *metav1.LabelSelector `json:"taintedBrokersSelector,omitempty"`
	// What stands in front of external listeners. Default envoy.
	// +kubebuilder:validation:Enum=envoy;contour;istioingress
	// +optional
	IngressController IngressController `json:"ingressController,omitempty"`
	// true: never two brokers on one node; false: only preferred so.
	OneBrokerPerNode bool `json:"oneBrokerPerNode"`
	// Delete objects of external access that the listeners no longer use. Default false.
	// +kubebuilder:default=false
	// +optional
	RemoveUnusedIngressResources bool `json:"removeUnusedIngressResources,omitempty"`
	// Copy this object's labels to everything made for it. Default false.
	// +optional
	PropagateLabels bool `json:"propagateLabels,omitempty"`
	// Cruise Control, which moves data between brokers and disks.
	CruiseControlConfig CruiseControlConfig `json:"cruiseControlConfig"`
	// Settings for all Envoys of this cluster.
	// +optional
	EnvoyConfig *EnvoyConfig `json:"envoyConfig,omitempty"`
	// Settings for all Contour proxies of this cluster.
	// +optional
	ContourIngressConfig *ContourIngressConfig `json:"contourIngressConfig,omitempty"`
	// Settings for all Istio gateways of this cluster.
	// +optional
	IstioIngressConfig *IstioIngressConfig `json:"istioIngressConfig,omitempty"`
	// The Istio control plane that serves the gateways; needed with ingressController istioingress.
	// +optional
	IstioControlPlane *IstioControlPlaneReference `json:"istioControlPlane,omitempty"`
	// JMX exporter of brokers and Cruise Control.
	// +optional
	MonitoringConfig *MonitoringConfig `json:"monitoringConfig,omitempty"`
	// What Prometheus alerts may do to this cluster.
	// +optional
	AlertManagerConfig *AlertManagerConfig `json:"alertManagerConfig,omitempty"`
	// Environment of the kafka container. Name +X puts the value before that of X, X+ after it, X alone replaces it.
	// +optional
	Envs []corev1.EnvVar `json:"envs,omitempty"`
	// DNS domain of the Kubernetes cluster. Default cluster.local.
	// +optional
	KubernetesClusterDomain string `json:"kubernetesClusterDomain,omitempty"`
	// Secret with the client keystore (keystore.jks, truststore.jks, password) of the operator, Cruise Control and its
	// metrics reporter.
	// +optional
	ClientSSLCertSecret *corev1.LocalObjectReference `json:"clientSSLCertSecret,omitempty"`
	// Let the all-broker Service list brokers that are not ready. Headless, controller and per-broker Services always do.
	// +optional
	PublishNotReadyAddresses bool `json:"publishNotReadyAddresses,omitempty"`
	// Hours in which work that waits for consent (see condition UpdateAvailable) may start by itself. A time inside any
	// one of the windows counts.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	// +optional
	MaintenanceWindows []MaintenanceWindow `json:"maintenanceWindows,omitempty"`
	// What happens to volumes of removed brokers and of a deleted cluster.
	// +optional
	PersistentVolumeClaimRetentionPolicy *PersistentVolumeClaimRetentionPolicy `json:"persistentVolumeClaimRetentionPolicy,omitempty"`
	// The metadata.version that Kafka is to work by, such as "4.3", or "4.0-IV1" for a step within a release. It is raised
	// once every node runs a Kafka that knows it, and never lowered. Empty leaves it as it is. A new cluster begins with it, or
	// with the newest that its image knows where this is empty or newer; a dynamic quorum has 3.9 at least.
	// +kubebuilder:validation:Pattern=`^[0-9]+\.[0-9]+(-IV[0-9]+)?$`
	// +kubebuilder:validation:MaxLength=20
	// +optional
	MetadataVersion string `json:"metadataVersion,omitempty"`
	// How long the first start of a broker waits for the addresses that it must advertise, in seconds; then it starts
	// without that listener. Default 120.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ExternalAddressTimeoutSeconds *int32 `json:"externalAddressTimeoutSeconds,omitempty"`
}

// IngressController is a technique that carries external listeners out of Kubernetes.
type IngressController string

// The ingress controllers.
const (
	IngressControllerEnvoy   IngressController = "envoy"
	IngressControllerContour IngressController = "contour"
	IngressControllerIstio   IngressController = "istioingress"
)

// RackAwareness says which labels of a node make up a rack.
type RackAwareness struct {
	// Keys of node labels. Their values, sorted and joined with a comma, are the broker.rack.
	Labels []string `json:"labels"`
}
