package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Properties
	}{
		"an empty text has no properties":                {"", Properties{}},
		"equals sign, colon and blank separate":          {"a=1\nb:2\nc 3\nd\t4\n", Properties{"a": "1", "b": "2", "c": "3", "d": "4"}},
		"blanks around the separator do not count":       {"a = 1\nb : 2\nc   3", Properties{"a": "1", "b": "2", "c": "3"}},
		"only the first separator counts":                {"a=b=c:d e", Properties{"a": "b=c:d e"}},
		"a second separator behind a blank is a value":   {"a = = b", Properties{"a": "= b"}},
		"a value may be empty":                           {"a=", Properties{"a": ""}},
		"lines are trimmed":                              {"  a=1  \n\t b=2\t", Properties{"a": "1", "b": "2"}},
		"blank lines and comments are skipped":           {"\n  \n# x=1\n! y=2\n  # z=3\na=1", Properties{"a": "1"}},
		"a hash within a value is no comment":            {"a=1 # one", Properties{"a": "1 # one"}},
		"the last of two equal keys wins":                {"a=1\na=2", Properties{"a": "2"}},
		"a backslash continues the line":                 {"a=1,\\\n   2,\\\n   3\nb=4", Properties{"a": "1,2,3", "b": "4"}},
		"a continuation may start with a hash":           {"a=1\\\n#2", Properties{"a": "1#2"}},
		"two backslashes do not continue":                {"a=1\\\\\nb=2", Properties{"a": `1\`, "b": "2"}},
		"a comment does not continue":                    {"# note \\\na=1", Properties{"a": "1"}},
		"a backslash before trailing blanks continues":   {"a=1\\  \n2", Properties{"a": "12"}},
		"a backslash at the end of the text is dropped":  {`a=1\`, Properties{"a": "1"}},
		"separators in keys can be escaped":              {`a\=b\:c\ d=1`, Properties{"a=b:c d": "1"}},
		"escapes are those of java.util.Properties":      {`a=\t\n\r\f\\\q\u00e9\u0020`, Properties{"a": "\t\n\r\f\\qé "}},
		"surrogate pairs are one character":              {`a=\uD83D\uDE00`, Properties{"a": "😀"}},
		"UTF-8 is taken as it is":                        {"a=é", Properties{"a": "é"}},
		"line ends of Windows and of old Macs are known": {"a=1\r\nb=2\rc=3", Properties{"a": "1", "b": "2", "c": "3"}},
		"a JAAS entry over several lines": {
			"sasl.jaas.config=org.example.Login required \\\n  user=\"u\" \\\n  password=\"p\";",
			Properties{"sasl.jaas.config": `org.example.Login required user="u" password="p";`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(c.text)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestParseErrorsNameTheLineAndNotItsContent(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
		says string
	}{
		"a key without separator":              {"a=1\n\nsecret", 3, "no separator"},
		"the line on which a long one starts":  {"a=1\\\n 2\nsecret\\\nsecret", 3, "no separator"},
		"a separator without key":              {"=secret", 1, "nothing before the separator"},
		"a Unicode escape that is too short":   {`a=secret\u12`, 1, `malformed \u escape`},
		"a Unicode escape that is no number":   {"# ok\na=secret\\u12x4", 2, `malformed \u escape`},
		"a sign is no hexadecimal digit":       {`a=secret\u+123`, 1, `malformed \u escape`},
		"half of a surrogate pair":             {`a=secret\uD83D.`, 1, `malformed \u escape`},
		"two first halves of a surrogate pair": {`a=secret\uD83D\uD83D`, 1, `malformed \u escape`},
		"bytes that are not UTF-8":             {"a=secret\xff", 1, "not UTF-8"},
		"a malformed escape in the key":        {`secret\u=1`, 1, `malformed \u escape`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.text)
			var parse *ParseError
			require.True(t, errors.As(err, &parse))
			require.Equal(t, c.line, parse.Line)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "secret", "a line may hold a password")
		})
	}
}

func TestString(t *testing.T) {
	for name, c := range map[string]struct {
		properties Properties
		want       string
	}{
		"keys are sorted":                          {Properties{"b": "2", "a": "1"}, "a=1\nb=2\n"},
		"separators stay readable in values":       {Properties{"a": "b=c:d e"}, "a=b=c:d e\n"},
		"separators are escaped in keys":           {Properties{"a=b:c d": "1"}, "a\\=b\\:c\\ d=1\n"},
		"a key may begin like a comment":           {Properties{"#a#": "1", "!b": "2"}, "\\!b=2\n\\#a#=1\n"},
		"blanks at the ends survive":               {Properties{"a": "  b c "}, "a=\\u0020\\u0020b c\\u0020\n"},
		"a value of blanks survives":               {Properties{"a": " "}, "a=\\u0020\n"},
		"line ends and backslashes survive":        {Properties{"a": "x\n\\y\t"}, "a=x\\n\\\\y\\t\n"},
		"Kafka reads bytes, so nothing beyond one": {Properties{"a": "é😀"}, "a=\\u00E9\\uD83D\\uDE00\n"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.properties.String()) })
	}
}

func TestMergeChangesNeitherSide(t *testing.T) {
	low, high := Properties{"a": "1", "b": "1"}, Properties{"b": "2"}
	merged := low.Merge(high, Properties{"c": "3"})
	require.Equal(t, Properties{"a": "1", "b": "2", "c": "3"}, merged)
	merged.Set("a", "9")
	merged.Delete("c")
	require.Equal(t, []string{"a", "b"}, merged.Keys())
	require.Equal(t, Properties{"a": "1", "b": "1"}, low)
	require.Equal(t, Properties{"b": "2"}, high)
	value, ok := Properties(nil).Get("a")
	require.False(t, ok)
	require.Empty(t, value)
}

func TestWhatWasWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Properties(rapid.MapOf(rapid.StringN(1, 12, -1), rapid.String()).Draw(t, "properties"))
		got, err := Parse(want.String())
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestMergeIsThePlainUnion(t *testing.T) {
	small := rapid.Map(rapid.MapOf(rapid.StringMatching(`[a-c]`), rapid.StringMatching(`[0-9]`)),
		func(m map[string]string) Properties { return m })
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := small.Draw(t, "a"), small.Draw(t, "b"), small.Draw(t, "c")
		require.Equal(t, a.Merge(b).Merge(c), a.Merge(b.Merge(c)))
		require.Equal(t, a.Merge(b, c), a.Merge(b).Merge(c))
		require.Equal(t, b, a.Merge(b).Merge(b).only(b.Keys()))
	})
}

func (p Properties) only(keys []string) Properties {
	kept := Properties{}
	for _, key := range keys {
		kept[key] = p[key]
	}
	return kept
}

func BenchmarkParseContinuedLines(b *testing.B) {
	text := "a=" + strings.Repeat("x\\\n", 100_000)
	for b.Loop() {
		_, err := Parse(text)
		require.NoError(b, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "a=1", "a", "=", `a\`, "a=\\\n\\\n", `\u`, `a=\uD83D\uDE00`, "# x\\\ny z", "a:\r\n b", "é=ü", "a=\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := Parse(text)
		if err != nil {
			var parse *ParseError
			require.True(t, errors.As(err, &parse))
			require.Positive(t, parse.Line)
			return
		}
		again, err := Parse(parsed.String())
		require.NoError(t, err)
		require.Equal(t, parsed, again)
		require.Equal(t, parsed.String(), again.String())
	})
}
