package cluster

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/koperator-go/koperator/actors/kit"
)

// job is work outside the mailbox of which one at a time is under way, tried again later and later when it fails.
type job struct {
	running  bool
	failures int
	notUntil time.Time
	lastFail string
}

// start reports whether the job may begin now, and takes it as begun. If it is too early the actor looks again in time.
func (j *job) start(a *cluster, c actor.Context) bool {
	if j.running {
		return false
	}
	if left := time.Until(j.notUntil); left > 0 {
		a.again.SetSooner(c, left, lookNow{})
		return false
	}
	j.running = true
	return true
}

// settle forgets failures: there is nothing left to try again.
func (j *job) settle() { j.failures, j.notUntil, j.lastFail = 0, time.Time{}, "" }

// ended takes the result. A panic in an effect is a bug: it is raised here, so that supervision counts and logs it.
func (j *job) ended(a *cluster, c actor.Context, err error) {
	j.running = false
	if err == nil {
		j.settle()
		return
	}
	var panicked kit.PanicError
	if errors.As(err, &panicked) {
		panic(fmt.Sprintf("%v\n%s", panicked.Value, panicked.Stack))
	}
	j.failures++
	delay := kit.Doubled(time.Second, time.Minute, j.failures)
	j.notUntil = time.Now().Add(delay)
	a.again.SetSooner(c, delay, lookNow{})
	if err.Error() != j.lastFail {
		a.Log.Warn("effect failed", "error", err, "retry_in", delay)
		j.lastFail = err.Error()
	}
}
