package kube

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/koperator-go/koperator/messages"
)

// The schema's pattern of quantities takes more than Go reads (a fraction in an exponent): who wrote one must learn where
// it stands among a thousand brokers.
func TestAValueThatGoCannotReadIsNamedWithItsPath(t *testing.T) {
	claim := func(size any) map[string]any {
		return map[string]any{"mountPath": "/kafka-logs", "pvcSpec": map[string]any{
			"resources": map[string]any{"requests": map[string]any{"storage": size}},
		}}
	}
	for name, test := range map[string]struct {
		spec           map[string]any
		field, message string
	}{
		"the size of a broker's disk": {
			map[string]any{"brokers": []any{
				map[string]any{"id": int64(0), "brokerConfig": map[string]any{"storageConfigs": []any{claim("1Gi")}}},
				map[string]any{"id": int64(7), "brokerConfig": map[string]any{"storageConfigs": []any{claim("1e1.5")}}},
			}},
			"spec.brokers[1].brokerConfig.storageConfigs[0].pvcSpec.resources.requests.storage", `"1e1.5" is no quantity: write`,
		},
		"the size of a group's disk, the group's name in brackets": {
			map[string]any{"brokerConfigGroups": map[string]any{"default": map[string]any{"storageConfigs": []any{claim("10Gb")}}}},
			"spec.brokerConfigGroups[default].storageConfigs[0].pvcSpec.resources.requests.storage", "for example 100Gi",
		},
		"a resource whose name has a dot": {
			map[string]any{"brokerConfigGroups": map[string]any{"big": map[string]any{
				"resourceRequirements": map[string]any{"limits": map[string]any{"example.com/disk": "--1", "cpu": "1"}}}}},
			"spec.brokerConfigGroups[big].resourceRequirements.limits[example.com/disk]", `"--1" is no quantity`,
		},
		"the first of several, in the order of names": {
			map[string]any{
				"brokers":            []any{map[string]any{"id": int64(0), "brokerConfig": map[string]any{"storageConfigs": []any{claim("x")}}}},
				"brokerConfigGroups": map[string]any{"a": map[string]any{"storageConfigs": []any{claim("y")}}},
			},
			"spec.brokerConfigGroups[a].storageConfigs[0].pvcSpec.resources.requests.storage", `"y"`,
		},
		"a text where a map should be": {
			map[string]any{"brokerConfigGroups": "none"}, "spec.brokerConfigGroups", `"none" cannot be read`,
		},
		"a map where a list should be": {
			map[string]any{"brokers": map[string]any{"id": int64(1)}}, "spec.brokers", "correct the value",
		},
		"a long value, shortened": {
			map[string]any{"brokers": []any{map[string]any{"id": int64(0),
				"brokerConfig": map[string]any{"storageConfigs": []any{claim(strings.Repeat("9x", 3000))}}}}},
			"spec.brokers[0].brokerConfig.storageConfigs[0].pvcSpec.resources.requests.storage", "or 15e8",
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw := &unstructured.Unstructured{Object: map[string]any{"spec": test.spec}}
			raw.SetName("demo")
			raw.SetAnnotations(map[string]string{"mine": "stays"})
			read := ownResourceOf(KindCluster).typed(raw)
			problem, found := Undecodable(read)
			require.True(t, found)
			require.Equal(t, test.field, problem.Field)
			require.Contains(t, problem.Message, test.message)
			require.Equal(t, messages.ReasonInvalidSpec, problem.Reason)
			require.Equal(t, messages.SeverityError, problem.Severity)
			require.Less(t, len(problem.String()), 500)
			require.Equal(t, "stays", read.GetAnnotations()["mine"])
			require.Equal(t, problem, problemOf(Undecodable(ownResourceOf(KindCluster).typed(raw))), "it is the same each time")
		})
	}
}

func problemOf(problem messages.FieldProblem, _ bool) messages.FieldProblem { return problem }
