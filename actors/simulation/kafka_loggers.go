package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const rootLogger = "root"

// classLoggers are loggers that classes of Kafka make, whether or not a file has them.
func classLoggers() []string {
	return []string{"kafka.request.logger", "kafka.server.KafkaApis", "state.change.logger"}
}

// levelsIn are the levels that a log4j.properties gives.
func levelsIn(text string) map[string]string {
	levels := map[string]string{rootLogger: "INFO"} // the image's own file
	properties, err := kafkaclient.Parse(text)
	if err != nil {
		return levels
	}
	for key, value := range properties {
		level, _, _ := strings.Cut(value, ",")
		if name, ok := strings.CutPrefix(key, "log4j.logger."); ok {
			levels[name] = strings.TrimSpace(level)
		} else if key == "log4j.rootLogger" {
			levels[rootLogger] = strings.TrimSpace(level)
		}
	}
	return levels
}

// alterLevels is IncrementalAlterConfigs of BROKER_LOGGER: one that is wrong refuses them all, as seen on 3.9.2 and 4.3.1.
func (p *process) alterLevels(changes []kafkaclient.ConfigChange, validateOnly bool) error {
	levels := maps.Clone(p.levels)
	for _, change := range changes {
		_, there := levels[change.Key]
		switch {
		case !there && !slices.Contains(classLoggers(), change.Key):
			return refusedValue(fmt.Sprintf("Logger %s does not exist!", change.Key))
		case change.Value == nil && change.Key == rootLogger:
			return refused("Removing the log level of the root logger is not allowed")
		case change.Value == nil:
			levels[change.Key] = ""
		case !slices.Contains([]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}, *change.Value):
			return refused("Cannot set the log level of %s to %s as it is not a supported log level.", change.Key, *change.Value)
		default:
			levels[change.Key] = *change.Value
		}
	}
	if !validateOnly {
		p.levels = levels
	}
	return nil
}

// log4jOption has Kafka read the log4j.properties of its ConfigMap.
const log4jOption = "KAFKA_LOG4J_OPTS"

// log4jOf is the log4j.properties that a Pod's Kafka reads, as it stands now.
func (l *kubelets) log4jOf(pod *corev1.Pod) string {
	if envOf(pod)[log4jOption] == "" {
		return ""
	}
	name := kube.BrokerConfigName(pod.Labels[kube.LabelCluster], idOf(pod))
	config, ok := l.store.get(key{kube.KindConfigMap, pod.Namespace, name}).(*corev1.ConfigMap)
	if !ok {
		return ""
	}
	return config.Data[kube.KeyLog4j]
}

// withoutLevels leaves out what a running broker takes of a log4j.properties.
func withoutLevels(text string) string {
	properties, err := kafkaclient.Parse(text)
	if err != nil || text == "" {
		return text
	}
	for key, value := range properties {
		if key == "log4j.rootLogger" {
			_, appenders, _ := strings.Cut(value, ",")
			properties.Set(key, appenders)
		}
		if name, ok := strings.CutPrefix(key, "log4j.logger."); ok && slices.Contains(classLoggers(), name) && !strings.Contains(value, ",") {
			properties.Delete(key)
		}
	}
	return properties.String()
}

// level is that of a logger of a broker that runs; empty where it inherits one.
func (w *World) level(name string, id messages.BrokerID, logger string) string {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	if c := w.kafka.clusters[keyed(name)]; c != nil && c.processes[id] != nil {
		return c.processes[id].levels[logger]
	}
	return "no such broker"
}

// levelProblems compares the levels of brokers that serve with those of their files.
func (w *World) levelProblems(name string) []string {
	cluster := w.cluster(name)
	var problems []string
	for i := range cluster.Spec.Brokers {
		entry := &cluster.Spec.Brokers[i]
		id := messages.BrokerID(entry.ID)
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, entry)
		if err != nil || !slices.Contains(w.brokerIDs(name), id) {
			continue
		}
		wanted := levelsIn(config.Log4jConfig)
		for _, logger := range append(classLoggers(), rootLogger) {
			if is := w.level(name, id, logger); is != wanted[logger] {
				problems = append(problems, fmt.Sprintf("logger %s of broker %d has level %q and should have %q", logger, id, is, wanted[logger]))
			}
		}
	}
	return problems
}

// logging sets the loggers of all brokers.
func logging(text string) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		group := cluster.Spec.BrokerConfigGroups["default"]
		group.Log4jConfig = text
		cluster.Spec.BrokerConfigGroups["default"] = group
	}
}
