package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// controllerWithID adds a controller under an id that may have been used.
func controllerWithID(id int32) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		c.Spec.Brokers = append(c.Spec.Brokers, v1beta1.Broker{ID: id, BrokerConfigGroup: "default", BrokerConfig: &v1beta1.BrokerConfig{ProcessRoles: []string{"controller"}}})
	}
}

func TestAControllerThatComesAfterAllFirstOnesJoinsTheirQuorum(t *testing.T) {
	t.Parallel()
	for _, next := range []int32{0, 9} {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3)))
			w.eventuallyReady("demo")
			w.edit("demo", controllersOnly(3))
			w.eventuallyVote("demo", 0, 1, 2, 6, 7, 8)
			w.eventuallyReady("demo")
			for id := range int32(3) {
				w.edit("demo", withoutBroker(id))
				w.eventuallyRemoved("demo", messages.BrokerID(id))
			}
			w.eventuallyReady("demo")
			w.edit("demo", controllerWithID(next))
			w.eventually(5*time.Minute, "its Pod is there", func() bool { return len(w.podsOf("demo", messages.BrokerID(next))) == 1 })
			require.NotContains(w.t, envOf(w.podsOf("demo", messages.BrokerID(next))[0]), "KAFKA_INITIAL_CONTROLLERS")
		})
	}
}

func TestADiskThatWasToGoStaysWhenReplicasLandOnIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		landing func(*v1beta1.KafkaCluster)
		after   time.Duration
	}{
		"long before its broker may stop":                  {nil, 10 * time.Minute},
		"a moment before its broker stops":                 {nil, 0},
		"while its broker is to stop for another end":      {readOnly("queued.max.requests=700\n"), 10 * time.Minute},
		"a moment before its broker stops for another end": {readOnly("queued.max.requests=700\n"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				foreign := w.keptWithADiskToGo()
				require.False(w.t, w.letsGo("demo", 3), "its disk is not let go while it may not stop")
				w.topic("demo", "single", 8, 1, 1)
				if test.landing != nil {
					w.edit("demo", test.landing)
				}
				w.advance(test.after)
				w.deleteObject(foreign)
				w.advance(20 * time.Minute)
				require.Empty(w.t, w.lostPartitions("demo"))
			})
		})
	}
}

func TestADiskWhoseBrokerWasKeptForAWhileGoesWithOneRestart(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		foreign := w.keptWithADiskToGo()
		w.deleteObject(foreign)
		pods := map[types.UID]bool{}
		w.eventually(20*time.Minute, "the disk of broker 3 is gone", func() bool {
			for _, pod := range w.podsOf("demo", 3) {
				pods[pod.GetUID()] = true
			}
			return !w.hasDisk("demo", 3, lastDisk) && w.serves("demo", 3)
		})
		w.eventuallyWithout("demo", 3, lastDisk)
		require.Len(w.t, pods, 2, "it restarts once, without the disk")
	})
}

// keptWithADiskToGo is a cluster whose broker 3 would restart without its second disk, and which somebody's budget keeps from that.
func (w *World) keptWithADiskToGo() (foreign key) {
	w.t.Helper()
	w.apply(kafkaCluster("demo", controllersOnly(3), brokers(2), disks(2)))
	w.eventuallyReady("demo")
	w.advance(time.Minute)
	foreign = w.keepBroker(3)
	w.edit("demo", withoutDisk)
	w.eventually(10*time.Minute, "broker 3 is to stop", func() bool {
		return strings.Contains(w.conditionText("demo", "RollingUpgradeBlocked"), "broker 3: eviction refused")
	})
	return foreign
}

// keepBroker is somebody's budget that lets a broker not be stopped.
func (w *World) keepBroker(id messages.BrokerID) key {
	return w.foreignBudget(map[string]string{kube.LabelBrokerID: id.String()})
}

