package kit

import (
	"runtime/debug"
	"sync"
)

// Together runs work(0) to work(n-1) side by side and waits for all of them. A panic in one is raised again in the
// caller, where Go makes an error of it; in a goroutine of its own nobody would recover it, and the daemon would end.
func Together(n int, work func(i int)) {
	var all sync.WaitGroup
	panics := make([]any, n)
	for i := range n {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panics[i] = PanicError{Value: p, Stack: string(debug.Stack())}
				}
			}()
			work(i)
		})
	}
	all.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}
