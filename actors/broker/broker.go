package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// effects is all that a broker actor does to the world, and all that it sees of it.
type effects interface {
	// observe reads the cache; it does not block.
	observe(written *kube.Written, now time.Time) observed
	// run executes a step and returns what it left behind.
	run(ctx context.Context, s step) (outcome, error)
}

const (
	effectTimeout = 30 * time.Second
	firstRetry    = time.Second
	maxRetry      = 5 * time.Minute
)

// Config is what a broker actor is made from.
type Config struct {
	ID      messages.BrokerID
	Context context.Context // ends when the daemon may no longer act
	World   World
	Trigger *kit.Trigger
	Log     *slog.Logger
	// Ended and LastEnded are what status remembers of Pods that ended by themselves.
	Ended     int32
	LastEnded time.Time
}

// Props is the recipe of a broker actor.
func Props(metrics *kit.Metrics, config Config) *actor.Props {
	return metrics.Props("broker", func() actor.Actor { return newBroker(config, realEffects(config)) })
}

func newBroker(config Config, e effects) *broker {
	return &broker{
		Config: config, effects: e, written: &kube.Written{},
		endings:  endings{count: config.Ended, last: config.LastEnded},
		reported: messages.BrokerObserved{ID: config.ID},
	}
}

type broker struct {
	Config
	effects effects
	life    *kit.Lifetime

	// wanted is the newest wish; its revision is 0 until the parent has told one.
	wanted messages.Reconfigure
	// plan is wanted, worked out; planError says why it cannot be.
	plan      blueprint
	planError error

	// running is the step under way, nil when there is none. When it ends the actor looks anew, whatever came meanwhile.
	running step
	// told is the step that was told of last, foretold are those that were before they are due.
	told     string
	foretold []string

	written *kube.Written
	endings endings
	refused refusal
	// unsure is the Pod whose stop was asked for last without an answer.
	unsure unsure
	// rehearsed is the newest Pod that the API server was asked about.
	rehearsed rehearsed
	asked     asked
	disks     disks
	// overheard is what the start script said last.
	overheard overheard
	// lean is plan without the disks that are let go.
	lean lean
	// notGrown are sizes that the API server refused.
	notGrown map[types.UID]sizeRefused
	// places is where volumes may be, announced what was told of a cordon.
	places    map[string]place
	announced announced
	// cpuRefused is the last size that the API server did not give to the Pod.
	cpuRefused cpuRefused

	// failures counts effects that failed in a row; the retry timer is pending while it is above 0.
	failures int
	lastFail string
	retry    kit.Timer
	hastened bool // an event has shortened the pending retry once
	again    kit.Timer

	reported messages.BrokerObserved
}

type (
	retryNow struct{}
	lookNow  struct{}
)

// outcome is what an effect left behind.
type outcome struct {
	step step
	// applied is what the API server made of the applied objects, in their order.
	applied []kube.Object
	// configs is what the broker said of its configuration.
	configs kafka.Configs
	// words are what was told about a removed object.
	words string
	// places is what was found of volumes.
	places map[string]place
	// dirs is what the broker said of its log dirs, release the Kafka that it is.
	dirs    []kafka.ObservedLogDir
	release string
	// stands is set when the Pod is there that was asked for.
	stands bool
}

// Receive implements actor.Actor.
func (b *broker) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		b.life = kit.NewLifetime(b.Context)
		b.Trigger.Ack()
		c.Send(c.Parent(), messages.NeedSpec{ID: b.ID})
	case *actor.Stopping, *actor.Restarting:
		b.retry.Stop()
		b.again.Stop()
		b.life.End()
	case *actor.Stopped, *actor.Touch:
	case messages.Reconfigure:
		b.reconfigure(c, m)
	case messages.Look:
		b.Trigger.Ack()
		b.look(c)
	case retryNow:
		b.retry.Fired()
		b.reconcile(c)
	case lookNow:
		b.again.Fired()
		b.reconcile(c)
	case kit.Result[outcome]:
		if m.From(b.life) {
			b.finished(c, m)
		}
	case messages.Inspect:
		c.Respond(b.reported)
	default:
		b.Log.Warn("unexpected message", "type", fmt.Sprintf("%T", m))
	}
}

