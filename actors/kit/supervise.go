package kit

import (
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Backoff is a supervisor that restarts only the child that failed, with doubling delays, for ever. (The library's
// exponential strategy grows linearly, has no cap and gives up.)
type Backoff struct {
	Base, Max time.Duration
	// Quiet is how long a child must work without failure to start again at Base.
	Quiet time.Duration
}

// Supervision is how every parent of the daemon treats its children. It must be one value: the library registers a
// guardian for each distinct one and never removes it.
func Supervision() actor.SupervisorStrategy {
	return Backoff{Base: 200 * time.Millisecond, Max: time.Minute, Quiet: 10 * time.Minute}
}

// HandleFailure implements actor.SupervisorStrategy.
func (b Backoff) HandleFailure(sys *actor.ActorSystem, parent actor.Supervisor, child *actor.PID,
	history *actor.RestartStatistics, reason, _ any,
) {
	if history.NumberOfFailures(b.Quiet) == 0 {
		history.Reset()
	}
	history.Fail()
	sys.EventStream.Publish(&actor.SupervisorEvent{Child: child, Reason: reason, Directive: actor.RestartDirective})
	time.AfterFunc(b.delay(history.FailureCount()), func() { parent.RestartChildren(child) })
}

func (b Backoff) delay(failures int) time.Duration {
	d := Doubled(b.Base, b.Max, failures)
	return d + rand.N(d/5+1) // spread, so that actors that failed together do not return together
}

// Doubled is base for the first failure, twice as much for each further one, at most limit.
func Doubled(base, limit time.Duration, failures int) time.Duration {
	d := base
	for n := 1; n < failures && d < limit; n++ {
		d *= 2
	}
	return min(d, limit)
}
