package kube

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Validate tells what in a KafkaCluster Kubernetes would refuse or the operator cannot do. What Kafka cannot run with
// (listeners, roles, properties, disks of controllers) is looked at in package kafka. Errors come before warnings.
func Validate(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	problems := slices.Concat(
		nameProblems(cluster),
		selectorProblems(cluster),
		budgetProblems(cluster),
		portProblems(cluster),
		envProblems("spec.envs", cluster.Spec.Envs),
		clusterImageProblems(&cluster.Spec),
		configProblems(cluster),
		ingressProblems(cluster),
		brokerProblems(cluster),
		windowProblems(&cluster.Spec),
		rackProblems(&cluster.Spec),
		annotationProblems("spec.listenersConfig.serviceAnnotations", cluster.Spec.ListenersConfig.ServiceAnnotations),
		thresholdProblems(&cluster.Spec),
		NotSupported(cluster),
	)
	return sortedProblems(problems)
}

// rackProblems: a label that no node can have is no rack.
func rackProblems(spec *v1beta1.KafkaClusterSpec) []messages.FieldProblem {
	if spec.RackAwareness == nil {
		return nil
	}
	var problems []messages.FieldProblem
	for i, label := range spec.RackAwareness.Labels {
		if len(validation.IsQualifiedName(label)) > 0 {
			problems = append(problems, messages.Invalid(fmt.Sprintf("spec.rackAwareness.labels[%d]", i),
				"%q cannot be the key of a node's label; use one such as topology.kubernetes.io/zone", label))
		}
	}
	return problems
}

func thresholdProblems(spec *v1beta1.KafkaClusterSpec) []messages.FieldProblem {
	const field = "spec.rollingUpgradeConfig.failureThreshold"
	switch threshold := spec.RollingUpgradeConfig.FailureThreshold; {
	case threshold < 0:
		return []messages.FieldProblem{messages.Invalid(field, "%d is no number of failures; use 1 for no tolerance, or 0 to restart nobody", threshold)}
	case threshold == 0:
		return []messages.FieldProblem{messages.Warning(field, "0 lets no broker be restarted that serves, so edits that need a restart wait; "+
			"use 1 for restarts without any failure")}
	default:
		return nil
	}
}

// sortedProblems drops repeated problems (a thousand brokers of one group have its problem once).
func sortedProblems(problems []messages.FieldProblem) []messages.FieldProblem {
	seen := map[messages.FieldProblem]bool{}
	problems = slices.DeleteFunc(problems, func(p messages.FieldProblem) bool {
		repeated := seen[p]
		seen[p] = true
		return repeated
	})
	slices.SortStableFunc(problems, func(a, b messages.FieldProblem) int { return rank(a) - rank(b) })
	return problems
}

func rank(p messages.FieldProblem) int {
	if p.Severity == messages.SeverityError {
		return 0
	}
	return 1
}

// nameProblems: the cluster's name is the beginning of all names, and the first label of DNS names.
func nameProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	const field = "metadata.name"
	if len(validation.IsDNS1035Label(cluster.Name)) > 0 && len(cluster.Name) <= validation.DNS1035LabelMaxLength {
		return []messages.FieldProblem{messages.Invalid(field,
			"%q cannot begin the name of a Service: it must be lower case letters, digits and dashes, and begin with a letter; "+
				"make a KafkaCluster of another name",
			cluster.Name)}
	}
	longest := ""
	names := append(serviceNames(cluster), PodName(cluster.Name, highestID(cluster)), JMXConfigName(cluster.Name))
	for _, name := range names {
		if len(name) > len(longest) {
			longest = name
		}
	}
	over := len(longest) - validation.DNS1123LabelMaxLength
	if over <= 0 {
		return nil
	}
	return []messages.FieldProblem{messages.Invalid(field,
		"is too long: %s would have more than the %d characters that DNS allows; make a KafkaCluster whose name has at most %d",
		longest, validation.DNS1123LabelMaxLength, len(cluster.Name)-over)}
}

func selectorProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	if selector := cluster.Spec.TaintedBrokersSelector; selector != nil {
		if _, err := metav1.LabelSelectorAsSelector(selector); err != nil {
			return []messages.FieldProblem{messages.Invalid("spec.taintedBrokersSelector", "%v; correct the selector or remove it", err)}
		}
	}
	return nil
}

func budgetProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	budget := cluster.Spec.DisruptionBudget
	if budget == nil || !budget.Create {
		return togetherProblems(cluster)
	}
	switch budget.Budget {
	case "":
		return []messages.FieldProblem{messages.Warning("spec.disruptionBudget.budget",
			"is not set; one broker at a time may be evicted until you set a number or a percentage")}
	case "0", "0%":
		return []messages.FieldProblem{messages.Warning("spec.disruptionBudget.budget",
			"of none blocks every drain of a node; set it to 1 unless you mean that")}
	default:
		return togetherProblems(cluster)
	}
}

// togetherProblems tells who wants more restarts at once than the budget lets go.
func togetherProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	most := MostTogether(cluster, cluster.Status.Adopted, len(cluster.Spec.Brokers))
	wanted := cluster.Spec.RollingUpgradeConfig.GetConcurrentBrokerRestartCountPerRack()
	if wanted > most && len(cluster.Spec.Brokers) > most {
		return []messages.FieldProblem{messages.Warning("spec.rollingUpgradeConfig.concurrentBrokerRestartCountPerRack",
			"of %d has no effect beyond the %d that spec.disruptionBudget lets be evicted at once; set its budget to %d", wanted, most, wanted)}
	}
	return nil
}

