package kube

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// ClusterServices are the Services that the nodes of a cluster share.
func ClusterServices(cluster *v1beta1.KafkaCluster) []*corev1.Service {
	services := []*corev1.Service{AllBrokerService(cluster)}
	if cluster.Spec.HeadlessServiceEnabled {
		services = []*corev1.Service{HeadlessService(cluster)}
	}
	if cluster.Spec.KRaft {
		services = append(services, ControllerService(cluster))
	}
	return services
}

// ServicesOfOtherMode are the names that the cluster's Services would have if headless mode were switched; ids are all
// brokers that exist, in the spec or not.
func ServicesOfOtherMode(cluster *v1beta1.KafkaCluster, ids []messages.BrokerID) []string {
	other := AddressesOf(cluster)
	if other.Headless = !other.Headless; other.Headless {
		return []string{other.HeadlessService()}
	}
	names := []string{other.AllBrokerService()}
	for _, id := range ids {
		names = append(names, other.BrokerService(id))
	}
	return names
}

// HeadlessPod reports whether a node's Pod has its name from a headless Service.
func HeadlessPod(pod *corev1.Pod) bool { return pod.Spec.Subdomain != "" }

// HeadlessService gives brokers their names in headless mode.
func HeadlessService(cluster *v1beta1.KafkaCluster) *corev1.Service {
	service := sharedService(cluster, AddressesOf(cluster).HeadlessService())
	service.Labels = publicLabels(cluster, with(ClusterSelector(cluster.Name), LabelIsBroker, "true"))
	service.Spec.ClusterIP = corev1.ClusterIPNone
	service.Spec.Selector = brokersSelector(cluster)
	service.Spec.PublishNotReadyAddresses = true
	return signed(service)
}

// ControllerService finds the KRaft controllers: controller.quorum.bootstrap.servers names it in both modes.
func ControllerService(cluster *v1beta1.KafkaCluster) *corev1.Service {
	selector := with(ClusterSelector(cluster.Name), LabelIsController, "true")
	service := sharedService(cluster, AddressesOf(cluster).ControllerService())
	service.Labels = publicLabels(cluster, selector)
	// Without headless mode each node's own Service has the metrics port; a second one would have it scraped twice.
	service.Spec.Ports = servicePorts(cluster, cluster.Spec.HeadlessServiceEnabled)
	service.Spec.ClusterIP = corev1.ClusterIPNone
	service.Spec.Selector = selector
	// Controllers find each other here before any of them is ready.
	service.Spec.PublishNotReadyAddresses = true
	return signed(service)
}

// AllBrokerService leads to any broker without headless mode. It does not select controllers: they serve no clients.
func AllBrokerService(cluster *v1beta1.KafkaCluster) *corev1.Service {
	service := sharedService(cluster, AddressesOf(cluster).AllBrokerService())
	service.Labels = clusterLabels(cluster, ClusterSelector(cluster.Name))
	service.Spec.Type = serviceType(cluster)
	service.Spec.Ports = servicePorts(cluster, false)
	service.Spec.Selector = brokersSelector(cluster)
	service.Spec.PublishNotReadyAddresses = cluster.Spec.PublishNotReadyAddresses
	return signed(service)
}

// BrokerService leads to one node without headless mode.
func BrokerService(cluster *v1beta1.KafkaCluster, id messages.BrokerID) *corev1.Service {
	selector := brokerSelector(cluster.Name, id)
	service := sharedService(cluster, AddressesOf(cluster).BrokerService(id))
	service.Labels = clusterLabels(cluster, selector)
	service.Spec.Type = serviceType(cluster)
	service.Spec.Selector = selector
	// A node is reached by the others while it starts: replicas have to catch up before it is ready.
	service.Spec.PublishNotReadyAddresses = true
	return signed(service)
}

func sharedService(cluster *v1beta1.KafkaCluster, name string) *corev1.Service {
	return &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Name:            name,
			Namespace:       cluster.Namespace,
			Annotations:     maps.Clone(cluster.Spec.ListenersConfig.ServiceAnnotations),
			OwnerReferences: owners(cluster),
		},
		Spec: corev1.ServiceSpec{Ports: servicePorts(cluster, true)},
	}
}

// serviceType lets a daemon outside of Kubernetes reach the brokers when somebody debugs it.
func serviceType(cluster *v1beta1.KafkaCluster) corev1.ServiceType {
	if cluster.Spec.LocalDebugEnabled {
		return corev1.ServiceTypeLoadBalancer
	}
	return corev1.ServiceTypeClusterIP
}

// brokersSelector finds the nodes with the broker role. In ZooKeeper mode all are, and Pods of old versions of
// Koperator carry no role labels.
func brokersSelector(cluster *v1beta1.KafkaCluster) map[string]string {
	if !cluster.Spec.KRaft {
		return ClusterSelector(cluster.Name)
	}
	return with(ClusterSelector(cluster.Name), LabelIsBroker, "true")
}

// servicePorts has internal listeners, external ones, the user's ports, and metrics where single nodes are scraped.
func servicePorts(cluster *v1beta1.KafkaCluster, metrics bool) []corev1.ServicePort {
	listeners := &cluster.Spec.ListenersConfig
	var ports []corev1.ServicePort
	for i := range listeners.InternalListeners {
		ports = append(ports, listenerPort(listeners.InternalListeners[i].CommonListenerSpec))
	}
	for i := range listeners.ExternalListeners {
		ports = append(ports, listenerPort(listeners.ExternalListeners[i].CommonListenerSpec))
	}
	for _, port := range cluster.Spec.AdditionalPorts {
		ports = append(ports, servicePort(additionalPortName(port), port.ContainerPort, protocolOf(port)))
	}
	if metrics {
		ports = append(ports, servicePort("metrics", metricsPort, corev1.ProtocolTCP))
	}
	ports = unique(ports, func(p corev1.ServicePort) string { return fmt.Sprint(p.Port, p.Protocol) })
	return unique(ports, func(p corev1.ServicePort) string { return p.Name })
}

func listenerPort(listener v1beta1.CommonListenerSpec) corev1.ServicePort {
	return servicePort(listenerPortName(listener.Name), listener.ContainerPort, corev1.ProtocolTCP)
}

// additionalPortName: ports of a Pod need no names, those of a Service with several do.
func additionalPortName(port corev1.ContainerPort) string {
	if port.Name != "" {
		return port.Name
	}
	return fmt.Sprintf("port-%d", port.ContainerPort)
}

func servicePort(name string, port int32, protocol corev1.Protocol) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Protocol: protocol, Port: port, TargetPort: intstr.FromInt32(port)}
}
