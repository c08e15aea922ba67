// Package kube knows Kubernetes: which objects a KafkaCluster is made of, how they are called and found, and what the
// API server would refuse.
//
//	spec ─▶ Validate ─▶ problems ─▶ conditions
//	  │
//	  ├─▶ ClusterServices, BrokerService     where nodes are reached
//	  ├─▶ Claim ─▶ Refused                   disks, and what of a claim cannot change any more
//	  ├─▶ BrokerPod                          a node: start script, environment, volumes; its two hashes
//	  ├─▶ BrokerConfigMap, JMXConfigMap      files that Pods mount
//	  └─▶ BrokerBudget, ControllerBudget     how evictions are answered
//
// Builders are pure: the same input gives the same object, byte for byte. An object has only the fields that we mean to
// own; it is written by server-side apply, so that what people and other controllers set stays theirs. I/O is in the
// files named client and cache.
//
// Four rules run through the package:
//
//   - An object is ours when label and owner agree (Owned). Names alone prove nothing, and those that Koperator made
//     were generated: objects are found by label and annotation, never by name.
//   - The right to format a disk belongs to its claim and is used once (FormatState, startscript.sh). A volume that
//     comes back empty makes its broker wait; formatting it would forget the replicas that were there.
//   - A Pod differs from its spec in two ways. What the user changed (UserInputsHash) restarts it; what only a new
//     version of the operator renders differently (RenderedHash) waits for consent.
//   - Whatever could be repeated in a list that server-side apply keys (variables, volumes, mounts, ports) is there
//     once, the operator's own before the user's.
package kube
