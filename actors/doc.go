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
// Of Kafka itself, where no key and no partition has two that change it:
//
//	configuration of one broker   broker, cluster  what the spec says of it; throttles of moving replicas, and what is left of a
//	                                               broker that is gone
//	configuration of all brokers  cluster
//	replicas, voters, version     cluster
//	leaders                       health           preferred ones, after a restart
//
// Kafka topics, users and operations are released by cluster when it is deleted, and written by nobody yet.
//
// In package kit is what wraps the actor library, in package simulation the whole tree in virtual time.
package actors
