package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// configProblems looks at each brokerConfig where it is written, in a group or at a broker.
func configProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, name := range sortedKeys(cluster.Spec.BrokerConfigGroups) {
		config := cluster.Spec.BrokerConfigGroups[name]
		field := func(f string) string { return messages.GroupField(name, f) }
		problems = append(problems, problemsOfConfig(cluster, field, &config)...)
	}
	for i := range cluster.Spec.Brokers {
		if broker := &cluster.Spec.Brokers[i]; broker.BrokerConfig != nil {
			field := func(f string) string { return messages.BrokerField(broker.ID, "brokerConfig."+f) }
			problems = append(problems, problemsOfConfig(cluster, field, broker.BrokerConfig)...)
		}
	}
	return problems
}

func problemsOfConfig(cluster *v1beta1.KafkaCluster, field func(string) string, config *v1beta1.BrokerConfig) []messages.FieldProblem {
	return slices.Concat(
		labelProblems(field("brokerLabels"), config.BrokerLabels),
		annotationProblems(field("brokerAnnotations"), config.BrokerAnnotations),
		podProblems(field, config),
		storageProblems(field("storageConfigs"), config.StorageConfigs),
		envProblems(field("envs"), config.Envs),
		hiddenEnvProblems(field, config),
		affinityProblems(field("affinity"), config.Affinity),
		graceProblems(field("terminationGracePeriodSeconds"), config.TerminationGracePeriod),
		takenProblems(cluster, field, config),
		brokerImageProblems(field, config),
		loggingProblems(field("log4jConfig"), config.Log4jConfig),
	)
}

// loggingProblems: without a root logger, or with one in another format, Log4j starts all the same, and Kafka's log has nothing but
// Log4j's own complaint. A level that it does not know it takes for DEBUG (org.apache.log4j.Level.toLevel).
func loggingProblems(field, properties string) []messages.FieldProblem {
	if properties == "" {
		return nil
	}
	rooted, problems := false, []messages.FieldProblem(nil)
	for line := range strings.Lines(properties) {
		key, value := strings.TrimSpace(line), ""
		if end := strings.IndexAny(key, " \t=:"); end >= 0 {
			key, value = key[:end], strings.TrimLeft(key[end:], " \t=:")
		}
		root := key == "log4j.rootLogger" || key == "log4j.rootCategory"
		rooted = rooted || root
		level, _, _ := strings.Cut(value, ",")
		if (root || strings.HasPrefix(key, "log4j.logger.") || strings.HasPrefix(key, "log4j.category.")) && !isLevel(strings.TrimSpace(level)) {
			problems = append(problems, messages.Warning(field, "the level of %s is none of Log4j's, which takes it for DEBUG; write one of %s",
				messages.Elided(key, 100), strings.Join(logLevels(), ", ")))
		}
	}
	if rooted {
		return problems
	}
	return []messages.FieldProblem{messages.Warning(field, "has no line log4j.rootLogger=…, and Kafka would log nothing; write it in the format of Log4j 1, which "+
		"every version of Kafka takes here, with what its appenders are")}
}

// isLevel reports whether Log4j 1 knows a level: its own, in any case, none at all, and what only Log4j can make out.
func isLevel(level string) bool {
	return level == "" || strings.ContainsAny(level, "$#") || slices.Contains(append(logLevels(), "INHERITED", "NULL"), strings.ToUpper(level))
}

func logLevels() []string {
	return []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF", "ALL"}
}

func graceProblems(field string, seconds *int64) []messages.FieldProblem {
	if seconds == nil || *seconds >= 0 {
		return nil
	}
	return []messages.FieldProblem{messages.Invalid(field, "%d is no time that a broker could have to stop; use 0 or more", *seconds)}
}

func labelProblems(field string, labels map[string]string) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, key := range sortedKeys(labels) {
		switch {
		case slices.Contains(reservedLabels(), key):
			problems = append(problems, messages.Warning(field, "%s is how the operator finds its Pods, your value has no effect; remove it", key))
		case len(validation.IsQualifiedName(key)) > 0:
			problems = append(problems, messages.Invalid(field, "%q cannot be the key of a label; use at most 63 letters, digits, dashes, dots and _", key))
		case len(validation.IsValidLabelValue(labels[key])) > 0:
			problems = append(problems, messages.Invalid(field, "the value of %s cannot be that of a label; use at most 63 letters, digits, dashes, dots and _", key))
		}
	}
	return problems
}

