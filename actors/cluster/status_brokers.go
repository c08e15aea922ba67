package cluster

import (
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// listed are the ids of brokers that are in the spec or still exist.
func (v view) listed() map[string]bool {
	ids := map[string]bool{}
	for _, id := range v.existing {
		ids[id.String()] = true
	}
	for _, broker := range v.cluster.Spec.Brokers {
		ids[messages.BrokerID(broker.ID).String()] = true
	}
	return ids
}

func brokerStates(v view) map[string]v1beta1.BrokerState {
	states := maps.Clone(v.known.BrokersState)
	if states == nil {
		states = map[string]v1beta1.BrokerState{}
	}
	listed := v.listed()
	for id, state := range states {
		if !listed[id] {
			v.dropState(states, id, state)
		}
	}
	for _, n := range v.nodes {
		if n.observed.Gone {
			v.dropState(states, n.id.String(), states[n.id.String()])
			continue
		}
		if n.observed.Revision == 0 { // not looked at yet: what status says stays true
			continue
		}
		states[n.id.String()] = v.brokerState(states[n.id.String()], n)
		if state := states[n.id.String()]; !n.leaving {
			state.ExternalListenerConfigNames = v.ingress[n.id]
			states[n.id.String()] = state
		} else if v.forgotten[n.id] {
			state.FormattedLogDirs, state.RanOnEmptyDir, state.Registered = nil, "", false
			states[n.id.String()] = state
		}
	}
	withFewWords(states, v.nodes)
	return states
}

// dropState takes the entry of a broker that has no objects any more, which would forbid to use its id again. While Kafka has
// replicas on that id, or has not just said that it has none, the record of its disks stays: whoever deleted its objects by hand has
// not moved them, and an empty disk under the same id would be taken for one that holds them. With KRaft it stays until Kafka has forgotten
// the broker: nobody would think of that afterwards.
func (v view) dropState(states map[string]v1beta1.BrokerState, text string, state v1beta1.BrokerState) {
	id, err := messages.ParseBrokerID(text)
	if err != nil || !remembers(state) || v.forgotten[id] || !v.cluster.Spec.KRaft && v.nothingOn(id) {
		delete(states, text)
		return
	}
	state.Reason, state.Since = goneWithReplicas, nil
	states[text] = state
}

func (v view) nothingOn(id messages.BrokerID) bool {
	return v.index != nil && v.now.Sub(v.index.Replication().At) < newestAnswer && kafka.LeftOn(id, v.index) == ""
}

// goneWithReplicas is what is said of a broker that left the spec and whose objects somebody has deleted.
const goneWithReplicas = "its objects were deleted, and Kafka may have replicas on it: move them to other brokers"

// remembers reports whether status knows of a broker what has to outlive its objects.
func remembers(state v1beta1.BrokerState) bool {
	return len(state.FormattedLogDirs) > 0 || state.RanOnEmptyDir != "" || state.Registered
}

// remembered are the brokers that have no objects any more and that status remembers.
func (a *cluster) remembered() []node {
	var nodes []node
	for text, state := range a.known.BrokersState {
		id, err := messages.ParseBrokerID(text)
		if _, wanted := a.roles.broker[id]; err == nil && !wanted && remembers(state) && !slices.Contains(a.existing(), id) {
			nodes = append(nodes, node{id: id, leaving: true})
		}
	}
	slices.SortFunc(nodes, func(a, b node) int { return int(a.id - b.id) })
	return nodes
}

func (v view) brokerState(state v1beta1.BrokerState, n node) v1beta1.BrokerState {
	o := n.observed
	state.ConfigurationState = v1beta1.ConfigInSync
	if o.ConfigStale {
		state.ConfigurationState = v1beta1.ConfigOutOfSync
	}
	state.PerBrokerConfigurationState = perBrokerConfig(state.PerBrokerConfigurationState, o)
	if state.GracefulActionState.CruiseControlState == "" {
		state.GracefulActionState.CruiseControlState = v1beta1.GracefulUpscaleSucceeded
	}
	if o.Version != "" && !strings.HasPrefix(state.Version, o.Version+".") { // Koperator knew more digits
		state.Version = o.Version
	}
	switch {
	case o.Rack != "":
		state.RackAwarenessState = v1beta1.RackAwarenessStateOf(o.Rack)
	case v.cluster.Spec.RackAwareness == nil: // otherwise nobody may know the node just now
		state.RackAwarenessState = ""
	}
	state.Reason, state.Since = reasonAndSince(state, o)
	state.FormattedLogDirs = v.formattedLogDirs(state.FormattedLogDirs, n)
	state.RanOnEmptyDir = v.ranOnEmptyDir(state.RanOnEmptyDir, n)
	state.Registered = v.isRegistered(state.Registered, n)
	state.Replacements = replacements(state.Replacements, o)
	return state
}

// reasonAndSince keeps the time of a reason that was known before: a new leader sees it anew, but it is older.
func reasonAndSince(known v1beta1.BrokerState, o messages.BrokerObserved) (string, *metav1.Time) {
	if o.Reason == "" {
		return "", nil
	}
	reason := messages.Elided(o.Reason, maxReason)
	if reason == known.Reason && known.Since != nil {
		return reason, known.Since
	}
	return reason, &metav1.Time{Time: o.Since.Truncate(time.Second)}
}
