package v1beta1_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestMergeEnvs(t *testing.T) {
	secret := corev1.EnvVar{Name: "X", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "k"}}}
	cases := map[string]struct{ first, then, want []corev1.EnvVar }{
		"nothing":                               {nil, nil, nil},
		"one is added":                          {envs("A", "1"), envs("B", "2"), envs("A", "1", "B", "2")},
		"a later one replaces, in its place":    {envs("A", "1", "B", "2"), envs("A", "3"), envs("A", "3", "B", "2")},
		"a plus before puts before":             {envs("A", "1"), envs("+A", "0"), envs("A", "01")},
		"a plus behind puts behind":             {envs("A", "1"), envs("A+", "2"), envs("A", "12")},
		"several, in order":                     {envs("A", "1"), envs("A+", "2", "+A", "0", "A+", "3"), envs("A", "0123")},
		"a plus to nothing sets":                {nil, envs("+A", "0", "B+", "1"), envs("A", "0", "B", "1")},
		"a reference replaces":                  {envs("X", "1"), []corev1.EnvVar{secret}, []corev1.EnvVar{secret}},
		"a reference with a plus replaces":      {envs("X", "1"), []corev1.EnvVar{{Name: "X+", ValueFrom: secret.ValueFrom}}, []corev1.EnvVar{secret}},
		"a value behind a reference replaces":   {[]corev1.EnvVar{secret}, envs("X+", "1"), envs("X", "1")},
		"a name twice in one list, later wins":  {envs("A", "1", "A", "2"), nil, envs("A", "2")},
		"an empty value replaces all the same":  {envs("A", "1"), envs("A", ""), envs("A", "")},
		"other names with a plus stay separate": {envs("A+B", "1"), envs("AB", "2"), envs("A+B", "1", "AB", "2")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, v1beta1.MergeEnvs(tc.first, tc.then))
		})
	}
}

// envs takes names and values in turn.
func envs(pairs ...string) []corev1.EnvVar {
	var list []corev1.EnvVar
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, corev1.EnvVar{Name: pairs[i], Value: pairs[i+1]})
	}
	return list
}
