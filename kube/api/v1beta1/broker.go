package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
)

// Broker is one Kafka node: a broker, a controller, or both.
type Broker struct {
	// Id of the node (node.id, in ZooKeeper mode broker.id).
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	// +kubebuilder:validation:ExclusiveMaximum=true
	ID int32 `json:"id"`
	// Name of the template in brokerConfigGroups that this broker follows.
	// +optional
	BrokerConfigGroup string `json:"brokerConfigGroup,omitempty"`
	// Properties of this broker, one key=value a line; they win over those of the cluster.
	// +optional
	ReadOnlyConfig string `json:"readOnlyConfig,omitempty"`
	// Settings of this broker; they are laid over those of its group. A text, number or image of its own takes the place of the
	// group's, config as a whole. Of maps (brokerLabels, brokerAnnotations, nodeSelector) both are taken, and its own value of a
	// key wins. processRoles are those of both: a role of the group cannot be taken away. storageConfigs are its own first, then
	// those of the group with other mountPaths; with the controller role the first one is where the metadata are. Resources,
	// affinity and security contexts are laid over field by field; of all other lists both are taken, envs of the group first.
	// +optional
	BrokerConfig *BrokerConfig `json:"brokerConfig,omitempty"`
	// Stop this broker's Pod and keep its disks and its id, until set back. Default false.
	// +optional
	Maintenance bool `json:"maintenance,omitempty"`
}

// The process roles of a KRaft node.
const (
	BrokerRole     = "broker"
	ControllerRole = "controller"
)

// BrokerConfig is how a broker runs: its Pod, its disks, its dynamic properties.
type BrokerConfig struct {
	// Roles of a KRaft node: broker, controller or both.
	// +kubebuilder:validation:MaxItems=2
	// +optional
	ProcessRoles []string `json:"processRoles,omitempty"`
	// Kafka image. Default: clusterImage.
	// +optional
	Image string `json:"image,omitempty"`
	// Image from which the Cruise Control metrics reporter is copied. Default: clusterMetricsReporterImage.
	// +optional
	MetricsReporterImage string `json:"metricsReporterImage,omitempty"`
	// Dynamic properties of this broker, one key=value a line; applied through Kafka's admin API without a restart.
	// +optional
	Config string `json:"config,omitempty"`
	// Disks. The log dir of each is <mountPath>/kafka.
	// +optional
	StorageConfigs []StorageConfig `json:"storageConfigs,omitempty"`
	// Service account of the Pod. Default "default".
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// Resources of the kafka container. Default: requests of 1 CPU and 2Gi, limits of 1500m and 3Gi. The CPU limit is
	// what Cruise Control takes for the broker's capacity.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resourceRequirements,omitempty"`
	// Secrets to pull images with.
	// +optional
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	// Node selector of the Pod.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations of the Pod.
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Heap of the Java process (KAFKA_HEAP_OPTS). Default "-Xmx2G -Xms2G".
	// +optional
	KafkaHeapOpts string `json:"kafkaHeapOpts,omitempty"`
	// Other settings of the Java process (KAFKA_JVM_PERFORMANCE_OPTS).
	// +optional
	KafkaJVMPerfOpts string `json:"kafkaJvmPerfOpts,omitempty"`
	// Contents of log4j.properties. Default: what the image brings.
	// +optional
	Log4jConfig string `json:"log4jConfig,omitempty"`
	// Annotations of the Pod.
	// +optional
	BrokerAnnotations map[string]string `json:"brokerAnnotations,omitempty"`
	// Labels of the Pod. They cannot override the labels that the operator finds it by.
	// +optional
	BrokerLabels map[string]string `json:"brokerLabels,omitempty"`
	// Network capacity, for Cruise Control.
	// +optional
	NetworkConfig *NetworkConfig `json:"networkConfig,omitempty"`
	// For each NodePort listener an IP that leads to this broker; it is advertised.
	// +optional
	NodePortExternalIP map[string]string `json:"nodePortExternalIP,omitempty"`
	// Which address of its node a broker advertises on NodePort listeners.
	// +kubebuilder:validation:Enum=Hostname;ExternalIP;InternalIP;InternalDNS;ExternalDNS
	// +optional
	NodePortNodeAddressType corev1.NodeAddressType `json:"nodePortNodeAddressType,omitempty"`
	// Affinity of the Pod; replaces the one that oneBrokerPerNode brings.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// Security context of the Pod.
	// +optional
	PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext,omitempty"`
	// Security context of the kafka container.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	// Names of the ingressConfig entries through which this broker is reached. Empty: the listener's default one.
	// +optional
	BrokerIngressMapping []string `json:"brokerIngressMapping,omitempty"`
	// Additional init containers.
	// +optional
	InitContainers []corev1.Container `json:"initContainers,omitempty"`
	// Additional containers beside kafka.
	// +optional
	Containers []corev1.Container `json:"containers,omitempty"`
	// Additional volumes.
	// +optional
	Volumes []corev1.Volume `json:"volumes,omitempty"`
	// Additional mounts of the kafka container.
	// +optional
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
	// Environment of the kafka container; see spec.envs.
	// +optional
	Envs []corev1.EnvVar `json:"envs,omitempty"`
	// How long a broker may take to shut down, in seconds. Default 120.
	// +kubebuilder:default=120
	// +optional
	TerminationGracePeriod *int64 `json:"terminationGracePeriodSeconds,omitempty"`
	// Priority class of the Pod.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
}

// StorageConfig is a disk of a broker.
type StorageConfig struct {
	// Where it is mounted. Kafka's log dir is the directory kafka below it.
	// +kubebuilder:validation:MaxLength=1024
	MountPath string `json:"mountPath"`
	// The claim. Strings may hold Go templates with sprig's functions and .BrokerId and .MountPath. Wins over emptyDir.
	// +optional
	PvcSpec *corev1.PersistentVolumeClaimSpec `json:"pvcSpec,omitempty"`
	// A directory that goes with the Pod. Give it a sizeLimit, it is the capacity that Cruise Control sees. Of a controller all of
	// its disks may be such, in a dynamic quorum of at least three controllers.
	// +optional
	EmptyDir *corev1.EmptyDirVolumeSource `json:"emptyDir,omitempty"`
}

// NetworkConfig is the network capacity of a broker.
type NetworkConfig struct {
	// What a broker can receive, in kB/s. Default 125000.
	// +optional
	IncomingNetworkThroughPut string `json:"incomingNetworkThroughPut,omitempty"`
	// What a broker can send, in kB/s. Default 125000.
	// +optional
	OutgoingNetworkThroughPut string `json:"outgoingNetworkThroughPut,omitempty"`
}
