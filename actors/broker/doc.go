// Package broker is one actor per Kafka node, broker or controller. It alone writes that node's claims, ConfigMap,
// Service and Pod.
//
//	Reconfigure, Look ─▶ observe ─▶ plan ─▶ one step ─▶ effect outside the mailbox ─▶ look again
//	                                  └─▶ wait, with a reason that people read in status
//
// What to do next is decided in plan.go alone, a pure function over what is wanted and what is there. At most one effect
// is under way; whatever happens meanwhile is looked at when it has ended. A lost Pod is made again at once, from the
// claims it had; nothing here restarts a running one.
package broker
