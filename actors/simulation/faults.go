package simulation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/koperator-go/koperator/kube"
)

// digest is a number that looks random and depends on nothing but its arguments.
func digest(seed uint64, text string, n int) uint64 {
	h := seed ^ 0xcbf29ce484222325 // FNV-1a
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
	}
	h += uint64(n) * 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9 // splitmix64
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// Trouble says how much goes wrong. Rates are in 1,000.
type Trouble struct {
	// Errors, Conflicts and Timeouts are answers to requests of the daemon. Of timeouts half did what was asked.
	Errors, Conflicts, Timeouts uint64
	// Slowest is how long a request may take, Stale how late a watch event may come.
	Slowest, Stale time.Duration
	// Losses are watches that break and miss everything until they list again.
	Losses uint64
	// KafkaErrors are requests to Kafka that get no answer; of changes half were made.
	KafkaErrors uint64
	// KafkaBehind is how long brokers may show partitions as they were.
	KafkaBehind time.Duration
}

// faults decides what goes wrong. Each decision is keyed by the seed, what it is about and how often it was asked about
// that: not by the order of goroutines, so that a seed goes wrong in the same way again.
type faults struct {
	seed uint64

	mu      sync.Mutex
	asked   map[string]int
	trouble Trouble
	// before is what trouble was until changed.
	before  Trouble
	changed time.Time
	// away is until when no request gets an answer.
	away time.Time
	// absences are the times that it was, or will be, away.
	absences [][2]time.Time
	// returns is how long a watch that broke, or that the API server was away from, may take to come back.
	returns time.Duration
	// panics are requests that make their caller panic once, as a bug would.
	panics map[string]bool
	// refused are objects of which every write fails.
	refused map[key]bool
}

func newFaults(seed uint64) *faults {
	return &faults{
		seed: seed, asked: map[string]int{}, panics: map[string]bool{}, refused: map[key]bool{}, returns: 25 * time.Second,
	}
}

// set changes how much goes wrong from now on.
func (f *faults) set(trouble Trouble) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.changed = f.trouble, time.Now()
	f.trouble = trouble
}

// lately is the most that went wrong within the last minute: what was late then may still be under way.
func (f *faults) lately(at time.Time) Trouble {
	f.mu.Lock()
	defer f.mu.Unlock()
	lately := f.trouble
	if at.Sub(f.changed) < time.Minute {
		lately.Slowest, lately.Stale = max(lately.Slowest, f.before.Slowest), max(lately.Stale, f.before.Stale)
		lately.KafkaBehind, lately.Losses = max(lately.KafkaBehind, f.before.KafkaBehind), max(lately.Losses, f.before.Losses)
	}
	return lately
}

func (f *faults) setAway(until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = until
	f.absences = append(f.absences, [2]time.Time{time.Now(), until})
}

// wasAway is for how long nothing had been heard at a moment, up to a minute or more after each absence: watches return late.
func (f *faults) wasAway(at time.Time) (longest time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, absence := range f.absences {
		if from, to := absence[0], absence[1].Add(max(f.returns, time.Minute)); !at.Before(from) && at.Before(to) {
			longest = max(longest, at.Sub(from))
		}
	}
	return longest
}

// panicOnce makes the next such request panic.
func (f *faults) panicOnce(verb string, k key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.panics[verb+" "+k.String()] = true
}

func (f *faults) panicNow(about string) {
	f.mu.Lock()
	due := f.panics[about]
	delete(f.panics, about)
	f.mu.Unlock()
	if due {
		panic("ordered by the test: " + about)
	}
}

func (f *faults) current() (Trouble, time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.trouble, f.away
}

// roll is the next decision about something.
func (f *faults) roll(about string) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[about]++
	return digest(f.seed, about, f.asked[about])
}

// happens is true in a number of 1,000 cases. What is decided, and about what, together are what the decision is keyed by.
func (f *faults) happens(what, about string, rate uint64) bool {
	return rate > 0 && f.roll(what+about)%1000 < rate
}

// between is a duration from least up to most.
func (f *faults) between(about string, least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(f.roll(about)%uint64(most-least))
}

var errAway = errors.New("dial tcp 10.96.0.1:443: connect: connection refused")

// request plays what happens to a request of the daemon around do, which is what the server makes of it.
func (f *faults) request(ctx context.Context, verb string, k key, do func() error) error {
	trouble, away := f.current()
	about := verb + " " + k.String()
	f.panicNow(about)
	latency := time.Millisecond
	if trouble.Slowest > 0 {
		latency = f.between("latency of "+about, time.Millisecond, trouble.Slowest)
	}
	if err := sleep(ctx, latency); err != nil {
		if f.happens("sent ", about, 500) { // it was on its way when the daemon gave up
			_ = do()
		}
		return err
	}
	if time.Now().Before(away) {
		return errAway
	}
	resource := schema.GroupResource{Resource: string(k.kind)}
	switch {
	case f.happens("timeout of ", about, trouble.Timeouts):
		if f.happens("landed ", about, 500) {
			_ = do()
		}
		<-ctx.Done()
		return fmt.Errorf("%s: %w", about, ctx.Err())
	case f.happens("conflict of ", about, trouble.Conflicts):
		return apierrors.NewConflict(resource, k.name, errors.New("the object has been modified"))
	case f.happens("error of ", about, trouble.Errors):
		if f.happens("answer lost ", about, 300) {
			_ = do()
		}
		return apierrors.NewGenericServerResponse(http.StatusServiceUnavailable, verb, resource, k.name, "etcd leader changed", 1, false)
	default:
		if err := f.refuses(k); err != nil {
			return err
		}
		return do()
	}
}

// sleep waits, or returns early with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lostKind reports whether the watch of a kind breaks now, and for how long.
func (f *faults) watchBreaks(kind kube.Kind) (time.Duration, bool) {
	trouble, _ := f.current()
	if !f.happens("watch of ", string(kind), trouble.Losses) {
		return 0, false
	}
	return f.between("gap of "+string(kind), time.Second, 20*time.Second), true
}

// delay is how late a watch event comes.
func (f *faults) delay(kind kube.Kind) time.Duration {
	trouble, _ := f.current()
	if trouble.Stale == 0 {
		return time.Millisecond
	}
	return f.between("event of "+string(kind), time.Millisecond, trouble.Stale)
}

// kafkaFails decides whether a request to Kafka gets an answer.
func (f *faults) kafkaFails(about string) bool {
	trouble, _ := f.current()
	return f.happens("Kafka: ", about, trouble.KafkaErrors)
}

// kafkaBehind is how old the metadata of the broker that answers may be.
func (f *faults) kafkaBehind(cluster string) time.Duration {
	trouble, _ := f.current()
	if trouble.KafkaBehind == 0 {
		return 0
	}
	return f.between("metadata of "+cluster, 0, trouble.KafkaBehind)
}

// awayFor is how long the API server stays away.
func (f *faults) awayFor() time.Duration {
	_, away := f.current()
	return max(time.Until(away), 0)
}
