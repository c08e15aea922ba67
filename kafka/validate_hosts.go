package kafka

import (
	"regexp"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// hostProblems are about hosts that brokers advertise: Kafka does not start with one that its own pattern of an endpoint does not
// take (SocketServerConfigs.URI_PARSE_REGEXP). With a port in it it does, and only clients of that listener are lost. Those that no
// broker advertises are nobody's trouble.
func hostProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	speakable := regexp.MustCompile(`^[0-9a-zA-Z\-%._:]*$`)
	var problems []messages.FieldProblem
	hostAndPort := regexp.MustCompile(`^[^:]*:[0-9]*$`)
	check := func(field, written, host string) {
		if hostAndPort.MatchString(host) {
			problems = append(problems, messages.Warning(field,
				"%q has a port, and clients get another one behind it from the listener's own fields; write the name or address alone", written))
			return
		}
		if !speakable.MatchString(host) {
			problems = append(problems, messages.Invalid(field, "%q cannot be in the address of a listener: Kafka takes letters, digits and - . _ : %% there "+
				"and would not start; write a plain name or address, there are no templates", written))
		}
	}
	domain := cluster.Spec.GetKubernetesClusterDomain()
	check("spec.kubernetesClusterDomain", domain, domain)
	for i := range cluster.Spec.ListenersConfig.ExternalListeners {
		l := &cluster.Spec.ListenersConfig.ExternalListeners[i]
		for j := range cluster.Spec.Brokers {
			b := &cluster.Spec.Brokers[j]
			config := outline(&cluster.Spec, b)
			host, _, state := externalHost(cluster, l, messages.BrokerID(b.ID), config)
			if state == AddressKnown {
				field, written := hostField(cluster, l, b, config)
				check(field, written, host)
			}
		}
	}
	return problems
}

// hostField is where the host that a broker advertises on an external listener is written, and what is written there; see externalHost.
func hostField(
	cluster *v1beta1.KafkaCluster, l *v1beta1.ExternalListenerConfig, b *v1beta1.Broker, config *v1beta1.BrokerConfig,
) (field, written string) {
	ofListener := externalListenerField(l.Name) + ".hostnameOverride"
	if l.GetAccessMethod() == corev1.ServiceTypeNodePort {
		if l.HostnameOverride != "" {
			return ofListener, l.HostnameOverride
		}
		_, own := ownExternalIPs(b)[l.Name]
		return settingField(b, own, "nodePortExternalIP"), config.NodePortExternalIP[l.Name]
	}
	if name, found := entryName(l, config); found && l.Config.IngressConfig[name].HostnameOverride != "" {
		return externalListenerField(l.Name) + ".config.ingressConfig[" + name + "].hostnameOverride", l.Config.IngressConfig[name].HostnameOverride
	}
	entry, _ := ingressEntry(cluster, l, config)
	return ofListener, entry.HostnameOverride
}

func ownExternalIPs(b *v1beta1.Broker) map[string]string {
	if b.BrokerConfig == nil {
		return nil
	}
	return b.BrokerConfig.NodePortExternalIP
}
