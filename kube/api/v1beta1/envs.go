package v1beta1

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// MergeEnvs folds lists of environment variables into one, later entries over earlier ones:
//
//	X    replaces X
//	+X   puts its value before the value that X has so far
//	X+   puts its value after it
//
// A valueFrom always replaces, since nobody knows its value here; for the same reason a value put before or after a
// valueFrom replaces it. Variables keep the place where they came first, which only matters to who reads the Pod.
func MergeEnvs(lists ...[]corev1.EnvVar) []corev1.EnvVar {
	var merged []corev1.EnvVar
	for _, env := range slices.Concat(lists...) {
		merged = withEnv(merged, *env.DeepCopy())
	}
	return merged
}

func withEnv(merged []corev1.EnvVar, env corev1.EnvVar) []corev1.EnvVar {
	name := strings.TrimSuffix(strings.TrimPrefix(env.Name, "+"), "+")
	at := slices.IndexFunc(merged, func(e corev1.EnvVar) bool { return e.Name == name })
	if at < 0 {
		env.Name = name
		return append(merged, env)
	}
	if env.ValueFrom == nil && merged[at].ValueFrom == nil {
		env.Value = joinedEnv(env, merged[at].Value)
	}
	env.Name = name
	merged[at] = env
	return merged
}

func joinedEnv(env corev1.EnvVar, before string) string {
	switch {
	case strings.HasPrefix(env.Name, "+"):
		return env.Value + before
	case strings.HasSuffix(env.Name, "+"):
		return before + env.Value
	default:
		return env.Value
	}
}

func copiedEnvs(envs []corev1.EnvVar) []corev1.EnvVar {
	copied := make([]corev1.EnvVar, 0, len(envs))
	for i := range envs {
		copied = append(copied, *envs[i].DeepCopy())
	}
	return copied
}
