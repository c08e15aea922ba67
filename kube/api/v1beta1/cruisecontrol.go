package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
)

// CruiseControlConfig is how Cruise Control runs, or where it already does.
type CruiseControlConfig struct {
	// Run this cluster without Cruise Control: no Deployment, no metrics topic, no metrics reporter in the brokers. The
	// operator then moves the replicas of brokers that leave itself. What is on a disk that leaves a broker which stays is
	// for people to move. Default false.
	// +optional
	Disabled bool `json:"disabled,omitempty"`
	// How many bytes a second each broker sends, and how many it gets, for the moves of replicas that the operator makes where
	// Cruise Control is disabled. Nothing else is slowed down. It has to be more than what is written meanwhile to the partitions
	// that move to one broker, else they never arrive; a change counts at once. Default 52428800 (50 MiB).
	// +kubebuilder:validation:Minimum=1048576
	// +kubebuilder:validation:Maximum=1099511627776
	// +optional
	ReplicationThrottle *int64 `json:"replicationThrottle,omitempty"`
	// Settings of tasks.
	// +optional
	CruiseControlTaskSpec *CruiseControlTaskSpec `json:"cruiseControlTaskSpec,omitempty"`
	// Settings of the CruiseControlOperations that the operator makes.
	// +optional
	CruiseControlOperationSpec *CruiseControlOperationSpec `json:"cruiseControlOperationSpec,omitempty"`
	// host:port of a Cruise Control that exists; nothing is deployed then.
	// +optional
	CruiseControlEndpoint string `json:"cruiseControlEndpoint,omitempty"`
	// Resources of the container. Default: 200m and 768Mi, as requests and limits.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resourceRequirements,omitempty"`
	// Service account of the Pod. Default "default".
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// Secrets to pull images with.
	// +optional
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	// Node selector of the Pod.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations of the Pod.
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Affinity of the Pod.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// Priority class of the Pod.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// Base of cruisecontrol.properties, one key=value a line.
	// +optional
	Config string `json:"config,omitempty"`
	// Capacity of brokers as Cruise Control's JSON; brokers that it does not list are computed.
	// +optional
	CapacityConfig string `json:"capacityConfig,omitempty"`
	// Contents of clusterConfigs.json.
	// +optional
	ClusterConfig string `json:"clusterConfig,omitempty"`
	// Contents of log4j.properties.
	// +optional
	Log4jConfig string `json:"log4jConfig,omitempty"`
	// Cruise Control image.
	// +optional
	Image string `json:"image,omitempty"`
	// The topic of the metrics reporter.
	// +optional
	TopicConfig *TopicConfig `json:"topicConfig,omitempty"`
	// Annotations of the Pod.
	// +optional
	CruiseControlAnnotations map[string]string `json:"cruiseControlAnnotations,omitempty"`
	// Additional init containers.
	// +optional
	InitContainers []corev1.Container `json:"initContainers,omitempty"`
	// Additional volumes.
	// +optional
	Volumes []corev1.Volume `json:"volumes,omitempty"`
	// Additional mounts.
	// +optional
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
	// Security context of the Pod.
	// +optional
	PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext,omitempty"`
	// Security context of the container.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
}

// CruiseControlTaskSpec are settings of tasks.
type CruiseControlTaskSpec struct {
	// No effect; kept since manifests carry it, with its capital R.
	RetryDurationMinutes int `json:"RetryDurationMinutes"`
}

// CruiseControlOperationSpec are settings of generated CruiseControlOperations.
type CruiseControlOperationSpec struct {
	// Delete a finished operation after so many seconds. 0: at once. Left out: keep it.
	// +kubebuilder:validation:Minimum=0
	// +optional
	TTLSecondsAfterFinished *int `json:"ttlSecondsAfterFinished,omitempty"`
}

// TopicConfig is the shape of the metrics reporter's topic.
type TopicConfig struct {
	// Number of partitions. Without topicConfig 12.
	Partitions int32 `json:"partitions"`
	// Number of replicas. Without topicConfig 3.
	// +kubebuilder:validation:Minimum=2
	ReplicationFactor int32 `json:"replicationFactor"`
}

// MonitoringConfig is the JMX exporter of brokers and Cruise Control.
type MonitoringConfig struct {
	// Image from which the exporter's jar is copied.
	// +optional
	JmxImage string `json:"jmxImage,omitempty"`
	// Where the jar is in that image. Default /jmx_prometheus_javaagent.jar.
	// +optional
	PathToJar string `json:"pathToJar,omitempty"`
	// Rules of the exporter for brokers (YAML).
	// +optional
	KafkaJMXExporterConfig string `json:"kafkaJMXExporterConfig,omitempty"`
	// Rules of the exporter for Cruise Control (YAML).
	// +optional
	CCJMXExporterConfig string `json:"cCJMXExporterConfig,omitempty"`
}
