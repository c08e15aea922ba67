package kube

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const keyApplied = "applied.json"

// BrokerAppliedName is the name of the ConfigMap that says which dynamic values of a broker are ours.
func BrokerAppliedName(cluster string, id messages.BrokerID) string {
	return cluster + "-applied-" + id.String()
}

// ClusterAppliedName is the same for the values of all brokers.
func ClusterAppliedName(cluster string) string { return cluster + "-applied" }

// BrokerAppliedConfigMap records which dynamic values of a broker are ours. It is apart from the broker's files: those are
// made anew with each Pod, and Kafka keeps dynamic values for longer. A forgotten one would hide the file for ever.
func BrokerAppliedConfigMap(cluster *v1beta1.KafkaCluster, id messages.BrokerID, applied map[string]string) *corev1.ConfigMap {
	labels := clusterLabels(cluster, brokerSelector(cluster.Name, id))
	return appliedConfigMap(cluster, BrokerAppliedName(cluster.Name, id), labels, applied)
}

// ClusterAppliedConfigMap records which dynamic values of all brokers are ours.
func ClusterAppliedConfigMap(cluster *v1beta1.KafkaCluster, applied map[string]string) *corev1.ConfigMap {
	return appliedConfigMap(cluster, ClusterAppliedName(cluster.Name), clusterLabels(cluster, ClusterSelector(cluster.Name)), applied)
}

// ThrottleName is the name of the ConfigMap that says which throttles of moving replicas are ours.
func ThrottleName(cluster string) string { return cluster + "-throttle" }

// ThrottleConfigMap records which throttles are ours, before they are set: people and Cruise Control set the same keys, and a daemon
// that finds them after a crash could not tell whose they are.
func ThrottleConfigMap(cluster *v1beta1.KafkaCluster, record map[string]string) *corev1.ConfigMap {
	return appliedConfigMap(cluster, ThrottleName(cluster.Name), clusterLabels(cluster, ClusterSelector(cluster.Name)), record)
}

func appliedConfigMap(cluster *v1beta1.KafkaCluster, name string, labels, applied map[string]string) *corev1.ConfigMap {
	text, err := json.Marshal(applied) // sorted by key
	if err != nil {
		text = []byte("{}") // texts by text can always be marshalled
	}
	return signed(&corev1.ConfigMap{
		TypeMeta: configMapType(),
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: cluster.Namespace, Labels: labels, OwnerReferences: owners(cluster),
		},
		Data: map[string]string{keyApplied: string(text)},
	})
}

// Applied reads a record; it is empty where there is none that belongs to the cluster.
func Applied(config *corev1.ConfigMap, cluster *v1beta1.KafkaCluster) map[string]string {
	applied := map[string]string{}
	if config == nil || !Owned(config, cluster) || json.Unmarshal([]byte(config.Data[keyApplied]), &applied) != nil || applied == nil {
		return map[string]string{}
	}
	return applied
}

const keyUserAtTakeover = "user-config"

// WithUserConfig adds to the record of a broker that Koperator made what people had written of its file when it was taken over: its own
// ConfigMap is Koperator's as long as the Pod is.
func WithUserConfig(record *corev1.ConfigMap, text string) *corev1.ConfigMap {
	record.Data[keyUserAtTakeover] = text
	return record
}

// UserConfig reads it; recorded is false where there is none.
func UserConfig(record *corev1.ConfigMap, cluster *v1beta1.KafkaCluster) (text string, recorded bool) {
	if record == nil || !Owned(record, cluster) {
		return "", false
	}
	text, recorded = record.Data[keyUserAtTakeover]
	return text, recorded
}

// SignConfig completes a broker's ConfigMap. It writes into it what its files hash to: what somebody else has changed in them
// is not what a broker was started with.
func SignConfig(config *corev1.ConfigMap) {
	if config.Annotations == nil {
		config.Annotations = map[string]string{}
	}
	config.Annotations[AnnotationFilesHash] = filesHash(config)
	signed(config)
}

// SignedConfig reports whether the files of a broker's ConfigMap are as we wrote them.
func SignedConfig(config *corev1.ConfigMap) bool {
	return config.Annotations[AnnotationFilesHash] == filesHash(config)
}

func filesHash(config *corev1.ConfigMap) string {
	files := []string{config.Data[KeyBrokerConfig], config.Data[KeyUserConfig], config.Data[KeyStartedConfig]}
	if log4j := config.Data[KeyLog4j]; log4j != "" {
		files = append(files, log4j)
	}
	return FileHash(strings.Join(files, "\x00"))
}
