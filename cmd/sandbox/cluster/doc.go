// Package cluster brings one instance of the sandbox up and down:
//
//	up    packages ─ claim ─ cgroups, network ─ certificates, files ─ registry ─ etcd ─ API server
//	      ─ control plane, containerds ─ kubelets ─ first objects ─ nodes ready   (images beside all this)
//	down  all processes of the cgroup ─ network ─ mounts ─ cgroups ─ files ─ claim
//
// Every step of up looks first whether it is done; every step of down works on whatever is left.
package cluster
