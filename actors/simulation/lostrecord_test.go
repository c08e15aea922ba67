package simulation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// deleteByHand deletes all objects of a node, and those that it makes again while its Pod still stands.
func (w *World) deleteByHand(name string, id messages.BrokerID) {
	w.t.Helper()
	objects := func() (found []kube.Object) {
		for _, kind := range []kube.Kind{kube.KindClaim, kube.KindConfigMap, kube.KindService, kube.KindPod} {
			for _, object := range w.owned(kind, name) {
				if idOf(object) == id && object.GetLabels()[kube.LabelBrokerID] != "" {
					found = append(found, object)
				}
			}
		}
		return found
	}
	w.eventually(5*time.Minute, "all of its objects are gone", func() bool {
		left := objects()
		for _, object := range left {
			w.deleteObject(keyOf(object))
		}
		return len(left) == 0
	})
}

func (w *World) recorded(name string, id messages.BrokerID) bool {
	return len(w.cluster(name).Status.BrokersState[id.String()].FormattedLogDirs) > 0
}

func TestABrokerThatLeftAndWhoseObjectsWereDeletedIsStillKnown(t *testing.T) {
	t.Parallel()
	for name, single := range map[string]bool{"with a last copy": true, "with copies of all elsewhere": false} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				cluster := kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("4.3.1"), withCruiseControl)
				w.apply(cluster)
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 8, 3, 2)
				if single {
					w.topic("demo", "single", 4, 1, 1)
				}
				w.advance(time.Minute)
				w.edit("demo", withoutBroker(3))
				w.advance(time.Minute)
				w.deleteByHand("demo", 3)
				w.advance(5 * time.Minute)
				require.True(w.t, w.recorded("demo", 3), "Kafka has replicas on it")
				require.Contains(w.t, w.conditionText("demo", kube.ConditionBrokersLeaving), "its objects were deleted")
				w.kill()
				w.advance(5 * time.Minute)
				w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers = cluster.Spec.Brokers })
				if single {
					w.eventually(5*time.Minute, "a condition names the partition", func() bool {
						return strings.Contains(w.conditionText("demo", kube.ConditionDataVolumeLost), "single-3")
					})
					w.advance(time.Hour)
					require.Empty(w.t, w.podsOf("demo", 3))
					require.Empty(w.t, w.lostPartitions("demo"))
					w.edit("demo", annotated(kube.AnnotationAllowDataLoss, w.lossToken("demo", 3)))
				}
				w.eventuallyReady("demo")
				require.True(w.t, w.serves("demo", 3))
				w.eventually(5*time.Minute, "its replicas are back in sync", func() bool { return single || w.inSync("demo") })
			})
		})
	}
}

// again deletes a cluster that retains its claims, loses those of some nodes, and makes it anew.
func (w *World) again(name string, lost ...messages.BrokerID) {
	w.t.Helper()
	w.againWith(name, func(*v1beta1.KafkaCluster) {}, lost...)
}

func (w *World) againWith(name string, change func(*v1beta1.KafkaCluster), lost ...messages.BrokerID) {
	w.t.Helper()
	cluster := w.cluster(name).DeepCopy()
	cluster.ResourceVersion, cluster.UID, cluster.Finalizers = "", "", nil
	w.delete(name)
	w.eventually(10*time.Minute, "the Pods are gone", func() bool { return len(w.pods(name)) == 0 })
	w.advance(2 * time.Minute)
	for _, id := range lost {
		w.loseClaims(name, id)
	}
	w.advance(time.Minute)
	cluster.Status = v1beta1.KafkaClusterStatus{}
	change(cluster)
	w.apply(cluster)
}

// spare is a broker without which no partition loses its last replica in sync.
func (w *World) spare(name string) messages.BrokerID {
	w.t.Helper()
	var needed []messages.BrokerID
	for _, p := range w.partitions(name) {
		if len(p.ISR) == 1 {
			needed = append(needed, p.ISR[0])
		}
	}
	for _, id := range []messages.BrokerID{3, 2, 1, 0} {
		if !slices.Contains(needed, id) {
			return id
		}
	}
	require.Fail(w.t, "each broker is needed", "%v", needed)
	return -1
}

