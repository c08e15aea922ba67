package operator

import (
	"context"
	"crypto/md5" // names the lease as Koperator does; nothing is protected by it
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Lease times: a leader that cannot renew stops acting after renewDeadline, others take over after leaseDuration, so
// there are five seconds in which nobody acts.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// LeaseName is the name that Koperator gives its lease: two daemons exclude each other only when they watch the same
// namespaces. namespaces is the text of the flag.
func LeaseName(namespaces string) string {
	sum := md5.Sum([]byte(namespaces))
	text := hex.EncodeToString(sum[:])
	return "controller-leader-election-helper-" + hex.EncodeToString([]byte(text))
}

// Lease says who may write.
type Lease struct {
	Core      kubernetes.Interface
	Namespace string
	Name      string
	Identity  string
	Log       *slog.Logger
}

// Lead waits for the lease, runs lead under a context that ends before the lease can go to somebody else, and starts
// over when the lease was lost, until ctx ends. lead must return soon after its context has ended; only then is the
// lease given back. Two runs of lead never overlap.
//
// The context of a process that was stopped, or whose machine was, may end later than the lease. held knows: it is an error
// from the moment on at which another daemon may act, and costs a look at the clock.
func (l Lease) Lead(ctx context.Context, lead func(ctx context.Context, held func() error)) error {
	var acting sync.Mutex // held while lead runs
	for ctx.Err() == nil {
		if err := l.term(ctx, &acting, lead); err != nil {
			return err
		}
		if ctx.Err() == nil {
			l.Log.Warn("lease lost, waiting for it again", "lease", l.Name)
		}
	}
	acting.Lock() // a run that began late ends at once, since its context has ended
	defer acting.Unlock()
	return nil
}

// term is one time of holding the lease.
func (l Lease) term(ctx context.Context, acting *sync.Mutex, lead func(context.Context, func() error)) error {
	hold, release := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx, for what lead does at its end
	defer release()
	// begun tells whether it is lead that gives the lease back at shutdown.
	var begun atomic.Bool
	stopWaiting := context.AfterFunc(ctx, func() {
		if !begun.Load() {
			release()
		}
	})
	defer stopWaiting()
	renewals := &renewals{Interface: l.lock()}
	elector, err := leaderelection.NewLeaderElector(l.config(renewals, func(leading context.Context) {
		acting.Lock()
		defer acting.Unlock()
		begun.Store(true)
		defer release()
		leading, stop := context.WithCancel(leading)
		defer stop()
		defer context.AfterFunc(ctx, stop)()
		if leading.Err() == nil && ctx.Err() == nil {
			l.Log.Info("leading", "lease", l.Name, "identity", l.Identity)
			lead(leading, func() error { return renewals.held(time.Now()) })
		}
	}))
	if err != nil {
		return fmt.Errorf("lease %s/%s: %w", l.Namespace, l.Name, err)
	}
	elector.Run(hold) // returns when the lease is lost or given back
	return nil
}

func (l Lease) config(lock resourcelock.Interface, started func(context.Context)) leaderelection.LeaderElectionConfig {
	return leaderelection.LeaderElectionConfig{
		Lock:          lock,
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		ReleaseOnCancel: true,
		Name:            l.Name,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: started,
			OnStoppedLeading: func() {},
		},
	}
}

func (l Lease) lock() resourcelock.Interface {
	return &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: l.Namespace, Name: l.Name},
		Client:     l.Core.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: l.Identity},
	}
}

// renewals is a lock that remembers when the lease was renewed last.
type renewals struct {
	resourcelock.Interface
	// last is nil while the lease is not held.
	last atomic.Pointer[time.Time]
}

// Create implements resourcelock.Interface.
func (r *renewals) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return r.renewed(record, func() error { return r.Interface.Create(ctx, record) })
}

// Update implements resourcelock.Interface.
func (r *renewals) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return r.renewed(record, func() error { return r.Interface.Update(ctx, record) })
}

// renewed counts from before the write: others count from when they see it.
func (r *renewals) renewed(record resourcelock.LeaderElectionRecord, write func() error) error {
	begun := time.Now()
	if record.HolderIdentity != r.Identity() {
		r.last.Store(nil) // given back, whether or not anybody learns of it
		return write()
	}
	err := write()
	if err == nil {
		r.last.Store(&begun)
	}
	return err
}

// held is nil while nobody else can have the lease, with the time to spare that a request takes. The clock of the day is
// looked at, too: the other one stands still while the machine sleeps.
func (r *renewals) held(now time.Time) error {
	last := r.last.Load()
	if last == nil {
		return errors.New("the lease is given back: another daemon may act")
	}
	age := max(now.Sub(*last), now.Round(0).Sub(last.Round(0)))
	if age >= renewDeadline {
		return fmt.Errorf("the lease was last renewed %s ago: another daemon may act", age.Round(time.Second))
	}
	return nil
}
