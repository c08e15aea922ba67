package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// eventuallyWithout waits until a disk of a broker is gone, with its claim and all records of it.
func (w *World) eventuallyWithout(name string, id messages.BrokerID, mountPath string) {
	w.t.Helper()
	w.eventually(20*time.Minute, "broker "+id.String()+" is without "+mountPath, func() bool {
		for _, dir := range w.cluster(name).Status.BrokersState[id.String()].FormattedLogDirs {
			if dir.MountPath == mountPath {
				return false
			}
		}
		for _, claim := range w.owned(kube.KindClaim, name) {
			if idOf(claim) == id && claim.GetAnnotations()[kube.AnnotationMountPath] == mountPath {
				return false
			}
		}
		pods := w.podsOf(name, id)
		return len(pods) == 1 && !strings.Contains(w.kubelets.fileOf(pods[0])["log.dirs"], mountPath+"/")
	})
}

func TestAnEmptyDiskGoesWithOneRestartOfItsBroker(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string][]func(*v1beta1.KafkaCluster){
		"that Kafka keeps empty":        {controllersOnly(3), brokers(2), disks(2), kafkaImage("4.3.1")},
		"of a Kafka that cannot cordon": {controllersOnly(3), brokers(2), disks(2)},
		"in racks":                      {controllersOnly(3), brokers(2), disks(2), racks},
		"with ZooKeeper":                {brokers(3), zooKeeper, ownConfig, disks(2)},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", changes...))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				before := w.podUIDs("demo")
				w.edit("demo", withoutDisk)
				for _, b := range w.cluster("demo").Spec.Brokers {
					if id := messages.BrokerID(b.ID); !isControllerOnly(b) {
						w.eventuallyWithout("demo", id, lastDisk)
						require.NotEqual(w.t, before[id], w.podUIDs("demo")[id])
						require.Empty(w.t, w.dynamicConfig("demo", id))
					}
				}
				w.eventuallyReady("demo")
				w.settled()
			})
		})
	}
}

// ownConfig gives every node a configuration of its own, with nothing in it.
func ownConfig(c *v1beta1.KafkaCluster) {
	for i := range c.Spec.Brokers {
		c.Spec.Brokers[i].BrokerConfig = &v1beta1.BrokerConfig{}
	}
}

func isControllerOnly(b v1beta1.Broker) bool {
	return b.BrokerConfig != nil && !b.BrokerConfig.HasRole(v1beta1.BrokerRole) && len(b.BrokerConfig.ProcessRoles) > 0
}

func TestADiskWithReplicasWaitsUntilTheyAreMoved(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), disks(2), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 3, 2)
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		w.edit("demo", withoutDisk)
		w.eventually(5*time.Minute, "a condition says what is on it", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionUpdateAvailable), "goes when it is empty: 2 partitions have a replica there: orders-")
		})
		require.Equal(w.t, lastDisk+"/kafka", w.dynamicConfig("demo", 4)["cordoned.log.dirs"])
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.moveOff("demo", 4, lastDisk+"/kafka")
		w.eventuallyWithout("demo", 4, lastDisk)
		require.Equal(w.t, before[3], w.podUIDs("demo")[3])
		require.Equal(w.t, before[5], w.podUIDs("demo")[5])
		w.moveOff("demo", 3, lastDisk+"/kafka")
		w.moveOff("demo", 5, lastDisk+"/kafka")
		w.eventuallyWithout("demo", 3, lastDisk)
		w.eventuallyWithout("demo", 5, lastDisk)
		require.Empty(w.t, w.lostPartitions("demo"))
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestADiskThatComesBackToTheSpecStays(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), disks(2), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 3, 2)
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		w.edit("demo", withoutDisk)
		w.eventually(5*time.Minute, "it is cordoned", func() bool { return len(w.dynamicConfig("demo", 4)) > 0 })
		w.edit("demo", withDisk)
		w.eventually(5*time.Minute, "it takes replicas again", func() bool { return len(w.dynamicConfig("demo", 4)) == 0 })
		w.eventuallyReady("demo")
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}

func TestADiskThatGoesMayBeAddedAgain(t *testing.T) {
	t.Parallel()
	for wait := time.Duration(0); wait < 90*time.Second; wait += 7 * time.Second {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", controllersOnly(3), brokers(2), disks(2), kafkaImage("4.3.1")))
			w.eventuallyReady("demo")
			w.edit("demo", withoutDisk)
			w.advance(20*time.Second + wait)
			w.edit("demo", withDisk)
			w.eventually(20*time.Minute, "both brokers have it", func() bool {
				return w.hasDisk("demo", 3, lastDisk) && w.hasDisk("demo", 4, lastDisk)
			})
			w.eventuallyReady("demo")
			w.settled()
			require.True(w.t, w.hasDisk("demo", 3, lastDisk) && w.hasDisk("demo", 4, lastDisk))
			w.edit("demo", withoutDisk)
			w.eventuallyWithout("demo", 3, lastDisk)
			w.eventuallyWithout("demo", 4, lastDisk)
		})
	}
}

func TestTheDaemonMayDieAtAnyWriteWhileADiskGoes(t *testing.T) {
	t.Parallel()
	for writes := 1; writes <= 14; writes++ {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", controllersOnly(1), brokers(2), disks(2), kafkaImage("4.3.1")))
			w.eventuallyReady("demo")
			w.advance(time.Minute)
			w.killAfterWrites(writes)
			w.edit("demo", withoutDisk)
			w.eventuallyWithout("demo", 1, lastDisk)
			w.eventuallyWithout("demo", 2, lastDisk)
			w.eventuallyReady("demo")
			w.settled()
		})
	}
}

func TestAFailedDiskIsShownAndGoesWhenItsReplicasAreElsewhere(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), disks(2), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 3, 2)
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		w.failDir("demo", 4, lastDisk+"/kafka")
		w.eventually(10*time.Minute, "a condition names it", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionDisksFailed), "broker 4 cannot use "+lastDisk)
		})
		require.True(w.t, w.isReady("demo"), "the healthy disks serve")
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.edit("demo", withoutDisk)
		w.eventuallyWithout("demo", 4, lastDisk)
		w.eventually(10*time.Minute, "its replicas are back on the other disk", func() bool { return w.inSync("demo") })
		require.Empty(w.t, w.lostPartitions("demo"))
		require.Empty(w.t, w.conditionText("demo", kube.ConditionDisksFailed))
	})
}

func TestAFailedDiskWithTheLastCopyStays(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), disks(2), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "single", 6, 1, 1)
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		w.failDir("demo", 4, lastDisk+"/kafka")
		w.edit("demo", withoutDisk)
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"))
		require.Contains(w.t, w.conditionText("demo", kube.ConditionUpdateAvailable), "left the spec")
	})
}

func TestAFullDiskIsToldInTheWordsOfTheStartScript(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		pod := w.podsOf("demo", 1)[0]
		w.fillDisks(pod.Spec.NodeName, true)
		w.kubelets.crash(keyOf(pod), 1)
		w.eventually(5*time.Minute, "a condition says how full it is", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionDiskFull), "broker 1: disk full: /kafka-logs/kafka has 1000 KiB free")
		})
		w.advance(time.Hour)
		require.Equal(w.t, pod.UID, w.podsOf("demo", 1)[0].UID, "the Pod stays, so that its volume can grow")
		w.fillDisks(pod.Spec.NodeName, false)
		w.eventuallyReady("demo")
		require.Empty(w.t, w.conditionText("demo", kube.ConditionDiskFull))
		w.settled()
	})
}
