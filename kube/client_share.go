package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/koperator-go/koperator/messages"
)

// shares bound how many requests are under way at once, of all clusters and of each: one whose requests hang, in an
// admission webhook or at an API server that loses its etcd, leaves room for all others.
//
// A cluster may have as many as are free then, so one alone takes half, the next one half of the rest (dynamic thresholds, as
// switches share their memory). Who waits comes in turn, but for those whose cluster has its share.
type shares struct {
	mu      sync.Mutex
	free    int
	taken   map[messages.ClusterKey]int
	waiting []*turn
}

// turn is one request that waits.
type turn struct {
	of messages.ClusterKey
	// come is closed when the request may begin.
	come chan struct{}
}

func newShares(all int) *shares {
	return &shares{free: all, taken: map[messages.ClusterKey]int{}}
}

// enter waits until a request of a cluster may begin. It must be followed by leave, unless it fails.
func (s *shares) enter(ctx context.Context, of messages.ClusterKey) error {
	mine := &turn{of: of, come: make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, mine)
	s.admit()
	s.mu.Unlock()
	select {
	case <-mine.come:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	at := slices.Index(s.waiting, mine)
	if at >= 0 {
		s.waiting = slices.Delete(s.waiting, at, at+1)
	}
	s.mu.Unlock()
	if at < 0 { // both came at once
		s.leave(of)
	}
	return fmt.Errorf("wait for a free request: %w", ctx.Err())
}

// leave ends a request.
func (s *shares) leave(of messages.ClusterKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if s.taken[of]--; s.taken[of] == 0 {
		delete(s.taken, of)
	}
	s.admit()
}

// admit lets those begin who may by now.
func (s *shares) admit() {
	s.waiting = slices.DeleteFunc(s.waiting, func(t *turn) bool {
		if s.taken[t.of] >= s.free {
			return false
		}
		s.free--
		s.taken[t.of]++
		close(t.come)
		return true
	})
}

// clusterOf is whose share a request about an object takes; that of its namespace where it says no cluster.
func clusterOf(object Object) messages.ClusterKey {
	if key := changeOf("", object).Cluster; key.Name != "" {
		return key
	}
	return messages.ClusterKey{Namespace: object.GetNamespace()}
}
