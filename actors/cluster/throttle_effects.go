package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// throttling brings the throttle from what is known to what is to be ours.
type throttling struct {
	worldEffects
	admin broker.Admin // for topics: any broker
	wish  throttleWish
	ours  kafka.Throttle
	state *throttleState
}

// raise sets what is missing, after it has been recorded. What others have set already stays theirs.
func (t *throttling) raise(ctx context.Context) error {
	if fresh := t.ours.Beyond(t.state.set); !fresh.Empty() {
		others, err := t.others(ctx, fresh)
		if err != nil {
			return err
		}
		t.state.others, t.ours = t.state.others.With(others), t.ours.Beyond(others)
	}
	missing := t.ours.Without(t.state.set)
	if missing.Empty() {
		return nil
	}
	if err := t.record(ctx, t.state.recorded.With(missing)); err != nil {
		return err
	}
	t.state.raised = true
	err := t.each(ctx, missing.Brokers(), func(ctx context.Context, admin broker.Admin, id messages.BrokerID) error {
		return admin.Alter(ctx, kafka.ConfigResource{Broker: id}, kafka.RateChanges(missing.Rates[id]), false)
	})
	if err == nil {
		err = t.admin.Throttle(ctx, missing)
	}
	if err != nil {
		return fmt.Errorf("moves are bound to a rate first: %w", err)
	}
	t.state.set = t.state.set.With(missing)
	return nil
}

// others are the settings that are there already although nobody recorded them, or not so.
func (t *throttling) others(ctx context.Context, fresh kafka.Throttle) (kafka.Throttle, error) {
	var mu sync.Mutex
	rated := map[messages.BrokerID]bool{}
	err := t.each(ctx, fresh.Brokers(), func(ctx context.Context, admin broker.Admin, id messages.BrokerID) error {
		configs, err := admin.Describe(ctx, kafka.ConfigResource{Broker: id})
		mu.Lock()
		defer mu.Unlock()
		rated[id] = kafka.RatedOtherwise(configs, t.state.recordedRate(id))
		return err
	})
	if err != nil {
		return kafka.Throttle{}, err
	}
	listed, err := t.admin.ThrottledReplicas(ctx, fresh.Beyond(t.state.recorded).Topics())
	return fresh.OfOthers(rated, t.state.recorded, listed), err
}

// recordedRate is the one of a broker, nil where none is.
func (s throttleState) recordedRate(id messages.BrokerID) *int64 {
	if rate, recorded := s.recorded.Rates[id]; recorded {
		return &rate
	}
	return nil
}

// lower deletes what is not needed any more.
func (t *throttling) lower(ctx context.Context) error {
	wish := t.wish
	wish.state = *t.state
	left := wish.left(t.ours)
	if t.ours.Empty() {
		t.state.others = kafka.Throttle{}
	}
	if left.Empty() {
		return nil
	}
	t.state.set = t.state.set.Beyond(left) // also if an answer gets lost: what may be gone is set again before the next move
	if len(left.Replicas) > 0 {
		if err := t.admin.Unthrottle(ctx, left); err != nil {
			return err
		}
	}
	known := slices.DeleteFunc(left.Brokers(), func(id messages.BrokerID) bool { return t.wish.up[id] == "" })
	err := t.each(ctx, known, func(ctx context.Context, admin broker.Admin, id messages.BrokerID) error {
		own := kafka.ConfigResource{Broker: id}
		configs, err := admin.Describe(ctx, own)
		if err != nil {
			return err
		}
		return admin.Alter(ctx, own, kafka.RateDeletions(configs, left.Rates[id]), false)
	})
	if err != nil {
		return err
	}
	if t.ours.Empty() {
		t.state.leftover, t.state.raised = !t.state.raised, false
	}
	return t.record(ctx, t.state.recorded.Beyond(left))
}

// each asks brokers side by side, each for itself: no other one takes what is a broker's own.
func (t *throttling) each(ctx context.Context, ids []messages.BrokerID, ask func(context.Context, broker.Admin, messages.BrokerID) error) error {
	errs := make([]error, len(ids))
	kit.Together(len(ids), func(i int) {
		errs[i] = broker.WithAdmin(ctx, t.Kafka, t.wish.up[ids[i]], func(admin broker.Admin) error { return ask(ctx, admin, ids[i]) })
	})
	return errors.Join(errs...)
}

// record writes what is ours, unless it is written already.
func (t *throttling) record(ctx context.Context, ours kafka.Throttle) error {
	if !ours.Equal(t.state.recorded) {
		config := kube.ThrottleConfigMap(t.wish.cluster, ours.Record())
		if _, err := kube.Write(ctx, t.Writer, t.Cache, config); err != nil {
			return err
		}
	}
	t.state.recorded, t.state.known = ours, true
	return nil
}
