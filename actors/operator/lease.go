package operator

import (
	"context"
	"crypto/md5" //nolint:gosec // names the lease as Koperator does; nothing is protected by it
	"encoding/hex"
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
	sum := md5.Sum([]byte(namespaces)) //nolint:gosec // see the import
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
func (l Lease) Lead(ctx context.Context, lead func(context.Context)) error {
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
func (l Lease) term(ctx context.Context, acting *sync.Mutex, lead func(context.Context)) error {
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
	elector, err := leaderelection.NewLeaderElector(l.config(func(leading context.Context) {
		acting.Lock()
		defer acting.Unlock()
		begun.Store(true)
		defer release()
		leading, stop := context.WithCancel(leading)
		defer stop()
		defer context.AfterFunc(ctx, stop)()
		if leading.Err() == nil && ctx.Err() == nil {
			l.Log.Info("leading", "lease", l.Name, "identity", l.Identity)
			lead(leading)
		}
	}))
	if err != nil {
		return fmt.Errorf("lease %s/%s: %w", l.Namespace, l.Name, err)
	}
	elector.Run(hold) // returns when the lease is lost or given back
	return nil
}

func (l Lease) config(started func(context.Context)) leaderelection.LeaderElectionConfig {
	return leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: l.Namespace, Name: l.Name},
			Client:     l.Core.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: l.Identity},
		},
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		ReleaseOnCancel: true,
		Name:            l.Name,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: started,
			OnStoppedLeading: func() {},
		},
	}
}
