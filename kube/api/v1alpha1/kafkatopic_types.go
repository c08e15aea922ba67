package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KafkaTopic is a topic of a Kafka cluster.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=kafkatopics,singular=kafkatopic,scope=Namespaced
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Topic",type=string,JSONPath=`.spec.name`
// +kubebuilder:printcolumn:name="Partitions",type=integer,JSONPath=`.spec.partitions`
// +kubebuilder:printcolumn:name="Replicas",type=integer,JSONPath=`.spec.replicationFactor`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Managed by",type=string,priority=1,JSONPath=`.status.managedBy`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type KafkaTopic struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What you want.
	// +optional
	Spec KafkaTopicSpec `json:"spec,omitempty"`
	// What the operator sees; written by the operator alone.
	// +optional
	Status KafkaTopicStatus `json:"status,omitempty"`
}

// KafkaTopicList is a list of KafkaTopics.
//
// +kubebuilder:object:root=true
type KafkaTopicList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []KafkaTopic `json:"items"`
}

// KafkaTopicSpec says what is wanted of a topic.
type KafkaTopicSpec struct {
	// Name of the topic in Kafka.
	Name string `json:"name"`
	// Number of partitions; it can only grow. -1: the brokers' default when the topic is created.
	// +kubebuilder:validation:Minimum=-1
	Partitions int32 `json:"partitions"`
	// Number of replicas of each partition. -1: the brokers' default when the topic is created.
	// +kubebuilder:validation:Minimum=-1
	ReplicationFactor int32 `json:"replicationFactor"`
	// Configuration of the topic. What is not listed has the brokers' default.
	// +optional
	Config map[string]string `json:"config,omitempty"`
	// The cluster that the topic belongs to.
	ClusterRef ClusterReference `json:"clusterRef"`
}

// KafkaTopicStatus is what the operator sees of a topic.
type KafkaTopicStatus struct {
	// Generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Ready is True when the topic is as the observed generation says; Reconciling and Stalled exist only
	// while they are true.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Who manages the topic: koperator, or what the annotation managedBy says.
	ManagedBy string `json:"managedBy"`
	// created, once the topic exists.
	State TopicState `json:"state"`
}

// TopicState is the state of a topic.
type TopicState string

// TopicStateCreated says that the topic exists.
const TopicStateCreated TopicState = "created"
