// Package kafka knows Kafka: what stands in a node's broker.properties, what a KafkaCluster cannot be run with, where
// brokers are reached, and how the first voters of a quorum are named.
//
//	spec.readOnlyConfig ─┐
//	brokers[].readOnly… ─┴─▶ Parse ─▶ Merge ─┐
//	listeners, roles, disks ─▶ a section each ├─▶ BrokerProperties ─▶ String ─▶ ConfigMap
//	addresses, quorum ─────▶ a section each ─┘
//
// A section is a function that returns the Properties of its subject: listeners.go, storage.go, kraft.go, reporter.go,
// the small ones in merge.go. render.go puts them over one another: defaults, then the user's, then the operator's. A new
// key goes into the section of its subject; its golden files show it.
//
// Everything here is a pure function over values, except the files that hold a client of Kafka's (client*.go). What changes
// something goes through franz-go alone, and past a Gate that knows whether this daemon may still act. Nothing here knows
// Pods or Services; the names of the latter come from messages.Addresses.
//
// # Changes while Kafka runs
//
//	file it was started with ─┐
//	file it is to have ───────┴─▶ FileDiff ─┬─▶ reasons to restart
//	                                        └─▶ values that stand in ─┐
//	config of broker and group ─▶ BrokerDynamic ──────────────────────┴─▶ PlanDynamic ─▶ changes of one broker
//	clusterWideConfig ──────────▶ ClusterDynamic ───────────────────────▶ PlanDynamic ─▶ changes of all brokers
//
// dynamic/keys.txt says which keys each version takes while it runs; a broker that says otherwise is believed. What stands
// in for a changed file is deleted after the broker's next restart, since a forgotten dynamic value hides the file for
// ever. Only keys in the record Applied are ours to delete.
//
// # Restarts and upgrades
//
//	Replication ─▶ Index ─▶ RestartOrder ─▶ LargestRestart (CanRestart of a set) ─▶ who may be stopped
//	                  └───▶ Returned, PreferredLeaders ─▶ whether it is back, and what it should lead again
//
// CanRestart is the rule: every partition keeps min.insync.replicas, the quorum its majority. Raise says when
// metadata.version can follow the brokers' release.
//
// # Brokers that leave
//
//	Replication ─▶ Index ─┬─▶ LeftOn ─▶ whether anything is on it
//	                      └─▶ PlanMoves ─▶ Admin.Move, Admin.TakeBack
//
// PlanMoves keeps no record: what is under way is ours when it does nothing but take replicas off brokers that leave.
//
// # Differences to Koperator
//
// Those of Kubernetes objects are in the doc of package kube. For one and the same KafkaCluster Koperator writes
// testdata/koperator/NAME.properties and this package testdata/NAME.properties. They differ in these keys and no others; a test
// compares the table with the files.
//
//	key                                              here     in the files of
//	advertised.listeners                             added    controller
//	advertised.listeners                             changed  combined
//	config.providers                                 added    broker controller combined combined-static-headless zookeeper
//	config.providers.file.class                      added    broker controller combined combined-static-headless zookeeper
//	controller.quorum.bootstrap.servers              added    broker controller combined
//	controller.quorum.voters                         removed  broker controller combined
//	controller.quorum.voters                         changed  combined-static-headless
//	cruise.control.metrics.reporter.kubernetes.mode  removed  broker combined combined-static-headless zookeeper
//	replica.fetch.backoff.ms                         added    broker combined combined-static-headless zookeeper
//	ssl.allow.dn.changes                             added    broker controller combined combined-static-headless zookeeper
//	ssl.allow.san.changes                            added    broker controller combined combined-static-headless zookeeper
//
// Why:
//
//   - New clusters have a dynamic quorum (KIP-853), so that controllers come and go without a restart of every node.
//     A controller then writes the address that it advertises into the voter set, so it must advertise one that others
//     can resolve. Clusters that Koperator made keep controller.quorum.voters.
//   - A Pod has one subdomain. Koperator puts that of a combined node under the controllers' Service and advertises it
//     under the brokers', where nothing answers; here it is the brokers' in both places.
//   - config.providers lets passwords come from mounted files (KIP-297), ssl.allow.* lets certificates with other names
//     be loaded while running (KIP-978): both are read at start only and so are there before they are needed.
//   - replica.fetch.backoff.ms is how long a follower pauses that asked a new leader too early, and producers with
//     acks=all wait for it: 100 ms instead of a second took their worst latency during a roll from 1.2 s to 0.5 s.
//   - kubernetes.mode makes the metrics reporter read CPU usage from files of cgroup v1, which current systems lack.
//
// The objects around this file differ, too: selector of the all-broker Service, probes, restart policy, names
// of claims, fields of the Pod. Package kube says how, beside the goldens of those objects.
package kafka
