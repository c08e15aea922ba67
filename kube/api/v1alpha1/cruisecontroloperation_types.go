package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CruiseControlOperation is a task for Cruise Control. The label kafka_cr names the KafkaCluster of the same namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=cruisecontroloperations,singular=cruisecontroloperation,scope=Namespaced
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.metadata.labels.kafka_cr`
// +kubebuilder:printcolumn:name="Operation",type=string,JSONPath=`.status.currentTask.operation`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.currentTask.state`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Retries",type=integer,JSONPath=`.status.retryCount`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type CruiseControlOperation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What you want.
	// +optional
	Spec CruiseControlOperationSpec `json:"spec,omitempty"`
	// What the operator sees and does. Koperator's users write currentTask.operation and parameters here too.
	// +optional
	Status CruiseControlOperationStatus `json:"status,omitempty"`
}

// CruiseControlOperationList is a list of CruiseControlOperations.
//
// +kubebuilder:object:root=true
type CruiseControlOperationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []CruiseControlOperation `json:"items"`
}

// CruiseControlOperationSpec says what is wanted of an operation.
type CruiseControlOperationSpec struct {
	// What to do. Left out, status.currentTask says it.
	// +kubebuilder:validation:Enum=add_broker;remove_broker;remove_disks;rebalance;stop_proposal_execution
	// +optional
	Operation CruiseControlTaskOperation `json:"operation,omitempty"`
	// Parameters of the operation, for example brokerid: "1,2"; others than Cruise Control's own are ignored.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Parameters map[string]string `json:"parameters,omitempty"`
	// What a failed task means: retry does it again 30 seconds later, ignore counts it as done. Default retry.
	// +kubebuilder:validation:Enum=ignore;retry
	// +kubebuilder:default=retry
	// +optional
	ErrorPolicy ErrorPolicy `json:"errorPolicy,omitempty"`
	// Delete this object so many seconds after it finished. Left out: keep it.
	// +kubebuilder:validation:Minimum=0
	// +optional
	TTLSecondsAfterFinished *int `json:"ttlSecondsAfterFinished,omitempty"`
}

// GetErrorPolicy returns what a failed task means.
func (s *CruiseControlOperationSpec) GetErrorPolicy() ErrorPolicy {
	if s.ErrorPolicy == "" {
		return ErrorPolicyRetry
	}
	return s.ErrorPolicy
}

// ErrorPolicy is what a failed task means.
type ErrorPolicy string

// The error policies.
const (
	ErrorPolicyIgnore ErrorPolicy = "ignore"
	ErrorPolicyRetry  ErrorPolicy = "retry"
)

// CruiseControlTaskOperation is an operation of Cruise Control.
type CruiseControlTaskOperation string

// The operations.
const (
	OperationAddBroker     CruiseControlTaskOperation = "add_broker"
	OperationRemoveBroker  CruiseControlTaskOperation = "remove_broker"
	OperationRemoveDisks   CruiseControlTaskOperation = "remove_disks"
	OperationRebalance     CruiseControlTaskOperation = "rebalance"
	OperationStopExecution CruiseControlTaskOperation = "stop_proposal_execution"
	OperationStatus        CruiseControlTaskOperation = "status"
)

// CruiseControlOperationStatus is what the operator sees of an operation.
type CruiseControlOperationStatus struct {
	// Generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Ready is True when the operation is done; Reconciling and Stalled exist only while they are true.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// The task that runs or ran last.
	// +optional
	CurrentTask *CruiseControlTask `json:"currentTask,omitempty"`
	// The error policy in force.
	ErrorPolicy ErrorPolicy `json:"errorPolicy"`
	// How often the operation was tried again.
	RetryCount int `json:"retryCount"`
	// Tasks that failed before, the newest last, 50 at most.
	// +listType=atomic
	// +optional
	FailedTasks []CruiseControlTask `json:"failedTasks,omitempty"`
}

// CruiseControlTask is one try of an operation.
type CruiseControlTask struct {
	// Cruise Control's User-Task-ID.
	// +optional
	ID string `json:"id,omitempty"`
	// When it started, by Cruise Control's clock.
	// +optional
	Started *metav1.Time `json:"started,omitempty"`
	// When the operator saw its end.
	// +optional
	Finished *metav1.Time `json:"finished,omitempty"`
	// What it does.
	Operation CruiseControlTaskOperation `json:"operation"`
	// With which parameters.
	// +optional
	Parameters map[string]string `json:"parameters,omitempty"`
	// URL of the request.
	// +optional
	HTTPRequest string `json:"httpRequest,omitempty"`
	// HTTP status of the answer.
	// +optional
	HTTPResponseCode *int `json:"httpResponseCode,omitempty"`
	// What Cruise Control expects of it.
	// +optional
	Summary map[string]string `json:"summary,omitempty"`
	// Where it stands; empty while it waits.
	// +optional
	State CruiseControlTaskState `json:"state,omitempty"`
	// Why it failed.
	// +optional
	ErrorMessage string `json:"errorMessage,omitempty"`
}

// CruiseControlTaskState is where a task stands.
type CruiseControlTaskState string

// The states of a task.
const (
	TaskActive             CruiseControlTaskState = "Active"
	TaskInExecution        CruiseControlTaskState = "InExecution"
	TaskCompleted          CruiseControlTaskState = "Completed"
	TaskCompletedWithError CruiseControlTaskState = "CompletedWithError"
)
