package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// Dialer makes connections to Kafka clusters.
type Dialer interface {
	// Dial prepares a session; it does not block.
	Dial(cluster messages.ClusterKey, bootstrap []string) (Session, error)
}

// Session asks one Kafka cluster. It is used by one goroutine at a time.
type Session interface {
	// ElectPreferred gives partitions back to their preferred leaders.
	ElectPreferred(ctx context.Context, partitions []messages.Partition) error
	Observe(ctx context.Context, ask kafka.Ask) (messages.KafkaObserved, error)
	Close()
}

const (
	lookTimeout = 15 * time.Second
	// awaiting is how often to look while a node is awaited that Kafka does not know.
	awaiting = time.Second
	// catchingUp is how often to look while replicas are not in sync: until they are nobody may drain a node.
	catchingUp = 5 * time.Second
	// closely is how long to pause while somebody wants to stop a broker, or awaits one: short, since a roll waits for
	// each answer, and never less than a few times what the last look took, since 50,000 partitions are megabytes.
	closely      = 200 * time.Millisecond
	pausePerLook = 4
	// patiently is how often to look then once nothing has changed for long, as while a broker that is awaited cannot start: pauses
	// grow to it by the partsPerPause-th part of the time without a change, so that what takes seconds is seen at once.
	patiently     = time.Second
	partsPerPause = 40
	// unhurried is how often to look at all partitions for a broker that leaves, whose replicas move for hours.
	unhurried = 10 * time.Second
	// resting is how often to look when all is well.
	resting = 30 * time.Second
	// A Kafka that does not answer is asked with doubling delays.
	firstRetry = time.Second
	maxRetry   = 30 * time.Second
	// believed is how many looks must fail in a row before an answer that Kafka gave counts no more: a single broker's
	// restart must not turn a healthy cluster's condition.
	believed = 3
)

// Config is what a health actor is made from.
type Config struct {
	Cluster messages.ClusterKey
	Context context.Context // ends when the daemon may no longer act
	Kafka   Dialer
	Log     *slog.Logger
}

// Props is the recipe of a health actor.
func Props(metrics *kit.Metrics, config Config) *actor.Props {
	return metrics.Props("health", func() actor.Actor { return &health{Config: config} })
}

type health struct {
	Config
	life    *kit.Lifetime
	watch   messages.Watch
	session Session // nil until there is something to dial
	looking bool
	// lookStarted is when the look under way began, took how long the last two took.
	lookStarted time.Time
	took        [2]time.Duration
	// elect are partitions whose preferred leaders the next look restores first.
	elect []messages.Partition
	// stale says that the watch has changed while a look was under way.
	stale    bool
	failures int
	next     kit.Timer
	told     messages.KafkaObserved
	toldOnce bool
	// changed is when it last had something else to tell than single partitions.
	changed time.Time
}

type lookNow struct{}

// Receive implements actor.Actor.
func (h *health) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		h.life = kit.NewLifetime(h.Context)
		c.Send(c.Parent(), messages.NeedWatch{})
	case *actor.Stopping, *actor.Restarting:
		h.next.Stop()
		h.life.End()
		h.hangUp()
	case *actor.Stopped, *actor.Touch:
	case messages.Watch:
		h.rewatch(c, m)
	case messages.ElectLeaders:
		h.elect = m.Partitions
		h.next.SetSooner(c, 0, lookNow{})
	case lookNow:
		h.next.Fired()
		h.look(c)
	case kit.Result[messages.KafkaObserved]:
		if m.From(h.life) {
			h.looked(c, m)
		}
	default:
		h.Log.Warn("unexpected message", "type", fmt.Sprintf("%T", m))
	}
}

// rewatch follows a new wish: somebody else is awaited, or Kafka is found elsewhere.
func (h *health) rewatch(c actor.Context, m messages.Watch) {
	if m.Equal(h.watch) {
		return
	}
	moved := !slices.Equal(m.Bootstrap, h.watch.Bootstrap)
	h.watch = m
	h.failures = 0
	if len(m.Bootstrap) == 0 && h.told.Answered { // a node that comes back must not count as known because it was before
		h.tell(c, messages.KafkaObserved{Error: "no broker is ready to be asked", QuorumLeader: -1})
	}
	h.stale = h.looking
	if h.looking {
		return
	}
	if moved {
		h.hangUp()
	}
	h.next.SetSooner(c, 0, lookNow{})
}

