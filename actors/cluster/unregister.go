package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// A broker that is none any more stays registered, fenced, until somebody unregisters it (KIP-500: UnregisterBroker): metadata.version
// cannot be raised beyond what it knew, and partitions may be put on it. Who leaves the spec is unregistered on its way (nextRemoval).
// Here are the others: nodes that have lost the broker role, and brokers whose objects somebody has deleted. Status remembers whom
// Kafka has registered; it forgets a broker after Kafka has.

// formerBrokers are those others, by id.
func (a *cluster) formerBrokers() []node {
	if !a.valid.Spec.KRaft { // ZooKeeper knows only who is there
		return nil
	}
	former := a.remembered()
	for _, n := range a.nodes() {
		if lostRole(n) && !a.roles.broker[n.id] && a.known.BrokersState[n.id.String()].Registered {
			former = append(former, n)
		}
	}
	slices.SortFunc(former, func(a, b node) int { return int(a.id - b.id) })
	return former
}

// lostRole reports whether a node that stays runs without the broker role, and no Pod will be made with it.
func lostRole(n node) bool {
	return !n.broker && !n.leaving && n.current() && n.observed.PodRole == "false" && !n.observed.Stopping
}

// nextForgetting says how it goes on with a former broker: Kafka forgets it when it has given it up, and has shown twice that no replica
// is on it or on its way there. Kafka itself asks for none of that.
func (v removalView) nextForgetting(n node, r removal) (removal, removalStep) {
	if r.forgotten { // status is about to say so
		r.waits = ""
		return r, removalStep{}
	}
	switch {
	case !v.fresh():
		r.waits = "Kafka has not answered since the Pods became as they are"
	case v.leftOn(n.id) != "":
		r.waits = v.leftOn(n.id) + "; move them to other brokers, with kafka-reassign-partitions for example"
	case v.kafka.Knows(n.id, true):
		r.waits = "Kafka has not given it up yet"
	default:
		return v.shownTwice(r)
	}
	r.empty = time.Time{}
	return r, removalStep{again: lookAtDisks}
}

// shownTwice has a broker forgotten that the metadata showed empty in two answers, long enough apart.
func (v removalView) shownTwice(r removal) (removal, removalStep) {
	if r.empty.IsZero() {
		r.empty = v.answeredAt()
	}
	if left := kafka.EmptyFor - v.answeredAt().Sub(r.empty); left > 0 {
		r.waits = "nothing is on it; that is looked at once more"
		return r, removalStep{again: min(left, lookAtDisks)}
	}
	r.waits = ""
	return r, removalStep{task: taskForget}
}

// isRegistered is what status says of a node: whether Kafka has it registered as a broker. That is known while it is up; once its Pod has
// no broker role an answer from before is not believed any more.
func (v view) isRegistered(known bool, n node) bool {
	switch {
	case !v.cluster.Spec.KRaft, v.forgotten[n.id]:
		return false
	case v.kafka.Answered && v.kafka.Knows(n.id, true) && runsBroker(n):
		return true
	default:
		return known
	}
}

// registeredOf are the brokers that status knows to be registered.
func registeredOf(states map[string]v1beta1.BrokerState) map[messages.BrokerID]bool {
	registered := map[messages.BrokerID]bool{}
	for text, state := range states {
		if id, err := messages.ParseBrokerID(text); err == nil && state.Registered {
			registered[id] = true
		}
	}
	return registered
}

// goneText says what a broker waits for whose objects somebody has deleted.
func goneText(waits string) string {
	if waits == "" {
		return goneWithReplicas
	}
	return "its objects were deleted, and before Kafka is told to forget it: " + waits
}

// formerText says what a node waits for that has lost the broker role.
func formerText(n node, waits string) string {
	if waits == "" {
		return fmt.Sprintf("broker %d has lost the broker role and is being unregistered", n.id)
	}
	return fmt.Sprintf("broker %d has lost the broker role, and before Kafka is told to forget it waits: %s; to keep it give it the role back", n.id, waits)
}
