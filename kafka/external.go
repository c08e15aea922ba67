package kafka

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// AddressState says what is known about a broker's address on an external listener.
type AddressState int

const (
	// AddressUnknown cannot be told from the resource: it would be a load balancer's, a node's, a Gateway's.
	AddressUnknown AddressState = iota
	// AddressKnown stands in the resource.
	AddressKnown
	// AddressNone is a broker that is not reached by this listener.
	AddressNone
)

// ExternalAddress is the host:port at which clients outside reach a broker on an external listener, where the
// resource alone gives it: through hostnameOverride, or through a NodePort with a fixed port.
func ExternalAddress(
	cluster *v1beta1.KafkaCluster, l *v1beta1.ExternalListenerConfig, id messages.BrokerID, config *v1beta1.BrokerConfig,
) (address string, state AddressState) {
	host, port, state := externalHost(cluster, l, id, config)
	if state != AddressKnown {
		return "", state
	}
	return hostPort(host, port), AddressKnown
}

func externalHost(
	cluster *v1beta1.KafkaCluster, l *v1beta1.ExternalListenerConfig, id messages.BrokerID, config *v1beta1.BrokerConfig,
) (host string, port int32, state AddressState) {
	switch {
	case !nodeOf(&cluster.Spec, config.ProcessRoles).broker:
		return "", 0, AddressNone
	case l.GatewayAPI != nil:
		return "", 0, AddressUnknown
	case l.GetAccessMethod() == corev1.ServiceTypeNodePort:
		return nodePortHost(cluster, l, id, config)
	default:
		return ingressHost(cluster, l, id, config)
	}
}

// nodePortHost follows the NodePort Service of a broker: with external IPs clients come in at the Service's own port.
func nodePortHost(
	cluster *v1beta1.KafkaCluster, l *v1beta1.ExternalListenerConfig, id messages.BrokerID, config *v1beta1.BrokerConfig,
) (host string, port int32, state AddressState) {
	ip := config.NodePortExternalIP[l.Name]
	host, port = ip, l.ContainerPort
	if l.HostnameOverride != "" {
		host = fmt.Sprintf("%s-%d-%s.%s%s", cluster.Name, id, l.Name, cluster.Namespace, l.HostnameOverride)
	}
	if ip == "" {
		if l.ExternalStartingPort <= 0 { // Kubernetes chooses the port
			return "", 0, AddressUnknown
		}
		port = l.ExternalStartingPort + int32(id)
	}
	if host == "" {
		return "", 0, AddressUnknown
	}
	return host, port, AddressKnown
}

// ingressHost is one host for all brokers, told apart by port. Where brokers share the port they have names of their
// own, and those need the ingress that gives them.
func ingressHost(
	cluster *v1beta1.KafkaCluster, l *v1beta1.ExternalListenerConfig, id messages.BrokerID, config *v1beta1.BrokerConfig,
) (host string, port int32, state AddressState) {
	entry, included := ingressEntry(cluster, l, config)
	switch {
	case !included:
		return "", 0, AddressNone
	case l.TLSMode(), l.GetAccessMethod() == corev1.ServiceTypeClusterIP, entry.HostnameOverride == "":
		return "", 0, AddressUnknown
	default:
		return entry.HostnameOverride, l.GetBrokerPort(int32(id)), AddressKnown
	}
}

// ingressEntry is the way into a listener that a broker uses. A broker may map to entries of several listeners in one
// list: those that this listener does not have mean nothing here, and a broker that maps to none of it is not reached.
func ingressEntry(
	cluster *v1beta1.KafkaCluster, l *v1beta1.ExternalListenerConfig, config *v1beta1.BrokerConfig,
) (v1beta1.IngressServiceSettings, bool) {
	if l.Config == nil {
		return l.IngressServiceSettings, true
	}
	if name, found := entryName(l, config); found {
		return entrySettings(cluster, l, l.Config.IngressConfig[name]), true
	}
	return v1beta1.IngressServiceSettings{}, len(config.BrokerIngressMapping) == 0 // the default entry is missing: no address
}

// entryName is the entry of a listener's ingressConfig by which a broker is reached.
func entryName(l *v1beta1.ExternalListenerConfig, config *v1beta1.BrokerConfig) (name string, found bool) {
	if l.Config == nil {
		return "", false
	}
	mapping := config.BrokerIngressMapping
	if len(mapping) == 0 {
		mapping = []string{l.Config.DefaultIngressConfig}
	}
	for _, name := range mapping {
		if _, ok := l.Config.IngressConfig[name]; ok {
			return name, true
		}
	}
	return "", false
}

// IngressNames are the entries of ingressConfig by which a broker is reached from outside, over all listeners, sorted.
func IngressNames(spec *v1beta1.KafkaClusterSpec, config *v1beta1.BrokerConfig) []string {
	var names []string
	for i := range spec.ListenersConfig.ExternalListeners {
		ingress := spec.ListenersConfig.ExternalListeners[i].Config
		if ingress == nil {
			continue
		}
		mapping := config.BrokerIngressMapping
		if len(mapping) == 0 {
			mapping = []string{ingress.DefaultIngressConfig}
		}
		for _, name := range mapping {
			if _, there := ingress.IngressConfig[name]; there {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// entrySettings is an entry with what it leaves out. An entry without the section of the cluster's ingress controller
// counts for nothing, so nothing is known about it.
func entrySettings(
	cluster *v1beta1.KafkaCluster, l *v1beta1.ExternalListenerConfig, entry v1beta1.IngressConfig,
) v1beta1.IngressServiceSettings {
	served := map[v1beta1.IngressController]bool{
		v1beta1.IngressControllerEnvoy:   entry.EnvoyConfig != nil,
		v1beta1.IngressControllerContour: entry.ContourIngressConfig != nil,
		v1beta1.IngressControllerIstio:   entry.IstioIngressConfig != nil,
	}
	if !served[cluster.Spec.GetIngressController()] {
		return v1beta1.IngressServiceSettings{}
	}
	settings := entry.IngressServiceSettings
	if settings.HostnameOverride == "" {
		settings.HostnameOverride = l.HostnameOverride
	}
	return settings
}

// UnknownExternalAddresses names the external listeners on which some broker's address is not known from the resource,
// as paths of fields. A broker that advertised a wrong address there would send its clients nowhere.
func UnknownExternalAddresses(cluster *v1beta1.KafkaCluster) []string {
	var fields []string
	listeners := cluster.Spec.ListenersConfig.ExternalListeners
	for i := range listeners {
		unknown := func(broker v1beta1.Broker) bool {
			config := outline(&cluster.Spec, &broker)
			_, _, state := externalHost(cluster, &listeners[i], messages.BrokerID(broker.ID), config)
			return state == AddressUnknown
		}
		if slices.ContainsFunc(cluster.Spec.Brokers, unknown) {
			fields = append(fields, externalListenerField(listeners[i].Name))
		}
	}
	return fields
}

func externalListenerField(name string) string {
	return fmt.Sprintf("spec.listenersConfig.externalListeners[name=%s]", name)
}

func internalListenerField(name string) string {
	return fmt.Sprintf("spec.listenersConfig.internalListeners[name=%s]", name)
}
