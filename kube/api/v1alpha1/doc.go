// Package v1alpha1 holds the resources that live in a Kafka cluster: KafkaTopic, KafkaUser, and CruiseControlOperation,
// a task for Cruise Control. The cluster itself is in v1beta1.
//
// As there, the wire format is that of Koperator's users: an object written for Koperator means the same here. What only we
// have (SCRAM users, grants beyond topics, quotas, operations in the spec) is optional and changes nothing where it is left
// out.
//
//	KafkaTopic ──clusterRef──▶ KafkaCluster ◀──clusterRef── KafkaUser
//	                               ▲
//	CruiseControlOperation ──label kafka_cr
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package="../../apply/v1alpha1"
// +groupName=kafka.banzaicloud.io
package v1alpha1
