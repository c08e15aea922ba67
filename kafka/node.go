package kafka

import (
	"slices"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// node is what the sections of the file ask about a broker besides its configuration.
type node struct {
	kraft      bool
	broker     bool // takes clients; always true in ZooKeeper mode
	controller bool // is a KRaft controller
}

func nodeOf(spec *v1beta1.KafkaClusterSpec, roles []string) node {
	if !spec.KRaft {
		return node{broker: true}
	}
	return node{
		kraft:      true,
		broker:     slices.Contains(roles, v1beta1.BrokerRole),
		controller: slices.Contains(roles, v1beta1.ControllerRole),
	}
}

// outline is the part of a broker's merged configuration that says how it is reached. Looking at all brokers of a
// cluster through v1beta1.BrokerConfigOf would copy their Pods' whole settings each time.
func outline(spec *v1beta1.KafkaClusterSpec, broker *v1beta1.Broker) *v1beta1.BrokerConfig {
	group, grouped := spec.BrokerConfigGroups[broker.BrokerConfigGroup]
	own := broker.BrokerConfig
	switch {
	case own == nil && !grouped:
		return &v1beta1.BrokerConfig{}
	case own == nil:
		return &v1beta1.BrokerConfig{
			ProcessRoles:         group.ProcessRoles,
			BrokerIngressMapping: group.BrokerIngressMapping,
			NodePortExternalIP:   group.NodePortExternalIP,
		}
	}
	return &v1beta1.BrokerConfig{
		ProcessRoles:         slices.Concat(own.ProcessRoles, group.ProcessRoles),
		BrokerIngressMapping: slices.Concat(own.BrokerIngressMapping, group.BrokerIngressMapping),
		NodePortExternalIP:   Properties(group.NodePortExternalIP).Merge(own.NodePortExternalIP),
	}
}
