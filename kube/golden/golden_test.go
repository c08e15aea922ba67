package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "x.golden")

	require.ErrorContains(t, compare(path, []byte("a\nb\n"), false), "does not exist",
		"a missing file is a failure, else a renamed golden would pass for ever")
	require.NoFileExists(t, path)

	require.NoError(t, compare(path, []byte("a\nb\n"), true))
	require.NoError(t, compare(path, []byte("a\nb\n"), false))

	err := compare(path, []byte("a\nc\n"), false)
	require.ErrorContains(t, err, "- b\n+ c\n")
	require.ErrorContains(t, err, "-update")

	require.NoError(t, compare(path, []byte("a\nc\n"), true))
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "a\nc\n", string(written))
}

func TestEqualReportsOnTheTest(t *testing.T) {
	var r recorder
	Equal(&r, filepath.Join(t.TempDir(), "absent"), []byte("x"))
	require.Len(t, r.failures, 1)
	require.Contains(t, r.failures[0], "absent")
}

type recorder struct{ failures []string }

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func TestDiff(t *testing.T) {
	for name, c := range map[string]struct{ want, got, diff string }{
		"equal texts have no difference":      {"a\n", "a\n", ""},
		"a changed line is shown with both":   {"a\nb\nc\n", "a\nx\nc\n", "@@ line 1 @@\n  a\n- b\n+ x\n  c\n"},
		"an added line is found":              {"a\nc\n", "a\nb\nc\n", "@@ line 1 @@\n  a\n+ b\n  c\n"},
		"a removed line is found":             {"a\nb\nc\n", "a\nc\n", "@@ line 1 @@\n  a\n- b\n  c\n"},
		"a missing last newline is visible":   {"a\n", "a", "@@ line 1 @@\n- a\n+ a\\ no newline at the end\n"},
		"far lines are left out":              {"1\n2\n3\n4\n5\nx\n", "1\n2\n3\n4\n5\ny\n", "@@ line 4 @@\n  4\n  5\n- x\n+ y\n"},
		"two places get a line number each":   {"x\n2\n3\n4\n5\n6\n7\nx\n", "y\n2\n3\n4\n5\n6\n7\ny\n", "@@ line 1 @@\n- x\n+ y\n  2\n  3\n@@ line 6 @@\n  6\n  7\n- x\n+ y\n"},
		"a common line between changes stays": {"a\nk\nb\n", "c\nk\nd\n", "@@ line 1 @@\n- a\n+ c\n  k\n- b\n+ d\n"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.diff, Diff(c.want, c.got)) })
	}
}
