package kafka

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// ListenerName is the name under which Kafka knows a listener of the KafkaCluster.
func ListenerName(name string) string { return strings.ToUpper(name) }

// ControllerListener is the internal listener that controllers use, nil if none is marked. Of several the last one
// counts, as in Koperator. Others compare with it by its whole name: one listener's name may begin with another's.
func ControllerListener(cluster *v1beta1.KafkaCluster) *v1beta1.InternalListenerConfig {
	listeners := cluster.Spec.ListenersConfig.InternalListeners
	for i := range slices.Backward(listeners) {
		if listeners[i].UsedForControllerCommunication {
			return &listeners[i]
		}
	}
	return nil
}

// InnerBrokerListener is the first internal listener that brokers use among themselves, nil if none is marked.
func InnerBrokerListener(cluster *v1beta1.KafkaCluster) *v1beta1.InternalListenerConfig {
	listeners := cluster.Spec.ListenersConfig.InternalListeners
	for i := range listeners {
		if listeners[i].UsedForInnerBrokerCommunication {
			return &listeners[i]
		}
	}
	return nil
}

// ControllerAddress is where a controller takes requests on its own listener, host:port; empty without such a listener.
func ControllerAddress(cluster *v1beta1.KafkaCluster, addresses messages.Addresses, id messages.BrokerID, alsoBroker bool) string {
	listener := ControllerListener(cluster)
	if listener == nil {
		return ""
	}
	return hostPort(addresses.Controller(id, alsoBroker), listener.ContainerPort)
}

// AdminPort is the port at which the operator, Cruise Control and the metrics reporter speak to brokers: that of the
// first listener marked for administration or for inner-broker communication, internal ones before external ones. A
// mark on the controller listener of a KRaft cluster does not count: brokers do not open it.
func AdminPort(cluster *v1beta1.KafkaCluster) (port int32, ok bool) {
	brokers := node{kraft: cluster.Spec.KRaft, broker: true}
	for _, l := range allListeners(cluster, internalFirst) {
		if (l.UsedForKafkaAdminCommunication || l.UsedForInnerBrokerCommunication) && brokers.binds(cluster, l.Name) {
			return l.ContainerPort, true
		}
	}
	return 0, false
}

type listenerOrder bool

const (
	internalFirst listenerOrder = true
	externalFirst listenerOrder = false // the order within Kafka's lists
)

func allListeners(cluster *v1beta1.KafkaCluster, order listenerOrder) []v1beta1.CommonListenerSpec {
	config := &cluster.Spec.ListenersConfig
	internal := make([]v1beta1.CommonListenerSpec, 0, len(config.InternalListeners)+len(config.ExternalListeners))
	for i := range config.InternalListeners {
		internal = append(internal, config.InternalListeners[i].CommonListenerSpec)
	}
	external := make([]v1beta1.CommonListenerSpec, 0, cap(internal))
	for i := range config.ExternalListeners {
		external = append(external, config.ExternalListeners[i].CommonListenerSpec)
	}
	if order == internalFirst {
		return append(internal, external...)
	}
	return append(external, internal...)
}

// listenerProperties are the addresses that a node binds and the ones it tells others.
func listenerProperties(in RenderInput, n node, user Properties) Properties {
	properties := Properties{
		"listeners":                      boundListeners(in.Cluster, n),
		"listener.security.protocol.map": protocolMap(in.Cluster),
	}
	if advertised := advertisedListeners(in, n); advertised != "" {
		properties.Set("advertised.listeners", advertised)
	}
	// Kafka refuses to start with both (KafkaConfig: "Only one of ... should be set").
	_, byProtocol := user.Get("security.inter.broker.protocol")
	if inner := InnerBrokerListener(in.Cluster); inner != nil && !byProtocol {
		properties.Set("inter.broker.listener.name", ListenerName(inner.Name))
	}
	return properties
}

// boundListeners leaves the host empty: the node listens on all addresses of its Pod.
func boundListeners(cluster *v1beta1.KafkaCluster, n node) string {
	var bound []string
	for _, l := range allListeners(cluster, externalFirst) {
		if n.binds(cluster, l.Name) {
			bound = append(bound, ListenerName(l.Name)+"://:"+strconv.Itoa(int(l.ContainerPort)))
		}
	}
	return strings.Join(bound, ",")
}

