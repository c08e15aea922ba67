package kube

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// The table in doc.go says how our objects differ from Koperator's; what it says of ours stands in the golden files.
func TestTheTableOfDifferencesToKoperatorIsTrue(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	row := regexp.MustCompile(`(?m)^//\t((?:pod|claim|service|configmap)-\S+) +(\S+) +(.+?)  +(\S.*)$`)
	rows := row.FindAllStringSubmatch(string(text), -1)
	require.Len(t, rows, 19)
	for _, match := range rows {
		golden, field, here, koperators := match[1], match[2], match[3], match[4]
		t.Run(golden+" "+field, func(t *testing.T) {
			require.NotEqual(t, here, koperators)
			is := fieldIn(t, "testdata/"+golden+".yaml", field)
			if here == "(present)" {
				require.NotEqual(t, "–", is)
				return
			}
			require.Equal(t, here, is)
		})
	}
}

// fieldIn is a field of an object in a file, "–" when it is not there.
func fieldIn(t *testing.T, file, path string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var at any
	require.NoError(t, yaml.Unmarshal(text, &at))
	for name := range strings.SplitSeq(path, ".") {
		switch node := at.(type) {
		case map[string]any:
			at = node[name]
		case []any:
			i, err := strconv.Atoi(name)
			require.NoError(t, err)
			require.Less(t, i, len(node))
			at = node[i]
		}
	}
	if at == nil {
		return "–"
	}
	return fmt.Sprint(at)
}
