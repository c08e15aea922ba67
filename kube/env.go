package kube

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// kafkaEnv is sorted by name, so that the order in which a user writes variables never restarts a broker. The user's
// envs come over our defaults, fields of brokerConfig over the user's envs, and what the start script is told over all.
func kafkaEnv(in PodInput) []corev1.EnvVar {
	env := v1beta1.MergeEnvs(defaultEnv(), userEnvs(in.Config), configEnv(in.Config), formatEnv(in))
	slices.SortFunc(env, func(a, b corev1.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	return env
}

func defaultEnv() []corev1.EnvVar {
	return []corev1.EnvVar{
		{Name: "CLASSPATH", Value: extensionsDir + "/*"},
		{Name: "KAFKA_OPTS", Value: fmt.Sprintf("-javaagent:%sjmx_prometheus.jar=%d:%sconfig.yaml",
			exporterDir, metricsPort, exporterConfigDir)},
		{Name: "KAFKA_HEAP_OPTS", Value: v1beta1.DefaultKafkaHeapOpts},
		{Name: "KAFKA_JVM_PERFORMANCE_OPTS", Value: v1beta1.DefaultKafkaJVMPerfOpts},
		{Name: envSidecarStatus, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{
			APIVersion: "v1", FieldPath: "metadata.annotations['" + annotationSidecarStatus + "']",
		}}},
	}
}

func configEnv(config *v1beta1.BrokerConfig) []corev1.EnvVar {
	var env []corev1.EnvVar
	if config.Log4jConfig != "" {
		env = append(env, corev1.EnvVar{Name: "KAFKA_LOG4J_OPTS", Value: "-Dlog4j.configuration=file:" + configDir + "/" + KeyLog4j})
	}
	if config.KafkaHeapOpts != "" {
		env = append(env, corev1.EnvVar{Name: "KAFKA_HEAP_OPTS", Value: config.KafkaHeapOpts})
	}
	if config.KafkaJVMPerfOpts != "" {
		env = append(env, corev1.EnvVar{Name: "KAFKA_JVM_PERFORMANCE_OPTS", Value: config.KafkaJVMPerfOpts})
	}
	return env
}

// formatEnv tells the start script what it may format, or in ZooKeeper mode Kafka. KAFKA_FORMAT_DIRS, KAFKA_INITIAL_CONTROLLERS and
// KAFKA_FIRST_POD are there only while they mean something, and are in neither hash.
func formatEnv(in PodInput) []corev1.EnvVar {
	var env []corev1.EnvVar
	if dirs := formatDirs(in); len(dirs) > 0 {
		env = append(env, corev1.EnvVar{Name: envFormatDirs, Value: strings.Join(dirs, ",")})
	}
	if in.spec().KRaft {
		env = append(env, corev1.EnvVar{Name: envClusterID, Value: in.ClusterID}, corev1.EnvVar{Name: envQuorum, Value: string(in.Quorum.Mode)})
	}
	env = append(env, corev1.EnvVar{Name: envLogDirs, Value: strings.Join(mountPaths(in.Config), ",")})
	if in.Quorum.Initially(in.id()) && formatsMetadata(in) {
		env = append(env, corev1.EnvVar{Name: envInitialControllers, Value: initialControllers(in.Quorum)})
		if in.Config.StorageConfigs[0].PvcSpec == nil {
			env = append(env, corev1.EnvVar{Name: envFirstPod, ValueFrom: &corev1.EnvVarSource{
				FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.uid"},
			}})
		}
	}
	return env
}

// userEnvs are sorted by the variable that they speak of; several for one stay in their order, which matters.
func userEnvs(config *v1beta1.BrokerConfig) []corev1.EnvVar {
	envs := slices.DeleteFunc(slices.Clone(config.Envs), func(e corev1.EnvVar) bool {
		return slices.Contains(reservedEnv(), variableOf(e))
	})
	slices.SortStableFunc(envs, func(a, b corev1.EnvVar) int { return strings.Compare(variableOf(a), variableOf(b)) })
	return envs
}

// variableOf is the variable that an entry of envs speaks of: a plus sign at an end of its name adds to what is there.
func variableOf(e corev1.EnvVar) string {
	return strings.TrimSuffix(strings.TrimPrefix(e.Name, "+"), "+")
}

// reservedEnv cannot be set by users: a right to format that nobody gave would cost data. CLUSTER_ID is theirs to
// choose; the one that the cluster was made with comes back in PodInput.
func reservedEnv() []string {
	return []string{envClusterID, envQuorum, envFormatDirs, envInitialControllers, envFirstPod, envLogDirs, envSidecarStatus,
		"KAFKA_CONFIG", "KAFKA_STATE_DIR", "KAFKA_HOLD_PAUSE", "KAFKA_MIN_FREE_KIB"}
}

// OneStartOnly reports whether a variable of the kafka container means something for its first start alone.
func OneStartOnly(name string) bool {
	return name == envFormatDirs || name == envInitialControllers || name == envFirstPod
}

func formatDirs(in PodInput) []string {
	var dirs []string
	for _, path := range mountPaths(in.Config) {
		if slices.Contains(in.FormatDirs, path) {
			dirs = append(dirs, LogDir(path))
		}
	}
	return dirs
}

// formatsMetadata: the metadata log dir is the first of log.dirs (Kafka's default of metadata.log.dir).
func formatsMetadata(in PodInput) bool {
	paths := mountPaths(in.Config)
	return len(paths) > 0 && slices.Contains(in.FormatDirs, paths[0])
}

func mountPaths(config *v1beta1.BrokerConfig) []string {
	paths := make([]string, 0, len(config.StorageConfigs))
	for _, storage := range config.StorageConfigs {
		paths = append(paths, storage.MountPath)
	}
	return paths
}

// initialControllers has the form of kafka-storage.sh format --initial-controllers (KIP-853).
func initialControllers(quorum messages.Quorum) string {
	voters := make([]string, 0, len(quorum.Initial))
	for _, v := range quorum.Initial {
		voters = append(voters, fmt.Sprintf("%d@%s:%d:%s", v.ID, bracketed(v.Host), v.Port, v.DirectoryID))
	}
	return strings.Join(voters, ",")
}

// bracketed is the form of an IPv6 address before a port.
func bracketed(host string) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		return "[" + host + "]"
	}
	return host
}
