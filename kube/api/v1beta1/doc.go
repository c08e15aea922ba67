// Package v1beta1 holds the KafkaCluster resource: what a person wants of a Kafka cluster, and what the daemon reports
// about it.
//
// The wire format is the one that Koperator's users have in their repositories: every field of the original
// (banzaicloud/koperator) and of its maintained fork (adobe/koperator) is here under its name and type, so that a
// stored object survives a change of the daemon without losing a field. What only we have says so by its comment.
//
//	KafkaCluster
//	├─ spec     listeners.go     where clients, brokers and controllers listen
//	│           broker.go        brokers and the templates (config groups) they share
//	│           ingress.go       Envoy, Contour, Istio, Gateway API in front of external listeners
//	│           cruisecontrol.go, alerts.go, security.go, operations.go
//	└─ status   status.go        states.go names every state
//
// Three kinds of plain functions stand beside the types, so that no two packages disagree about them: Get… and …OrDefault
// methods answer with the default of a field that is not set (defaults.go), BrokerConfigOf lays a broker's own
// configuration over its group's (merge.go), and neither ever changes what it was given.
//
// The package validates nothing: the schema refuses what can be said in a schema, everything else becomes a condition.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package="../../apply/v1beta1"
// +groupName=kafka.banzaicloud.io
package v1beta1