func TestARetainedClusterThatLostAClaimWaitsForTheProof(t *testing.T) {
	t.Parallel()
	for mode, changes := range map[string][]func(*v1beta1.KafkaCluster){
		"with KRaft": {nodes(3), brokers(1), kafkaImage("4.3.1"), retained}, "with ZooKeeper": {brokers(4), zooKeeper, retained},
	} {
		for name, single := range map[string]bool{"with a last copy": true, "with copies of all elsewhere": false} {
			t.Run(name+" "+mode, func(t *testing.T) {
				run(t, func(w *World) {
					w.apply(kafkaCluster("demo", changes...))
					w.eventuallyReady("demo")
					w.topic("demo", "orders", 8, 3, 2)
					if single {
						w.topic("demo", "single", 4, 1, 1)
					}
					w.advance(time.Minute)
					if single {
						w.again("demo", 3)
						w.eventually(10*time.Minute, "a condition names the partition", func() bool {
							return strings.Contains(w.conditionText("demo", kube.ConditionDataVolumeLost), "single-3")
						})
						w.advance(time.Hour)
						require.Empty(w.t, w.podsOf("demo", 3))
					} else {
						w.againWith("demo", func(*v1beta1.KafkaCluster) {
							w.loseClaims("demo", w.spare("demo"))
							w.advance(time.Minute)
						})
						w.eventuallyReady("demo")
						w.eventually(5*time.Minute, "its replicas are back in sync", func() bool { return w.inSync("demo") })
						w.settled()
					}
					require.Empty(w.t, w.lostPartitions("demo"))
				})
			})
		}
	}
}

// Whatever becomes of a claim once the cluster was made anew, also before its node was seen to run: Kafka ran on it.
func TestAClaimOfARetainedClusterThatIsLostAtOnceWaitsForTheProof(t *testing.T) {
	t.Parallel()
	for after := time.Duration(0); after <= 8*time.Second; after += time.Second {
		t.Run(after.String(), func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage("4.3.1"), retained))
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 8, 3, 2)
				w.topic("demo", "single", 4, 1, 1)
				w.advance(time.Minute)
				w.again("demo")
				w.advance(after)
				w.loseClaims("demo", 3)
				w.eventually(10*time.Minute, "a condition names the partition", func() bool {
					return strings.Contains(w.conditionText("demo", kube.ConditionDataVolumeLost), "single-3")
				})
				w.advance(time.Hour)
				require.Empty(w.t, w.podsOf("demo", 3))
				require.Empty(w.t, w.lostPartitions("demo"))
			})
		})
	}
}

// diskFor gives one broker more disks.
func diskFor(id int32) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		for i := range cluster.Spec.Brokers {
			if b := cluster.Spec.Brokers[i]; b.ID == id {
				one := &v1beta1.KafkaCluster{Spec: v1beta1.KafkaClusterSpec{Brokers: []v1beta1.Broker{b}}}
				disks(1)(one)
			}
		}
	}
}

func TestARetainedClusterThatLostOneOfTwoDisksGetsItByTheProof(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), disks(1), kafkaImage("4.3.1"), retained))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		for _, claim := range w.owned(kube.KindClaim, "demo") {
			if idOf(claim) >= 3 {
				require.Equal(w.t, "/kafka-logs,/kafka-logs-0", claim.GetAnnotations()[kube.AnnotationNodeDisks])
			}
		}
		w.againWith("demo", func(*v1beta1.KafkaCluster) {
			for _, claim := range w.owned(kube.KindClaim, "demo") {
				if idOf(claim) == 4 && claim.GetAnnotations()[kube.AnnotationMountPath] == "/kafka-logs-0" {
					w.deleteObject(keyOf(claim))
				}
			}
			w.advance(time.Minute)
		})
		w.eventuallyReady("demo")
		require.NotEmpty(w.t, w.events.with("DiskReplaced"))
		require.Empty(w.t, w.lostPartitions("demo"))
		w.settled()
	})
}

