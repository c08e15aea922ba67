package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// movesWish is a batch of moves with all that it needs to know.
type movesWish struct {
	// brokers are addresses to ask, in order; takers those of the brokers that get replicas.
	brokers []string
	takers  map[messages.BrokerID]string
	// start are moves to begin, cancel those to take back: one of the two.
	start, cancel    []kafka.Move
	leaving, staying []messages.BrokerID
	throttle         throttleWish
}

// movesResult is what became of it.
type movesResult struct {
	wish movesWish
	// sent are the moves that Kafka was asked for.
	sent []kafka.Move
	// unfit say why brokers cannot take replicas, foreign who else moves some.
	unfit   map[messages.BrokerID]string
	foreign string
	// err is why it failed, nil when it did not.
	err error
	// throttle is what is known of it afterwards, lowering why some of it is still there that is not needed any more.
	throttle throttleState
	lowering error
}

// movesItself reports whether the operator moves replicas: only where there is no Cruise Control, which would be a second mover.
func (a *cluster) movesItself() bool { return a.valid.Spec.CruiseControlConfig.Disabled }

// keepMoves decides anew what moves off the brokers that left the spec, once with each answer of Kafka.
func (a *cluster) keepMoves(c actor.Context) {
	if a.paused() {
		return
	}
	leaving := leavingNodes(a.nodes())
	moves := a.movesItself() && (len(leaving) > 0 || a.moves.busy())
	if !moves {
		a.tellMoved()
		a.moves.reset()
		if !a.throttleLeft() {
			return
		}
	}
	a.moves.looks.take(a.roll.index)
	view := movesView{
		removalView: removalView{rollView: a.rollView(time.Now())}, started: a.moves.started, before: a.moves.looks.before,
		down: a.moves.down, unfit: a.moves.unfit, why: a.moves.why, restarts: len(a.decision.waiting),
	}
	a.moves.down = view.downSince()
	view.down = a.moves.down
	a.moves.stillUnfit(view.now)
	if a.moves.job.running || !view.freshSince(a.moves.asked) || a.moves.looks.planned == a.roll.index {
		return
	}
	a.moves.looks.planned = a.roll.index
	in, plan := view.input(), kafka.MovesPlan{}
	if moves {
		plan = kafka.PlanMoves(in)
		a.moves.plan, a.moves.started = plan, plan.Started
		a.moves.follow(view.now, a.valid.Spec.CruiseControlConfig.GetReplicationThrottle())
		if a.moves.done() {
			a.tellMoved()
		}
		if a.moves.waits = view.held(); a.moves.waits != "" {
			plan.Start, plan.Cancel = nil, nil
		}
	} else {
		in.Leaving = nil
	}
	a.startMoves(c, in, plan)
}

func (a *cluster) startMoves(c actor.Context, in kafka.MovesInput, plan kafka.MovesPlan) {
	wish := movesWish{
		brokers: a.askedBrokers(), takers: map[messages.BrokerID]string{}, start: plan.Start, cancel: plan.Cancel,
		leaving: in.Leaving, staying: in.Staying, throttle: a.throttleWish(in),
	}
	if len(wish.brokers) == 0 || len(plan.Start)+len(plan.Cancel) == 0 && wish.throttle.done() || !a.moves.job.start(a, c) {
		return
	}
	for _, m := range plan.Start {
		for _, id := range m.To {
			wish.takers[id] = broker.AdminAddress(a.valid, id)
		}
	}
	a.moves.started = slices.Concat(a.moves.started, plan.Start) // also if the answer gets lost
	e := a.effects
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (movesResult, error) {
		return e.moveReplicas(ctx, wish), nil
	})
}

