package simulation

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// eventuallyVote waits until these nodes and no others have a vote.
func (w *World) eventuallyVote(name string, ids ...messages.BrokerID) {
	w.t.Helper()
	w.eventually(10*time.Minute, "the voters are those of the spec", func() bool { return slices.Equal(ids, w.votes(name)) })
}

func TestControllersThatComeLaterGetTheirVotesAndNobodyElseIsTouched(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(1), brokers(2)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 4, 3, 2)
		before := w.podUIDs("demo")
		w.edit("demo", controllersOnly(2))
		w.eventuallyVote("demo", 0, 3, 4)
		w.eventuallyReady("demo")
		for _, id := range []messages.BrokerID{3, 4} {
			require.NotContains(w.t, envOf(w.podsOf("demo", id)[0]), "KAFKA_INITIAL_CONTROLLERS")
		}
		w.settled()
		after := w.podUIDs("demo")
		for id, uid := range before {
			require.Equal(w.t, uid, after[id], "node %d", id)
		}
		require.Len(w.t, w.events.with("VoterAdded"), 2)
	})
}

func TestANodeBecomesAControllerAndGetsItsVoteAfterItsRestart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(2), brokers(4)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 4, 3, 2)
		w.expectRestarts("demo", 3)
		before := w.podUIDs("demo")
		w.edit("demo", roles(3, v1beta1.BrokerRole, v1beta1.ControllerRole))
		w.eventuallyVote("demo", 0, 1, 3)
		w.eventuallyReady("demo")
		w.settled()
		require.NotEqual(w.t, before[3], w.podUIDs("demo")[3])
		require.Zero(w.t, len(w.lostPartitions("demo")))
	})
}

func TestANodeThatIsNoControllerAnyMoreLosesItsVoteBeforeItsRestart(t *testing.T) {
	t.Parallel()
	for id := range int32(4) { // one of them leads
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(4)))
			w.eventuallyReady("demo")
			w.topic("demo", "orders", 4, 3, 2)
			w.expectRestarts("demo", messages.BrokerID(id))
			before := w.podUIDs("demo")
			w.edit("demo", roles(id, v1beta1.BrokerRole))
			w.eventually(10*time.Minute, "it runs as a broker alone", func() bool {
				if w.podUIDs("demo")[messages.BrokerID(id)] != before[messages.BrokerID(id)] {
					require.NotContains(w.t, w.votes("demo"), messages.BrokerID(id))
				}
				pods := w.podsOf("demo", messages.BrokerID(id))
				return len(pods) == 1 && pods[0].Labels[kube.LabelProcessRoles] == "broker"
			})
			w.eventuallyReady("demo")
			require.Len(w.t, w.votes("demo"), 3)
			w.settled()
			require.Len(w.t, w.events.with("VoterRemoved"), 1)

			w.edit("demo", roles(id, v1beta1.BrokerRole, v1beta1.ControllerRole))
			w.eventuallyVote("demo", 0, 1, 2, 3)
			w.eventuallyReady("demo")
			w.settled()
		})
	}
}

func TestAControllerThatLeavesTheSpecIsRemovedAfterItsVote(t *testing.T) {
	t.Parallel()
	for id := range int32(4) { // one of them leads
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", controllersOnly(4), brokers(3)))
			w.eventuallyReady("demo")
			w.topic("demo", "orders", 4, 3, 2)
			before := w.podUIDs("demo")
			w.edit("demo", withoutBroker(id))
			w.eventually(10*time.Minute, "its Pod is gone", func() bool {
				if w.podUIDs("demo")[messages.BrokerID(id)] == "" {
					require.NotContains(w.t, w.votes("demo"), messages.BrokerID(id), "its vote went first")
				}
				return w.podUIDs("demo")[messages.BrokerID(id)] == ""
			})
			w.eventuallyRemoved("demo", messages.BrokerID(id))
			w.eventuallyReady("demo")
			w.settled()
			delete(before, messages.BrokerID(id))
			require.Equal(w.t, before, w.podUIDs("demo"))
			require.Len(w.t, w.votes("demo"), 3)
		})
	}
}

func TestAControllerWhoseVolumeIsLostGetsItsVoteBackWithAnEmptyOne(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string][]func(*v1beta1.KafkaCluster){
		"a first voter":         {controllersOnly(3), brokers(3)},
		"one that came later":   {controllersOnly(1), brokers(3), controllersOnly(2)},
		"a broker at once":      {nodes(3), brokers(2)},
		"without headless mode": {controllersOnly(3), brokers(3), notHeadless},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *World) {
				w.apply(kafkaCluster("demo", changes[:2]...))
				w.eventuallyReady("demo")
				for _, change := range changes[2:] {
					w.edit("demo", change)
				}
				w.eventuallyReady("demo")
				w.topic("demo", "orders", 4, 3, 2)
				controllers := w.votes("demo")
				for _, id := range []messages.BrokerID{controllers[2], w.activeController("demo")} {
					before, was := w.podUIDs("demo"), w.directories("demo")[id]
					w.loseClaims("demo", id)
					w.eventually(15*time.Minute, "it votes with another disk", func() bool {
						is := w.directories("demo")[id]
						return is != "" && is != was
					})
					w.eventuallyReady("demo")
					require.Equal(w.t, controllers, w.votes("demo"))
					after := w.podUIDs("demo")
					delete(before, id)
					delete(after, id)
					require.Equal(w.t, before, after, "nobody else is touched")
				}
				w.settled()
				require.Empty(w.t, w.lostPartitions("demo"))
			})
		})
	}
}

