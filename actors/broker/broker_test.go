package broker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/messages"
)

var errRefused = errors.New("refused")

func TestABrokerAsksForItsWishAndMakesItsObjectsInOrder(t *testing.T) {
	e := &fakeEffects{}
	onStage(t, e, func(t *testing.T, s *stage) {
		require.Equal(t, messages.NeedSpec{ID: 0}, kittest.Expect[messages.NeedSpec](s.probe))
		synctest.Wait()
		require.Equal(t, []string{
			"apply PersistentVolumeClaim demo-0-9e423fa7", "apply ConfigMap demo-config-0", "apply Pod demo-node-0",
		}, e.names())
		told := s.observed(t)
		require.Equal(t, messages.PhaseStarting, told.Phase)
		require.Equal(t, int64(1), told.Revision)
		require.EqualValues(t, claimUID, told.Claims["/kafka-logs"])
	})
}

func TestAThousandEventsDuringAStepAreOneLookAndNeverTwoStepsAtOnce(t *testing.T) {
	e := &fakeEffects{took: 15 * time.Second}
	onStage(t, e, func(t *testing.T, s *stage) {
		for range 1000 {
			s.trigger.Fire()
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Len(t, e.names(), 3)
		require.Zero(t, e.overlaps)
	})
}

func TestAFailedStepIsTriedAgainLaterAndLaterAndTold(t *testing.T) {
	// A step takes a moment, so that the look which the trigger asks for when it is bound comes before the first one fails:
	// later it would shorten the wait, as an event does.
	e := &fakeEffects{took: time.Millisecond, fail: func(n int) error {
		if n < 4 {
			return errRefused
		}
		return nil
	}}
	onStage(t, e, func(t *testing.T, s *stage) {
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		told := s.observed(t)
		require.Equal(t, messages.PhaseFailing, told.Phase)
		require.Contains(t, told.Reason, "refused")
		time.Sleep(6900 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, 3, e.count(), "at 0 s, 1 s and 3 s")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, 6, e.count(), "the fourth try at 7 s succeeds, and the rest follows")
		require.Equal(t, messages.PhaseStarting, s.observed(t).Phase)
	})
}

func TestEventsDoNotGetAroundTheDelayAndANewWishDoes(t *testing.T) {
	e := &fakeEffects{fail: func(int) error { return errRefused }}
	onStage(t, e, func(t *testing.T, s *stage) {
		for range 36_000 { // an event every 100 ms for an hour
			s.trigger.Fire()
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		tried := e.count()
		require.Greater(t, tried, 12)
		require.Less(t, tried, 80)
		wanted := wish(demo())
		wanted.ClusterID = "another"
		s.sys.Root.Send(s.pid, messages.Reconfigure{Revision: 2, Wanted: wanted})
		synctest.Wait()
		require.Equal(t, tried+1, e.count())
	})
}

func TestAnOlderWishIsIgnored(t *testing.T) {
	e := &fakeEffects{}
	onStage(t, e, func(t *testing.T, s *stage) {
		synctest.Wait()
		before := e.count()
		other := wish(demo())
		other.ClusterID = "another"
		s.sys.Root.Send(s.pid, messages.Reconfigure{Revision: 1, Wanted: other})
		synctest.Wait()
		require.Equal(t, before, e.count())
		require.Equal(t, int64(1), s.observed(t).Revision)
	})
}

func TestAnActorThatPanickedKnowsNothingOfItsEarlierLife(t *testing.T) {
	e := &fakeEffects{took: 10 * time.Second}
	onStage(t, e, func(t *testing.T, s *stage) {
		kittest.Expect[messages.NeedSpec](s.probe)
		synctest.Wait() // the first step is under way
		wanted := wish(demo())
		s.sys.Root.Send(s.pid, messages.Reconfigure{Revision: 5, Wanted: wanted})
		s.sys.Root.Send(s.pid, kittest.Crash{})
		time.Sleep(time.Second)
		synctest.Wait()
		_, asked := kittest.Last[messages.NeedSpec](s.probe)
		require.True(t, asked, "the new incarnation asks again")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, int64(1), s.observed(t).Revision)
		require.ErrorIs(t, e.ended[0], context.Canceled, "what the old one did was ended")
		require.Zero(t, e.overlaps)
		require.Len(t, e.names(), 4)
	})
}

func TestAStopEndsTheCallThatIsUnderWay(t *testing.T) {
	e := &fakeEffects{took: 20 * time.Second}
	onStage(t, e, func(t *testing.T, s *stage) {
		synctest.Wait()
		start := time.Now()
		require.NoError(t, kit.StopAndWait(t.Context(), s.sys, s.pid))
		require.Zero(t, time.Since(start))
		require.Zero(t, e.running)
		require.ErrorIs(t, e.ended[0], context.Canceled)
	})
}

func TestAPanicInAnEffectRestartsTheActor(t *testing.T) {
	e := &fakeEffects{panics: 2}
	onStage(t, e, func(t *testing.T, s *stage) {
		kittest.Expect[messages.NeedSpec](s.probe)
		time.Sleep(time.Second)
		synctest.Wait()
		_, asked := kittest.Last[messages.NeedSpec](s.probe)
		require.True(t, asked)
		require.Equal(t, 4, e.count(), "the step that panicked is done again")
	})
}

func TestOnlyWhatIsNewIsTold(t *testing.T) {
	e := &fakeEffects{}
	onStage(t, e, func(t *testing.T, s *stage) {
		synctest.Wait()
		kittest.Last[messages.BrokerObserved](s.probe)
		for range 10 {
			s.trigger.Fire()
			synctest.Wait()
		}
		s.probe.ExpectNone()
		e.mu.Lock()
		pod := e.objects["Pod demo-node-0"].DeepCopyObject().(*corev1.Pod)
		ready(pod)
		e.objects["Pod demo-node-0"] = pod
		e.mu.Unlock()
		s.trigger.Fire()
		synctest.Wait()
		told := kittest.Expect[messages.BrokerObserved](s.probe)
		require.Equal(t, messages.PhaseRunning, told.Phase)
		require.True(t, told.PodReady)
		require.Empty(t, told.Reason)
		s.probe.ExpectNone()
	})
}
