package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/koperator-go/koperator/cmd/bench/daemon"
	"github.com/koperator-go/koperator/cmd/bench/load"
)

const (
	manyClusters = 200
	ofBrokers    = 3
)

// many compares one large cluster with many small ones of as many brokers in sum.
type many struct {
	one, all time.Duration
	memory   daemon.Memory
}

func (b *bench) measureClusters(ctx context.Context) error {
	m := &many{}
	err := b.inWorld(ctx, func(w *world) error {
		s, err := w.startCluster(ctx, load.Shape{Combined: ofBrokers, Brokers: (manyClusters - 1) * ofBrokers})
		m.one = s.took
		return err
	})
	if err != nil {
		return fmt.Errorf("one cluster: %w", err)
	}
	b.say("one cluster of %d brokers: %.2f s", manyClusters*ofBrokers, m.one.Seconds())
	if err := b.inWorld(ctx, func(w *world) error { return w.startMany(ctx, m) }); err != nil {
		return err
	}
	b.say("%d clusters of %d brokers: %.2f s", manyClusters, ofBrokers, m.all.Seconds())
	b.results.many = m
	return nil
}

// startMany applies all clusters side by side, as a GitOps tool would.
func (w *world) startMany(ctx context.Context, m *many) error {
	if err := w.namespace(ctx, namespace); err != nil {
		return err
	}
	began := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range manyClusters {
		group.Go(func() error {
			cluster, err := load.Cluster(namespace, fmt.Sprintf("kafka-%d", i), load.Shape{Combined: ofBrokers})
			if err != nil {
				return err
			}
			return w.apply(groupCtx, cluster)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	up, err := w.running(ctx, namespace, manyClusters*ofBrokers, patience)
	if err != nil {
		return err
	}
	m.all = up.Last.Sub(began)
	m.memory, err = w.daemon.Memory()
	return err
}
