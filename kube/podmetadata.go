package kube

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// KeyFirstVoter is the file that names the one Pod of a controller with its metadata on an emptyDir which may be a first voter of the
// quorum. A claim has such a right itself; an emptyDir is new with each Pod, and two Pods with one directory id would be one voter to
// the others, of which the second has forgotten its votes.
const KeyFirstVoter = "first-voter"

// FirstVoterPod reports whether a Pod was made to be a first voter with its metadata on an emptyDir.
func FirstVoterPod(pod *corev1.Pod) bool {
	return slices.ContainsFunc(kafkaEnvOf(pod), func(e corev1.EnvVar) bool { return e.Name == envFirstPod })
}

// MetadataOnPod reports whether a Pod has a controller's metadata on an emptyDir: the first of its log dirs lies on no claim. Koperator's
// Pods have them in a folder of their disk. Other volumes are not looked at: the cache does not keep them.
func MetadataOnPod(pod *corev1.Pod) bool {
	dirs := logDirsOf(pod)
	return len(dirs) > 0 && pod.Labels[LabelIsController] == "true" && !onClaim(pod, dirs[0])
}

// ReplicasOnPod reports whether a Pod has a broker's log dir on an emptyDir, by the same signs.
func ReplicasOnPod(pod *corev1.Pod) bool {
	return pod.Labels[LabelIsBroker] == "true" && slices.ContainsFunc(logDirsOf(pod), func(dir string) bool { return !onClaim(pod, dir) })
}

func logDirsOf(pod *corev1.Pod) []string {
	env := kafkaEnvOf(pod)
	at := slices.IndexFunc(env, func(e corev1.EnvVar) bool { return e.Name == envLogDirs })
	if at < 0 {
		return nil
	}
	return strings.Split(env[at].Value, ",")
}

func onClaim(pod *corev1.Pod, dir string) bool {
	claims := map[string]bool{}
	for _, volume := range pod.Spec.Volumes {
		claims[volume.Name] = volume.PersistentVolumeClaim != nil
	}
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool {
		return c.Name == KafkaContainer && slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
			return claims[m.Name] && strings.HasPrefix(dir+"/", strings.TrimSuffix(m.MountPath, "/")+"/")
		})
	})
}

func kafkaEnvOf(pod *corev1.Pod) []corev1.EnvVar {
	for _, container := range pod.Spec.Containers {
		if container.Name == KafkaContainer {
			return container.Env
		}
	}
	return nil
}

// NeverHadContainer reports whether a kubelet has ended a Pod of which it never made the kafka container. Who else ends a Pod says so in a
// condition (DisruptionTarget), and knows nothing of its containers.
func NeverHadContainer(pod *corev1.Pod) bool {
	ended := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
	if !ended || slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue
	}) {
		return false
	}
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.Name == KafkaContainer && s.ContainerID == "" && s.RestartCount == 0 && s.State.Running == nil && s.LastTerminationState.Terminated == nil
	})
}
