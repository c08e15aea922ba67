package kafka

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Validate tells what in a KafkaCluster Kafka cannot run with, or would run otherwise than the user thinks. What is
// wrong for Kubernetes alone (quantities, templates, a config group that is not there) is not looked at here.
func Validate(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	return unique(slices.Concat(
		listenerProblems(cluster),
		listenerMarkProblems(cluster),
		externalListenerProblems(cluster),
		hostProblems(cluster),
		propertyProblems(cluster),
		quorumProblems(cluster),
		nodeProblems(cluster),
		metadataVersionProblems(cluster),
	))
}

const (
	internalListenersField = "spec.listenersConfig.internalListeners"
	brokersField           = "spec.brokers"
)

func notSupported(field, message string, args ...any) messages.FieldProblem {
	problem := messages.Invalid(field, message, args...)
	problem.Reason = messages.ReasonNotSupported
	return problem
}

// unique drops repeated problems: a thousand brokers of one group have its problem once.
func unique(problems []messages.FieldProblem) []messages.FieldProblem {
	seen := make(map[messages.FieldProblem]bool, len(problems))
	return slices.DeleteFunc(problems, func(p messages.FieldProblem) bool {
		repeated := seen[p]
		seen[p] = true
		return repeated
	})
}

// longestListener leaves room for what stands before a listener's name in that of a Service's port ("tcp-").
const longestListener = 59

// listenerProblems are those of single listeners and of listeners that are in each other's way.
func listenerProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	// It becomes the name of a Service's port, a DNS label, with dashes for what Kafka takes and Kubernetes does not.
	speakable := regexp.MustCompile(`^[a-z0-9_-]*[a-z0-9]$`)
	var problems []messages.FieldProblem
	byName, byPort := map[string]bool{}, map[int32]string{}
	for _, l := range fieldedListeners(cluster) {
		if l.Type != v1beta1.SecurityProtocolPlaintext {
			problems = append(problems, notSupported(l.field+".type",
				"listeners of type %s are not served by this version and are never opened as plaintext instead; "+
					"use type plaintext, or remove the listener", l.Type))
		}
		if !speakable.MatchString(l.Name) {
			problems = append(problems, messages.Invalid(l.field+".name",
				"%q cannot be the name of a Kafka listener and of a Service's port; use lower case letters, digits and dashes, with no dash at the end", l.Name))
		}
		if len(l.Name) > longestListener {
			problems = append(problems, messages.Invalid(l.field+".name",
				"the name becomes that of a Service's port, which has at most 63 letters; use at most %d", longestListener))
		}
		if byName[ListenerName(l.Name)] {
			problems = append(problems, messages.Invalid(l.field+".name",
				"another listener is called %s in Kafka, too; give each its own name", ListenerName(l.Name)))
		}
		if other, taken := byPort[l.ContainerPort]; taken {
			problems = append(problems, messages.Invalid(l.field+".containerPort",
				"port %d is taken by listener %s; give each listener its own port", l.ContainerPort, other))
		} else {
			byPort[l.ContainerPort] = l.Name
		}
		byName[ListenerName(l.Name)] = true
	}
	return problems
}

type fieldedListener struct {
	v1beta1.CommonListenerSpec
	field string
}

func fieldedListeners(cluster *v1beta1.KafkaCluster) []fieldedListener {
	config := &cluster.Spec.ListenersConfig
	var listeners []fieldedListener
	for i := range config.InternalListeners {
		l := config.InternalListeners[i].CommonListenerSpec
		listeners = append(listeners, fieldedListener{l, internalListenerField(l.Name)})
	}
	for i := range config.ExternalListeners {
		l := config.ExternalListeners[i].CommonListenerSpec
		listeners = append(listeners, fieldedListener{l, externalListenerField(l.Name)})
	}
	return listeners
}