// portProblems are about numbers that something else of the Pod has.
func portProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	var problems []messages.FieldProblem
	taken := map[int32]string{metricsPort: "the JMX exporter"}
	for _, listener := range listenersOf(&cluster.Spec) {
		if listener.ContainerPort == metricsPort {
			problems = append(problems, messages.Invalid("spec.listenersConfig",
				"listener %s has port %d, which the JMX exporter needs; give it another containerPort", listener.Name, metricsPort))
			continue
		}
		taken[listener.ContainerPort] = "listener " + listener.Name
	}
	names := map[string]bool{"metrics": true}
	for i, port := range cluster.Spec.AdditionalPorts {
		field := fmt.Sprintf("spec.additionalPorts[%d]", i)
		problems = append(problems, additionalPortProblems(field, port)...)
		if owner, found := taken[port.ContainerPort]; found && protocolOf(port) == "TCP" {
			problems = append(problems, messages.Warning(field+".containerPort", "port %d is that of %s, this entry has no effect; remove it",
				port.ContainerPort, owner))
		}
		if port.Name != "" && names[port.Name] {
			problems = append(problems, messages.Warning(field+".name", "%s is the name of another port, Services leave this one out; rename it", port.Name))
		}
		names[port.Name] = true
	}
	return problems
}

// additionalPortProblems are about what no Service can have: without one a cluster cannot go on.
func additionalPortProblems(field string, port corev1.ContainerPort) []messages.FieldProblem {
	var problems []messages.FieldProblem
	if port.ContainerPort < 1 || port.ContainerPort > 65535 {
		problems = append(problems, messages.Invalid(field+".containerPort", "%d is no port; use 1 to 65535", port.ContainerPort))
	}
	if port.Name != "" && len(validation.IsValidPortName(port.Name)) > 0 { // what a Pod takes a Service takes, too
		problems = append(problems, messages.Invalid(field+".name", "%q cannot be the name of a Pod's port; use at most 15 lower case letters, digits and "+
			"single dashes between them, or leave it out", port.Name))
	}
	if !slices.Contains([]corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}, protocolOf(port)) {
		problems = append(problems, messages.Invalid(field+".protocol", "there is no protocol %q; write TCP, UDP or SCTP", port.Protocol))
	}
	return problems
}

func envProblems(field string, envs []corev1.EnvVar) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, env := range envs {
		name := variableOf(env)
		switch {
		case len(validation.IsEnvVarName(name)) > 0:
			problems = append(problems, messages.Invalid(field, "%q cannot be the name of a variable; use letters, digits and _", env.Name))
		case name != envClusterID && slices.Contains(reservedEnv(), name):
			problems = append(problems, messages.Warning(field, "%s is set by the operator, this entry has no effect; remove it", name))
		}
	}
	return problems
}

// brokerProblems are those of the merged configuration of each broker: what only group and broker together make.
func brokerProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for i := range cluster.Spec.Brokers {
		broker := &cluster.Spec.Brokers[i]
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, broker)
		if err != nil {
			problems = append(problems, messages.Invalid(messages.BrokerField(broker.ID, "brokerConfigGroup"),
				"there is no group %q in spec.brokerConfigGroups; %s", broker.BrokerConfigGroup, groupAdvice(&cluster.Spec)))
			continue
		}
		problems = append(problems, resourceProblems(&cluster.Spec, broker, config)...)
		problems = append(problems, templateProblems(cluster, broker)...)
	}
	return problems
}

// groupAdvice says which groups a broker can name.
func groupAdvice(spec *v1beta1.KafkaClusterSpec) messages.Advice {
	names := sortedKeys(spec.BrokerConfigGroups)
	if len(names) == 0 {
		return "there are none at all: add it, or give the broker its own brokerConfig and remove brokerConfigGroup"
	}
	return "add it, or name one that is there: " + messages.ThereAre(names)
}

// templateProblems renders the claims of one broker; each problem is told where the storage comes from.
func templateProblems(cluster *v1beta1.KafkaCluster, broker *v1beta1.Broker) []messages.FieldProblem {
	var problems []messages.FieldProblem
	look := func(field string, storages []v1beta1.StorageConfig) {
		for i, storage := range storages {
			if storage.PvcSpec == nil {
				continue
			}
			_, err := renderClaimSpec(storage.PvcSpec, templateData{BrokerId: broker.ID, MountPath: storage.MountPath})
			if template := (*templateError)(nil); errors.As(err, &template) {
				at := strings.TrimSuffix(fmt.Sprintf("%s[%d].pvcSpec.%s", field, i, template.path), ".")
				problems = append(problems, messages.Invalid(at, "the template cannot be rendered: %v; correct it, or write the value itself", template.err))
			}
		}
	}
	if group, found := cluster.Spec.BrokerConfigGroups[broker.BrokerConfigGroup]; found {
		look(messages.GroupField(broker.BrokerConfigGroup, "storageConfigs"), group.StorageConfigs)
	}
	if broker.BrokerConfig != nil {
		look(messages.BrokerField(broker.ID, "brokerConfig.storageConfigs"), broker.BrokerConfig.StorageConfigs)
	}
	return problems
}
