package simulation

import "sync"

// workers run actors in goroutines that are kept. The library's own dispatcher takes a new goroutine for every run of a mailbox, whose
// stack has to grow again each time: an eighth of all that a history takes.
type workers struct {
	mu   sync.Mutex
	idle []chan func()
	// ended: who has nothing to do ends.
	ended bool
}

// Schedule implements actor.Dispatcher.
func (w *workers) Schedule(run func()) {
	if raceDetector { // which would take each worker's lock for an order between actors that nothing else orders
		go run()
		return
	}
	if idle := w.take(); idle != nil {
		idle <- run
		return
	}
	go w.work(run)
}

// Throughput implements actor.Dispatcher: as many messages as the library's own takes before it lets others run.
func (w *workers) Throughput() int { return 300 }

func (w *workers) work(run func()) {
	more := make(chan func(), 1)
	for run != nil {
		run()
		if !w.rest(more) {
			return
		}
		run = <-more
	}
}

// take is a worker that rests, nil when none does.
func (w *workers) take() chan func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := len(w.idle) - 1
	if last < 0 {
		return nil
	}
	idle := w.idle[last]
	w.idle = w.idle[:last]
	return idle
}

func (w *workers) rest(worker chan func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.idle = append(w.idle, worker)
	}
	return !w.ended
}

// end lets all of them go, those at work when they are done.
func (w *workers) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	for _, idle := range w.idle {
		close(idle)
	}
	w.idle = nil
}
