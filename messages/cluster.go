package messages

// Look says that something has changed and the receiver should look again. It carries no data and is coalesced.
type Look struct{}

// Inspect asks an actor for a copy of what it knows, for diagnosis and tests.
type Inspect struct{}

// ClusterReport answers Inspect of a cluster actor.
type ClusterReport struct {
	Cluster  ClusterKey
	Problems []FieldProblem
	Brokers  []BrokerObserved
	Kafka    KafkaObserved
}
