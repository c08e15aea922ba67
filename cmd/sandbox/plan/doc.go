// Package plan decides, without touching the machine, what an instance of the sandbox looks like: its subnets, names
// and paths, the arguments of each daemon and the files they read. Everything is a function of an Instance.
//
// One instance lives in one network namespace, so that iptables rules, routes and ports of two instances never meet
// and all of them vanish with the namespace:
//
//	host                         network namespace of the instance
//	ksb<index> 10.244.255.1 ──── uplink 10.244.255.2   API server, DNS (etcd on loopback)
//	                             uplink 10.244.1.1     node-1: containerd, kubelet ── Pods 10.244.1.0/24
//	                             uplink 10.244.2.1     node-2 …
//	routes to Pods and Services  kube-proxy: Services 10.96.0.0/17, load balancers 10.96.128.0/24
//
// The second instance counts the second number of the Pod network down (10.243) and that of the Services up (10.97).
package plan