func annotationProblems(field string, annotations map[string]string) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, key := range sortedKeys(annotations) {
		if len(validation.IsQualifiedName(strings.ToLower(key))) > 0 { // as Kubernetes has it (ValidateAnnotations)
			problems = append(problems, messages.Invalid(field, "%q cannot be the key of an annotation; use at most 63 letters, digits, dashes, dots and _, "+
				"behind a domain and a slash if you like", key))
		}
	}
	return problems
}

// podProblems is what no API server takes in a Pod: a broker that is stopped for it would not come back.
func podProblems(field func(string) string, config *v1beta1.BrokerConfig) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, key := range sortedKeys(config.NodeSelector) {
		if len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(config.NodeSelector[key])) > 0 {
			problems = append(problems, messages.Invalid(field("nodeSelector"), "%q with value %q cannot be a label of a node; correct it, or remove it",
				key, config.NodeSelector[key]))
		}
	}
	for _, named := range []struct{ name, value string }{
		{"serviceAccountName", config.ServiceAccountName}, {"priorityClassName", config.PriorityClassName},
	} {
		if named.value != "" && len(validation.IsDNS1123Subdomain(named.value)) > 0 {
			problems = append(problems, messages.Invalid(field(named.name), "%q cannot be a name in Kubernetes; use lower case letters, digits, dashes and dots",
				named.value))
		}
	}
	return append(problems, amountProblems(field("resourceRequirements"), config.Resources)...)
}

func amountProblems(field string, resources *corev1.ResourceRequirements) []messages.FieldProblem {
	if resources == nil {
		return nil
	}
	var problems []messages.FieldProblem
	for _, list := range []struct {
		name   string
		values corev1.ResourceList
	}{{"requests", resources.Requests}, {"limits", resources.Limits}} {
		for _, name := range slices.Sorted(maps.Keys(list.values)) {
			at := fmt.Sprintf("%s.%s[%s]", field, list.name, name)
			quantity := list.values[name]
			if quantity.Sign() < 0 {
				problems = append(problems, messages.Invalid(at, "is %s; nobody can have less than nothing of it", quantity.String()))
			}
			if !nativeResource(string(name)) && !strings.Contains(string(name), "/") {
				problems = append(problems, messages.Invalid(at, "is no resource of Kubernetes; use cpu, memory, ephemeral-storage, hugepages-…, or a name "+
					"with a domain such as example.com/gpu"))
			}
		}
	}
	return problems
}

// nativeResource: k8s.io/kubernetes pkg/apis/core/helper, IsStandardContainerResourceName.
func nativeResource(name string) bool {
	return slices.Contains([]string{"cpu", "memory", "ephemeral-storage"}, name) || strings.HasPrefix(name, corev1.ResourceHugePagesPrefix)
}

func storageProblems(field string, storages []v1beta1.StorageConfig) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for i, storage := range storages {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case storage.PvcSpec == nil && storage.EmptyDir == nil:
			problems = append(problems, messages.Invalid(at, "%s has neither pvcSpec nor emptyDir; add one of them", storage.MountPath))
		case storage.PvcSpec != nil:
			problems = append(problems, claimProblems(at+".pvcSpec", storage)...)
		case storage.EmptyDir.SizeLimit == nil:
			problems = append(problems, messages.Warning(at+".emptyDir.sizeLimit",
				"is not set, so nobody knows how much fits on %s and it can fill the node's disk; set it", storage.MountPath))
		}
		if storage.PvcSpec != nil && storage.EmptyDir != nil {
			problems = append(problems, messages.Warning(at+".emptyDir", "has no effect beside pvcSpec; remove it"))
		}
	}
	return problems
}

