package kube

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

const keyLevels = "log-levels"

// WithLevels adds to a broker's record the loggers whose levels may not be those of its file.
func WithLevels(record *corev1.ConfigMap, loggers []string) *corev1.ConfigMap {
	if len(loggers) > 0 {
		record.Data[keyLevels] = strings.Join(loggers, "\n")
	}
	return record
}

// Levels reads them.
func Levels(record *corev1.ConfigMap, cluster *v1beta1.KafkaCluster) []string {
	if record == nil || !Owned(record, cluster) || record.Data[keyLevels] == "" {
		return nil
	}
	return strings.Split(record.Data[keyLevels], "\n")
}
