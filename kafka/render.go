package kafka

import (
	"fmt"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// RenderInput is all that a node's broker.properties depend on.
type RenderInput struct {
	Cluster   *v1beta1.KafkaCluster
	Broker    v1beta1.Broker
	Config    *v1beta1.BrokerConfig // the broker's merged with its group's: v1beta1.BrokerConfigOf
	Addresses messages.Addresses
	Quorum    messages.Quorum
	// Rack is the rack of the node that the Pod runs on; empty without rack awareness or before the Pod has a node.
	Rack string
	// Draining are mount paths that left the spec while Kafka still has replicas on them.
	Draining []string
	// SuperUsers are the principals that the operator itself needs, in front of the user's.
	SuperUsers []string
}

func (in RenderInput) id() messages.BrokerID { return messages.BrokerID(in.Broker.ID) }

// BrokerProperties are the properties of one node, whole: defaults, overlaid with the user's, overlaid with what the
// operator knows better.
func BrokerProperties(in RenderInput) (Properties, error) {
	if err := servable(in.Cluster); err != nil {
		return nil, err
	}
	user, err := UserProperties(in.Cluster, &in.Broker)
	if err != nil {
		return nil, err
	}
	n := nodeOf(&in.Cluster.Spec, in.Config.ProcessRoles)
	if !n.broker && !n.controller {
		return nil, fmt.Errorf("%s: neither broker nor controller: give the node a role",
			messages.BrokerField(in.Broker.ID, "brokerConfig.processRoles"))
	}
	metadata, err := metadataProperties(in, n, user)
	if err != nil {
		return nil, err
	}
	return defaultProperties(n).Merge(
		withoutIdentity(user, n),
		configProviders(user),
		superUserProperties(in.SuperUsers, user),
		listenerProperties(in, n, user),
		metadata,
		storageProperties(in),
		reporterProperties(in, user),
		rackProperties(in, n),
	), nil
}

// servable refuses what would open a port with less protection than was asked for, also where nobody validated.
func servable(cluster *v1beta1.KafkaCluster) error {
	for _, l := range allListeners(cluster, externalFirst) {
		if l.Type != v1beta1.SecurityProtocolPlaintext {
			return fmt.Errorf("listener %s of %s/%s: type %s is not supported yet", l.Name, cluster.Namespace, cluster.Name, l.Type)
		}
	}
	return nil
}
