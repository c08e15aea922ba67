package crdcheck

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
)

const apiDir = "../../../kube/api"

type sample struct {
	file   string
	plural string
	object map[string]any
}

func samples(t *testing.T) []sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(apiDir, "*", "testdata", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var found []sample
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		object := manifest(t, string(content))
		found = append(found, sample{
			file:   file,
			plural: strings.ToLower(object["kind"].(string)) + "s",
			object: object,
		})
	}
	return found
}

func TestWhatPeopleWroteForKoperatorIsTakenAndKeptWhole(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(filepath.Base(s.file), func(t *testing.T) {
			stored, errs := serverOf(t, s.plural).admit(s.object)
			require.Empty(t, errs.ToAggregate())
			require.Empty(t, missing("", s.object, stored), "fields that the schema does not know are lost")
		})
	}
}

// Every field that we own occurs in a sample, so that the test above, and the round trip through the Go types beside
// them, speak of all of them.
func TestEveryFieldOccursInASample(t *testing.T) {
	used := map[string]map[string]bool{}
	for _, s := range samples(t) {
		if used[s.plural] == nil {
			used[s.plural] = map[string]bool{}
		}
		collectUsed(serverOf(t, s.plural).structural, s.object, "", used[s.plural])
	}
	for _, plural := range plurals() {
		t.Run(plural, func(t *testing.T) {
			structural := serverOf(t, plural).structural
			for _, top := range []string{"spec", "status"} {
				property := structural.Properties[top]
				require.Empty(t, unused(&property, "."+top, used[plural]), "fields that no sample sets")
			}
		})
	}
}

// elsewhere are parents whose fields occur in samples under another path, with the same Go type.
func elsewhere(path string) bool {
	return path == ".spec.brokerConfigGroups" || // spec.brokers[].brokerConfig
		path == ".status.failedTasks" || // status.currentTask
		strings.HasSuffix(path, ".ingressConfig[].envoyConfig") || // spec.envoyConfig
		strings.HasSuffix(path, ".ingressConfig[].istioIngressConfig") || // spec.istioIngressConfig
		strings.HasSuffix(path, ".ingressConfig[].contourIngressConfig") // spec.contourIngressConfig
}

// unused returns the fields below a path that no sample sets. It descends only where the schema has descriptions: crdtrim
// left none below Kubernetes' own types.
func unused(s *schema.Structural, path string, used map[string]bool) []string {
	if elsewhere(path) {
		return nil
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		if property.Description == "" {
			continue
		}
		if !used[path+"."+name] {
			found = append(found, path+"."+name)
		}
		found = append(found, unused(&property, path+"."+name, used)...)
	}
	if s.Items != nil {
		found = append(found, unused(s.Items, path+"[]", used)...)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		found = append(found, unused(s.AdditionalProperties.Structural, path+"[]", used)...)
	}
	return found
}

func collectUsed(s *schema.Structural, value any, path string, used map[string]bool) {
	used[path] = true
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			collectUsed(s.Items, element, path+"[]", used)
		}
	case map[string]any:
		if s == nil {
			return
		}
		for key, element := range v {
			if property, known := s.Properties[key]; known {
				collectUsed(&property, element, path+"."+key, used)
			} else if s.AdditionalProperties != nil {
				collectUsed(s.AdditionalProperties.Structural, element, path+"[]", used)
			}
		}
	}
}

// missing returns the paths of what was sent and is not stored.
func missing(path string, sent, stored any) []string {
	switch s := sent.(type) {
	case map[string]any:
		kept, _ := stored.(map[string]any)
		var lost []string
		for key, value := range s {
			if _, there := kept[key]; !there {
				lost = append(lost, path+"."+key)
				continue
			}
			lost = append(lost, missing(path+"."+key, value, kept[key])...)
		}
		return lost
	case []any:
		kept, _ := stored.([]any)
		if len(kept) != len(s) {
			return []string{path}
		}
		var lost []string
		for i := range s {
			lost = append(lost, missing(path+"[]", s[i], kept[i])...)
		}
		return lost
	default:
		if sent != stored {
			return []string{path}
		}
		return nil
	}
}
