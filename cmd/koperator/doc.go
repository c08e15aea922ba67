// Command koperator runs Apache Kafka on Kubernetes. It wires what the other packages decide: flags and clients, the
// half that only observes and answers (informers, metrics, probes) in every replica, and the half that writes (the
// actors) in the replica that holds the lease.
package main
