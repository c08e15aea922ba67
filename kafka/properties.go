package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Properties are Kafka properties by key. The zero value can be read, not written; Merge and Parse make one that can.
type Properties map[string]string

// ParseError says which line of a property text cannot be read. It quotes nothing of the line, since a line without
// separator is often the rest of a password or of a JAAS entry whose backslash was forgotten.
type ParseError struct {
	Line    int // counted from 1
	Message string
}

func (e *ParseError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// Get is the value of a key, and whether it is there.
func (p Properties) Get(key string) (string, bool) {
	value, ok := p[key]
	return value, ok
}

// Set puts one value.
func (p Properties) Set(key, value string) { p[key] = value }

// Delete removes a key.
func (p Properties) Delete(key string) { delete(p, key) }

// Keys lists all keys, sorted.
func (p Properties) Keys() []string { return slices.Sorted(maps.Keys(p)) }

// Merge is a new set of properties: these, overlaid with others, later ones win.
func (p Properties) Merge(others ...Properties) Properties {
	merged := make(Properties, len(p))
	maps.Copy(merged, p)
	for _, other := range others {
		maps.Copy(merged, other)
	}
	return merged
}

// String is the text that Kafka reads: key=value lines sorted by key. Kafka loads it by java.util.Properties from
// bytes, that is as ISO 8859-1, so everything beyond ASCII is written as \uXXXX.
func (p Properties) String() string {
	var out strings.Builder
	for _, key := range p.Keys() {
		escapeKey(&out, key)
		out.WriteByte('=')
		escapeValue(&out, p[key])
		out.WriteByte('\n')
	}
	return out.String()
}

func escapeKey(out *strings.Builder, key string) {
	for i, r := range key {
		switch {
		case r == '=' || r == ':' || r == ' ' || (i == 0 && (r == '#' || r == '!')):
			out.WriteByte('\\')
			out.WriteRune(r)
		default:
			escapeRune(out, r)
		}
	}
}

// escapeValue leaves separators alone, as a reader expects it. Blanks at the ends would be trimmed, also behind a
// backslash at the end of a line, so they are written by number.
func escapeValue(out *strings.Builder, value string) {
	inner := len(strings.TrimRight(value, " "))
	leading := true
	for i, r := range value {
		if r == ' ' && (leading || i >= inner) {
			out.WriteString(`\u0020`)
			continue
		}
		leading = false
		escapeRune(out, r)
	}
}

func escapeRune(out *strings.Builder, r rune) {
	switch {
	case r == '\\':
		out.WriteString(`\\`)
	case r == '\t':
		out.WriteString(`\t`)
	case r == '\n':
		out.WriteString(`\n`)
	case r == '\r':
		out.WriteString(`\r`)
	case r == '\f':
		out.WriteString(`\f`)
	case r > 0xFFFF:
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(out, `\u%04X\u%04X`, high, low)
	case r < ' ' || r > '~':
		fmt.Fprintf(out, `\u%04X`, r)
	default:
		out.WriteRune(r)
	}
}

// Parse reads the property texts of a KafkaCluster (readOnlyConfig, clusterWideConfig, config): the format of
// java.util.Properties, with the two differences that Koperator's users know: a line is trimmed at both ends before
// its backslash is looked at, and a line without separator is an error.
func Parse(text string) (Properties, error) {
	properties := Properties{}
	lines := splitLines(text)
	for next := 0; next < len(lines); {
		var line string
		number := next + 1
		line, next = logicalLine(lines, next)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		key, value, err := keyAndValue(line)
		if err != nil {
			return nil, &ParseError{Line: number, Message: err.Error()}
		}
		properties[key] = value
	}
	return properties, nil
}

// blanks are what java.util.Properties takes for white space within a line.
const blanks = " \t\f"

func splitLines(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
}

// logicalLine joins a line with those that it continues on. Comments do not continue, whatever their last character.
func logicalLine(lines []string, at int) (line string, next int) {
	piece, next := strings.Trim(lines[at], blanks), at+1
	if !continues(piece) || piece[0] == '#' || piece[0] == '!' {
		return piece, next
	}
	var whole strings.Builder
	for continues(piece) {
		whole.WriteString(piece[:len(piece)-1])
		piece = ""
		if next < len(lines) {
			piece = strings.Trim(lines[next], blanks)
			next++
		}
	}
	whole.WriteString(piece)
	return whole.String(), next
}

// continues is true for an odd number of backslashes at the end: an even one is escaped backslashes.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

func keyAndValue(line string) (key, value string, err error) {
	if !utf8.ValidString(line) {
		return "", "", fmt.Errorf("the text is not UTF-8")
	}
	end := keyEnd(line)
	if end == len(line) {
		return "", "", fmt.Errorf(`no separator between key and value; write key=value, and end a line that goes on in the next one with a backslash`)
	}
	if end == 0 {
		return "", "", fmt.Errorf("nothing before the separator; write key=value")
	}
	if key, err = unescape(line[:end]); err != nil {
		return "", "", err
	}
	rest := strings.TrimLeft(line[end:], blanks)
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], blanks)
	}
	value, err = unescape(rest)
	return key, value, err
}

// keyEnd is the place of the first separator that no backslash precedes, or the length of the line.
func keyEnd(line string) int {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '=', ':', ' ', '\t', '\f':
			return i
		}
	}
	return len(line)
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) { // a backslash at the very end of the text: java.util.Properties drops it, too
			break
		}
		if s[i] != 'u' {
			out.WriteByte(unescaped(s[i]))
			continue
		}
		r, width, err := unicodeEscape(s[i+1:])
		if err != nil {
			return "", err
		}
		out.WriteRune(r)
		i += width
	}
	return out.String(), nil
}

func unescaped(c byte) byte {
	switch c {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	default:
		return c
	}
}

// unicodeEscape reads what follows \u: four hexadecimal digits, and a second escape where they are half of a
// surrogate pair, for java.util.Properties speaks UTF-16.
func unicodeEscape(s string) (r rune, width int, err error) {
	malformed := fmt.Errorf(`malformed \u escape; write four hexadecimal digits, or \\u for a backslash and the letter u`)
	first, ok := hexadecimal(s)
	if !ok {
		return 0, 0, malformed
	}
	if !utf16.IsSurrogate(first) {
		return first, 4, nil
	}
	if !strings.HasPrefix(s[4:], `\u`) {
		return 0, 0, malformed
	}
	second, ok := hexadecimal(s[6:])
	if pair := utf16.DecodeRune(first, second); ok && pair != utf8.RuneError {
		return pair, 10, nil
	}
	return 0, 0, malformed
}

func hexadecimal(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(n), err == nil
}
