package cluster

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// quorumNow is what every node is told about the controllers, as the cluster stands.
func quorumNow(cluster *v1beta1.KafkaCluster, r roles, status v1beta1.KafkaClusterStatus,
	claims map[messages.BrokerID]map[string]types.UID,
) messages.Quorum {
	id := recordedIdentity(status)
	quorum := quorumOf(cluster, r, id, recordedOver(claims, status.BrokersState))
	if id.quorum != messages.QuorumDynamic {
		return quorum
	}
	quorum.Missing = without(id.initial, r.controllers)
	quorum.Formed = formed(status)
	return quorum
}

// formed reports whether the quorum of a cluster was ever there: Kafka has said by which metadata it works, or some node was
// seen registered. It outlives the first controllers: they may all have been replaced.
func formed(status v1beta1.KafkaClusterStatus) bool {
	if status.MetadataVersion != "" {
		return true
	}
	for _, state := range status.BrokersState {
		if len(state.FormattedLogDirs) > 0 {
			return true
		}
	}
	return false
}

// recordedOver prefers the claims on which Kafka was seen to run over those that are there now: the list with which a
// quorum was formed never changes.
func recordedOver(claims map[messages.BrokerID]map[string]types.UID, states map[string]v1beta1.BrokerState,
) map[messages.BrokerID]map[string]types.UID {
	known := map[messages.BrokerID]map[string]types.UID{}
	for id, mounts := range claims {
		known[id] = maps.Clone(mounts)
	}
	for text, state := range states {
		id, err := messages.ParseBrokerID(text)
		if err != nil {
			continue
		}
		if known[id] == nil {
			known[id] = map[string]types.UID{}
		}
		for mountPath, claim := range formattedOf(state) {
			if claim != unknownUID {
				known[id][mountPath] = claim
			}
		}
	}
	return known
}

func without(ids, others []messages.BrokerID) []messages.BrokerID {
	var rest []messages.BrokerID
	for _, id := range ids {
		if !slices.Contains(others, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

// chosenAnew is a new list of first voters, when one of them left the spec before any of them can have started: the
// others would wait for it for ever. started is asked about single nodes.
func chosenAnew(controllers []messages.BrokerID, status v1beta1.KafkaClusterStatus, started func(messages.BrokerID) bool,
) (identity, bool) {
	id := recordedIdentity(status)
	if id.quorum != messages.QuorumDynamic || formed(status) || len(without(id.initial, controllers)) == 0 {
		return id, false
	}
	began := func(id messages.BrokerID) bool {
		return len(status.BrokersState[id.String()].FormattedLogDirs) > 0 || started(id)
	}
	if slices.ContainsFunc(id.initial, began) {
		return id, false
	}
	// Who came after the list was made has formatted its disk without it.
	id.initial = slices.DeleteFunc(slices.Clone(controllers), began)
	return id, len(id.initial) > 0
}

// unformed reports whether nothing says that there ever was a quorum, so that one may begin on emptyDirs: they tell nothing
// themselves. A claim that was formatted, a broker that listens and an answer of Kafka tell it before status does.
func (a *cluster) unformed() bool {
	if formed(a.known) || a.kafka.Answered || len(a.kafka.Voters) > 0 || a.known.ClusterID == "" {
		return false
	}
	if slices.ContainsFunc(a.nodes(), func(n node) bool { return n.broker && n.observed.PodReady }) {
		return false
	}
	return !slices.ContainsFunc(a.Cache.Objects(kube.KindClaim, a.Key), func(claim kube.Object) bool {
		return kube.FormatStateOf(claim.GetAnnotations()).Formatted
	})
}

// mayHaveStarted reports whether Kafka can have run on a node: it has a Pod, or the file that is written before a Pod, or
// a claim that was seen formatted.
func (a *cluster) mayHaveStarted(id messages.BrokerID) bool {
	if k := a.children[id]; k != nil && (k.observed.Pod != "" || len(k.wanted.Quorum.Initial) > 0) {
		return true
	}
	for _, claim := range a.Cache.BrokerClaims(a.Key, id) {
		if kube.FormatStateOf(claim.Annotations).Formatted {
			return true
		}
	}
	return len(a.Cache.BrokerPods(a.Key, id)) > 0 ||
		a.Cache.ConfigMap(a.Key.Namespace, kube.BrokerConfigName(a.Key.Name, id)) != nil
}

// quorumOf is what every node is told about the controllers. The directory id of a first voter is that of its claim, so
// the list is empty until every one of them has one; an emptyDir needs none.
func quorumOf(cluster *v1beta1.KafkaCluster, r roles, id identity, claims map[messages.BrokerID]map[string]types.UID,
) messages.Quorum {
	quorum := messages.Quorum{Mode: id.quorum}
	if id.quorum != messages.QuorumDynamic {
		return quorum
	}
	first := *cluster // only its list of brokers differs
	first.Spec.Brokers = nil
	metadata := map[messages.BrokerID]string{}
	for i := range cluster.Spec.Brokers {
		broker := &cluster.Spec.Brokers[i]
		if !slices.Contains(id.initial, messages.BrokerID(broker.ID)) {
			continue
		}
		first.Spec.Brokers = append(first.Spec.Brokers, *broker)
		node := messages.BrokerID(broker.ID)
		if r.voteVolatile[node] {
			metadata[node] = kafka.PodDirectory(string(cluster.UID), id.clusterID, node)
		} else if uid := claims[node][r.metadata[node]]; uid != "" {
			metadata[node] = string(uid)
		}
	}
	if len(metadata) < len(id.initial) {
		return quorum
	}
	voters, err := kafka.Voters(&first, kube.AddressesOf(cluster), metadata)
	if err == nil { // else a controller that was among the first is none any more: nobody may format with that list
		quorum.Initial = voters
	}
	return quorum
}
