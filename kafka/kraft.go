package kafka

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// metadataProperties say who the node is and where it finds the cluster's metadata.
func metadataProperties(in RenderInput, n node, user Properties) (Properties, error) {
	if !n.kraft {
		return zooKeeperProperties(in), nil
	}
	quorum := Properties{}
	if user[migrationControllerQuorum] != "false" {
		var err error
		if quorum, err = quorumProperties(in); err != nil {
			return nil, err
		}
	}
	if user[migrationKRaftMode] == "false" {
		return quorum.Merge(zooKeeperIdentity(in)), nil
	}
	return quorum.Merge(Properties{
		"node.id":       in.id().String(),
		"process.roles": strings.Join(uniqueRoles(in.Config.ProcessRoles), ","),
	}), nil
}

// uniqueRoles keeps the order in which broker and group name them.
func uniqueRoles(roles []string) []string {
	var unique []string
	for _, role := range roles {
		if !slices.Contains(unique, role) {
			unique = append(unique, role)
		}
	}
	return unique
}

func zooKeeperIdentity(in RenderInput) Properties {
	return Properties{
		"broker.id":         in.id().String(),
		"zookeeper.connect": strings.Join(in.Cluster.Spec.ZKAddresses, ",") + in.Cluster.Spec.GetZKPath(),
	}
}

func zooKeeperProperties(in RenderInput) Properties {
	properties := zooKeeperIdentity(in)
	if controller := ControllerListener(in.Cluster); controller != nil {
		properties.Set("control.plane.listener.name", ListenerName(controller.Name))
	}
	return properties
}

func quorumProperties(in RenderInput) (Properties, error) {
	listener := ControllerListener(in.Cluster)
	if listener == nil {
		return nil, fmt.Errorf("spec.listenersConfig.internalListeners: no listener has usedForControllerCommunication, " +
			"which a KRaft cluster needs: mark one")
	}
	properties := Properties{"controller.listener.names": ListenerName(listener.Name)}
	switch in.Quorum.Mode {
	case messages.QuorumDynamic:
		// One name that finds all controllers: it must not change with them, or every change restarts every node.
		properties.Set("controller.quorum.bootstrap.servers", hostPort(in.Addresses.Controllers(), listener.ContainerPort))
	case messages.QuorumStatic:
		properties.Set("controller.quorum.voters", staticVoters(in.Cluster, in.Addresses, listener.ContainerPort))
	default:
		return nil, fmt.Errorf("quorum mode %q of KRaft cluster %s is unknown", in.Quorum.Mode, in.Addresses.Cluster)
	}
	return properties, nil
}

func staticVoters(cluster *v1beta1.KafkaCluster, addresses messages.Addresses, port int32) string {
	var voters []string
	for _, c := range controllers(cluster) {
		voters = append(voters, fmt.Sprintf("%d@%s", c.id, hostPort(addresses.Controller(c.id, c.broker), port)))
	}
	return strings.Join(voters, ",")
}

type controllerNode struct {
	id     messages.BrokerID
	broker bool // has the broker role, too
}

// controllers are the nodes with the controller role by id.
func controllers(cluster *v1beta1.KafkaCluster) []controllerNode {
	var found []controllerNode
	for i := range cluster.Spec.Brokers {
		b := &cluster.Spec.Brokers[i]
		n := nodeOf(&cluster.Spec, rolesOf(&cluster.Spec, b))
		if n.controller {
			found = append(found, controllerNode{id: messages.BrokerID(b.ID), broker: n.broker})
		}
	}
	slices.SortFunc(found, func(a, b controllerNode) int { return cmp.Compare(a.id, b.id) })
	return found
}

// rolesOf are a node's own and its group's roles; one may occur twice.
func rolesOf(spec *v1beta1.KafkaClusterSpec, broker *v1beta1.Broker) []string {
	group := spec.BrokerConfigGroups[broker.BrokerConfigGroup].ProcessRoles
	if broker.BrokerConfig == nil || len(broker.BrokerConfig.ProcessRoles) == 0 {
		return group
	}
	return slices.Concat(broker.BrokerConfig.ProcessRoles, group)
}
