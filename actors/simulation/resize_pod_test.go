package simulation

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestOneBrokerGetsMoreCPUWhileItRuns(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), sizedAs(1, "1", "2Gi")))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		for _, cpu := range []string{"2", "500m"} {
			w.edit("demo", sizedAs(1, cpu, "2Gi"))
			w.eventually(time.Minute, "broker 1 has it", func() bool { return w.cpuOf(1) == cpu })
			w.eventuallyReady("demo")
			w.settled()
			require.Equal(w.t, before, w.podUIDs("demo"))
		}
		w.kill()
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestCPUComesWithARestartWhereTheServerCannotResize(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.store.fixedPods = true
		w.apply(kafkaCluster("demo", nodes(3), sizedAs(1, "1", "2Gi")))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", sizedAs(1, "2", "2Gi"))
		w.eventually(2*time.Minute, "broker 1 has it", func() bool { return len(w.podsOf("demo", 1)) == 1 && w.cpuOf(1) == "2" })
		w.eventuallyReady("demo")
		w.settled()
		after := w.podUIDs("demo")
		require.NotEqual(w.t, before[1], after[1])
		require.Equal(w.t, before[0], after[0])
		require.Equal(w.t, before[2], after[2])
	})
}

func TestADaemonThatDiesBetweenAnyTwoWritesLosesNoCPU(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 5; n++ {
		for _, wanted := range []string{"2", "1"} {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), sizedAs(1, "1", "2Gi")))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				before := w.podUIDs("demo")
				w.killAfterWrites(n)
				w.edit("demo", sizedAs(1, "2", "2Gi"))
				w.eventually(time.Minute, "it has died or all is done", func() bool { return w.reborn() || w.cpuOf(1) == "2" })
				w.edit("demo", sizedAs(1, wanted, "2Gi"))
				w.advance(time.Minute)
				w.killAfterWrites(0)
				require.Equal(w.t, wanted, w.cpuOf(1), "killed after %d writes", n)
				w.settled()
				require.Equal(w.t, before, w.podUIDs("demo"))
			})
		}
	}
}

func TestOneOfThreeBrokersGetsCPUADiskAndItsOwnConfiguration(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3)))
		w.eventuallyReady("demo")
		before, id := w.podUIDs("demo"), w.brokerIDs("demo")[1]
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			sizedAs(id, "2", "4Gi")(c)
			perBroker(int32(id), "log.cleaner.threads=2\n")(c)
			own := c.Spec.Brokers[slices.IndexFunc(c.Spec.Brokers, func(b v1beta1.Broker) bool { return b.ID == int32(id) })].BrokerConfig
			own.KafkaHeapOpts = "-Xmx3G"
			own.StorageConfigs = append(own.StorageConfigs, v1beta1.StorageConfig{MountPath: "/more", PvcSpec: claimOf("10Gi")})
		})
		w.inForce("log.cleaner.threads", "2", id)
		w.eventually(5*time.Minute, "it has all of it", func() bool {
			pods := w.podsOf("demo", id)
			return len(pods) == 1 && pods[0].UID != before[id] && w.cpuOf(id) == "2" && w.serves("demo", id)
		})
		w.eventuallyReady("demo")
		w.settled()
		for other, uid := range w.podUIDs("demo") {
			require.Equal(w.t, other == id, uid != before[other], "broker %d", other)
		}
		require.Len(w.t, w.cluster("demo").Status.BrokersState[id.String()].FormattedLogDirs, 2)
		require.Equal(w.t, "2", w.configInForce("demo", id, "log.cleaner.threads"))
	})
}

func TestABrokerIsNotStoppedForASizeThatNoNodeHas(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.nodesOf("4", "8Gi")
		w.apply(kafkaCluster("demo", nodes(3), sizedAs(1, "1", "2Gi")))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", sizedAs(1, "1", "16Gi"))
		w.eventually(time.Minute, "people are told", func() bool { return w.condition("demo", kube.ConditionHeld) != nil })
		require.Contains(w.t, w.condition("demo", kube.ConditionHeld).Message, "16Gi memory")
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))

		w.onNode("node-0", func(n *corev1.Node) { n.Status.Allocatable[corev1.ResourceMemory] = resource.MustParse("32Gi") })
		w.edit("demo", sizedAs(1, "1", "15Gi"))
		w.eventually(5*time.Minute, "it has the new size", func() bool {
			pods := w.podsOf("demo", 1)
			return len(pods) == 1 && pods[0].UID != before[1] && w.serves("demo", 1)
		})
		w.settled()
		require.Nil(w.t, w.condition("demo", kube.ConditionHeld))
	})
}
