// Package server runs the sandbox's etcd and kube-apiserver for one measurement, and describes the machine they run on.
package server
