package operator

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// replica is one daemon that wants to lead.
type replica struct {
	leads atomic.Bool
	terms atomic.Int32
	// cutOff is set while it does not reach the API server.
	cutOff atomic.Bool
	// held is what the last term was told to ask before it changes something.
	held  atomic.Pointer[func() error]
	stop  context.CancelFunc
	ended chan struct{}
}

// mayAct asks it.
func (r *replica) mayAct() bool {
	held := r.held.Load()
	return held != nil && (*held)() == nil
}

// replicas runs daemons against one lease and fails when two lead at a time.
func replicas(t *testing.T, names ...string) (map[string]*replica, *sync.WaitGroup) {
	var leading atomic.Int32
	var done sync.WaitGroup
	server := fake.NewClientset()
	all := map[string]*replica{}
	for _, name := range names {
		ctx, stop := context.WithCancel(context.Background())
		r := &replica{stop: stop, ended: make(chan struct{})}
		all[name] = r
		core := fake.NewClientset()
		core.PrependReactor("*", "leases", func(action clienttesting.Action) (bool, runtime.Object, error) {
			if r.cutOff.Load() {
				return true, nil, errors.New("connection refused")
			}
			object, err := server.Invokes(action, nil)
			return true, object, err
		})
		lease := Lease{Core: core, Namespace: "kafka", Name: LeaseName(""), Identity: name, Log: slog.New(slog.DiscardHandler)}
		done.Go(func() {
			defer close(r.ended)
			err := lease.Lead(ctx, func(term context.Context, held func() error) {
				r.held.Store(&held)
				if leading.Add(1) > 1 {
					t.Error("two lead at a time")
				}
				r.leads.Store(true)
				r.terms.Add(1)
				<-term.Done()
				time.Sleep(time.Second) // its actors stop
				r.leads.Store(false)
				leading.Add(-1)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	return all, &done
}

func TestOfTwoDaemonsOneLeadsAndTheOtherFollowsWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, done := replicas(t, "a", "b")
		time.Sleep(time.Minute)
		synctest.Wait()
		first, second := all["a"], all["b"]
		if second.leads.Load() {
			first, second = second, first
		}
		require.True(t, first.leads.Load())
		require.True(t, first.mayAct())
		require.False(t, second.leads.Load())
		first.stop()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.False(t, first.mayAct(), "it has given the lease back")
		require.True(t, second.mayAct())
		require.False(t, first.leads.Load())
		require.True(t, second.leads.Load(), "a lease that was given back is taken at once")
		second.stop()
		done.Wait()
	})
}

func TestALeaderThatIsCutOffStopsBeforeAnotherBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, done := replicas(t, "a", "b")
		time.Sleep(time.Minute)
		synctest.Wait()
		first, second := all["a"], all["b"]
		if second.leads.Load() {
			first, second = second, first
		}
		first.cutOff.Store(true)
		for range 40 { // another one may take the lease at any moment
			time.Sleep(time.Second)
			require.False(t, first.mayAct() && second.mayAct())
		}
		synctest.Wait()
		require.False(t, first.leads.Load())
		require.True(t, second.leads.Load())
		require.False(t, first.mayAct())
		require.True(t, second.mayAct())
		first.cutOff.Store(false)
		time.Sleep(time.Minute)
		require.True(t, second.leads.Load(), "who returns waits")
		second.cutOff.Store(true)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		require.True(t, first.leads.Load(), "and can lead again")
		require.EqualValues(t, 2, first.terms.Load())
		first.stop()
		second.stop()
		done.Wait()
	})
}

// lock is a lease that answers what the test says.
type lock struct {
	resourcelock.Interface
	fails error
	took  time.Duration
}

func (l *lock) Identity() string { return "a" }

func (l *lock) Create(context.Context, resourcelock.LeaderElectionRecord) error { return l.answer() }

func (l *lock) Update(context.Context, resourcelock.LeaderElectionRecord) error { return l.answer() }

func (l *lock) answer() error {
	time.Sleep(l.took)
	return l.fails
}

// The context of a process that was stopped ends only after it goes on, and its requests may go first.
func TestWhoWasStoppedForLongerThanItsLeaseMayNotAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &lock{}
		r := &renewals{Interface: server}
		ours := resourcelock.LeaderElectionRecord{HolderIdentity: "a"}
		require.Error(t, r.held(time.Now()), "never held")
		require.NoError(t, r.Create(t.Context(), ours))
		require.NoError(t, r.held(time.Now()))
		time.Sleep(leaseDuration) // stopped
		require.ErrorContains(t, r.held(time.Now()), "the lease was last renewed 15s ago")
		server.fails = errors.New("another one has it")
		require.Error(t, r.Update(t.Context(), ours))
		require.Error(t, r.held(time.Now()))

		server.fails, server.took = nil, 6*time.Second
		require.NoError(t, r.Update(t.Context(), ours))
		require.NoError(t, r.held(time.Now()))
		time.Sleep(5 * time.Second)
		require.Error(t, r.held(time.Now()), "others may have seen it as soon as it was sent")

		server.took = 0
		require.NoError(t, r.Update(t.Context(), ours))
		asleep := time.Now().Round(0).Add(time.Minute) // a clock that stood still while the machine slept would say less
		require.Error(t, r.held(asleep))

		require.NoError(t, r.held(time.Now()))
		require.NoError(t, r.Update(t.Context(), resourcelock.LeaderElectionRecord{}))
		require.ErrorContains(t, r.held(time.Now()), "given back")
	})
}

func TestADaemonThatNeverLedEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, done := replicas(t, "a", "b")
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, r := range all {
			if !r.leads.Load() {
				r.stop()
				select {
				case <-r.ended:
				case <-time.After(3 * time.Second):
					t.Error("it still waits for the lease")
				}
			}
		}
		for _, r := range all {
			r.stop()
		}
		done.Wait()
	})
}

func TestTheLeasesNameDependsOnTheNamespacesAlone(t *testing.T) {
	require.Equal(t, LeaseName("a,b"), LeaseName("a,b"))
	require.NotEqual(t, LeaseName("a,b"), LeaseName("a"))
	require.Equal(t, "controller-leader-election-helper-"+"6434316438636439386630306232303465393830303939386563663834323765", LeaseName(""))
}