// reconfigure takes a newer wish; it is tried at once, whatever delay the old one had earned.
func (b *broker) reconfigure(c actor.Context, m messages.Reconfigure) {
	if m.Revision <= b.wanted.Revision {
		return
	}
	if b.wanted.Revision > 0 && b.wanted.Wanted.Cluster != m.Wanted.Cluster {
		b.endings = endings{}
	}
	b.wanted = m
	b.plan, b.planError = b.plan.following(m.Wanted)
	b.failures, b.lastFail = 0, ""
	b.retry.Stop()
	b.reconcile(c)
}

// look follows a change of the broker's objects. While effects fail it shortens the wait once: an effect that fails
// may itself cause the events.
func (b *broker) look(c actor.Context) {
	switch {
	case !b.retry.Pending():
		b.reconcile(c)
	case !b.hastened:
		b.hastened = true
		b.retry.Set(c, b.retryDelay()/4, retryNow{})
	}
}

// reconcile plans from what is there now and starts the step, one at a time.
func (b *broker) reconcile(c actor.Context) {
	if b.wanted.Revision == 0 {
		return
	}
	if b.running != nil {
		return
	}
	b.again.Stop()
	now := time.Now()
	w, o := b.observe(now)
	steps := slices.Values([]step{wait{phase: messages.PhaseBlocked, reason: fmt.Sprint(b.planError)}})
	if s := unanswered(o, now); s != nil { // also while the newest wish cannot be worked out
		steps = slices.Values([]step{s})
	} else if b.unsure = (unsure{}); b.planError == nil {
		steps = plan(w, o, now)
	}
	next := due(steps)
	b.asked = w.remembered(o, now)
	if !b.retrying(next) && !(onlyAsks(next) && b.reported.Revision == b.wanted.Revision) {
		b.report(c, w.observation(o, next), now)
	}
	if isEffect(next) {
		b.tell(next, steps)
		b.start(c, next)
		return
	}
	if waits, ok := next.(wait); ok && waits.again > 0 {
		b.again.Set(c, waits.again, lookNow{})
	}
	for _, left := range []time.Duration{w.patience(o, now), o.failedLately()} {
		if left > 0 {
			b.again.SetSooner(c, left, lookNow{})
		}
	}
	b.failures, b.lastFail = 0, ""      // nothing is left to do, or somebody else has to
	if o.behind && !b.again.Pending() { // the cache has yet to show what was written
		b.again.Set(c, cacheBehindLook, lookNow{})
	}
}

// observe looks at what there is, and works out what is wanted of it.
func (b *broker) observe(now time.Time) (blueprint, observed) {
	o := b.effects.observe(b.written, now)
	o.endings, o.refused, o.unsure, o.asked, o.notGrown = b.endings, b.refused, b.unsure, b.asked, b.notGrown
	o.places, o.announced, o.cpuRefused = b.places, b.announced, b.cpuRefused
	o.disks, o.overheard, o.silent, o.rehearsed = b.disks, b.overheard, b.failures > 0, b.rehearsed
	w := b.effective(o).asMade(o)
	o.live = w.liveOf(o)
	return w, o
}

// tell logs a step, with what follows from it unless that was told before: a plan is shown once, and anew where it has changed.
func (b *broker) tell(next step, steps iter.Seq[step]) {
	attributes := []any{"step", nameOf(next), "reason", reasonOf(next)}
	if levelOf(next) < slog.LevelInfo {
		b.Log.Log(b.Context, levelOf(next), "step", attributes...)
		return
	}
	text := textOf(next)
	if pod := podToStop(next); pod != nil && pod.UID == b.refused.pod { // somebody's budget may refuse it for days
		return
	}
	switch {
	case b.retrying(next) && b.told == text: // it was when it was tried first
	case len(b.foretold) > 0 && b.foretold[0] == text:
		b.foretold = b.foretold[1:]
	case b.Log.Enabled(b.Context, slog.LevelInfo):
		all := slices.Collect(steps)
		b.foretold = foretold(all)
		attributes = append(attributes, "then", texts(all[1:]))
	}
	b.told = text
	b.Log.Info("step", attributes...)
}

