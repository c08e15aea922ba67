package v1beta1

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// BrokerConfigOf returns a broker's configuration: its own laid over that of its group. Everything that speaks of "the
// broker's config" means this value. It shares nothing with spec, and is never nil without an error.
//
// The rules are Koperator's, with two cures:
//
//   - A broker without a group gets the cluster's envs too; Koperator left them out.
//   - The schema writes terminationGracePeriodSeconds: 120 into every brokerConfig, so that a broker with any setting of
//     its own never saw the group's value. Here the group's wins over 120, which nobody asked for.
//
// Envs are only put in their order (cluster, group, broker), not folded: they may prepend and append to variables that
// the operator sets, see MergeEnvs.
func BrokerConfigOf(spec *KafkaClusterSpec, broker *Broker) (*BrokerConfig, error) {
	own := &BrokerConfig{}
	if broker.BrokerConfig != nil {
		own = broker.BrokerConfig.DeepCopy()
	}
	group := &BrokerConfig{}
	if name := broker.BrokerConfigGroup; name != "" {
		found, ok := spec.BrokerConfigGroups[name]
		if !ok {
			return nil, fmt.Errorf("spec.brokers: broker %d names the brokerConfigGroup %q, which spec.brokerConfigGroups "+
				"does not have: add the group, or name one that is there", broker.ID, name)
		}
		group = found.DeepCopy()
	}
	merged := mergedBrokerConfig(own, group)
	merged.Envs = slices.Concat(copiedEnvs(spec.Envs), merged.Envs)
	return merged, nil
}

func mergedBrokerConfig(own, group *BrokerConfig) *BrokerConfig {
	return &BrokerConfig{
		ProcessRoles:            firstOf(concat(own.ProcessRoles, group.ProcessRoles), itself[string]),
		Image:                   stringOr(own.Image, group.Image),
		MetricsReporterImage:    stringOr(own.MetricsReporterImage, group.MetricsReporterImage),
		Config:                  stringOr(own.Config, group.Config),
		StorageConfigs:          firstOf(concat(own.StorageConfigs, group.StorageConfigs), StorageConfig.path),
		ServiceAccountName:      stringOr(own.ServiceAccountName, group.ServiceAccountName),
		Resources:               overlaid(own.Resources, group.Resources),
		ImagePullSecrets:        firstOf(concat(own.ImagePullSecrets, group.ImagePullSecrets), secretName),
		NodeSelector:            union(own.NodeSelector, group.NodeSelector),
		Tolerations:             concat(own.Tolerations, group.Tolerations),
		KafkaHeapOpts:           stringOr(own.KafkaHeapOpts, group.KafkaHeapOpts),
		KafkaJVMPerfOpts:        stringOr(own.KafkaJVMPerfOpts, group.KafkaJVMPerfOpts),
		Log4jConfig:             stringOr(own.Log4jConfig, group.Log4jConfig),
		BrokerAnnotations:       union(own.BrokerAnnotations, group.BrokerAnnotations),
		BrokerLabels:            union(own.BrokerLabels, group.BrokerLabels),
		NetworkConfig:           overlaid(own.NetworkConfig, group.NetworkConfig),
		NodePortExternalIP:      union(own.NodePortExternalIP, group.NodePortExternalIP),
		NodePortNodeAddressType: stringOr(own.NodePortNodeAddressType, group.NodePortNodeAddressType),
		Affinity:                overlaid(own.Affinity, group.Affinity),
		PodSecurityContext:      overlaid(own.PodSecurityContext, group.PodSecurityContext),
		SecurityContext:         overlaid(own.SecurityContext, group.SecurityContext),
		BrokerIngressMapping:    concat(own.BrokerIngressMapping, group.BrokerIngressMapping),
		InitContainers:          concat(own.InitContainers, group.InitContainers),
		Containers:              concat(own.Containers, group.Containers),
		Volumes:                 concat(own.Volumes, group.Volumes),
		VolumeMounts:            concat(own.VolumeMounts, group.VolumeMounts),
		Envs:                    concat(group.Envs, own.Envs),
		TerminationGracePeriod:  gracePeriod(own.TerminationGracePeriod, group.TerminationGracePeriod),
		PriorityClassName:       stringOr(own.PriorityClassName, group.PriorityClassName),
	}
}

func gracePeriod(own, group *int64) *int64 {
	schemaDefault := own != nil && *own == DefaultTerminationGracePeriodSeconds
	if own == nil || (schemaDefault && group != nil) {
		return group
	}
	return own
}

func (s StorageConfig) path() string { return s.MountPath }

func secretName(s corev1.LocalObjectReference) string { return s.Name }

func itself[T any](value T) T { return value }

// concat keeps nil for two empty lists, so that a merge of nothing is the zero value.
func concat[T any](first, second []T) []T {
	return slices.Concat(first, second)
}

// firstOf drops entries whose key came before: the API server refuses a Pod that lists a volume or a pull Secret twice,
// Kafka a process role.
func firstOf[T any, K comparable](list []T, key func(T) K) []T {
	seen := make(map[K]bool, len(list))
	return slices.DeleteFunc(list, func(entry T) bool {
		k := key(entry)
		defer func() { seen[k] = true }()
		return seen[k]
	})
}

func union[V any](own, group map[string]V) map[string]V {
	if own == nil {
		return group
	}
	for key, value := range group {
		if _, set := own[key]; !set {
			own[key] = value
		}
	}
	return own
}