// listenerMarkProblems are about who uses which internal listener.
func listenerMarkProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	var problems []messages.FieldProblem
	inner, controller := InnerBrokerListener(cluster), ControllerListener(cluster)
	_, admin := AdminPort(cluster)
	switch {
	case inner == nil && !(usesInnerBrokerProtocol(cluster) && admin):
		problems = append(problems, messages.Invalid(internalListenersField,
			"no listener has usedForInnerBrokerCommunication, so brokers cannot replicate; set it on one internal listener"))
	case inner != nil && controller != nil && inner.Name == controller.Name:
		problems = append(problems, messages.Invalid(internalListenerField(inner.Name),
			"Kafka keeps the traffic of controllers and brokers apart, but this listener has both "+
				"usedForInnerBrokerCommunication and usedForControllerCommunication; use two listeners"))
	}
	if cluster.Spec.KRaft && controller == nil {
		problems = append(problems, messages.Invalid(internalListenersField,
			"no listener has usedForControllerCommunication, which a KRaft cluster needs; add an internal listener for the controllers"))
	}
	for _, l := range cluster.Spec.ListenersConfig.InternalListeners {
		if l.UsedForInnerBrokerCommunication && l.Name != inner.Name {
			problems = append(problems, messages.Warning(internalListenerField(l.Name)+".usedForInnerBrokerCommunication",
				"listener %s is marked, too, and the first one counts; leave the mark on one listener", inner.Name))
		}
		if l.UsedForControllerCommunication && l.Name != controller.Name {
			problems = append(problems, messages.Warning(internalListenerField(l.Name)+".usedForControllerCommunication",
				"listener %s is marked, too, and the last one counts; leave the mark on one listener", controller.Name))
		}
	}
	return problems
}

func usesInnerBrokerProtocol(cluster *v1beta1.KafkaCluster) bool {
	properties, err := Parse(cluster.Spec.ReadOnlyConfig)
	_, ok := properties.Get("security.inter.broker.protocol")
	return err == nil && ok
}

// externalListenerProblems are about addresses that brokers tell their clients.
func externalListenerProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, field := range UnknownExternalAddresses(cluster) {
		problems = append(problems, notSupported(field,
			"this version cannot find out what address brokers are to advertise here; set hostnameOverride and an "+
				"externalStartingPort above 0 (for NodePort: hostnameOverride with a fixed externalStartingPort, or "+
				"nodePortExternalIP), or remove the listener"))
	}
	for i := range cluster.Spec.ListenersConfig.ExternalListeners {
		problems = append(problems, externalPortProblems(cluster, &cluster.Spec.ListenersConfig.ExternalListeners[i])...)
	}
	for _, l := range cluster.Spec.ListenersConfig.InternalListeners {
		problems = append(problems, startingPortProblems(cluster, l)...)
		if name := l.ExternalListenerForHostname; name != "" && externalListener(cluster, name) == nil {
			problems = append(problems, messages.Warning(internalListenerField(l.Name)+".externalListenerForHostname",
				"there is no external listener %q, so brokers advertise their name inside of Kubernetes; name one that is there", name))
		}
	}
	return problems
}

func startingPortProblems(cluster *v1beta1.KafkaCluster, l v1beta1.InternalListenerConfig) []messages.FieldProblem {
	field, last := internalListenerField(l.Name)+".internalStartingPort", highestBrokerID(cluster)
	highest := int64(l.InternalStartingPort) + int64(last)
	switch {
	case l.InternalStartingPort < 0: // as in Koperator, which looks at it only above 0
		return []messages.FieldProblem{messages.Warning(field, "%d is no port, so it has no effect; remove it, or set one above 0", l.InternalStartingPort)}
	case l.InternalStartingPort > 0 && highest > 65535:
		return []messages.FieldProblem{messages.Invalid(field, "broker %d would advertise port %d, the highest is 65535; start lower", last, highest)}
	default:
		return nil
	}
}

// externalPortProblems tells the first broker whose port outside is none.
func externalPortProblems(cluster *v1beta1.KafkaCluster, l *v1beta1.ExternalListenerConfig) []messages.FieldProblem {
	for i := range cluster.Spec.Brokers {
		b := &cluster.Spec.Brokers[i]
		_, port, state := externalHost(cluster, l, messages.BrokerID(b.ID), outline(&cluster.Spec, b))
		if state == AddressKnown && (port < 1 || port > 65535) {
			return []messages.FieldProblem{messages.Invalid(externalListenerField(l.Name)+".externalStartingPort",
				"invalid external listener starting port number: with %d broker %d would advertise port %d, which is not one of 1 to 65535; choose another",
				l.ExternalStartingPort, b.ID, port)}
		}
	}
	return nil
}

func highestBrokerID(cluster *v1beta1.KafkaCluster) int32 {
	var highest int32
	for i := range cluster.Spec.Brokers {
		highest = max(highest, cluster.Spec.Brokers[i].ID)
	}
	return highest
}