// binds says whether a node opens a listener. Kafka refuses a controller listener on a node without that role, and
// any other one on a node with only that role.
func (n node) binds(cluster *v1beta1.KafkaCluster, listener string) bool {
	if !n.kraft {
		return true
	}
	controller := ControllerListener(cluster)
	if controller != nil && controller.Name == listener {
		return n.controller
	}
	return n.broker
}

// protocolMap names every listener on every node: a broker without the controller listener still connects to it.
func protocolMap(cluster *v1beta1.KafkaCluster) string {
	var entries []string
	for _, l := range allListeners(cluster, externalFirst) {
		entries = append(entries, ListenerName(l.Name)+":"+strings.ToUpper(string(l.Type)))
	}
	return strings.Join(entries, ",")
}

func advertisedListeners(in RenderInput, n node) string {
	var advertised []string
	for _, l := range sortedByName(in.Cluster.Spec.ListenersConfig.ExternalListeners, externalName) {
		if !n.broker {
			break
		}
		if address, state := ExternalAddress(in.Cluster, &l, in.id(), in.Config); state == AddressKnown {
			advertised = append(advertised, ListenerName(l.Name)+"://"+address)
		}
	}
	for _, l := range sortedByName(in.Cluster.Spec.ListenersConfig.InternalListeners, internalName) {
		if host := in.advertisedHost(n, &l); host != "" {
			advertised = append(advertised, ListenerName(l.Name)+"://"+host)
		}
	}
	return strings.Join(advertised, ",")
}

// advertisedHost is the address of an internal listener on this node, empty if it must not be advertised.
//
// KIP-853: a controller writes the address of its listener into the voter set when it starts. Without an advertised
// one that is the canonical host name of its Pod, which others can resolve only under a headless Service. With static
// voters Kafka refuses the entry (KafkaConfig: "must not contain KRaft controller listeners").
func (in RenderInput) advertisedHost(n node, l *v1beta1.InternalListenerConfig) string {
	controller := ControllerListener(in.Cluster)
	if n.kraft && controller != nil && controller.Name == l.Name {
		if n.controller && in.Quorum.Mode == messages.QuorumDynamic {
			return hostPort(in.Addresses.Controller(in.id(), n.broker), l.ContainerPort)
		}
		return ""
	}
	if !n.broker {
		return ""
	}
	return internalAddress(in.Cluster, in.Addresses, l, in.id(), in.Config)
}

// internalAddress is where a broker is reached on an internal listener; a cluster that spans several Kubernetes
// clusters puts it onto the host of an external one.
func internalAddress(
	cluster *v1beta1.KafkaCluster, addresses messages.Addresses, l *v1beta1.InternalListenerConfig,
	id messages.BrokerID, config *v1beta1.BrokerConfig,
) string {
	if l.ExternalListenerForHostname != "" && l.InternalStartingPort > 0 {
		external := externalListener(cluster, l.ExternalListenerForHostname)
		if external != nil {
			if host, _, state := externalHost(cluster, external, id, config); state == AddressKnown {
				return hostPort(host, l.InternalStartingPort+int32(id))
			}
		}
	}
	return hostPort(addresses.Broker(id), l.ContainerPort)
}

func externalListener(cluster *v1beta1.KafkaCluster, name string) *v1beta1.ExternalListenerConfig {
	listeners := cluster.Spec.ListenersConfig.ExternalListeners
	at := slices.IndexFunc(listeners, func(l v1beta1.ExternalListenerConfig) bool { return l.Name == name })
	if at < 0 {
		return nil
	}
	return &listeners[at]
}

func externalName(l v1beta1.ExternalListenerConfig) string { return l.Name }
func internalName(l v1beta1.InternalListenerConfig) string { return l.Name }

func sortedByName[L any](listeners []L, name func(L) string) []L {
	return slices.SortedStableFunc(slices.Values(listeners), func(a, b L) int { return strings.Compare(name(a), name(b)) })
}

func hostPort(host string, port int32) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
