// Package operator is the root of what the leader does: one actor that keeps one cluster actor for each KafkaCluster,
// the way from informer events to the actors that should look, and the lease that says who leads.
//
//	informers ──Change──▶ Index ──Trigger──▶ operator | cluster | broker
//
// It decides nothing about a cluster. A cluster that cannot work, hangs or panics is its own actor's business.
package operator
