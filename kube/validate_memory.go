package kube

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// resourceProblems: a request over its limit makes the API server refuse the Pod. It is told where the request is written, or the
// limit of a broker's own that is below what its group requests.
func resourceProblems(spec *v1beta1.KafkaClusterSpec, broker *v1beta1.Broker, config *v1beta1.BrokerConfig) []messages.FieldProblem {
	var problems []messages.FieldProblem
	resources, own := config.GetResources(), ownResources(broker)
	for _, name := range slices.Sorted(maps.Keys(resources.Requests)) {
		request := resources.Requests[name]
		limit, limited := resources.Limits[name]
		if !limited || request.Cmp(limit) <= 0 {
			continue
		}
		_, ownRequest := own.Requests[name]
		_, ownLimit := own.Limits[name]
		_, grouped := spec.BrokerConfigGroups[broker.BrokerConfigGroup]
		requests, limits := "resourceRequirements.requests."+string(name), "resourceRequirements.limits."+string(name)
		switch {
		case ownRequest || !grouped:
			problems = append(problems, messages.Invalid(messages.BrokerField(broker.ID, "brokerConfig."+requests),
				"%s is more than the limit of %s; raise the limit or lower the request", request.String(), limit.String()))
		case ownLimit:
			problems = append(problems, messages.Invalid(messages.BrokerField(broker.ID, "brokerConfig."+limits),
				"%s is less than the request of %s in %s; raise the limit or lower the request", limit.String(), request.String(),
				messages.Advice(messages.GroupField(broker.BrokerConfigGroup, requests))))
		default:
			problems = append(problems, messages.Invalid(messages.GroupField(broker.BrokerConfigGroup, requests),
				"%s is more than the limit of %s; raise the limit or lower the request", request.String(), limit.String()))
		}
	}
	return append(problems, heapProblems(broker, config)...)
}

func ownResources(broker *v1beta1.Broker) corev1.ResourceRequirements {
	if broker.BrokerConfig == nil || broker.BrokerConfig.Resources == nil {
		return corev1.ResourceRequirements{}
	}
	return *broker.BrokerConfig.Resources
}

// heapProblems: the kernel kills a Kafka whose heap grows over the memory that its container may have.
func heapProblems(broker *v1beta1.Broker, config *v1beta1.BrokerConfig) []messages.FieldProblem {
	ours := func(env corev1.EnvVar) bool { return variableOf(env) == "KAFKA_HEAP_OPTS" }
	options, limit := config.KafkaHeapOpts, config.GetResources().Limits[corev1.ResourceMemory]
	if options == "" && !slices.ContainsFunc(config.Envs, ours) {
		options = v1beta1.DefaultKafkaHeapOpts
	}
	heap, written, found := largestHeap(options)
	if !found || limit.IsZero() || heap.Cmp(limit) <= 0 {
		return nil
	}
	own := func(c *v1beta1.BrokerConfig) bool { return c.KafkaHeapOpts != "" }
	if config.KafkaHeapOpts == "" {
		own = func(c *v1beta1.BrokerConfig) bool { return c.Resources != nil && !c.Resources.Limits.Memory().IsZero() }
	}
	field := "kafkaHeapOpts"
	if config.KafkaHeapOpts == "" { // the default: what people have written is the limit
		field = "resourceRequirements.limits.memory"
	}
	at := messages.BrokerField(broker.ID, "brokerConfig."+field)
	if broker.BrokerConfigGroup != "" && (broker.BrokerConfig == nil || !own(broker.BrokerConfig)) {
		at = messages.GroupField(broker.BrokerConfigGroup, field)
	}
	return []messages.FieldProblem{messages.Warning(at, "the heap of Kafka may grow to %s (%s), its container to %s alone: it would be killed for lack of memory; "+
		"lower -Xmx in kafkaHeapOpts, or raise resourceRequirements.limits.memory to more than that", heap.String(), written, limit.String())}
}

// largestHeap reads -Xmx: the JVM takes the last one, a number of bytes or of k, m, g or t. written is that alone: options may have
// passwords.
func largestHeap(options string) (heap resource.Quantity, written string, found bool) {
	all := regexp.MustCompile(`-Xmx(\d{1,12})([kKmMgGtT]?)(?:\s|$)`).FindAllStringSubmatch(options, -1)
	if len(all) == 0 {
		return resource.Quantity{}, "", false
	}
	last := all[len(all)-1]
	unit := map[string]string{"": "", "k": "Ki", "m": "Mi", "g": "Gi", "t": "Ti"}[strings.ToLower(last[2])]
	heap, err := resource.ParseQuantity(last[1] + unit)
	return heap, strings.TrimSpace(last[0]), err == nil
}