// letsGo reports whether a disk of a broker is marked to go with its next restart.
func (w *World) letsGo(name string, id messages.BrokerID) bool {
	return slices.ContainsFunc(w.owned(kube.KindClaim, name), func(c kube.Object) bool {
		return idOf(c) == id && c.GetAnnotations()[kube.AnnotationLogDirReleased] != ""
	})
}

func TestALostDiskThatHasLeftTheSpecNeedsProofToo(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(2), disks(2), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "single", 8, 1, 1)
		w.advance(time.Minute)
		w.edit("demo", withoutDisk)
		w.advance(2 * time.Minute)
		for _, c := range w.owned(kube.KindClaim, "demo") {
			if idOf(c) == 3 && c.GetAnnotations()[kube.AnnotationMountPath] == lastDisk {
				w.deleteObject(keyOf(c))
			}
		}
		w.deleteObject(keyOf(w.podsOf("demo", 3)[0]))
		w.advance(20 * time.Minute)
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}

func TestAFailedDiskIsNotJudgedByAnOlderAnswer(t *testing.T) {
	t.Parallel()
	for off := time.Duration(0); off < 15*time.Second; off += time.Second {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), disks(2), kafkaImage("4.3.1")))
			w.eventuallyReady("demo")
			w.topic("demo", "single", 8, 1, 1)
			w.edit("demo", withoutBroker(5)) // it has replicas, so it waits, and Kafka is looked at every 10 s
			w.advance(time.Minute)
			w.edit("demo", withoutDisk)
			w.advance(time.Minute + off)
			before := w.podUIDs("demo")
			w.failDir("demo", 4, lastDisk+"/kafka")
			w.advance(10 * time.Minute)
			if before[4] != w.podUIDs("demo")[4] || len(w.lostPartitions("demo")) > 0 {
				w.fail("the broker was restarted %v after a look; lost: %v", off, w.lostPartitions("demo"))
			}
		})
	}
}

func TestABrokerThatLosesOneDiskAfterTheOtherGetsBothAnew(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), disks(2), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		lose := func(last bool) {
			for _, c := range w.owned(kube.KindClaim, "demo") {
				if idOf(c) == 5 && (c.GetAnnotations()[kube.AnnotationMountPath] == lastDisk) == last {
					w.deleteObject(keyOf(c))
				}
			}
			for _, p := range w.podsOf("demo", 5) {
				w.deleteObject(keyOf(p))
			}
		}
		first := w.podUIDs("demo")[5]
		lose(true)
		w.eventually(5*time.Minute, "an empty disk", func() bool {
			p := w.podsOf("demo", 5)
			return len(p) == 1 && p[0].UID != first
		})
		lose(false)
		w.advance(3 * time.Hour)
		require.True(w.t, w.serves("demo", 5))
	})
}

func TestAPauseStartsNoBrokerThatWasStoppedForGood(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1)))
		w.eventuallyReady("demo")
		w.edit("demo", withoutBroker(3))
		w.eventually(10*time.Minute, "stopped", func() bool { return len(w.podsOf("demo", 3)) == 0 })
		w.edit("demo", annotated(kube.AnnotationPause, "true"))
		w.advance(5 * time.Minute)
		require.Zero(w.t, len(w.podsOf("demo", 3)), "it did not run when the pause began")
	})
}

// dies waits for the daemon to be dead, which it is for a second, and reports whether it was.
func (w *World) dies(within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		w.mu.Lock()
		dead := w.daemon == nil
		w.mu.Unlock()
		if dead {
			return true
		}
	}
	return false
}

