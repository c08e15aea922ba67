package kafka

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// ListenerStatuses is where each listener is reached, for status.listenerStatuses: every broker, and a name that leads
// to any of them. Listeners without a known address are left out, the controller listener is nobody's business.
func ListenerStatuses(cluster *v1beta1.KafkaCluster, addresses messages.Addresses) v1beta1.ListenerStatuses {
	brokers := outlinedBrokers(cluster)
	var statuses v1beta1.ListenerStatuses
	controller := ControllerListener(cluster)
	for _, l := range cluster.Spec.ListenersConfig.InternalListeners {
		if controller != nil && controller.Name == l.Name {
			continue
		}
		put(&statuses.InternalListeners, l.Name, internalStatuses(cluster, addresses, &l, brokers))
	}
	for _, l := range cluster.Spec.ListenersConfig.ExternalListeners {
		put(&statuses.ExternalListeners, l.Name, externalStatuses(cluster, &l, brokers))
	}
	return statuses
}

func put(statuses *map[string]v1beta1.ListenerStatusList, name string, list v1beta1.ListenerStatusList) {
	if len(list) == 0 {
		return
	}
	if *statuses == nil {
		*statuses = map[string]v1beta1.ListenerStatusList{}
	}
	slices.SortStableFunc(list, func(a, b v1beta1.ListenerStatus) int { return cmp.Compare(a.Name, b.Name) })
	(*statuses)[name] = list
}

type outlinedBroker struct {
	id     messages.BrokerID
	config *v1beta1.BrokerConfig
}

// outlinedBrokers leaves out nodes that are controllers only: they have no listener for clients.
func outlinedBrokers(cluster *v1beta1.KafkaCluster) []outlinedBroker {
	brokers := make([]outlinedBroker, 0, len(cluster.Spec.Brokers))
	for i := range cluster.Spec.Brokers {
		config := outline(&cluster.Spec, &cluster.Spec.Brokers[i])
		if nodeOf(&cluster.Spec, config.ProcessRoles).broker {
			brokers = append(brokers, outlinedBroker{id: messages.BrokerID(cluster.Spec.Brokers[i].ID), config: config})
		}
	}
	return brokers
}

func internalStatuses(
	cluster *v1beta1.KafkaCluster, addresses messages.Addresses, l *v1beta1.InternalListenerConfig, brokers []outlinedBroker,
) v1beta1.ListenerStatusList {
	anyBroker := "any-broker"
	if addresses.Headless {
		anyBroker = "headless"
	}
	list := v1beta1.ListenerStatusList{{Name: anyBroker, Address: hostPort(addresses.Bootstrap(), l.ContainerPort)}}
	for _, b := range brokers {
		address := internalAddress(cluster, addresses, l, b.id, b.config)
		list = append(list, v1beta1.ListenerStatus{Name: brokerStatusName(b.id), Address: address})
	}
	return list
}

func externalStatuses(
	cluster *v1beta1.KafkaCluster, l *v1beta1.ExternalListenerConfig, brokers []outlinedBroker,
) v1beta1.ListenerStatusList {
	bootstrap := map[string]string{}
	var list v1beta1.ListenerStatusList
	for _, b := range brokers {
		host, port, state := externalHost(cluster, l, b.id, b.config)
		if state != AddressKnown {
			continue
		}
		list = append(list, v1beta1.ListenerStatus{Name: brokerStatusName(b.id), Address: hostPort(host, port)})
		if l.GetAccessMethod() != corev1.ServiceTypeNodePort { // a NodePort Service leads to one broker
			bootstrap[anyBrokerName(l, b.config)] = hostPort(host, l.GetAnyCastPort())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(bootstrap)) {
		list = append(list, v1beta1.ListenerStatus{Name: name, Address: bootstrap[name]})
	}
	return list
}

func anyBrokerName(l *v1beta1.ExternalListenerConfig, config *v1beta1.BrokerConfig) string {
	if l.Config == nil {
		return "any-broker"
	}
	for _, name := range config.BrokerIngressMapping {
		if _, ok := l.Config.IngressConfig[name]; ok {
			return "any-broker-" + name
		}
	}
	return "any-broker-" + l.Config.DefaultIngressConfig
}

func brokerStatusName(id messages.BrokerID) string { return fmt.Sprintf("broker-%d", id) }
