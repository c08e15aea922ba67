package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// eventuallyForgotten waits until Kafka does not know a broker any more, nor status that it does.
func (w *World) eventuallyForgotten(name string, id messages.BrokerID) {
	w.t.Helper()
	w.eventually(20*time.Minute, "Kafka has forgotten broker "+id.String(), func() bool {
		return !w.knowsBroker(name, id) && !w.cluster(name).Status.BrokersState[id.String()].Registered
	})
}

// raises waits until a level is reached that Kafka refuses while it knows of a broker that is not there.
func (w *World) raises(name string) {
	w.t.Helper()
	w.edit(name, func(c *v1beta1.KafkaCluster) { kafkaImage("4.3.1")(c); metadataVersion("4.3")(c) })
	w.eventually(20*time.Minute, "metadata.version is raised", func() bool { return w.cluster(name).Status.MetadataVersion == "4.3-IV0" })
	require.Len(w.t, w.events.with("MetadataVersionRaised"), 1)
}

func TestKafkaForgetsANodeThatHasLostTheBrokerRole(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(4), kafkaImage("3.9.2")))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 8, 3, 2)
		w.advance(time.Minute)
		require.True(w.t, w.cluster("demo").Status.BrokersState["3"].Registered)
		w.moveAway("demo", 3)
		w.edit("demo", roles(3, v1beta1.ControllerRole))
		w.eventuallyForgotten("demo", 3)
		require.True(w.t, w.serves("demo", 3), "it goes on as a controller")
		w.eventuallyReady("demo")
		w.settled()
		require.Empty(w.t, w.leavingText("demo"))
		w.raises("demo")
	})
}

func TestKafkaForgetsABrokerWhoseObjectsWereDeletedBeforeItsRecordGoes(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.9.2", "4.3.1"} {
		run(t, func(w *World) {
			w.apply(kafkaCluster("demo", nodes(3), brokers(1), kafkaImage(version), withCruiseControl))
			w.eventuallyReady("demo")
			w.topic("demo", "orders", 8, 3, 2)
			w.advance(time.Minute)
			w.edit("demo", withoutBroker(3))
			w.advance(time.Minute)
			w.deleteByHand("demo", 3)
			w.advance(5 * time.Minute)
			require.True(w.t, w.recorded("demo", 3))
			require.True(w.t, w.knowsBroker("demo", 3), "it has replicas")
			require.Contains(w.t, w.conditionText("demo", kube.ConditionBrokersLeaving), "its objects were deleted")
			w.moveAway("demo", 3)
			w.eventually(30*time.Minute, "nothing is remembered of it", func() bool {
				_, listed := w.cluster("demo").Status.BrokersState["3"]
				if !listed && w.knowsBroker("demo", 3) {
					w.fail("the record went before Kafka had forgotten the broker")
				}
				return !listed
			})
			w.eventually(time.Minute, "nothing is told of it", func() bool { return w.leavingText("demo") == "" })
			w.settled()
			if version == "3.9.2" { // which has newer metadata to go to, and its controllers count who is registered
				w.raises("demo")
			}
		})
	}
}

func TestTheDaemonMayDieAtAnyWriteUntilKafkaHasForgottenABroker(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]func(w *World){
		"whose role is lost":         func(w *World) { w.edit("demo", roles(3, v1beta1.ControllerRole)) },
		"whose objects were deleted": func(w *World) { w.edit("demo", withoutBroker(3)); w.deleteByHand("demo", 3) },
	} {
		for writes := 1; writes <= 12; writes++ {
			t.Run(name, func(t *testing.T) {
				run(t, func(w *World) {
					w.apply(kafkaCluster("demo", nodes(4), kafkaImage("4.3.1")))
					w.eventuallyReady("demo")
					w.advance(time.Minute)
					w.killAfterWrites(writes)
					ends(w)
					w.eventuallyForgotten("demo", 3)
					w.eventuallyReady("demo")
					w.killAfterWrites(0)
					w.settled()
				})
			})
		}
	}
}

// At any moment the role, or the broker, may come back: nobody who runs is unregistered, and it serves.
func TestABrokerThatIsToBeForgottenMayComeBackAtAnyMoment(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]func(w *World){
		"when its role is lost":         func(w *World) { w.edit("demo", roles(3, v1beta1.ControllerRole)) },
		"when its objects were deleted": func(w *World) { w.edit("demo", withoutBroker(3)); w.deleteByHand("demo", 3) },
	} {
		for after := time.Duration(0); after < 3*time.Minute; after += 7 * time.Second {
			t.Run(name+", "+after.String(), func(t *testing.T) {
				run(t, func(w *World) {
					cluster := kafkaCluster("demo", nodes(4), kafkaImage("4.3.1"))
					w.apply(cluster)
					w.eventuallyReady("demo")
					w.advance(time.Minute)
					ends(w)
					w.advance(after)
					w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Brokers = kafkaCluster("demo", nodes(4)).Spec.Brokers })
					w.eventually(20*time.Minute, "it is a broker again", func() bool {
						return w.serves("demo", 3) && w.knowsBroker("demo", 3) && w.cluster("demo").Status.BrokersState["3"].Registered && w.isReady("demo")
					})
					w.settled()
				})
			})
		}
	}
}