func (a *cluster) replicasMoved(c actor.Context, r kit.Result[movesResult]) {
	now, result := time.Now(), r.Value
	if r.Err != nil {
		result.err = r.Err
	}
	a.moves.job.ended(a, c, cmp.Or(result.err, result.lowering))
	a.moves.asked, a.moves.failure = now, ""
	a.throttled(result)
	if result.err != nil {
		a.moves.failure = result.err.Error()
	}
	a.moves.plan.Waits = cmp.Or(result.foreign, result.refused(), a.moves.plan.Waits)
	for id, why := range result.unfit {
		if a.moves.unfit == nil {
			a.moves.unfit, a.moves.why = map[messages.BrokerID]time.Time{}, map[messages.BrokerID]string{}
		}
		a.moves.unfit[id], a.moves.why[id] = now.Add(unfitFor), why
		a.Log.Info("broker gets no replicas", "broker", id, "reason", why)
	}
	switch {
	case len(result.sent) == 0 || result.err != nil:
	case len(result.wish.cancel) > 0:
		a.Log.Info("moves taken back", "partitions", movedNames(result.sent))
		a.tellMoves("ReplicaMovesTakenBack", "moves of replicas are taken back: the broker that they were to leave is in the spec again, "+
			"or the one that was to get them is not there")
	default:
		a.Log.Info("replicas move", "partitions", movedNames(result.sent))
		if !a.moves.told {
			a.tellMoves("ReplicasMoving", "replicas move from "+named(leavingNodes(a.nodes()))+" to the brokers that stay")
		}
		a.moves.told = true
		for _, m := range result.sent {
			for _, id := range m.From {
				a.moves.plan.UnderWay[id]++
			}
		}
	}
}

// throttled takes what became of the throttle. After a panic, or at the actor's end, nothing new is known.
func (a *cluster) throttled(result movesResult) {
	if result.throttle.known {
		a.moves.throttle.take(result.throttle)
	}
	if result.throttle.leftover {
		a.tellMoves("ReplicationThrottleDeleted", "deleted what the operator had set to bound moves of replicas that have ended: its record of that was "+
			"there, but no move")
	}
}

// tellMoved tells people that the moves they know of have ended.
func (a *cluster) tellMoved() {
	if a.moves.told {
		a.tellMoves("ReplicasMoved", "no replica is moving any more")
	}
	a.moves.told = false
}

func (a *cluster) tellMoves(reason, note string) {
	a.Events.Event(kube.ClusterReference(a.Key, a.newest), nil, corev1.EventTypeNormal, reason, "MoveReplicas", note)
}

// moveReplicas sends a batch to the first broker that answers.
func (e worldEffects) moveReplicas(ctx context.Context, wish movesWish) movesResult {
	result := movesResult{
		wish: wish, unfit: map[messages.BrokerID]string{}, err: errors.New("no broker is ready to be asked"), throttle: wish.throttle.state,
	}
	disks := e.disksOf(ctx, wish, result.unfit)
	for _, address := range wish.brokers {
		answered := false
		err := broker.WithAdmin(ctx, e.Kafka, address, func(admin broker.Admin) error {
			under, err := admin.Reassignments(ctx)
			if answered = err == nil; err != nil {
				return err
			}
			return e.moveWith(ctx, admin, under, disks, &result)
		})
		if result.err = err; answered {
			break
		}
	}
	return result
}

// moveWith looks once more, just before: a moment later somebody else may have begun to move replicas. The throttle is there before a
// move begins, and goes when it has ended.
func (e worldEffects) moveWith(
	ctx context.Context, admin broker.Admin, under []messages.Reassignment, disks moveDisks, result *movesResult,
) error {
	wish := result.wish
	if len(wish.cancel) > 0 {
		result.sent = wish.cancel
		return admin.TakeBack(ctx, wish.cancel)
	}
	begin := result.fit(under, disks)
	throttle := throttling{worldEffects: e, admin: admin, wish: wish.throttle, ours: wish.throttle.wanted(under, begin), state: &result.throttle}
	if err := throttle.raise(ctx); err != nil {
		return err
	}
	if len(begin) > 0 {
		result.sent = begin
		if err := admin.Move(ctx, begin); err != nil {
			return err
		}
	}
	result.lowering = throttle.lower(ctx)
	return nil
}

