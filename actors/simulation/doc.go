// Package simulation runs the whole daemon, from the operator actor down to every broker actor, against a model of the
// world it lives in, for hours of virtual time in milliseconds.
//
//	scenario ─▶ World ─▶ daemon (the real actors) ─▶ client ─▶ store ◀─ people, scheduler, kubelets, controllers
//	                          ▲                        ▲         │
//	                          └── kube.Cache ◀── feed ─┴─ faults ┘
//	                          └── health.Dialer ◀───────────────── kafka
//
//	store     an API server: objects, versions, server-side apply, finalizers, preconditions, garbage collection
//	feed      watches: events that come late, or are lost until the next list
//	kubelet   nodes that start Pods: claims, images, the start script's rules for formatting, restarts, readiness
//	kafka     who has formatted what, who found a quorum, who is registered
//	faults    what goes wrong, decided by the seed and the name of the call, so that a seed can be replayed
//	invariants what must hold after every single change; a broken one fails the test with the journal of writes
//
// A scenario is a few lines:
//
//	run(t, func(w *World) {
//		w.apply(kafkaCluster("demo", nodes(3)))
//		w.eventuallyReady("demo")
//		w.settled("demo")
//	})
//
// onBoth runs it a second time with client-go's fake clientsets and the daemon's own informers between the daemon and the
// store, so that what the store takes for server-side apply cannot drift from what client-go does. The informers list and
// watch as against a real API server: what that promises (watchCache) holds in every trouble. What both do for kube.Writer is
// what a real API server does for it: kube/writertest is one table that runs on all three. A test may not sleep outside
// of the bubble that run makes, and everything is stopped before the bubble ends.
package simulation
