package simulation

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestALostVolumeIsReplacedWhenAllThatWasOnItIsElsewhere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		changes []func(*v1beta1.KafkaCluster)
		id      messages.BrokerID
	}{
		"of a broker":                   {[]func(*v1beta1.KafkaCluster){nodes(3), brokers(1), kafkaImage("4.3.1")}, 3},
		"of a broker with an old Kafka": {[]func(*v1beta1.KafkaCluster){controllersOnly(3), brokers(3)}, 4},
		"both volumes of a broker":      {[]func(*v1beta1.KafkaCluster){controllersOnly(3), brokers(3), disks(2)}, 5},
		"with ZooKeeper":                {[]func(*v1beta1.KafkaCluster){brokers(4), zooKeeper}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", test.changes...))
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 8, 3, 2)
				w.advance(time.Minute)
				before := w.podUIDs("demo")
				w.loseClaims("demo", test.id)
				w.eventually(5*time.Minute, "it serves with new disks", func() bool { return w.podUIDs("demo")[test.id] != before[test.id] && w.serves("demo", test.id) })
				w.eventuallyReady("demo")
				w.eventually(5*time.Minute, "its replicas are back in sync", func() bool { return w.inSync("demo") })
				require.Empty(w.t, w.lostPartitions("demo"))
				require.Empty(w.t, w.conditionText("demo", kube.ConditionDataVolumeLost))
				require.NotEmpty(w.t, w.events.with("DiskReplaced"), "people get an Event")
				after := w.podUIDs("demo")
				delete(before, test.id)
				delete(after, test.id)
				require.Equal(w.t, before, after, "all others go on")
				w.settled()
			})
		})
	}
}

func TestALostVolumeWithTheLastCopyStopsThatBrokerAlone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.topic("demo", "single", 4, 1, 1)
		w.advance(time.Minute)
		w.loseClaims("demo", 3)
		w.eventually(5*time.Minute, "a condition names the partition and the way out", func() bool {
			text := w.conditionText("demo", kube.ConditionDataVolumeLost)
			return strings.Contains(text, "single-3") && strings.Contains(text, kube.AnnotationAllowDataLoss) && !strings.Contains(text, "orders")
		})
		w.advance(time.Hour)
		w.kill()
		w.advance(time.Hour)
		require.Empty(w.t, w.podsOf("demo", 3))
		require.Empty(w.t, w.lostPartitions("demo"))
		w.edit("demo", readOnly("log.retention.ms=1000\n"))
		w.inForce("log.retention.ms", "1000", 0, 1, 2)
		w.edit("demo", annotated(kube.AnnotationAllowDataLoss, w.lossToken("demo", 3)))
		w.eventuallyReady("demo")
		require.True(w.t, w.serves("demo", 3))
		require.Empty(w.t, w.conditionText("demo", kube.ConditionDataVolumeLost))
	})
}

func TestOneLostVolumeAfterTheOther(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(4), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 1)
		w.advance(time.Minute)
		w.loseClaims("demo", 3)
		w.loseClaims("demo", 4)
		both := func() bool { return len(w.podsOf("demo", 3)) > 0 && len(w.podsOf("demo", 4)) > 0 }
		w.eventually(10*time.Minute, "both are there", func() bool {
			if both() && !w.serves("demo", 3) && !w.serves("demo", 4) {
				w.fail("two brokers come back with empty disks at a time")
			}
			return both()
		})
		w.eventuallyReady("demo")
		require.Empty(w.t, w.lostPartitions("demo"))
		w.settled()
	})
}

// A new daemon does not know which broker the one before gave empty disks to: two may not be without their data by our doing.
func TestALostVolumeWaitsForOneThatAnEarlierDaemonReplaced(t *testing.T) {
	t.Parallel()
	for name, replaced := range map[string]func(*World) bool{
		"its Pod has been made": func(w *World) bool { return len(w.podsOf("demo", 3)) > 0 },
		"it fetches its data":   func(w *World) bool { return w.serves("demo", 3) },
	} {
		for change, next := range map[string]func(*World){
			"a new daemon": (*World).kill,
			"a pause": func(w *World) {
				w.edit("demo", paused)
				w.advance(10 * time.Second)
				w.edit("demo", resumed)
			},
		} {
			t.Run(name+", then "+change, func(t *testing.T) {
				run(t, func(w *World) {
					w.apply(kafkaCluster("demo", controllersOnly(3), brokers(4), kafkaImage("4.3.1")))
					w.eventuallyReady("demo")
					w.topic("demo", "orders", 8, 3, 1)
					w.advance(time.Minute)
					w.copiesTake(15 * time.Minute)
					w.loseClaims("demo", 3)
					w.eventually(10*time.Minute, name, func() bool { return replaced(w) })
					next(w)
					w.loseClaims("demo", 4)
					w.says("demo", kube.ConditionDataVolumeLost, "broker 3 gets its data back first")
					w.advance(10 * time.Minute)
					require.Empty(w.t, w.podsOf("demo", 4), "broker 3 has not got its data back")
					w.copiesTake(0)
					w.eventuallyReady("demo")
					w.eventually(20*time.Minute, "both have their data", func() bool { return w.inSync("demo") })
					require.Empty(w.t, w.lostPartitions("demo"))
					w.settled()
				})
			})
		}
	}
}