// refused says why nothing of a batch has begun, where that is for the brokers that were to get it.
func (r *movesResult) refused() string {
	if len(r.sent) > 0 || r.err != nil {
		return ""
	}
	var texts []string
	for _, id := range slices.Sorted(maps.Keys(r.unfit)) {
		texts = append(texts, fmt.Sprintf("broker %d takes nothing: %s", id, r.unfit[id]))
	}
	return strings.Join(texts, "; ")
}

// fit are the moves that may begin beside those under way.
func (r *movesResult) fit(under []messages.Reassignment, disks moveDisks) (begin []kafka.Move) {
	if len(r.wish.start) == 0 {
		return nil
	}
	if r.foreign = kafka.ForeignMove(under, r.wish.leaving, r.wish.staying); r.foreign != "" {
		return nil
	}
	disks.expect(under)
	for _, m := range r.wish.start {
		moves := func(u messages.Reassignment) bool {
			return u.Topic == m.Partition.Topic && u.Number == m.Partition.Number
		}
		if !slices.ContainsFunc(under, moves) && disks.take(m, r.unfit) {
			begin = append(begin, m)
		}
	}
	return begin
}

// moveDisks are what is known of disks before a batch begins.
type moveDisks struct {
	// room is that of the brokers that are to get replicas, sizes how large partitions are, where that is known.
	room  map[messages.BrokerID]*kafka.Room
	sizes map[kafka.TopicPartition]int64
}

// disksOf asks brokers that are to get replicas whether they can take any, and those that have them how large they are. Kafka takes a move
// also to a broker whose disks are full, have all failed, or are cordoned.
func (e worldEffects) disksOf(ctx context.Context, wish movesWish, unfit map[messages.BrokerID]string) moveDisks {
	disks := moveDisks{room: map[messages.BrokerID]*kafka.Room{}, sizes: map[kafka.TopicPartition]int64{}}
	for _, id := range slices.Sorted(maps.Keys(wish.takers)) {
		dirs, err := e.logDirs(ctx, wish.takers[id])
		if err != nil {
			unfit[id] = err.Error()
			continue
		}
		disks.room[id] = kafka.RoomIn(dirs)
	}
	for _, id := range wish.holders() {
		if dirs, err := e.logDirs(ctx, wish.throttle.up[id]); err == nil {
			kafka.Sizes(disks.sizes, dirs)
		}
	}
	return disks
}

// holders are brokers that run and have, together, all that is to move as far as anybody has: first of all those that it leaves.
func (w movesWish) holders() []messages.BrokerID {
	holders := map[messages.BrokerID]bool{}
	for _, m := range w.start {
		for _, id := range slices.Concat(m.From, m.Before) {
			if w.throttle.up[id] != "" {
				holders[id] = true
				break
			}
		}
	}
	return slices.Sorted(maps.Keys(holders))
}

func (e worldEffects) logDirs(ctx context.Context, address string) (dirs []kafka.ObservedLogDir, err error) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = broker.WithAdmin(ctx, e.Kafka, address, func(admin broker.Admin) (err error) {
		dirs, err = admin.DescribeLogDirs(ctx)
		return err
	})
	return dirs, err
}

// expect counts what is on its way.
func (d moveDisks) expect(under []messages.Reassignment) {
	for _, r := range under {
		name := kafka.TopicPartition{Topic: r.Topic, Number: r.Number}
		for _, id := range r.Adding {
			if room := d.room[id]; room != nil {
				room.Expect(name, d.sizes[name])
			}
		}
	}
}

// take reports whether all that are to get a partition can take it, and says of who cannot why. Others of a batch may still fit there.
func (d moveDisks) take(m kafka.Move, unfit map[messages.BrokerID]string) bool {
	takes := true
	for _, id := range m.To {
		if room := d.room[id]; room == nil {
			takes = false
		} else if why := room.Take(m.Partition, d.sizes[m.Partition]); why != "" {
			takes, unfit[id] = false, why
		}
	}
	return takes
}
