package kube

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// globalEntry is how Koperator calls the one way into a listener that has no entries; a mapping may name it.
const globalEntry = "globalConfig"

// ingressProblems are about names: of the ways into external listeners, and of listeners. A name that leads nowhere costs
// a broker its clients and says nothing.
func ingressProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	mappings := mappingsOf(cluster)
	var problems []messages.FieldProblem
	listeners := cluster.Spec.ListenersConfig.ExternalListeners
	for i := range listeners {
		if listeners[i].Config != nil {
			problems = append(problems, entryProblems(cluster, &listeners[i], mappings)...)
		}
	}
	return append(problems, mappingProblems(cluster, mappings)...)
}

func externalField(listener *v1beta1.ExternalListenerConfig) string {
	return fmt.Sprintf("spec.listenersConfig.externalListeners[name=%s]", listener.Name)
}

func entryField(listener *v1beta1.ExternalListenerConfig, entry string) string {
	return fmt.Sprintf("%s.config.ingressConfig[%s]", externalField(listener), entry)
}

// mapping is what a broker that takes clients says about its ways in; empty means the default of each listener.
type mapping struct {
	broker int32
	names  []string
}

func mappingsOf(cluster *v1beta1.KafkaCluster) []mapping {
	var mappings []mapping
	for i := range cluster.Spec.Brokers {
		broker := &cluster.Spec.Brokers[i]
		group := cluster.Spec.BrokerConfigGroups[broker.BrokerConfigGroup]
		roles, names := group.ProcessRoles, group.BrokerIngressMapping
		if own := broker.BrokerConfig; own != nil {
			roles, names = slices.Concat(own.ProcessRoles, roles), slices.Concat(own.BrokerIngressMapping, names)
		}
		if !cluster.Spec.KRaft || slices.Contains(roles, v1beta1.BrokerRole) {
			mappings = append(mappings, mapping{broker: broker.ID, names: names})
		}
	}
	return mappings
}

// entered is the entry whose address a broker advertises: the first of its mapping that the listener has.
func (m mapping) entered(listener *v1beta1.ExternalListenerConfig) string {
	if len(m.names) == 0 {
		return listener.Config.DefaultIngressConfig
	}
	for _, name := range m.names {
		if _, found := listener.Config.IngressConfig[name]; found {
			return name
		}
	}
	return ""
}

// hasEntries reports whether a listener is reached by the entries of its config. NodePorts and routes have none.
func hasEntries(listener *v1beta1.ExternalListenerConfig) bool {
	return listener.Config != nil && listener.GatewayAPI == nil && listener.GetAccessMethod() != corev1.ServiceTypeNodePort
}

// entryProblems are those of one listener with entries.
func entryProblems(cluster *v1beta1.KafkaCluster, listener *v1beta1.ExternalListenerConfig, mappings []mapping) []messages.FieldProblem {
	field := externalField(listener) + ".config"
	switch {
	case listener.GatewayAPI != nil:
		return []messages.FieldProblem{messages.Warning(field, "has no effect beside gatewayAPI; remove it")}
	case !hasEntries(listener):
		return []messages.FieldProblem{messages.Warning(field, "has no effect with accessMethod NodePort; remove it")}
	}
	problems := defaultEntryProblems(listener, mappings)
	section := entrySection(cluster.Spec.GetIngressController())
	for _, name := range sortedKeys(listener.Config.IngressConfig) {
		entry := listener.Config.IngressConfig[name]
		served := map[string]bool{
			"envoyConfig": entry.EnvoyConfig != nil, "contourIngressConfig": entry.ContourIngressConfig != nil,
			"istioIngressConfig": entry.IstioIngressConfig != nil,
		}
		if served[section] {
			continue
		}
		problem := messages.Warning(entryField(listener, name), "has no %s, without which it does not count for ingressController %s; add it (it may be empty), or remove the entry",
			section, cluster.Spec.GetIngressController())
		if slices.ContainsFunc(mappings, func(m mapping) bool { return m.entered(listener) == name }) {
			problem.Severity = messages.SeverityError
		}
		problems = append(problems, problem)
	}
	return problems
}

// entrySection is the field of an entry that an ingress controller reads.
func entrySection(controller v1beta1.IngressController) string {
	switch controller {
	case v1beta1.IngressControllerContour:
		return "contourIngressConfig"
	case v1beta1.IngressControllerIstio:
		return "istioIngressConfig"
	default:
		return "envoyConfig"
	}
}

