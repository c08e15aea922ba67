package broker

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/koperator-go/koperator/messages"
)

var errUnanswered = errors.New("context deadline exceeded")

// withStopUnanswered is a broker whose Pod may be stopped, and the request for that has no answer after a while.
func withStopUnanswered(t *testing.T, e *fakeEffects, then func(t *testing.T, s *stage)) {
	t.Helper()
	onStage(t, e, func(t *testing.T, s *stage) {
		synctest.Wait()
		uid := e.askRestart()
		s.trigger.Fire()
		synctest.Wait() // what comes before an eviction
		before := e.count()
		e.took, e.fail = 20*time.Second, func(n int) error {
			if n == before+1 {
				return errUnanswered
			}
			return nil
		}
		wanted := wish(demo())
		wanted.Permit = messages.Permit{Pod: uid}
		s.sys.Root.Send(s.pid, messages.Reconfigure{Revision: 2, Wanted: wanted})
		time.Sleep(time.Second)
		require.Equal(t, "evict Pod demo-node-0", e.names()[before])
		s.sys.Root.Send(s.pid, messages.Reconfigure{Revision: 3, Wanted: wish(demo())}) // the permit is taken back meanwhile
		then(t, s)
	})
}

func TestAStopWithoutAnAnswerCountsUntilItIsKnownWhatBecameOfIt(t *testing.T) {
	for name, test := range map[string]struct {
		stands bool
	}{"it was not done": {true}, "it was, and the cache is behind": {false}} {
		t.Run(name, func(t *testing.T) {
			e := &fakeEffects{stands: test.stands}
			withStopUnanswered(t, e, func(t *testing.T, s *stage) {
				require.Equal(t, int64(2), s.observed(t).Revision, "it has not answered that the permit is gone")
				time.Sleep(25 * time.Second)
				told := s.observed(t)
				require.Equal(t, int64(3), told.Revision)
				require.Equal(t, messages.PhaseFailing, told.Phase)
				require.True(t, told.Stopping, "it may be on its way out")
				require.Equal(t, "evict Pod demo-node-0", e.names()[e.count()-1], "the request may still be under way")
				time.Sleep(10 * time.Second)
				require.Equal(t, "ask whether Pod demo-node-0 still stands", e.names()[e.count()-1])
				time.Sleep(2 * time.Minute)
				require.Equal(t, !test.stands, s.observed(t).Stopping)
				require.NotEqual(t, messages.PhaseFailing, s.observed(t).Phase)
			})
		})
	}
}

func TestAFailureIsToldWithWhatThereIsByThen(t *testing.T) {
	e := &fakeEffects{}
	withStopUnanswered(t, e, func(t *testing.T, s *stage) {
		e.mu.Lock()
		delete(e.objects, "Pod demo-node-0")
		e.mu.Unlock()
		time.Sleep(19*time.Second + 100*time.Millisecond)
		told := s.observed(t)
		require.Equal(t, int64(3), told.Revision)
		require.Equal(t, messages.PhaseFailing, told.Phase)
		require.Empty(t, told.Pod, "as it was before the step it may have been stopped since")
	})
}

func TestAStopThatFailsAgainAndAgainIsTriedNowAndThenAndToldAllTheWhile(t *testing.T) {
	e := &fakeEffects{stands: true}
	onStage(t, e, func(t *testing.T, s *stage) {
		synctest.Wait()
		uid := e.askRestart()
		e.fail = func(n int) error {
			if e.names()[n-1] == "evict Pod demo-node-0" {
				return errUnanswered
			}
			return nil
		}
		wanted := wish(demo())
		wanted.Permit = messages.Permit{Pod: uid}
		s.sys.Root.Send(s.pid, messages.Reconfigure{Revision: 2, Wanted: wanted})
		time.Sleep(time.Minute)
		for range 120 {
			time.Sleep(29500 * time.Millisecond)
			told := s.observed(t)
			require.Equal(t, messages.PhaseFailing, told.Phase)
			require.Equal(t, "evict Pod demo-node-0: context deadline exceeded", told.Reason)
			require.Equal(t, told.Reason, told.Restart.Refused, "others have their turn then")
		}
		evictions := 0
		for _, name := range e.names() {
			if name == "evict Pod demo-node-0" {
				evictions++
			}
		}
		require.Greater(t, evictions, 10)
		require.Less(t, evictions, 360, "at most every ten seconds")
	})
}

func TestWhatTheAPIServerHasRefusedWasNotDone(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	for name, test := range map[string]struct {
		err  error
		done bool
	}{
		"another version":       {apierrors.NewConflict(pods, "demo-node-0", errUnanswered), true},
		"no right":              {fmt.Errorf("evict: %w", apierrors.NewForbidden(pods, "demo-node-0", errUnanswered)), true},
		"its own failure":       {apierrors.NewInternalError(errUnanswered), false},
		"it gave up":            {apierrors.NewTimeoutError("slow", 1), false},
		"it is not there":       {apierrors.NewServiceUnavailable("later"), false},
		"nothing came through":  {errUnanswered, false},
		"the request timed out": {&apierrors.StatusError{ErrStatus: metav1.Status{Code: http.StatusRequestTimeout}}, false},
	} {
		require.Equal(t, test.done, answered(test.err), name)
	}
}

func TestAPodMayBeStoppingUntilThatIsKnown(t *testing.T) {
	s := planned(t, nil, nil)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "running"}}
	s.o.unsure = unsure{pod.UID, now}
	require.True(t, s.w.stopping(s.o, pod))
	s.w.Leaving = true
	require.True(t, s.w.stopping(s.o, pod), "it may have replicas yet")
	s.w.Removal.Stop = pod.UID
	require.False(t, s.w.stopping(s.o, pod), "its removal goes by whether it was stopped")
	require.Nil(t, stopped(remove{object: pod, endings: 1}), "what has ended serves nobody")
	require.Equal(t, pod, stopped(remove{object: pod}))
	require.Equal(t, pod, stopped(evict{pod: pod}))
	require.Nil(t, stopped(rest{}))
}
