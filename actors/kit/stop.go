package kit

import (
	"context"
	"fmt"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// StopAndWait stops an actor with its children and waits until they have ended, as long as ctx allows (the library's
// own future gives up after ten seconds). It must be the first to stop pid: a watch on an actor that is already
// stopping is answered at once, while its children still run.
func StopAndWait(ctx context.Context, sys *actor.ActorSystem, pid *actor.PID) error {
	ended := make(chan struct{})
	var once sync.Once
	watcher := sys.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			c.Watch(pid)
			c.Stop(pid)
		case *actor.Terminated:
			once.Do(func() { close(ended) })
		}
	}))
	defer sys.Root.Stop(watcher)
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop %s: %w", pid.Id, ctx.Err())
	}
}
