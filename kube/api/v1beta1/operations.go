package v1beta1

// Fields that say how work on a running cluster goes on: restarts, budgets, windows, volumes.

// DisruptionBudget asks for a PodDisruptionBudget.
type DisruptionBudget struct {
	// Make the budget. Default false.
	// +optional
	Create bool `json:"create,omitempty"`
	// How many Pods may be down together, as a number or as a percentage (rounded down).
	// +kubebuilder:validation:Pattern=`^[0-9]+$|^[0-9]{1,2}%$|^100%$`
	// +optional
	Budget string `json:"budget,omitempty"`
}

// DisruptionBudgetWithStrategy is a DisruptionBudget that can count from both ends.
type DisruptionBudgetWithStrategy struct {
	DisruptionBudget `json:",inline"`
	// Which field of the PodDisruptionBudget carries the budget.
	// +kubebuilder:validation:Enum=minAvailable;maxUnavailable
	// +optional
	Strategy DisruptionBudgetStrategy `json:"strategy,omitempty"`
}

// DisruptionBudgetStrategy names a field of a PodDisruptionBudget.
type DisruptionBudgetStrategy string

// The strategies of a disruption budget.
const (
	MinAvailable   DisruptionBudgetStrategy = "minAvailable"
	MaxUnavailable DisruptionBudgetStrategy = "maxUnavailable"
)

// RollingUpgradeConfig says how brokers are restarted.
type RollingUpgradeConfig struct {
	// Restarts stop as soon as so many brokers are impaired or alerts speak against them. 1: no tolerance. 0: never restart.
	FailureThreshold int `json:"failureThreshold"`
	// How many brokers of one rack may restart together, where the partitions prove it safe and disruptionBudget lets as many
	// be evicted at once. Default 1.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +optional
	ConcurrentBrokerRestartCountPerRack int `json:"concurrentBrokerRestartCountPerRack,omitempty"`
	// Partitions that no order of restarts keeps available (one replica, or as many in-sync replicas required as there
	// are). Proceed: restart their brokers all the same. Block: wait for a person. Default Proceed.
	// +kubebuilder:validation:Enum=Proceed;Block
	// +optional
	UnprotectedPartitions UnprotectedPartitions `json:"unprotectedPartitions,omitempty"`
}

// UnprotectedPartitions says what a restart does about partitions that it makes unavailable in any case.
type UnprotectedPartitions string

// The policies for unprotected partitions.
const (
	UnprotectedPartitionsProceed UnprotectedPartitions = "Proceed"
	UnprotectedPartitionsBlock   UnprotectedPartitions = "Block"
)

// MaintenanceWindow is a repeated span of time.
type MaintenanceWindow struct {
	// When the window opens, as a cron expression of five fields, for example "0 2 * * 6".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Schedule string `json:"schedule"`
	// How long it stays open, for example 3h or 90m.
	// +kubebuilder:validation:Pattern=`^([0-9]+h)?([0-9]+m)?([0-9]+s)?$`
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	Duration string `json:"duration"`
	// IANA time zone of the schedule, for example Europe/Berlin. Default UTC.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// PersistentVolumeClaimRetentionPolicy says what happens to volumes that are no longer used.
type PersistentVolumeClaimRetentionPolicy struct {
	// Volumes of a broker that left the cluster, or of a disk that left its broker, after their data moved away.
	// Default Delete.
	// +kubebuilder:validation:Enum=Delete;Retain
	// +optional
	WhenScaled RetentionPolicy `json:"whenScaled,omitempty"`
	// Volumes of a deleted cluster. With Retain a cluster of the same name finds its data again. Default Delete.
	// +kubebuilder:validation:Enum=Delete;Retain
	// +optional
	WhenDeleted RetentionPolicy `json:"whenDeleted,omitempty"`
}

// RetentionPolicy says whether a volume goes or stays.
type RetentionPolicy string

// The retention policies.
const (
	RetentionDelete RetentionPolicy = "Delete"
	RetentionRetain RetentionPolicy = "Retain"
)