func defaultEntryProblems(listener *v1beta1.ExternalListenerConfig, mappings []mapping) []messages.FieldProblem {
	name := listener.Config.DefaultIngressConfig
	if _, found := listener.Config.IngressConfig[name]; found {
		return nil
	}
	field := externalField(listener) + ".config.defaultIngressConfig"
	unmapped := slices.IndexFunc(mappings, func(m mapping) bool { return len(m.names) == 0 })
	switch {
	case unmapped >= 0 && name == "":
		return []messages.FieldProblem{messages.Invalid(field, "is empty, so nobody knows where broker %d, which has no brokerIngressMapping, is reached; %s",
			mappings[unmapped].broker, entryAdvice(sortedKeys(listener.Config.IngressConfig)))}
	case unmapped >= 0:
		return []messages.FieldProblem{messages.Invalid(field, "there is no entry %q in ingressConfig, by which broker %d, which has no brokerIngressMapping, is reached; %s",
			name, mappings[unmapped].broker, entryAdvice(sortedKeys(listener.Config.IngressConfig)))}
	case name != "":
		return []messages.FieldProblem{messages.Warning(field, "there is no entry %q in ingressConfig; %s",
			name, entryAdvice(sortedKeys(listener.Config.IngressConfig)))}
	default:
		return nil
	}
}

func entryAdvice(names []string) messages.Advice {
	if len(names) == 0 {
		return "there are none at all: add it, or remove config"
	}
	return "add it, or name one that is there: " + messages.ThereAre(names)
}

// mappingProblems looks at names where they are written, in a group or at a broker.
func mappingProblems(cluster *v1beta1.KafkaCluster, mappings []mapping) []messages.FieldProblem {
	known := knownEntries(cluster)
	cut := cutOff(cluster, mappings, known)
	var problems []messages.FieldProblem
	look := func(field func(string) string, config *v1beta1.BrokerConfig) {
		for _, name := range config.BrokerIngressMapping {
			if slices.Contains(known, name) {
				continue
			}
			problem := messages.Warning(field("brokerIngressMapping"), "no external listener has an entry %q in config.ingressConfig, so it has no effect; %s",
				name, mappingAdvice(known))
			if cut[name] {
				problem.Severity = messages.SeverityError
			}
			problems = append(problems, problem)
		}
		problems = append(problems, nodePortProblems(cluster, field("nodePortExternalIP"), config)...)
	}
	for _, name := range sortedKeys(cluster.Spec.BrokerConfigGroups) {
		config := cluster.Spec.BrokerConfigGroups[name]
		look(func(f string) string { return messages.GroupField(name, f) }, &config)
	}
	for i := range cluster.Spec.Brokers {
		if broker := &cluster.Spec.Brokers[i]; broker.BrokerConfig != nil {
			look(func(f string) string { return messages.BrokerField(broker.ID, "brokerConfig."+f) }, broker.BrokerConfig)
		}
	}
	return problems
}

func mappingAdvice(known []string) messages.Advice {
	if len(known) == 0 {
		return "there are none at all: remove the name"
	}
	return "add the entry, or name one that is there: " + messages.ThereAre(known)
}

// knownEntries are the names that a mapping may have.
func knownEntries(cluster *v1beta1.KafkaCluster) []string {
	known := map[string]bool{}
	for i := range cluster.Spec.ListenersConfig.ExternalListeners {
		listener := &cluster.Spec.ListenersConfig.ExternalListeners[i]
		if listener.Config == nil {
			known[globalEntry] = true
			continue
		}
		for name := range listener.Config.IngressConfig {
			known[name] = true
		}
	}
	return sortedKeys(known)
}

// cutOff are names of brokers that have no other, although there are ways in: such a broker would drop out of its
// clients' sight with its next start.
func cutOff(cluster *v1beta1.KafkaCluster, mappings []mapping, known []string) map[string]bool {
	listeners := cluster.Spec.ListenersConfig.ExternalListeners
	cut := map[string]bool{}
	if !slices.ContainsFunc(listeners, func(l v1beta1.ExternalListenerConfig) bool { return hasEntries(&l) }) {
		return cut
	}
	for _, m := range mappings {
		if slices.ContainsFunc(m.names, func(name string) bool { return slices.Contains(known, name) }) {
			continue
		}
		for _, name := range m.names {
			cut[name] = true
		}
	}
	return cut
}

// nodePortProblems are about addresses for listeners that do not take them.
func nodePortProblems(cluster *v1beta1.KafkaCluster, field string, config *v1beta1.BrokerConfig) []messages.FieldProblem {
	var names []string
	byName := map[string]*v1beta1.ExternalListenerConfig{}
	for i := range cluster.Spec.ListenersConfig.ExternalListeners {
		listener := &cluster.Spec.ListenersConfig.ExternalListeners[i]
		byName[listener.Name] = listener
		if listener.GetAccessMethod() == corev1.ServiceTypeNodePort {
			names = append(names, listener.Name)
		}
	}
	var problems []messages.FieldProblem
	for _, name := range sortedKeys(config.NodePortExternalIP) {
		listener, found := byName[name]
		switch {
		case !found && len(names) > 0:
			problems = append(problems, messages.Warning(field, "there is no external listener %q, the address has no effect; name one with accessMethod NodePort: %s",
				name, messages.ThereAre(names)))
		case !found:
			problems = append(problems, messages.Warning(field, "there is no external listener %q, the address has no effect; remove it", name))
		case listener.GetAccessMethod() != corev1.ServiceTypeNodePort:
			problems = append(problems, messages.Warning(field, "external listener %q has another accessMethod than NodePort, the address has no effect; remove it", name))
		}
	}
	return problems
}
