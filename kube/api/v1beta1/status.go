package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KafkaClusterStatus is what the operator sees of a cluster and does about it.
type KafkaClusterStatus struct {
	// Generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Ready is True when the observed generation runs; Reconciling and Stalled exist only while they are true.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// State of the cluster in one word.
	State ClusterState `json:"state"`
	// Ready brokers of wanted ones, for example 2/3.
	// +optional
	BrokersReady string `json:"brokersReady,omitempty"`
	// Release of the Kafka that runs, as a broker tells it, for example 4.3.
	// +optional
	Version string `json:"version,omitempty"`
	// Finalised metadata.version, for example 4.3-IV0.
	// +optional
	MetadataVersion string `json:"metadataVersion,omitempty"`
	// State of each broker, by its id.
	// +optional
	BrokersState map[string]BrokerState `json:"brokersState,omitempty"`
	// State of Cruise Control's metrics topic.
	// +optional
	CruiseControlTopicStatus CruiseControlTopicStatus `json:"cruiseControlTopicStatus,omitempty"`
	// How rolling upgrades went.
	// +optional
	RollingUpgrade *RollingUpgradeStatus `json:"rollingUpgradeStatus,omitempty"`
	// Number of alerts that speak of this cluster.
	AlertCount int `json:"alertCount"`
	// Addresses that clients can use.
	// +optional
	ListenerStatuses *ListenerStatuses `json:"listenerStatuses,omitempty"`
	// KRaft cluster id, chosen before the first Pod. It never changes.
	// +optional
	ClusterID string `json:"clusterID,omitempty"`
	// How controllers find each other, decided before the first Pod: Static (controller.quorum.voters, clusters that
	// Koperator made) or Dynamic (KIP-853).
	// +kubebuilder:validation:Enum=Static;Dynamic
	// +optional
	Quorum QuorumMode `json:"quorum,omitempty"`
	// The controllers that a dynamic quorum began with, by id. They format their disks with each other's names; those
	// that come later join as observers first.
	// +listType=atomic
	// +optional
	InitialControllers []int32 `json:"initialControllers,omitempty"`
	// Whether Koperator ran the cluster before. It gets nothing then that its spec does not ask for: no PodDisruptionBudget
	// unless spec.disruptionBudget is set.
	// +optional
	Adopted bool `json:"adopted,omitempty"`
	// What people have agreed to by annotation kafka.banzaicloud.io/consent.
	// +optional
	Consent *Consent `json:"consent,omitempty"`
}

// Consent is good for the build of the operator that saw it first: the next one asks again.
type Consent struct {
	// The words of the annotation.
	Words string `json:"words"`
	// The build of the operator that saw them first.
	Build string `json:"build"`
	// How controllers found each other then.
	// +kubebuilder:validation:Enum=Static;Dynamic
	// +optional
	Quorum QuorumMode `json:"quorum,omitempty"`
}

// BrokerState is what the operator sees of a broker. Server-side apply takes an entry as a whole: of 1,000 brokers,
// field ownership of each single field would be larger than the status itself.
//
// +structType=atomic
type BrokerState struct {
	// The broker.rack line that it starts with, empty while its node is not known.
	// +optional
	RackAwarenessState RackAwarenessState `json:"rackAwarenessState"`
	// Whether it runs with the wanted configuration.
	// +optional
	ConfigurationState ConfigurationState `json:"configurationState"`
	// Whether its dynamic configuration is the wanted one.
	// +optional
	PerBrokerConfigurationState PerBrokerConfigurationState `json:"perBrokerConfigurationState"`
	// What moves data to or from it.
	// +optional
	GracefulActionState GracefulActionState `json:"gracefulActionState"`
	// Names of the ingressConfig entries that lead to it.
	// +optional
	ExternalListenerConfigNames []string `json:"externalListenerConfigNames,omitempty"`
	// Release of the Kafka that it runs, by its own word: major and minor, for example 4.3. Kafka tells no
	// more; Koperator read the patch from the JMX exporter, too.
	// +optional
	Version string `json:"version,omitempty"`
	// Image that this version belongs to.
	// +optional
	Image string `json:"image,omitempty"`
	// Its entry of spec.brokers as base64(gzip(JSON)), as Koperator left it. Only read.
	// +optional
	ConfigurationBackup string `json:"configurationBackup,omitempty"`
	// What the operator does at this broker or waits for.
	// +kubebuilder:validation:MaxLength=200
	// +optional
	Reason string `json:"reason,omitempty"`
	// Since when the reason is the same.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// Disks that hold a formatted log dir. One that is listed is never formatted again.
	// +optional
	FormattedLogDirs []FormattedLogDir `json:"formattedLogDirs,omitempty"`
	// UID of the Pod in which Kafka ran last with a log dir on an emptyDir, which goes with the Pod.
	// +optional
	RanOnEmptyDir string `json:"ranOnEmptyDir,omitempty"`
	// Whether Kafka has it registered as a broker, also while it is down; only with KRaft. It goes when Kafka has forgotten a node
	// that is no broker any more.
	// +optional
	Registered bool `json:"registered,omitempty"`
	// Replacements of a Pod that ends again and again, for Pods that the kubelet does not restart.
	// +optional
	Replacements *PodReplacements `json:"replacements,omitempty"`
}

