package cluster

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestAClusterBecomesReadyAndThenWritesNothing(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		require.True(t, s.ready())
		require.Len(t, s.report(t).Brokers, 3)
		statuses, writes := s.statusCount(), s.writeCount()
		settle(24 * time.Hour)
		require.Equal(t, statuses, s.statusCount())
		require.Equal(t, writes, s.writeCount())
	})
}

func TestStatusIsWrittenAtMostOnceASecond(t *testing.T) {
	onStage(t, demo(0, 1, 2, 3, 4), func(t *testing.T, s *stage) {
		settle(time.Minute)
		for range 600 { // readiness that flaps ten times a second for a minute
			pod := s.cache.Objects(kube.KindPod, key())[0].DeepCopyObject().(kube.Object)
			s.put(flipped(pod))
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		require.LessOrEqual(t, s.statusCount(), 75)
		for i := 2; i < len(s.statuses); i++ { // the first two record the identity
			require.GreaterOrEqual(t, s.statuses[i].Sub(s.statuses[i-1]), time.Second)
		}
	})
}

// The write of a status that is over before its answer is found lost must not stay as the last word.
func TestAStatusWhoseAnswerWasLostIsWrittenAgain(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		s.loseAnswer()
		s.put(flipped(s.cache.Objects(kube.KindPod, key())[0].DeepCopyObject().(kube.Object)))
		settle(100 * time.Millisecond)
		require.False(t, s.ready())
		s.put(flipped(s.cache.Objects(kube.KindPod, key())[0].DeepCopyObject().(kube.Object)))
		settle(time.Minute)
		require.True(t, s.ready())
	})
}

func TestACrashOfOneBrokersActorLeavesItsSiblingsAlone(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		s.panicOn("demo-config-1")
		writes := s.writeCount()
		s.drop(s.cache.ConfigMap("kafka", "demo-config-1").DeepCopy())
		settle(time.Minute)
		require.True(t, s.ready())
		require.Equal(t, 1.0, s.panicked(t, "broker"))
		require.Zero(t, s.panicked(t, "cluster"))
		require.Equal(t, []string{"demo-config-1", "demo-config-1"}, s.writes[writes:], "nobody else did anything")
	})
}

func TestAfterItsOwnCrashAClusterFindsEverythingAgain(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		statuses, writes := s.statusCount(), s.writeCount()
		s.sys.Root.Send(s.pid, kittest.Crash{})
		settle(time.Hour)
		require.True(t, s.ready())
		require.Len(t, s.report(t).Brokers, 3, "its brokers have actors again")
		require.Equal(t, statuses, s.statusCount(), "and nothing was written for that")
		require.Equal(t, writes, s.writeCount())
	})
}

func TestABrokerMayLeaveAndComeBackUnderTheSameName(t *testing.T) {
	onStage(t, demo(0, 1, 2, 3), func(t *testing.T, s *stage) {
		settle(time.Minute)
		for range 3 {
			s.edit(demo(0, 1, 2))
			settle(10 * time.Second)
			require.NotNil(t, kube.Condition(s.cache.Cluster(key()).Status.Conditions, kube.ConditionBrokersLeaving))
			for _, kind := range []kube.Kind{kube.KindPod, kube.KindConfigMap, kube.KindClaim} { // people finish it
				for _, object := range s.cache.Objects(kind, key()) {
					if object.GetLabels()[kube.LabelBrokerID] == "3" {
						s.drop(object)
					}
				}
			}
			settle(10 * time.Second)
			s.edit(demo(0, 1, 2, 3))
			settle(time.Minute)
			require.Len(t, s.report(t).Brokers, 4)
		}
	})
}

func TestAnActorEndsWithItsResource(t *testing.T) {
	for name, end := range map[string]func(*stage){
		"deleted": func(s *stage) { s.drop(s.cache.Cluster(key()).DeepCopy()) },
		"replaced by one of the same name": func(s *stage) {
			other := demo(0)
			other.UID = "6f1c2b9e-0000-4000-8000-000000000002"
			s.put(other)
		},
		"handed to another daemon": func(s *stage) {
			cluster := s.cache.Cluster(key()).DeepCopy()
			cluster.Annotations = map[string]string{kube.AnnotationRemoteOwner: "elsewhere"}
			s.put(cluster)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
				settle(time.Minute)
				end(s)
				settle(time.Second)
				_, stopped := kittest.Last[*actor.Terminated](s.probe)
				require.True(t, stopped)
			})
		})
	}
}

func TestADeletedResourceIsReleasedWhenItsActorsHaveEnded(t *testing.T) {
	cluster := demo(0, 1, 2)
	cluster.Finalizers = kube.ClusterFinalizers()
	onStage(t, cluster, func(t *testing.T, s *stage) {
		settle(time.Minute)
		deleted := s.cache.Cluster(key()).DeepCopy()
		deleted.DeletionTimestamp = &metav1.Time{Time: time.Now()}
		s.put(deleted)
		settle(time.Second)
		require.Nil(t, s.cache.Cluster(key()))
	})
}

// edit is a change of the spec.
func (s *stage) edit(wanted *v1beta1.KafkaCluster) {
	cluster := s.cache.Cluster(key()).DeepCopy()
	cluster.Spec, cluster.Generation = wanted.Spec, cluster.Generation+1
	s.put(cluster)
}

func TestLooksAtManyNodesTakeASmallPartOfTheTime(t *testing.T) {
	require.Zero(t, restOf(6), "a report of a small cluster is looked at when it comes")
	require.Equal(t, 5*time.Millisecond, restOf(100))
	require.Equal(t, 50*time.Millisecond, restOf(1000))
}
