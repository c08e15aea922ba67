package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table in doc.go says how our files differ from Koperator's, key by key and file by file.
func TestTheTableOfDifferencesToKoperatorIsTrue(t *testing.T) {
	files, err := filepath.Glob("testdata/koperator/*.properties")
	require.NoError(t, err)
	require.Len(t, files, 5)

	var differences []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".properties")
		koperators, ours := propertiesIn(t, file), propertiesIn(t, goldenFile(name))
		for _, key := range koperators.Merge(ours).Keys() {
			if how := difference(koperators, ours, key); how != "" {
				differences = append(differences, fmt.Sprintf("%s %s in %s", key, how, name))
			}
		}
	}
	slices.Sort(differences)
	require.Equal(t, differencesInDoc(t), differences)
}

func propertiesIn(t *testing.T, file string) Properties {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	properties, err := Parse(string(text))
	require.NoError(t, err)
	return properties
}

func difference(koperators, ours Properties, key string) string {
	theirs, there := koperators.Get(key)
	own, here := ours.Get(key)
	switch {
	case !there:
		return "added"
	case !here:
		return "removed"
	case theirs != own:
		return "changed"
	default:
		return ""
	}
}

func differencesInDoc(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var differences []string
	row := regexp.MustCompile(`(?m)^//\t(\S+) +(added|removed|changed) +(.+)$`)
	for _, match := range row.FindAllStringSubmatch(string(text), -1) {
		for _, name := range strings.Fields(match[3]) {
			differences = append(differences, fmt.Sprintf("%s %s in %s", match[1], match[2], name))
		}
	}
	slices.Sort(differences)
	return differences
}