func TestTheDaemonMayDieAtAnyWriteOfARecovery(t *testing.T) {
	t.Parallel()
	for writes := 1; writes <= 8; writes++ {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("4.3.1")))
			w.eventuallyReady("demo")
			w.topic("demo", "orders", 8, 3, 2)
			w.advance(time.Minute)
			w.killAfterWrites(writes)
			w.loseClaims("demo", 3)
			w.advance(10 * time.Minute)
			w.eventuallyReady("demo")
			require.True(w.t, w.serves("demo", 3))
			require.Empty(w.t, w.lostPartitions("demo"))
			w.settled()
		})
	}
}

func TestAControllerWithoutMetadataWaitsForTheOthers(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		node := w.podsOf("demo", 1)[0].Spec.NodeName
		if node == w.podsOf("demo", 0)[0].Spec.NodeName { // whose Pod has to end
			node = w.podsOf("demo", 2)[0].Spec.NodeName
		}
		w.kubelets.lose(node, 20*time.Minute)
		w.loseClaims("demo", 0)
		w.eventually(10*time.Minute, "a condition says what it waits for", func() bool {
			return w.conditionText("demo", kube.ConditionDataVolumeLost) != ""
		})
		w.advance(5 * time.Minute)
		require.Empty(w.t, w.podsOf("demo", 0))
		w.eventually(time.Hour, "the other controller is back, and then it starts", func() bool { return w.serves("demo", 0) })
	}, machines(6, 3))
}

func TestABrokerLeavesANodeThatIsGoneForGoodWithoutItsDisk(t *testing.T) {
	t.Parallel()
	apart := []func(*v1beta1.KafkaCluster){controllersOnly(3), brokers(3), kafkaImage("4.3.1")}
	for name, test := range map[string]struct {
		changes []func(*v1beta1.KafkaCluster)
		id      messages.BrokerID
		goes    func(w *World, node string)
	}{
		"when its Node is deleted":                   {apart, 4, (*World).goneForGood},
		"when its Node is out of service":            {apart, 4, (*World).givenUp},
		"as broker and controller, deleted":          {[]func(*v1beta1.KafkaCluster){nodes(3), kafkaImage("4.3.1")}, 2, (*World).goneForGood},
		"as broker and controller, out of service":   {[]func(*v1beta1.KafkaCluster){nodes(3), kafkaImage("4.3.1")}, 2, (*World).givenUp},
		"as a controller alone, when out of service": {apart, 1, (*World).givenUp},
		"with ZooKeeper":                             {[]func(*v1beta1.KafkaCluster){brokers(4), zooKeeper}, 2, (*World).givenUp},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				localVolumes(w)
				w.apply(kafkaCluster("demo", test.changes...))
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 8, 2, 1)
				w.advance(time.Minute)
				before, gone := w.podUIDs("demo"), w.nodeOf(test.id)
				var stay []messages.BrokerID
				for _, pod := range w.pods("demo") {
					if pod.Spec.NodeName != gone {
						stay = append(stay, idOf(pod))
					}
				}
				test.goes(w, gone)
				w.eventually(20*time.Minute, "it serves elsewhere", func() bool { return w.serves("demo", test.id) })
				require.NotEqual(w.t, gone, w.nodeOf(test.id))
				w.eventually(20*time.Minute, "all replicas are in sync", func() bool { return w.inSync("demo") })
				w.eventuallyReady("demo")
				require.Empty(w.t, w.lostPartitions("demo"))
				require.NotEmpty(w.t, w.events.with("DiskReplaced"))
				for _, id := range stay {
					require.Equal(w.t, before[id], w.podUIDs("demo")[id], "broker %d goes on", id)
				}
				w.settled()
			}, machines(6, 3))
		})
	}
}

