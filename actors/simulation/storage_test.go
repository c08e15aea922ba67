package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestVolumesGrowUnderRunningBrokers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", sized("20Gi"))
		w.eventually(time.Minute, "all volumes have grown", func() bool { return w.haveSize("demo", "20Gi") })
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Nil(w.t, kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionUpdateAvailable))
	})
}

func TestAVolumeThatGrowsForAnotherPodOnlyGetsOne(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.growsOffline(w.claimsOf("demo")[1])
		w.expectRestarts("demo", 1)
		w.edit("demo", sized("20Gi"))
		w.eventually(10*time.Minute, "all volumes have grown", func() bool { return w.haveSize("demo", "20Gi") })
		w.eventuallyReady("demo")
		w.settled()
		after := w.podUIDs("demo")
		require.NotEqual(w.t, before[1], after[1])
		for _, id := range []messages.BrokerID{0, 2} {
			require.Equal(w.t, before[id], after[id])
		}
	})
}

func TestAClaimThatSomebodyHasDeletedIsNotTakenFromARunningBroker(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.deleteObject(keyOf(w.claimsOf("demo")[1]))
		w.expectRestarts("demo", 0, 2)
		w.edit("demo", readOnly("queued.max.requests=700\n"))
		w.eventually(10*time.Minute, "the others have rolled", func() bool {
			after := w.podUIDs("demo")
			return after[0] != before[0] && after[2] != before[2]
		})
		w.advance(time.Hour)
		require.Equal(w.t, before[1], w.podUIDs("demo")[1])
		require.Contains(w.t, kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionUpdateAvailable).Message, "goes with its data")
	})
}

func TestVolumesNeverShrinkAndNobodyStopsForThat(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", sized("5Gi"))
		w.eventually(time.Minute, "the condition says so", func() bool {
			c := kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionUpdateAvailable)
			return c != nil && strings.Contains(c.Message, "is 10Gi and should be 5Gi")
		})
		w.edit("demo", readOnly("log.retention.ms=1000\n"))
		w.inForce("log.retention.ms", "1000", 0, 1, 2)
		w.settled()
		require.True(w.t, w.haveSize("demo", "10Gi"))
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestAVolumeThatSomebodyElseHasGrownIsLeftAlone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		claim := w.claimsOf("demo")[0]
		w.store.update(keyOf(claim), func(o kube.Object) {
			o.(*corev1.PersistentVolumeClaim).Spec.Resources = *claimOf("30Gi").Resources.DeepCopy()
		})
		w.edit("demo", sized("20Gi"))
		w.eventually(time.Minute, "the others have grown", func() bool {
			return w.claimsOf("demo")[1].Status.Capacity.Storage().String() == "20Gi"
		})
		w.settled()
		require.Equal(w.t, "30Gi", w.claimsOf("demo")[0].Status.Capacity.Storage().String())
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestAVolumeThatMayNotGrowIsToldAndStopsNothing(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.store.mu.Lock()
		w.store.fixedSizes = true
		w.store.mu.Unlock()
		w.edit("demo", sized("20Gi"))
		w.edit("demo", readOnly("log.retention.ms=1000\n"))
		w.inForce("log.retention.ms", "1000", 0, 1, 2)
		w.eventually(time.Minute, "the condition says why", func() bool {
			c := kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionUpdateAvailable)
			return c != nil && strings.Contains(c.Message, "does not grow to 20Gi") && strings.Contains(c.Message, "must support resize")
		})
		w.store.mu.Lock()
		w.store.fixedSizes = false
		w.store.mu.Unlock()
		w.eventually(15*time.Minute, "asked for again, they grow", func() bool { return w.haveSize("demo", "20Gi") })
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestClaimsOfAClassThatNobodyServesAreMadeAnewOnceTheyAreDeleted(t *testing.T) {
	t.Parallel()
	classOf := func(class string) func(*v1beta1.KafkaCluster) {
		return func(c *v1beta1.KafkaCluster) {
			c.Spec.BrokerConfigGroups["default"].StorageConfigs[0].PvcSpec.StorageClassName = &class
		}
	}
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), classOf(noSuchClass)))
		w.eventually(time.Minute, "claim and class are named", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionReady), "for /kafka-logs (storage class nosuch) has no volume")
		})
		w.edit("demo", classOf("fast"))
		for id := range messages.BrokerID(3) {
			claim := kube.ClaimName("demo", id, "/kafka-logs")
			w.eventually(time.Minute, "the way out is told", func() bool {
				return strings.Contains(w.cluster("demo").Status.BrokersState[id.String()].Reason, "kubectl delete pvc "+claim)
			})
		}
		for _, claim := range w.claimsOf("demo") {
			w.deleteObject(keyOf(claim))
			w.advance(time.Minute)
		}
		w.eventuallyReady("demo")
		w.settled()
		require.Len(w.t, w.claimsOf("demo"), 3)
	})
}

// The others have formed the quorum with the id of a disk that never was: its node gets its vote when it joins.
func TestOneControllersClaimIsMadeAnewAfterTheQuorumHasFormed(t *testing.T) {
	t.Parallel()
	classOf := func(class string) func(*v1beta1.KafkaCluster) {
		return func(c *v1beta1.KafkaCluster) {
			spec := claimOf("10Gi")
			spec.StorageClassName = &class
			c.Spec.Brokers[1].BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", PvcSpec: spec}}
		}
	}
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), classOf(noSuchClass)))
		w.eventually(10*time.Minute, "the others serve", func() bool { return w.serves("demo", 0) && w.serves("demo", 2) })
		w.edit("demo", classOf("fast"))
		w.eventually(time.Minute, "the way out is told", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionReady), "kubectl delete pvc "+kube.ClaimName("demo", 1, "/kafka-logs"))
		})
		w.deleteObject(key{kube.KindClaim, namespace, kube.ClaimName("demo", 1, "/kafka-logs")})
		w.eventuallyReady("demo")
		w.settled()
	})
}