func claimProblems(field string, storage v1beta1.StorageConfig) []messages.FieldProblem {
	var problems []messages.FieldProblem
	size, found := storage.PvcSpec.Resources.Requests[corev1.ResourceStorage]
	switch {
	case !found:
		problems = append(problems, messages.Invalid(field+".resources.requests.storage", "is not set; say how large the disk is, for example 100Gi"))
	case size.Sign() <= 0:
		problems = append(problems, messages.Invalid(field+".resources.requests.storage", "is %s; a disk needs a size above zero", size.String()))
	}
	if len(storage.PvcSpec.AccessModes) == 0 {
		problems = append(problems, messages.Invalid(field+".accessModes", "is not set; Kubernetes wants it, usually ReadWriteOnce"))
	}
	for _, mode := range storage.PvcSpec.AccessModes {
		if !slices.Contains(accessModes(), string(mode)) && !hasTemplate(storage.PvcSpec) {
			problems = append(problems, messages.Invalid(field+".accessModes", "there is no access mode %q; write one of them: %s", mode, messages.ThereAre(accessModes())))
		}
	}
	if mode := storage.PvcSpec.VolumeMode; mode != nil && *mode == corev1.PersistentVolumeBlock {
		problems = append(problems, messages.Invalid(field+".volumeMode", "Kafka needs a file system; set Filesystem or leave the field out"))
	}
	if storage.PvcSpec.Selector != nil {
		if _, err := metav1.LabelSelectorAsSelector(storage.PvcSpec.Selector); err != nil && !hasTemplate(storage.PvcSpec) {
			problems = append(problems, messages.Invalid(field+".selector", "%v; correct the selector or remove it", err))
		}
	}
	return problems
}

func accessModes() []string {
	return []string{string(corev1.ReadWriteOnce), string(corev1.ReadWriteOncePod), string(corev1.ReadWriteMany), string(corev1.ReadOnlyMany)}
}

// hiddenEnvProblems tell of variables that a field of the same configuration sets, which has the last word (see kafkaEnv).
func hiddenEnvProblems(field func(string) string, config *v1beta1.BrokerConfig) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, own := range configEnv(config) {
		if slices.ContainsFunc(config.Envs, func(e corev1.EnvVar) bool { return variableOf(e) == own.Name }) {
			problems = append(problems, messages.Warning(field("envs"), "%s is set by %s beside it, this entry has no effect; remove one of them",
				own.Name, fieldOfEnv(own.Name)))
		}
	}
	return problems
}

// fieldOfEnv is the field of a brokerConfig that sets a variable.
func fieldOfEnv(name string) string {
	return map[string]string{
		"KAFKA_HEAP_OPTS": "kafkaHeapOpts", "KAFKA_JVM_PERFORMANCE_OPTS": "kafkaJvmPerfOpts", "KAFKA_LOG4J_OPTS": "log4jConfig",
	}[name]
}

func affinityProblems(field string, affinity *corev1.Affinity) []messages.FieldProblem {
	if affinity == nil {
		return nil
	}
	var terms []corev1.PodAffinityTerm
	if a := affinity.PodAffinity; a != nil {
		terms = append(terms, a.RequiredDuringSchedulingIgnoredDuringExecution...)
	}
	if a := affinity.PodAntiAffinity; a != nil {
		terms = append(terms, a.RequiredDuringSchedulingIgnoredDuringExecution...)
	}
	for _, term := range terms {
		if _, err := metav1.LabelSelectorAsSelector(term.LabelSelector); err != nil {
			return []messages.FieldProblem{messages.Invalid(field, "%v; correct the selector", err)}
		}
	}
	return nil
}

// takenProblems: server-side apply takes a name in a list once, so what the user calls like one of ours is left out.
func takenProblems(cluster *v1beta1.KafkaCluster, field func(string) string, config *v1beta1.BrokerConfig) []messages.FieldProblem {
	var problems []messages.FieldProblem
	check := func(list, kind, name string, taken []string) {
		if slices.Contains(taken, name) {
			problems = append(problems, messages.Invalid(field(list), "%s %s is one of the operator's own; rename yours", kind, name))
		}
	}
	init := []string{reporterContainer, exporterContainer}
	for _, c := range config.InitContainers {
		check("initContainers", "container", c.Name, append(init, kafkaContainer))
	}
	for _, c := range config.Containers {
		check("containers", "container", c.Name, append(init, kafkaContainer))
	}
	volumes := []string{configVolume, extensionsVolume, exporterVolume, waitVolume, stateVolume, clientVolume, JMXConfigName(cluster.Name)}
	for _, v := range config.Volumes {
		if isDataVolume(v.Name) || isKeystoreVolume(v.Name) {
			volumes = append(volumes, v.Name)
		}
		check("volumes", "volume", v.Name, volumes)
	}
	paths := []string{configDir, extensionsDir, exporterDir, exporterConfigDir, waitDir, startState}
	for _, m := range config.VolumeMounts {
		check("volumeMounts", "mountPath", m.MountPath, append(paths, mountPaths(config)...))
	}
	return problems
}
