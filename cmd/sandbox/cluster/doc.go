// Package cluster brings one instance of the sandbox up and down:
//
//	up    packages ─ claim ─ cgroups, network ─ certificates, files ─ registry ─ etcd ─ API server
//	      ─ control plane, containerds ─ kubelets ─ first objects ─ nodes ready   (images beside all this)
//	down  all processes of the cgroup ─ network ─ mounts ─ cgroups ─ files ─ claim
//
// Between the two a node can die (stop-node: its network is cut, kubelet, containerd and containers are killed) and be switched
// on again (start-node).
//
// Every step of up looks first whether it is done; every step of down works on whatever is left.
package cluster
