package kit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// defaultAskTimeout bounds a question whose context has no deadline.
const defaultAskTimeout = 5 * time.Second

// Ask sends a message from a goroutine that is no actor and waits for the answer, at most until the deadline of
// ctx. An actor never asks: it would block its own mailbox and the supervision of its children.
func Ask[T any](ctx context.Context, sys *actor.ActorSystem, pid *actor.PID, message any) (T, error) {
	timeout := defaultAskTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(time.Until(deadline), 0) // a negative timeout would wait for ever
	}
	var none T
	answer, err := sys.Root.RequestFuture(pid, message, timeout).Result()
	if err != nil { // first: near the timeout both can be set
		return none, fmt.Errorf("ask %s with %T: %w", pid.Id, message, err)
	}
	switch answer := answer.(type) {
	case T:
		return answer, nil
	case error:
		return none, answer
	default:
		return none, errors.New("ask " + pid.Id + ": unexpected answer " + fmt.Sprintf("%T", answer))
	}
}
