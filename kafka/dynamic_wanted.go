package kafka

import (
	"slices"
	"strconv"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const clusterWideField = "spec.clusterWideConfig"

// BrokerDynamic is what a broker is to have dynamically for itself: the config of its entry or, where it has none, of its
// group, as v1beta1.BrokerConfigOf merges them. Keys that Kafka would refuse are left out with a warning each, since it
// refuses the others with them. Nothing is known of a text that cannot be read, not even that it is empty: the result is
// nil then, and nothing of the broker's is to be changed.
func BrokerDynamic(in RenderInput, running Running) (Properties, []messages.FieldProblem) {
	own := in.Broker.BrokerConfig != nil && in.Broker.BrokerConfig.Config != ""
	return dynamicProperties(dynamicText{
		field: settingField(&in.Broker, own, "config"), text: in.Config.Config, cluster: in.Cluster, elr: running.ELR, classOf: running.classOf,
	})
}

// ClusterDynamic is what all brokers are to have dynamically: spec.clusterWideConfig, by the same rules as BrokerDynamic.
// With ELR it has min.insync.replicas, too, wherever the user wrote it.
func ClusterDynamic(cluster *v1beta1.KafkaCluster, running Running) (Properties, []messages.FieldProblem) {
	wanted, problems := dynamicProperties(dynamicText{
		field: clusterWideField, text: cluster.Spec.ClusterWideConfig, cluster: cluster, clusterWide: true, elr: running.ELR, classOf: running.classOf,
	})
	if wanted == nil || !running.ELR {
		return wanted, problems
	}
	if _, ok := wanted.Get(minInsyncReplicas); ok {
		return wanted, problems
	}
	value, more := minISRBeside(cluster)
	if value != "" {
		wanted.Set(minInsyncReplicas, value)
	}
	return wanted, append(problems, more...)
}

func (r Running) classOf(key string) Class { return ClassOf(key, r.Version, r.Described) }

// minISRBeside is the min.insync.replicas of the other texts: of all brokers, else the highest of single ones.
func minISRBeside(cluster *v1beta1.KafkaCluster) (string, []messages.FieldProblem) {
	if value := valueIn(cluster.Spec.ReadOnlyConfig, minInsyncReplicas); value != "" {
		return value, nil
	}
	highest, brokers, differ := "", 0, false
	for i := range cluster.Spec.Brokers {
		b := &cluster.Spec.Brokers[i]
		if !nodeOf(&cluster.Spec, rolesOf(&cluster.Spec, b)).broker {
			continue
		}
		value := brokerMinISR(&cluster.Spec, b)
		differ = differ || (brokers > 0 && value != highest)
		brokers++
		if higherNumber(value, highest) {
			highest = value
		}
	}
	if !differ {
		return highest, nil
	}
	return highest, []messages.FieldProblem{messages.Warning(clusterWideField,
		"brokers have different min.insync.replicas, and with eligible leader replicas Kafka has one for all, now the highest, %s; write it here", highest)}
}

func higherNumber(a, b string) bool {
	x, err := strconv.Atoi(a)
	y, errB := strconv.Atoi(b)
	return err == nil && (errB != nil || x > y)
}

func brokerMinISR(spec *v1beta1.KafkaClusterSpec, broker *v1beta1.Broker) string {
	config := spec.BrokerConfigGroups[broker.BrokerConfigGroup].Config
	if broker.BrokerConfig != nil && broker.BrokerConfig.Config != "" {
		config = broker.BrokerConfig.Config
	}
	if value := valueIn(config, minInsyncReplicas); value != "" {
		return value
	}
	return valueIn(broker.ReadOnlyConfig, minInsyncReplicas)
}

// valueIn is empty where the text does not have the key. Most texts do not: they are not parsed.
func valueIn(text, key string) string {
	if !strings.Contains(text, key) {
		return ""
	}
	properties, _ := Parse(text)
	return strings.TrimSpace(properties[key])
}

// dynamicText is a field with properties that Kafka is to take while it runs.
type dynamicText struct {
	field, text string
	cluster     *v1beta1.KafkaCluster
	clusterWide bool
	elr         bool
	classOf     func(key string) Class
}

func dynamicProperties(t dynamicText) (Properties, []messages.FieldProblem) {
	properties, err := Parse(t.text)
	if err != nil {
		return nil, parseProblems(t.field, t.text)
	}
	var problems []messages.FieldProblem
	for _, key := range properties.Keys() {
		if message := t.refusal(key); message != "" {
			properties.Delete(key)
			problems = append(problems, messages.Warning(t.field, message, key))
			continue
		}
		problems = append(problems, typoProblems(t.field, key)...)
	}
	return properties, problems
}

// refusal is why a key cannot be here, and what to do; empty where it can. The key is its one argument.
func (t dynamicText) refusal(key string) string {
	class := t.classOf(key)
	switch {
	case isForeign(key):
		return "%s is set by whoever moves replicas, and only while it does, so this line has no effect; remove it"
	case isListenerTopology(key):
		return "%s is set by the operator from spec.listenersConfig, this line has no effect; remove it"
	case key == minInsyncReplicas && t.elr && !t.clusterWide:
		return "%s is one for all brokers where eligible leader replicas are on; move it to spec.clusterWideConfig"
	case class == ClassReadOnly && slices.Contains(generatedKeys(t.cluster), key): // in readOnlyConfig it would be refused, too
		return "%s is set by the operator from " + madeFrom(key) + ", this line has no effect; remove it"
	case class == ClassReadOnly && t.behindListenerOnly(key):
		return "Kafka changes %[1]s while it runs only for one listener; write listener.name.NAME.%[1]s, or move it to readOnlyConfig"
	case class == ClassReadOnly:
		return "%s is read-only: Kafka reads it at start and refuses it here; move it to readOnlyConfig"
	case class == ClassPerBroker && t.clusterWide:
		return "Kafka refuses %s for all brokers at once; move it to the config of a broker or of a brokerConfigGroup"
	default:
		return ""
	}
}

func (t dynamicText) behindListenerOnly(key string) bool {
	row, own := rowOf(key)
	return own && row.anywhere() == scopeBehindListener
}

// dynamicProblems are those of a text of which is not known what Kafka it is for: only what every version refuses.
func dynamicProblems(t dynamicText) []messages.FieldProblem {
	t.classOf = classAnywhere
	_, problems := dynamicProperties(t)
	return problems
}