// retrying reports whether a step repeats what just failed: it stays a failure until it has succeeded.
func (b *broker) retrying(next step) bool { return b.failures > 0 && isEffect(next) }

// onlyAsks holds for questions that are asked now and then, whatever the broker waits for: they are no news.
func onlyAsks(s step) bool {
	switch s.(type) {
	case inspect, overhear:
		return true
	default:
		return false
	}
}

// cacheBehindLook is how long to trust that an event follows our own write.
const cacheBehindLook = 31 * time.Second

func (b *broker) start(c actor.Context, s step) {
	b.running = s
	e := b.effects
	kit.Go(b.life, c, effectTimeout, func(ctx context.Context) (outcome, error) {
		return e.run(ctx, s)
	})
}

func (b *broker) finished(c actor.Context, r kit.Result[outcome]) {
	s := b.running
	b.running = nil
	if b.wasRefused(s, r.Err) || b.notTaken(s, r.Err) || b.wasNotGrown(s, r.Err) || b.wasNotResized(s, r.Err) {
		b.reconcile(c)
		return
	}
	now := time.Now()
	if s, asked := s.(rehearse); asked && (r.Err == nil || refusedPod(r.Err) != "") {
		b.rehearsed = rehearsed{of: s.of, at: now, refused: refusedPod(r.Err)}
		b.failures, b.lastFail = 0, ""
		b.reconcile(c)
		return
	}
	var panicked kit.PanicError
	if s, asks := s.(inspect); asks && !errors.As(r.Err, &panicked) { // no answer is no failure: the broker is asked again
		b.disks = b.plan.inspected(b.disks, s, r.Value, r.Err, now)
		b.reconcile(c)
		return
	}
	if s, listens := s.(overhear); listens && !errors.As(r.Err, &panicked) { // a log that cannot be read stands in nobody's way
		b.overheard = b.overheard.after(s, r.Value.words, now)
		b.reconcile(c)
		return
	}
	if r.Err != nil {
		b.failed(c, s, r.Err)
		return
	}
	b.failures, b.lastFail = 0, ""
	switch s := s.(type) {
	case apply:
		for i, object := range r.Value.applied {
			b.written.Applied(s.objects[i], object, now)
		}
	case disown:
		b.written.Applied(s.object, r.Value.applied[0], now)
	case remove:
		b.written.Deleted(s.object)
		if s.endings == 0 {
			b.disks = b.disks.withStopped(s.object.GetUID(), now)
		}
		if s.endings > 0 {
			b.endings = endings{count: s.endings, last: now, words: b.plan.withField(r.Value.words)}
		}
	case evict:
		if b.refused.pod == s.pod.UID { // tell was silent for as long as it was refused
			b.Log.Info("step", "step", nameOf(s), "reason", s.reason)
		}
		b.written.Deleted(s.pod)
		b.disks = b.disks.withStopped(s.pod.UID, now)
	case ascertain:
		b.unsure, b.refused.at = unsure{}, now // by the next try the operator's own budget knows that it stands
		if !r.Value.stands {
			b.written.Deleted(s.pod)
		}
	case letGo:
		for i, object := range r.Value.applied {
			b.written.Applied(s.claims[i], object, now)
		}
		b.refused = b.refused.passed(s, len(r.Value.applied))
		if b.disks = b.disks.withMarked(s, now); len(r.Value.applied) == 0 {
			b.disks.markedClaims = nil
			b.disks = b.plan.inspected(b.disks, s.inspect, r.Value, nil, now)
		}
	case annotate:
		b.written.Applied(s.object, r.Value.applied[0], now)
	case describe:
		b.asked = b.asked.answered(s, r.Value.configs, now)
	case alter:
		b.asked = b.asked.taken(s, now)
	case setLevels:
		b.asked.levels.done = s.of
	case resizeCPU:
		b.written.Applied(s.pod, r.Value.applied[0], now)
	case locate:
		b.places = withPlaces(b.places, r.Value.places)
	case announce:
		b.announced = s.of
	}
	b.reconcile(c)
}