// The next daemon finds a mark and no Pod: a replica may have landed on the disk meanwhile, on a Kafka without cordon.
func TestAMarkThatOutlivesItsDaemonTakesNoDiskAway(t *testing.T) {
	t.Parallel()
	left := 0
	for writes := 1; writes <= 14; writes++ {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", controllersOnly(3), brokers(2), disks(2)))
			w.eventuallyReady("demo")
			w.advance(time.Minute)
			pod := w.podsOf("demo", 3)[0]
			w.killAfterWrites(writes)
			w.edit("demo", withoutDisk)
			dead := w.dies(10 * time.Minute)
			now := w.podsOf("demo", 3)
			if !dead || !w.letsGo("demo", 3) || len(now) != 1 || now[0].UID != pod.UID || now[0].DeletionTimestamp != nil {
				return
			}
			left++
			w.topic("demo", "single", 8, 1, 1)
			time.Sleep(200 * time.Millisecond)
			w.deleteObject(keyOf(pod))
			w.advance(20 * time.Minute)
			require.Empty(w.t, w.lostPartitions("demo"))
		})
	}
	require.Positive(t, left, "histories in which a mark was left")
}

// The operator cannot reach Kafka (a NetworkPolicy). The cluster runs for a week, all Pods ready, with data. A claim is lost. Nobody
// has ever "seen it registered", so the new claim gets the right to be formatted without any proof.
func TestAClusterThatTheOperatorCannotAskIsNotFormattedOver(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.faults.set(Trouble{KafkaErrors: 1000})
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), kafkaImage("4.3.1")))
		w.eventually(5*time.Minute, "all serve", func() bool {
			for id := range 6 {
				if !w.serves("demo", messages.BrokerID(id)) {
					return false
				}
			}
			return true
		})
		w.topic("demo", "single", 6, 1, 1)
		w.advance(7 * 24 * time.Hour)
		w.loseClaims("demo", 4)
		w.advance(time.Hour)
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}

// The same with controllers: what had a vote is formatted with a list of first voters a second time.
func TestAControllerThatTheOperatorCannotAskFormsNoSecondQuorum(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.faults.set(Trouble{KafkaErrors: 1000})
		w.apply(kafkaCluster("demo", nodes(3), kafkaImage("4.3.1")))
		w.eventually(5*time.Minute, "all serve", func() bool {
			for id := range 3 {
				if !w.serves("demo", messages.BrokerID(id)) {
					return false
				}
			}
			return true
		})
		w.topic("demo", "orders", 6, 3, 2)
		w.advance(24 * time.Hour)
		w.loseClaims("demo", 1)
		w.advance(time.Hour)
		for _, pod := range w.podsOf("demo", 1) {
			require.NotContains(w.t, envOf(pod), "KAFKA_INITIAL_CONTROLLERS")
		}
		require.Contains(w.t, w.conditionText("demo", kube.ConditionDataVolumeLost), "broker 1 has lost its disk")
	})
}

// A broker's image is broken, its disks are fine. Somebody takes one of its two disks out of the spec meanwhile, then corrects the
// image.
func TestTheDisksOfABrokerThatDoesNotComeUpStayWithWhatIsOnThem(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), disks(2), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 12, 2, 1)
		w.advance(time.Minute)
		w.edit("demo", imageOf(4, "registry.example/broken:4.3.1"))
		w.eventually(10*time.Minute, "broker 4 is stuck", func() bool {
			pods := w.podsOf("demo", 4)
			return len(pods) == 1 && len(pods[0].Status.ContainerStatuses) > 0 && pods[0].Status.ContainerStatuses[0].State.Waiting != nil
		})
		w.advance(time.Minute)
		w.edit("demo", withoutDisk)
		w.advance(time.Minute)
		w.edit("demo", imageOf(4, "registry.example/kafka:4.3.1"))
		w.advance(20 * time.Minute)
		require.True(w.t, slices.ContainsFunc(w.owned(kube.KindClaim, "demo"), func(c kube.Object) bool {
			return idOf(c) == 4 && c.GetAnnotations()[kube.AnnotationMountPath] == lastDisk
		}))
		require.Contains(w.t, w.conditionText("demo", kube.ConditionUpdateAvailable), "goes when it is empty")
	})
}
