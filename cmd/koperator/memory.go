package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// lullTime is how long the daemon has to be quiet.
	lullTime = 10 * time.Second
	// lullBytes is what it allocates at most meanwhile: clusters at rest need less.
	lullBytes = 4 << 20
	// burstBytes is what makes it worth it.
	burstBytes = 32 << 20
)

// lull tells when a burst of work is over, from the bytes that were allocated since the start of the process.
type lull struct{ last, released uint64 }

// next takes the newest count and reports whether memory is to be given back now.
func (l lull) next(allocated uint64) (lull, bool) {
	over := allocated-l.last < lullBytes && allocated-l.released >= burstBytes
	l.last = allocated
	if over {
		l.released = allocated
	}
	return l, over
}

// giveBack returns memory to the machine after each burst of work, such as the start of a large cluster. Go itself keeps up to twice
// what is in use until so much more is allocated, or for minutes; at rest nothing allocates, and somebody else may need it.
func giveBack(ctx context.Context) {
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	ticker := time.NewTicker(lullTime)
	defer ticker.Stop()
	for seen := (lull{}); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		metrics.Read(allocated)
		var over bool
		if seen, over = seen.next(allocated[0].Value.Uint64()); over {
			debug.FreeOSMemory()
		}
	}
}