// wasRefused takes an eviction that a PodDisruptionBudget did not let happen: no failure, somebody was faster.
func (b *broker) wasRefused(s step, err error) bool {
	var refused *kube.EvictionRefused
	if !errors.As(err, &refused) {
		return false
	}
	pod := podToStop(s)
	if pod == nil {
		return false
	}
	if b.refused.text != refused.Error() || b.refused.pod != pod.UID {
		b.Log.Info("eviction refused", "reason", refused.Message)
	}
	b.refused = refusal{pod: pod.UID, text: refused.Error(), at: time.Now()}
	return true
}

// podToStop is the Pod that a step evicts or is about to.
func podToStop(s step) *corev1.Pod {
	switch s := s.(type) {
	case evict:
		return s.pod
	case letGo:
		return s.pod
	default:
		return nil
	}
}

// wasNotResized takes a size that the API server does not give to a Pod that runs: a new one will have it.
func (b *broker) wasNotResized(s step, err error) bool {
	var refused *kube.ResizeRefused
	resize, ok := s.(resizeCPU)
	if !ok || !errors.As(err, &refused) {
		return false
	}
	b.Log.Info("CPU not changed in place", "reason", refused.Message)
	b.cpuRefused = cpuRefused{cpuWish: resize.of, text: refused.Message}
	return true
}

// wasNotGrown takes a size that the API server does not give. It is told, and asked for again after a while.
func (b *broker) wasNotGrown(s step, err error) bool {
	a, applies := s.(apply)
	if !applies || !a.grows || !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		return false
	}
	b.Log.Warn("disk not grown", "error", err)
	now := time.Now()
	b.notGrown = withRefusedSizes(b.notGrown, a, err.Error(), b.effects.observe(b.written, now).claims, now)
	return true
}

// notTaken takes a change of its configuration that Kafka refuses: asking again is of no use.
func (b *broker) notTaken(s step, err error) bool {
	var refused *kafka.ConfigRefused
	if !errors.As(err, &refused) {
		return false
	}
	_, text := kafka.RefusedKey(refused.Message) // which shows no secret
	switch s := s.(type) {
	case alter:
		b.asked = b.asked.notTaken(s, refused.Message)
	case setLevels:
		b.asked.levels.refused, b.asked.levels.said = s.of, text
	default:
		return false
	}
	b.Log.Warn("configuration refused", "reason", text)
	return true
}

// failed retries later and later. A panic in an effect is a bug: it is raised here, so that supervision counts and
// logs it and starts the actor anew.
func (b *broker) failed(c actor.Context, s step, err error) {
	var panicked kit.PanicError
	if errors.As(err, &panicked) {
		panic(fmt.Sprintf("%v\n%s", panicked.Value, panicked.Stack))
	}
	b.failures++
	b.hastened = false
	delay := b.retryDelay()
	text := nameOf(s) + ": " + err.Error()
	if err.Error() != b.lastFail && (stopped(s) == nil || text != b.refused.text) {
		b.Log.Warn("step failed", "step", nameOf(s), "error", err, "retry_in", delay)
		b.lastFail = err.Error()
	}
	now := time.Now()
	if pod := stopped(s); pod != nil {
		b.refused = refusal{pod: pod.UID, text: text, failed: true, at: now}
		if !answered(err) {
			b.unsure = unsure{pod.UID, now}
		}
	}
	w, o := b.observe(now) // what was told last is from before the step, and the wish may be another one
	b.report(c, w.observation(o, wait{phase: messages.PhaseFailing, reason: text}), now)
	b.retry.Set(c, delay, retryNow{})
}

func (b *broker) retryDelay() time.Duration { return kit.Doubled(firstRetry, maxRetry, b.failures) }

// report tells the parent what is new.
func (b *broker) report(c actor.Context, now messages.BrokerObserved, at time.Time) {
	now.ID, now.Revision, now.Ended, now.LastEnded, now.Since = b.ID, b.wanted.Revision, b.endings.count, b.endings.last, b.reported.Since
	now.LastWords = cmp.Or(now.LastWords, b.endings.words)
	if now.Phase != b.reported.Phase || now.Reason != b.reported.Reason || now.Since.IsZero() {
		now.Since = at
	}
	if now.Equal(b.reported) {
		return
	}
	if now.Phase != b.reported.Phase {
		b.Log.Info("broker is "+string(now.Phase), "reason", now.Reason)
	}
	b.reported = now
	c.Send(c.Parent(), now)
}
