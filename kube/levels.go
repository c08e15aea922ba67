package kube

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

const (
	keyLevels    = "log-levels"
	keyLog4jHas  = "log4j.properties"
	keyLog4jNext = "log4j-next.properties"
)

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

// Log4jTexts are texts of the log4jConfig of a broker that Koperator made: Has is the one whose levels it has, Next the one that it is about
// to have those of, empty where that is the same.
type Log4jTexts struct{ Has, Next string }

// WithLog4j adds them to a broker's record.
func WithLog4j(record *corev1.ConfigMap, texts Log4jTexts) *corev1.ConfigMap {
	for key, text := range map[string]string{keyLog4jHas: texts.Has, keyLog4jNext: texts.Next} {
		if text != "" {
			record.Data[key] = text
		}
	}
	return record
}

// RecordedLog4j reads them.
func RecordedLog4j(record *corev1.ConfigMap, cluster *v1beta1.KafkaCluster) Log4jTexts {
	if record == nil || !Owned(record, cluster) {
		return Log4jTexts{}
	}
	return Log4jTexts{Has: record.Data[keyLog4jHas], Next: record.Data[keyLog4jNext]}
}