// propertyProblems are about the texts that hold properties.
func propertyProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	ignored := generatedKeys(cluster)
	problems := readOnlyProblems("spec.readOnlyConfig", cluster.Spec.ReadOnlyConfig, ignored)
	problems = append(problems, dynamicProblems(dynamicText{field: clusterWideField, text: cluster.Spec.ClusterWideConfig, cluster: cluster, clusterWide: true})...)
	for _, name := range slices.Sorted(maps.Keys(cluster.Spec.BrokerConfigGroups)) {
		config := cluster.Spec.BrokerConfigGroups[name].Config
		problems = append(problems, dynamicProblems(dynamicText{field: messages.GroupField(name, "config"), text: config, cluster: cluster})...)
	}
	for i := range cluster.Spec.Brokers {
		b := &cluster.Spec.Brokers[i]
		problems = append(problems, readOnlyProblems(messages.BrokerField(b.ID, "readOnlyConfig"), b.ReadOnlyConfig, ignored)...)
		if b.BrokerConfig != nil {
			field := messages.BrokerField(b.ID, "brokerConfig.config")
			problems = append(problems, dynamicProblems(dynamicText{field: field, text: b.BrokerConfig.Config, cluster: cluster})...)
		}
	}
	return problems
}

func parseProblems(field, text string) []messages.FieldProblem {
	_, err := Parse(text)
	if parse := (*ParseError)(nil); errors.As(err, &parse) {
		return []messages.FieldProblem{messages.Invalid(field, "%s", parse)}
	}
	return nil
}

func readOnlyProblems(field, text string, ignored []string) []messages.FieldProblem {
	properties, err := Parse(text)
	if err != nil {
		return parseProblems(field, text)
	}
	var problems []messages.FieldProblem
	for _, key := range properties.Keys() {
		switch {
		case key == "metadata.log.dir":
			problems = append(problems, notSupported(field,
				"metadata.log.dir is not supported: the metadata log is in the first log dir; remove the line and put that storage first"))
		case slices.Contains(ignored, key):
			problems = append(problems, messages.Warning(field,
				"%s is set by the operator from %s, this line has no effect; remove it", key, madeFrom(key)))
		default:
			problems = append(problems, typoProblems(field, key)...)
		}
	}
	return problems
}

// madeFrom are the fields that a key of the broker's file is made from.
func madeFrom(key string) string {
	switch {
	case key == "log.dirs" || key == "log.dir":
		return "storageConfigs"
	case isListenerTopology(key):
		return "spec.listenersConfig"
	case key == "process.roles":
		return "processRoles"
	case key == "node.id" || key == "broker.id":
		return "the id in brokers"
	default:
		return "other fields of the spec"
	}
}

// typoProblems tell of a key that Kafka does not have and that looks like one it has, or like no key at all.
func typoProblems(field, key string) []messages.FieldProblem {
	_, own := rowOf(key)
	switch meant := meantKey(key); {
	case meant != "":
		return []messages.FieldProblem{messages.Warning(field, "%s is no key of Kafka's and is passed on for plugins to read; did you mean %s?", key, meant)}
	case !own && !strings.Contains(key, "."):
		return []messages.FieldProblem{messages.Warning(field, "%s is no key of Kafka's; write key=value, one a line", key)}
	default:
		return nil
	}
}

// generatedKeys are those of which the operator's value, or its absence, wins over the user's.
func generatedKeys(cluster *v1beta1.KafkaCluster) []string {
	keys := []string{
		"advertised.listeners", "broker.id", "control.plane.listener.name", "inter.broker.listener.name",
		"listener.security.protocol.map", "listeners", "log.dir", "log.dirs",
	}
	if cluster.Spec.KRaft {
		keys = append(keys, "controller.listener.names", "controller.quorum.bootstrap.servers", "controller.quorum.voters",
			"node.id", "process.roles")
	} else {
		keys = append(keys, "zookeeper.connect")
	}
	if !cluster.Spec.CruiseControlConfig.Disabled {
		keys = append(keys, "cruise.control.metrics.reporter.bootstrap.servers")
		if !usesInnerBrokerProtocol(cluster) {
			keys = append(keys, "metric.reporters")
		}
	}
	return keys
}
