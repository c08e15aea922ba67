// Command bench measures the daemon against a real etcd and kube-apiserver: how fast a cluster comes up compared with
// a client that writes the same objects and does nothing else, what that costs the API server and the machine, and
// whether the daemon is silent at rest.
//
//	server  etcd and kube-apiserver of the sandbox, fresh for each measurement, with an audit log
//	daemon  the operator as a process of its own
//	hollow  nodes without containers: Pods turn Running by themselves
//	load    KafkaClusters, the floor, objects of other people
//	audit   counts requests; report prints the table
//
// A measurement (measure_*.go) fills its part of results; rows.go makes rows of them, and is the only place that knows targets.
package main