func TestARetainedClusterMayComeBackWithMore(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]func(*v1beta1.KafkaCluster){
		"a disk for each broker": disks(1), "a disk for one": diskFor(5), "a broker": brokers(1),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), kafkaImage("4.3.1"), retained))
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 8, 3, 2)
				w.advance(time.Minute)
				w.againWith("demo", more)
				w.eventuallyReady("demo")
				require.Empty(w.t, w.lostPartitions("demo"))
				w.settled()
			})
		})
	}
}

func TestARetainedClusterWithoutTheClaimsOfItsControllersFormsNoNewQuorum(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string][]messages.BrokerID{"of a majority": {0, 2}, "of all": {0, 1, 2}} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3), retained))
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 8, 3, 2)
				w.advance(time.Minute)
				w.again("demo", lost...)
				w.areLost("demo", lost...)
				require.Empty(w.t, w.lostPartitions("demo"))
			})
		})
	}
}

// stayLost takes the claims of some nodes away: they are told, and not made anew.
func (w *World) stayLost(name string, ids ...messages.BrokerID) {
	w.t.Helper()
	for _, id := range ids {
		w.loseClaims(name, id)
	}
	w.areLost(name, ids...)
}

// areLost waits until nodes are told to have lost their disks, and sees that no Pod is made for them, whoever leads.
func (w *World) areLost(name string, ids ...messages.BrokerID) {
	w.t.Helper()
	w.eventually(10*time.Minute, "all are told", func() bool {
		text := w.conditionText(name, kube.ConditionDataVolumeLost)
		return !slices.ContainsFunc(ids, func(id messages.BrokerID) bool {
			return !strings.Contains(text, fmt.Sprintf("broker %d has lost its disk", id))
		})
	})
	w.advance(time.Hour)
	w.kill()
	w.advance(time.Hour)
	for _, id := range ids {
		require.Empty(w.t, w.podsOf(name, id))
	}
}

func TestAMajorityOfControllersThatLoseTheirClaimsIsNotMadeAnew(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		w.stayLost("demo", 0, 1)
	})
}

func TestALostDiskOfTheLastReplicaInSyncIsNotReplaced(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(2), kafkaImage("3.9.2")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 1, 2, 1)
		w.advance(time.Minute)
		leader := w.partition("demo", "orders", 0).Leader
		other := 3 + 4 - leader
		w.kubelets.lose(w.nodeOf(other), 30*time.Minute)
		w.eventually(5*time.Minute, "the leader alone is in sync", func() bool { return len(w.partition("demo", "orders", 0).ISR) == 1 })
		w.loseClaims("demo", leader)
		w.eventually(time.Hour, "the other one is back", func() bool { return w.serves("demo", other) })
		w.advance(time.Hour)
		require.Contains(w.t, w.conditionText("demo", kube.ConditionDataVolumeLost), "orders-0")
		require.Empty(w.t, w.podsOf("demo", leader))
		require.Empty(w.t, w.lostPartitions("demo"))
		w.edit("demo", annotated(kube.AnnotationAllowDataLoss, w.lossToken("demo", leader)))
		w.eventually(10*time.Minute, "it runs with an empty disk", func() bool { return w.serves("demo", leader) })
		w.eventually(10*time.Minute, "what has no leader is told", func() bool {
			return strings.Contains(w.conditionText("demo", kube.ConditionOffline), "orders-0") || w.partition("demo", "orders", 0).Leader == leader
		})
	}, machines(6, 3))
}

// In a static quorum a vote belongs to the id: with two empty logs of three, the third would be told to drop what it has.
func TestAMajorityOfStaticVotersThatLoseTheirClaimsIsNotMadeAnew(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		adopted(w)
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		w.stayLost("demo", 0, 1)
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}

func TestAStaticVoterThatLosesItsClaimComesBackBesideAMajority(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		adopted(w)
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		w.loseClaims("demo", 1)
		w.eventually(20*time.Minute, "it serves with an empty disk", func() bool { return w.serves("demo", 1) && w.inSync("demo") })
		w.eventuallyReady("demo")
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}