func (h *health) look(c actor.Context) {
	if h.looking || len(h.watch.Bootstrap) == 0 {
		return
	}
	if h.session == nil {
		session, err := h.Kafka.Dial(h.Cluster, h.watch.Bootstrap)
		if err != nil {
			h.failed(c, err)
			return
		}
		h.session = session
	}
	h.looking, h.lookStarted = true, time.Now()
	session, ask, elect, log := h.session, kafka.Ask{KRaft: h.watch.KRaft, Detail: h.watch.Detail}, h.elect, h.Log
	h.elect = nil
	kit.Go(h.life, c, lookTimeout, func(ctx context.Context) (messages.KafkaObserved, error) {
		if len(elect) > 0 {
			if err := session.ElectPreferred(ctx, elect); err != nil {
				log.Warn("preferred leaders not restored", "error", err) // Kafka does so itself, in minutes
			}
		}
		return session.Observe(ctx, ask)
	})
}

func (h *health) looked(c actor.Context, r kit.Result[messages.KafkaObserved]) {
	h.looking, h.took = false, [2]time.Duration{h.took[1], time.Since(h.lookStarted)}
	var panicked kit.PanicError
	if errors.As(r.Err, &panicked) {
		panic(fmt.Sprintf("%v\n%s", panicked.Value, panicked.Stack))
	}
	if h.stale { // asked under an older wish
		h.stale = false
		h.hangUp()
		h.next.Set(c, 0, lookNow{})
		return
	}
	if r.Err != nil {
		h.failed(c, r.Err)
		return
	}
	h.failures = 0
	r.Value.Watch = h.watch
	h.tell(c, r.Value)
	h.next.Set(c, h.pause(r.Value), lookNow{})
}

// failed keeps an earlier answer for a while, and never repeats itself.
func (h *health) failed(c actor.Context, err error) {
	h.failures++
	if !h.told.Answered || h.failures >= believed {
		if h.told.Answered || !h.toldOnce {
			h.Log.Warn("Kafka does not answer", "error", err)
		}
		h.tell(c, messages.KafkaObserved{
			Watch: h.watch, Error: "Kafka does not answer at " + h.watch.Bootstrap[0], QuorumLeader: -1,
		})
	}
	h.next.Set(c, h.retryPause(), lookNow{})
}

// retryPause is short while somebody waits for the answer: the broker that was asked may be the one that was stopped.
func (h *health) retryPause() time.Duration {
	if h.watch.Detail && !h.watch.Unhurried {
		return kit.Doubled(closely, firstRetry, h.failures)
	}
	return jittered(kit.Doubled(firstRetry, maxRetry, h.failures))
}

func (h *health) tell(c actor.Context, observed messages.KafkaObserved) {
	if h.toldOnce && observed.Equal(h.told) {
		return
	}
	if !h.toldOnce || !observed.EqualInShort(h.told) {
		h.changed = time.Now()
	}
	h.told, h.toldOnce = observed, true
	c.Send(c.Parent(), observed)
}

// pause is how long to wait for the next look.
func (h *health) pause(seen messages.KafkaObserved) time.Duration {
	switch {
	case h.watch.Detail && !h.watch.Unhurried:
		return max(closely, min(time.Since(h.changed)/partsPerPause, patiently), pausePerLook*h.work())
	case h.watch.Missing(seen):
		return max(awaiting, pausePerLook*h.work())
	case seen.UnderReplicated && !h.watch.Detail:
		return jittered(catchingUp)
	case h.watch.Detail:
		return jittered(unhurried)
	default:
		return jittered(resting)
	}
}

// work is what a look costs: a single slow one waited for something, as for a broker that is being stopped.
func (h *health) work() time.Duration { return min(h.took[0], h.took[1]) }

func (h *health) hangUp() {
	if h.session != nil {
		h.session.Close()
		h.session = nil
	}
}

// jittered spreads the looks of many clusters.
func jittered(d time.Duration) time.Duration { return d + rand.N(d/5+1) }
