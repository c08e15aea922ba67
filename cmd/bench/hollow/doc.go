// Package hollow plays scheduler and kubelets without any container: a Pod is bound to a node, turns Running and Ready by
// one status patch, and ends at once when it is deleted. What this costs is measured beside, since it is no part of
// the daemon's work:
//
//	Pod created ──watch──▶ binding ──▶ status patch ──▶ Running
//	                       └────────── Lag ───────────┘
package hollow
