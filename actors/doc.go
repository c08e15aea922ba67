// Package actors holds one actor for each thing that lives in the real world. The tree is the design:
//
//	operator                     cluster                           every KafkaCluster
//	└─ cluster                   cluster/<namespace>/<name>        Services, budgets, shared ConfigMaps, status
//	   ├─ broker                 …/broker-<id>                     Pod, claims, ConfigMap, Service of one Kafka node
//	   └─ health                 …/health                          what Kafka says about its nodes; no object
//
// The right column of the tree is who writes what. Every object has exactly one kind of actor that writes it, so nobody
// reads, changes and writes back what another may have changed meanwhile. The simulation compares this table with what
// it has seen written:
//
//	KafkaCluster           cluster          status and finalizers only
//	Pod                    broker
//	PersistentVolumeClaim  broker
//	ConfigMap              broker, cluster  a node's file and what is ours of its dynamic values; the JMX exporter's
//	                                        rules, the accepted spec, what is ours of the values of all
//	                                        brokers and of the throttle of moving replicas
//	Service                broker, cluster  a node's own; those that all nodes share, and the end of a mode's
//	PodDisruptionBudget    cluster
//
// The label on the operator's own Pod that shows who leads is written by the command itself.
//
// Of Kafka itself, where no key and no partition has two that change it:
//
//	configuration of one broker   broker, cluster  what the spec says of it; throttles of moving replicas, and what is left of a
//	                                               broker that is gone
//	configuration of all brokers  cluster
//	replicas, voters, version     cluster
//	registration of a broker      cluster          its end
//	leaders                       health           preferred ones, after a restart
//
// Kafka topics, users and operations are released by cluster when it is deleted, and written by nobody yet.
//
// What comes later has its place: envoy, cruise, security, topics and users become siblings of health under each cluster, xds and
// alerts, of which there is one in a daemon, siblings of operator. Each is a package actors/<kind>, told and telling by values of
// package messages, and its world gets a model in package simulation.
//
// In package kit is what wraps the actor library, in package simulation the whole tree in virtual time.
package actors
