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
// own; it is written by server-side apply under one field manager, so that what people and other controllers set stays theirs. I/O
// is in the files named client and cache, and in service_mend.go.
//
// The project's own kinds have one typed client (OwnClient). Under it is client-go's dynamic one, so that each object of a list is
// decoded for itself: one that Go cannot read hides no other. Package apply has the generated apply configurations of these kinds, for
// other programs and for the tests that hold the schema's merge keys against them; a status is sent as the type itself, because all of
// its required fields have to be there.
//
// Five writes are no applies, each because an apply cannot say what is meant. A Pod is made by POST: an apply would write a newer wish
// on one that the cache has yet to show. Annotations of a Pod or claim that runs, and labels that a Pod has lost, are a merge patch with uid or resourceVersion, which
// makes nothing anew. Its CPU is the resize subresource's. Finalizers, owners, and fields of Koperator's own managers are JSON patches
// that test what they replace. Ports and selectors that people edited are set by one, too: an apply would merge theirs with ours.
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
//
// # Differences to Koperator
//
// Names, labels, ports and volumes are Koperator's where this table does not say otherwise; a test compares it with the golden
// files. Package kafka has the one of broker.properties.
//
//	in testdata            field                                            here                      Koperator
//	pod-combined           metadata.name                                    demo-node-2               demo-controller-2- and random letters
//	pod-broker             metadata.name                                    demo-node-0               demo-0- and random letters
//	pod-combined           spec.restartPolicy                               Always                    Never
//	pod-zookeeper          spec.restartPolicy                               Always                    Never
//	pod-combined           spec.automountServiceAccountToken                false                     –
//	pod-combined           spec.enableServiceLinks                          false                     –
//	pod-combined           spec.securityContext.seccompProfile.type         RuntimeDefault            –
//	pod-broker             spec.containers.0.readinessProbe.tcpSocket.port  29092                     –
//	pod-combined           spec.containers.0.readinessProbe.tcpSocket.port  29092                     a script that asks the JMX exporter
//	pod-controller         spec.containers.0.readinessProbe.tcpSocket.port  29093                     the same script
//	pod-combined           spec.containers.0.livenessProbe                  –                         the same script
//	pod-combined           spec.containers.0.lifecycle                      –                         a script that kills Kafka
//	pod-combined-headless  spec.subdomain                                   demo-headless             demo-controller-headless
//	pod-combined           spec.volumes.6.name                              start-state               –
//	claim-new              metadata.name                                    demo-2-9e423fa7           demo-2-storage-0- and random letters
//	service-all-broker     spec.selector.isBrokerNode                       true                      –
//	service-controller     metadata.name                                    demo-controller-headless  only in headless mode
//	service-broker         spec.publishNotReadyAddresses                    true                      as the spec says
//	configmap-broker       data.user-config                                 (present)                 –
//
// Why:
//
//   - The kubelet restarts a Kafka that ended, with its own backoff, and keeps the log of the one before: nobody needs the
//     operator for it. Pods that Koperator made keep Never until their next restart.
//   - A probe that kills would end the recovery of a log, or a controller that only observes yet; whether a listener takes
//     connections is all that a Service has to know. Whether a broker is back for the next restart is asked of Kafka.
//   - Kafka ends in order on SIGTERM, which the start script passes on: there is nothing to do before.
//   - A combined node has one subdomain; Koperator advertises it under the other one, where nothing answers.
//   - Names that follow from broker and mount path make a second Pod or claim of a node impossible.
//   - The all-broker Service leads to nodes that serve clients, so not to controllers. Nodes find each other while they start:
//     all other Services publish who is not ready. Controllers are found by one name in both modes.
//   - start-state remembers a formatted disk for a container that is started anew, user-config what people wrote into the file
//     of the last start. Annotations of the project carry hashes, the right to format and what was written last (signed).
//   - PodDisruptionBudgets are there unless they are switched off, and say what Kafka's health allows at the moment.
package kube
