package v1beta1_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// The samples are in the words of both Koperator forks, and a test beside the CRDs shows that they set every field that we
// know. What the types drop or rename would be lost in every tool that reads and writes objects through them.
func TestASampleSurvivesTheGoTypesWithoutLosingAField(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			var cluster v1beta1.KafkaCluster
			require.NoError(t, yaml.UnmarshalStrict(content, &cluster))
			encoded, err := json.Marshal(cluster)
			require.NoError(t, err)
			require.Empty(t, lost("", decoded(t, content), decoded(t, encoded)))
			require.Equal(t, &cluster, cluster.DeepCopy())
		})
	}
}

func decoded(t *testing.T, content []byte) any {
	t.Helper()
	var value any
	require.NoError(t, yaml.Unmarshal(content, &value))
	return value
}

// lost returns the paths of values that went in and did not come out. An optional false, zero or empty value may stay
// out: leaving it out means the same.
func lost(path string, in, out any) []string {
	switch i := in.(type) {
	case map[string]any:
		o, _ := out.(map[string]any)
		var paths []string
		for key, value := range i {
			if o[key] == nil && isEmpty(value) {
				continue
			}
			paths = append(paths, lost(path+"."+key, value, o[key])...)
		}
		return paths
	case []any:
		o, _ := out.([]any)
		if len(o) != len(i) {
			return []string{path}
		}
		var paths []string
		for at := range i {
			paths = append(paths, lost(path+"[]", i[at], o[at])...)
		}
		return paths
	default:
		if in != out {
			return []string{path}
		}
		return nil
	}
}

func isEmpty(value any) bool {
	return value == nil || value == false || value == "" || value == float64(0)
}