// Nobody has seen what ran on its disk: it may have been Kafka.
func TestABrokerLeavesANodeThatIsGoneForGoodBeforeItWasSeen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		changes []func(*v1beta1.KafkaCluster)
		id      messages.BrokerID
	}{
		"a broker":       {[]func(*v1beta1.KafkaCluster){controllersOnly(3), brokers(3), kafkaImage("4.3.1")}, 4},
		"with ZooKeeper": {[]func(*v1beta1.KafkaCluster){brokers(4), zooKeeper}, 2},
	} {
		for after := time.Duration(0); after < 6*time.Second; after += time.Second {
			t.Run(fmt.Sprintf("%s, after %s", name, after), func(t *testing.T) {
				run(t, func(w *World) {
					localVolumes(w)
					w.apply(kafkaCluster("demo", test.changes...))
					w.eventually(time.Minute, "its Pod has a node", func() bool {
						pods := w.podsOf("demo", test.id)
						return len(pods) == 1 && pods[0].Spec.NodeName != ""
					})
					w.advance(after)
					w.givenUp(w.nodeOf(test.id))
					w.eventually(30*time.Minute, "it serves elsewhere", func() bool { return w.serves("demo", test.id) })
					w.eventuallyReady("demo")
					w.settled()
				}, machines(6, 3))
			})
		}
	}
}

func TestABrokerWaitsForANodeThatIsOnlyAway(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		localVolumes(w)
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 2, 1)
		w.advance(time.Minute)
		pod := w.podsOf("demo", 4)[0]
		claims := len(w.owned(kube.KindClaim, "demo"))
		w.kubelets.lose(pod.Spec.NodeName, 3*time.Hour)
		w.advance(2 * time.Hour)
		require.Len(w.t, w.owned(kube.KindClaim, "demo"), claims)
		require.Empty(w.t, w.events.with("DiskReplaced"))
		w.advance(2 * time.Hour)
		w.eventuallyReady("demo")
		require.Len(w.t, w.owned(kube.KindClaim, "demo"), claims)
	}, machines(6, 3))
}

// Kubernetes keeps a claim while a Pod mounts it: nothing is lost, and what else is to be done goes on.
func TestAClaimThatIsDeletedUnderARunningBrokerIsToldAndLosesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		for _, claim := range w.owned(kube.KindClaim, "demo") {
			if idOf(claim) == 1 {
				w.deleteObject(keyOf(claim))
			}
		}
		w.edit("demo", readOnly("log.retention.ms=1000\nqueued.max.requests=700\n"))
		w.inForce("log.retention.ms", "1000", 0, 1, 2)
		w.eventually(5*time.Minute, "the others are restarted", func() bool {
			now := w.podUIDs("demo")
			return now[0] != before[0] && now[2] != before[2]
		})
		w.eventuallyReady("demo")
		w.advance(10 * time.Minute)
		require.True(w.t, w.isReady("demo"))
		require.Equal(w.t, before[1], w.podUIDs("demo")[1])
		text := w.conditionText("demo", kube.ConditionUpdateAvailable)
		require.Contains(w.t, text, "was deleted and goes with its data when the Pod stops")
		require.Empty(w.t, w.conditionText("demo", kube.ConditionDataVolumeLost))
	})
}

func TestPartitionsThatStayWithoutALeaderAfterALossAreTold(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("3.9.2")))
		w.eventuallyReady("demo")
		w.topic("demo", "single", 4, 1, 1)
		w.advance(time.Minute)
		w.edit("demo", maintained(3))
		w.eventually(5*time.Minute, "a condition names it", func() bool {
			text := w.conditionText("demo", kube.ConditionOffline)
			return strings.Contains(text, "1 partitions have no leader") && strings.Contains(text, "single-3") && strings.Contains(text, "UNCLEAN")
		})
		w.eventuallyReady("demo") // whoever uses other partitions is served
		w.settled()
		w.edit("demo", maintained())
		w.eventually(5*time.Minute, "nothing is told any more", func() bool { return w.conditionText("demo", kube.ConditionOffline) == "" })
		w.settled()
	})
}

func TestAWordThatNobodyTakesGetsAnAnswer(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), annotated(kube.AnnotationAllowDataLoss, "yes")))
		w.eventuallyReady("demo")
		w.eventually(time.Minute, "it is told", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionSpecWarning), kube.AnnotationAllowDataLoss)
		})
		w.topic("demo", "single", 3, 1, 1)
		w.advance(time.Minute)
		w.loseClaims("demo", 1)
		w.eventually(5*time.Minute, "with the word that would be taken", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionSpecWarning), w.lossToken("demo", 1))
		})
		w.settled()
	})
}

// That its machine will not come back may be said long after the broker's Pod found no place, when nothing of the broker changes any more.
func TestABrokerWithoutAPlaceHearsThatItsNodeIsGoneForGood(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		localVolumes(w)
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), kafkaImage("4.3.1")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		gone := w.nodeOf(4)
		w.switchedOff(gone)
		w.advance(20 * time.Minute)
		require.False(w.t, w.serves("demo", 4))
		w.onNode(gone, func(n *corev1.Node) {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeOutOfService, Effect: corev1.TaintEffectNoExecute})
		})
		w.eventually(10*time.Minute, "it serves elsewhere", func() bool { return w.serves("demo", 4) && w.nodeOf(4) != gone })
		w.eventuallyReady("demo")
		require.Empty(w.t, w.lostPartitions("demo"))
	}, machines(6, 3))
}