// Its budget closes until the votes are right again, so who waits for the one must not hold up the other.
func TestARestartOfABrokerAndAVoteDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(3)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 4, 3, 2)
		was, before := w.directories("demo")[2], w.podUIDs("demo")[4]
		w.loseClaims("demo", 2)
		w.expectRestarts("demo", 4)
		w.askRestart(4)
		w.eventually(15*time.Minute, "both are done", func() bool {
			is := w.directories("demo")[2]
			return is != "" && is != was && w.podUIDs("demo")[4] != before
		})
		w.eventuallyReady("demo")
		w.settled()
	})
}

// directories are the ids of the disks with which nodes vote.
func (w *World) directories(name string) map[messages.BrokerID]string {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	return maps.Clone(w.kafka.clusters[keyed(name)].voters)
}

func TestAVoteIsNotTakenWhileAnotherControllerIsDown(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(4)))
		w.eventuallyReady("demo")
		w.edit("demo", maintained(1))
		w.eventually(5*time.Minute, "node 1 is stopped", func() bool { return len(w.podsOf("demo", 1)) == 0 })
		w.edit("demo", roles(3, v1beta1.BrokerRole))
		w.advance(10 * time.Minute)
		require.Equal(w.t, []messages.BrokerID{0, 1, 2, 3}, w.votes("demo"))
		c := w.condition("demo", kube.ConditionVoters)
		require.NotNil(w.t, c)
		require.Contains(w.t, c.Message, "node 3 keeps its vote although it is no controller of the spec: controller 1 has not all of the metadata log")
		w.quietFor(time.Hour)
		w.edit("demo", maintained())
		w.eventuallyVote("demo", 0, 1, 2)
		w.eventuallyReady("demo")
		w.settled()
		require.Nil(w.t, w.condition("demo", kube.ConditionVoters))
	})
}

func TestAFirstControllerThatBecomesABrokerBeforeItRanDoesNotWaitForItsList(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(4)))
		w.eventually(time.Minute, "node 3 has its Pod", func() bool { return len(w.podsOf("demo", 3)) == 1 })
		w.edit("demo", roles(3, v1beta1.BrokerRole))
		w.deleteObject(keyOf(w.podsOf("demo", 3)[0]))
		w.eventuallyVote("demo", 0, 1, 2)
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestAControllerThatWaitsForItsReplicasToGoKeepsNobodyFromRestarting(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(4)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		w.edit("demo", withoutBroker(3))
		w.eventuallyVote("demo", 0, 1, 2)
		w.edit("demo", readOnly("queued.max.requests=700\n"))
		w.eventually(20*time.Minute, "the others have restarted", func() bool {
			after := w.podUIDs("demo")
			return after[0] != before[0] && after[1] != before[1] && after[2] != before[2] && w.serves("demo", 2)
		})
		require.NotEmpty(w.t, w.leavingText("demo"), "it still waits")
		require.Empty(w.t, w.lostPartitions("demo"))
	})
}

// All controllers are replaced by one at once, which their replicas do not fit on: as long as they serve they keep their votes, since who
// has none may lose the quorum. And so the edit can be taken back.
func TestBrokersThatLeaveKeepTheirVotesUntilTheyAreEmpty(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 3, 2)
		w.advance(time.Minute)
		before := w.cluster("demo").Spec.Brokers
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			another := *c.Spec.Brokers[0].DeepCopy()
			another.ID = 7
			c.Spec.Brokers = []v1beta1.Broker{another}
		})
		w.eventuallyVote("demo", 0, 1, 2, 7)
		w.advance(20 * time.Minute)
		w.eventuallyVote("demo", 0, 1, 2, 7)
		require.True(w.t, w.inSync("demo"))
		require.Contains(w.t, w.conditionText("demo", kube.ConditionBrokersLeaving), "left the spec")
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers = before })
		w.eventuallyVote("demo", 0, 1, 2)
		w.eventuallyReady("demo")
		require.Empty(w.t, w.lostPartitions("demo"))
		w.settled()
	})
}

// What Kafka can know of a node is what its Pod was made for: until that has the broker role nobody waits for the broker.
func TestAControllerGetsTheBrokerRoleByARestart(t *testing.T) {
	t.Parallel()
	for name, waits := range map[string]time.Duration{"which it had until a moment ago": 7 * time.Second, "which it had long ago": time.Hour} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(4), kafkaImage("4.3.1")))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				w.edit("demo", roles(3, v1beta1.ControllerRole))
				w.advance(waits)
				w.edit("demo", roles(3, v1beta1.BrokerRole, v1beta1.ControllerRole))
				w.eventuallyReady("demo")
				require.True(w.t, w.knowsBroker("demo", 3))
				w.settled()
			})
		})
	}
}
