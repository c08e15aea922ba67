package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const crdDir = "../../../deploy/crds/kafka.banzaicloud.io_"

func TestTextsOfOurOwnFieldsStayAndThoseOfKubernetesGo(t *testing.T) {
	schema := committedSchema(t, "kafkaclusters")
	cases := map[string]struct {
		path []string
		kept bool
	}{
		"a field of ours":                                {[]string{"spec", "kRaft"}, true},
		"a field of ours in a list":                      {[]string{"spec", "brokers", "[]", "maintenance"}, true},
		"a field of ours in a map":                       {[]string{"spec", "brokerConfigGroups", "*", "image"}, true},
		"a field that comes from an embedded type":       {[]string{"spec", "listenersConfig", "externalListeners", "[]", "containerPort"}, true},
		"a field of ours of a Kubernetes type":           {[]string{"spec", "brokers", "[]", "brokerConfig", "affinity"}, true},
		"a field inside that type":                       {[]string{"spec", "brokers", "[]", "brokerConfig", "affinity", "nodeAffinity"}, false},
		"an element of a list of a Kubernetes type":      {[]string{"spec", "envs", "[]"}, false},
		"a field of such an element":                     {[]string{"spec", "envs", "[]", "valueFrom"}, false},
		"a field of a condition":                         {[]string{"status", "conditions", "[]", "reason"}, false},
		"the conditions themselves":                      {[]string{"status", "conditions"}, true},
		"the kind, which Kubernetes explains everywhere": {[]string{"kind"}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			at := schema
			for _, step := range tc.path {
				at = child(at, step)
			}
			require.NotEmpty(t, at, "the schema has no such path")
			_, described := at["description"]
			require.Equal(t, tc.kept, described)
		})
	}
}

func TestTrimmingTwiceChangesNothing(t *testing.T) {
	kinds, err := loadKinds("../../..", "./kube/api/...")
	require.NoError(t, err)
	before, after := committed(t, "kafkausers"), committed(t, "kafkausers")
	require.NoError(t, trimCRD(after, kinds))
	require.Equal(t, before, after)
}

func TestAKindWithoutAGoTypeIsNamed(t *testing.T) {
	crd := map[string]any{"spec": map[string]any{
		"names":    map[string]any{"kind": "Unknown"},
		"versions": []any{map[string]any{"name": "v1"}},
	}}
	require.EqualError(t, trimCRD(crd, &kinds{}), "no Go type for kind Unknown in version v1")
}

func TestACRDThatIsTooLargeSaysByHowMuchAndWhatToDo(t *testing.T) {
	err := checkSize(map[string]any{"a": "bcd"}, 5)
	require.EqualError(t, err, "11 bytes as JSON, 5 are allowed: shorten the comments of our own fields, or embed one Kubernetes type less")
	require.NoError(t, checkSize(map[string]any{"a": "bcd"}, 11))
}

func child(schema map[string]any, step string) map[string]any {
	switch step {
	case "[]":
		return object(schema, "items")
	case "*":
		return object(schema, "additionalProperties")
	default:
		return object(object(schema, "properties"), step)
	}
}

func committedSchema(t *testing.T, plural string) map[string]any {
	t.Helper()
	versions := object(committed(t, plural), "spec")["versions"].([]any)
	return object(object(versions[0].(map[string]any), "schema"), "openAPIV3Schema")
}

func committed(t *testing.T, plural string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(crdDir + plural + ".yaml")
	require.NoError(t, err)
	var crd map[string]any
	require.NoError(t, yaml.Unmarshal(content, &crd))
	return crd
}
