// Package broker is one actor per Kafka node, broker or controller. It alone writes that node's claims, ConfigMap,
// Service and Pod.
//
//	Reconfigure, Look ─▶ observe ─▶ plan ─▶ first step ─▶ effect outside the mailbox ─▶ look again
//	                                  └─▶ wait, with a reason that people read in status
//
// What to do is decided by a pure function over what is wanted and what is there (ahead.go: plan): an ordered list of steps with their
// reasons, each of them decided in plan.go. The actor does the first and plans anew when its effect is seen, so that nothing is done for
// objects, versions and answers that are old by then. Status and Events show the step that is due, the log the list, once, and anew where it
// has changed. At most one effect is under way; whatever happens meanwhile is looked at when it has ended. A lost Pod is made again at once,
// from the claims it had. A running one is stopped only with a permit of the cluster actor (restart.go): what needs a restart is told, and
// waits.
//
// What Kafka takes while it runs is set while it runs (dynamic*.go). The broker is asked, the difference is planned by
// package kafka, recorded, sent, looked at, and then written into the file of the next start:
//
//	describe ─▶ record what is about to be ours ─▶ alter ─▶ record what is ours ─▶ describe ─▶ file ─▶ hashes of the Pod
//
// What Kafka refuses of a file is recorded, too (dynamic_kept.go): a Pod that is made anew for another reason starts without.
// Levels of loggers are set the same way (levels.go, of Koperator's Pods levels_adopted.go), and a running Pod gets other CPU (cpu.go).
// Each of these steps follows from what is there, so a daemon may die between any two of them.
package broker
