package messages

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestALongTextLosesItsMiddle(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		limit int
		want  string
	}{
		"one that fits":                            {"short", 5, "short"},
		"one that does not":                        {"what happened: much; what to do", 19, "what hap…at to do"},
		"half characters are left out":             {strings.Repeat("é", 10), 12, "éé…éé"},
		"room for nothing but the sign of it":      {"éé", 3, "…"},
		"no room at all":                           {"text", 2, ""},
		"bytes that are no text break nothing":     {strings.Repeat("\x80", 20), 9, "…"},
		"an odd limit gives the end one byte more": {"abcdefghij", 8, "ab…hij"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Elided(test.text, test.limit)
			require.LessOrEqual(t, len(got), test.limit)
			require.Equal(t, test.want, got)
			require.True(t, utf8.ValidString(got))
		})
	}
	require.Equal(t, "a…efghij", ElidedAfter("abcdefghijabcdefghij", 1, 10), "the end gets what is left")
}

func TestAValueIsShortenedBeforeTheWayOutIs(t *testing.T) {
	long := strings.Repeat("x", 5000)
	values := Values([]any{long, errors.New(long), 7, nil})
	text := fmt.Sprintf("%q is wrong: %v; %d, %v: correct it", values...)
	require.Less(t, len(text), 500)
	require.True(t, strings.HasPrefix(text, `"xxx`))
	require.True(t, strings.HasSuffix(text, "7, <nil>: correct it"))
	require.Equal(t, []any{"short"}, Values([]any{"short"}))
	require.LessOrEqual(t, len(FieldOf("spec.brokerConfigGroups["+long+"].image")), 253)
	require.True(t, strings.HasSuffix(FieldOf("spec.brokerConfigGroups["+long+"].image"), "].image"))
}
