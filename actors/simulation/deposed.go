package simulation

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/cluster"
	"github.com/koperator-go/koperator/actors/health"
	"github.com/koperator-go/koperator/messages"
)

// term is the time in which a daemon leads. It ends before the daemon's context does where the process was stopped for a while: the
// lease has gone to another one, and nobody has told it.
type term struct{ over atomic.Bool }

var errNotLeading = errors.New("the lease was last renewed 1m0s ago: another daemon may act")

// held is what operator.Lease says to those who write.
func (t *term) held() error {
	if t.over.Load() {
		return errNotLeading
	}
	return nil
}

// deposed are daemons that live on although another one leads.
type deposed struct {
	mu   sync.Mutex
	list []*daemon
}

func (d *deposed) add(one *daemon) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, one)
}

func (d *deposed) all() []*daemon {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*daemon{}, d.list...)
}

// outlives has the daemon sleep until another one leads, and go on then for a while with all that it had in mind.
func (w *World) outlives(d time.Duration) {
	w.mu.Lock()
	old := w.daemon
	w.daemon = nil
	w.mu.Unlock()
	if old == nil {
		return
	}
	old.requests.term.over.Store(true)
	w.deposed.add(old)
	time.AfterFunc(d, func() { w.end(old) })
	w.startDaemon()
}

// gatedKafka is Kafka as one daemon reaches it: nothing is changed there but in its term.
type gatedKafka struct {
	*kafka
	held func() error
}

// Dial implements health.Dialer.
func (g gatedKafka) Dial(cluster messages.ClusterKey, bootstrap []string) (health.Session, error) {
	return kafkaSession{g.kafka, cluster, bootstrap, g.held}, nil
}

// Admin implements broker.AdminDialer.
func (g gatedKafka) Admin(ctx context.Context, address string) (broker.Admin, error) {
	a := kafkaAdmin{g.kafka, address, g.held}
	return a, a.dial(ctx)
}

// Quorum implements cluster.QuorumDialer.
func (g gatedKafka) Quorum(ctx context.Context, address string) (cluster.QuorumAdmin, error) {
	a := kafkaAdmin{g.kafka, address, g.held}
	return a, a.dial(ctx)
}

// asksKafka are the requests that change nothing.
func asksKafka(what string) bool {
	switch what {
	case "dial", "describe", "log dirs", "list reassignments", "describe quorum":
		return true
	default:
		return false
	}
}
