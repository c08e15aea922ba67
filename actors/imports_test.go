package actors_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/koperator-go/koperator/"

// rule says what the files below a directory may not import, and why.
type rule struct {
	below   string
	never   []string // prefixes, within the module unless they have a dot
	because string
}

func rules() []rule {
	domain := "the packages of a domain are joined by actors alone, so that each can be read and tested by itself"
	return []rule{
		{"messages", []string{"kube", "kafka", "envoy", "cruise", "actors", "cmd"},
			"messages are values that everybody knows; they know nobody but the API's types"},
		{"kube", []string{"kafka", "envoy", "cruise", "actors", "cmd"}, domain},
		{"kafka", []string{"kube", "envoy", "cruise", "actors", "cmd"}, domain},
		{"envoy", []string{"kube", "kafka", "cruise", "actors", "cmd"}, domain},
		{"cruise", []string{"kube", "kafka", "envoy", "actors", "cmd"}, domain},
		{"actors", []string{"cmd"}, "cmd wires actors, not the other way round"},
		{"messages", []string{"github.com/asynkron"}, "only actors know the actor library: everything else stays plain Go"},
		{"kube", []string{"github.com/asynkron"}, "only actors know the actor library: everything else stays plain Go"},
		{"kafka", []string{"github.com/asynkron"}, "only actors know the actor library: everything else stays plain Go"},
		{"kafka", []string{"k8s.io/client-go"}, "kafka talks to Kafka; Kubernetes is reached through kube"},
		{"kube", []string{"github.com/IBM/sarama", "github.com/twmb/franz-go"}, "kube talks to Kubernetes; Kafka is reached through kafka"},
		{"actors", []string{"github.com/IBM/sarama", "github.com/twmb/franz-go"}, "actors see Kafka through the interface of health"},
		{"", []string{"sigs.k8s.io/controller-runtime"}, "the daemon is informers and actors; a second framework would decide when to look"},
	}
}

// everywhere may be imported by all: the API's types, values, and what compares golden files and finds a real Kafka in tests.
func everywhere(path string) bool {
	return strings.HasPrefix(path, "kube/api/") || path == "kube/golden" || path == "kafka/kafkatest" || path == "messages"
}

func TestPackagesKnowOnlyWhomTheyMay(t *testing.T) {
	root := ".."
	checked := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "build" || nestedModule(path)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		checked++
		return checkFile(t, filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator))), path)
	})
	require.NoError(t, err)
	require.Greater(t, checked, 50, "the walk found the module")
}

func nestedModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func checkFile(t *testing.T, name, path string) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		for _, r := range rules() {
			if r.below != "" && !strings.HasPrefix(name, r.below+"/") {
				continue
			}
			for _, never := range r.never {
				if forbidden(imported, never) {
					t.Errorf("%s imports %s: %s", name, imported, r.because)
				}
			}
		}
	}
	return nil
}

func forbidden(imported, never string) bool {
	if strings.Contains(never, ".") {
		return strings.HasPrefix(imported, never)
	}
	inside, ok := strings.CutPrefix(imported, module)
	return ok && !everywhere(inside) && (inside == never || strings.HasPrefix(inside, never+"/"))
}
