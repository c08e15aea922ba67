package health

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/messages"
)

// What the actor knew goes with its incarnation: it asks its parent anew, and tells what it sees although it had told it before.
func TestAfterACrashItAsksAnewWhatToWatchAndTellsItAgain(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}, took: 10 * time.Second}
	withActor(t, k, func(t *testing.T, probe *kittest.Probe, sys *actor.ActorSystem, pid *actor.PID) {
		sys.Root.Send(pid, watched(0))
		time.Sleep(15 * time.Second)
		require.True(t, kittest.Expect[messages.KafkaObserved](probe).Answered)
		for asking, _ := k.now(); asking == 0; asking, _ = k.now() { // the crash comes while a look is under way
			time.Sleep(time.Second)
		}
		crashed := k.looked()
		sys.Root.Send(pid, kittest.Crash{})
		kittest.Expect[messages.NeedWatch](probe)
		asking, open := k.now()
		require.Zero(t, asking, "the look of the earlier life has ended")
		require.Zero(t, open, "and so has its session")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, crashed, k.looked(), "an earlier life's wish counts no more")
		sys.Root.Send(pid, watched(0))
		time.Sleep(11 * time.Second)
		require.True(t, kittest.Expect[messages.KafkaObserved](probe).Answered)
		_, open = k.now()
		require.Equal(t, 1, open)
	})
}

func TestAPanicInALookRestartsTheActor(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}}
	withActor(t, k, func(t *testing.T, probe *kittest.Probe, sys *actor.ActorSystem, pid *actor.PID) {
		k.panicNext()
		sys.Root.Send(pid, watched(0))
		kittest.Expect[messages.NeedWatch](probe)
		sys.Root.Send(pid, watched(0))
		require.Equal(t, []messages.BrokerID{0}, kittest.Expect[messages.KafkaObserved](probe).Brokers)
		_, open := k.now()
		require.Equal(t, 1, open)
	})
}

func TestAStopDuringALookEndsTheLookAtOnce(t *testing.T) {
	k := &fakeKafka{brokers: []messages.BrokerID{0}, took: 10 * time.Second}
	withActor(t, k, func(t *testing.T, probe *kittest.Probe, sys *actor.ActorSystem, pid *actor.PID) {
		sys.Root.Send(pid, watched(0))
		time.Sleep(time.Second)
		asking, _ := k.now()
		require.Equal(t, 1, asking)
		start := time.Now()
		require.NoError(t, kit.StopAndWait(t.Context(), sys, pid))
		require.Zero(t, time.Since(start))
		asking, open := k.now()
		require.Zero(t, asking, "when the actor has stopped its look has ended")
		require.Zero(t, open)
		kittest.Expect[*actor.Terminated](probe)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, 1, k.looked())
		probe.ExpectNone()
	})
}