// FormattedLogDir is a disk with a formatted log dir.
type FormattedLogDir struct {
	// Where it is mounted.
	MountPath string `json:"mountPath"`
	// UID of its claim.
	// +optional
	ClaimUID string `json:"claimUID,omitempty"`
}

// PodReplacements counts how often a Pod was replaced since it last was ready for ten minutes.
type PodReplacements struct {
	// How often.
	Count int32 `json:"count"`
	// When the last one was replaced.
	// +optional
	Last *metav1.Time `json:"last,omitempty"`
	// How the last one ended: exit code, reason and the end of its log, shortened.
	// +kubebuilder:validation:MaxLength=200
	// +optional
	Message string `json:"message,omitempty"`
}

// GracefulActionState is what moves data to or from a broker and its disks.
type GracefulActionState struct {
	// State of adding or removing the broker.
	// +optional
	CruiseControlState CruiseControlState `json:"cruiseControlState"`
	// The operation that does it.
	// +optional
	CruiseControlOperationReference *OperationReference `json:"cruiseControlOperationReference,omitempty"`
	// State of each disk, by its mount path.
	// +optional
	VolumeStates map[string]VolumeState `json:"volumeStates,omitempty"`
}

// VolumeState is what moves data to or from a disk.
type VolumeState struct {
	// State of filling or emptying the disk.
	CruiseControlVolumeState CruiseControlVolumeState `json:"cruiseControlVolumeState"`
	// The operation that does it.
	// +optional
	CruiseControlOperationReference *OperationReference `json:"cruiseControlOperationReference,omitempty"`
}

// OperationReference names a CruiseControlOperation of the same namespace.
type OperationReference struct {
	// Name of the operation.
	// +optional
	Name string `json:"name,omitempty"`
}

// RollingUpgradeStatus is how rolling upgrades went.
type RollingUpgradeStatus struct {
	// When the last one ended, as YYYY-MM-DD HH:MM:SS.
	LastSuccess string `json:"lastSuccess"`
	// Number of alerts that hold restarts.
	ErrorCount int `json:"errorCount"`
}

// ListenerStatuses are the addresses of all listeners, by the listener's name.
type ListenerStatuses struct {
	// Listeners inside the Kubernetes cluster.
	// +optional
	InternalListeners map[string]ListenerStatusList `json:"internalListeners,omitempty"`
	// Listeners outside.
	// +optional
	ExternalListeners map[string]ListenerStatusList `json:"externalListeners,omitempty"`
}

// ListenerStatusList are the addresses of a listener, for each broker and for all.
//
// +listType=atomic
type ListenerStatusList []ListenerStatus

// ListenerStatus is an address of a listener.
type ListenerStatus struct {
	// broker-<id>, or headless, any-broker and any-broker-<ingressConfig>.
	Name string `json:"name"`
	// host:port.
	Address string `json:"address"`
}

// QuorumMode says how controllers find each other.
type QuorumMode string

// The quorum modes.
const (
	QuorumStatic  QuorumMode = "Static"
	QuorumDynamic QuorumMode = "Dynamic"
)
