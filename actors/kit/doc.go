// Package kit wraps the actor library (protoactor-go): only this package and the actors import it.
//
// The core of the library is small and fast; several of its conveniences lose messages, spin or race. What the
// actors may use instead stands here:
//
//	Lifetime, Go     blocking work outside the mailbox, ended with the actor, its result an ordinary message
//	Together         work side by side whose panics reach Go
//	Trigger          any number of events become at most one queued message
//	Timer            one pending message to oneself, replaced or cancelled without a race
//	Backoff          a panic restarts that actor alone, later and later, for ever
//	Mailbox          closes the window in which a spawned actor cannot be sent to, and counts its queue
//	Ask, StopAndWait questions and shutdown from goroutines that are no actors
//	Metrics.Props    every actor kind is measured and its panics are logged with their stack
//
// Rules that the code relies on: Receive never blocks; errors are values and panics are bugs; an actor ends its
// Lifetime in Stopping and in Restarting, and never panics there; actor.Context stays inside Receive.
package kit
