package kube

import (
	"regexp"
	"sync"
)

// masked stands where a secret was.
const masked = "[hidden]"

// secretWord is what the name of a secret has in it: of Kafka's configuration, of environments, of plugins.
const secretWord = `(?:password|passwd|passphrase|\bpwd\b|secret|token|credential|authorization|(?:api|access|private)[._-]?key|[._-]key\b|jaas[._]config)`

// secretName is a whole name with such a word in it, or a user of a JAAS file, whose name stands before the password.
const secretName = `(?:[\w.\-]*` + secretWord + `[\w.\-]*|\buser_[\w.\-]+)`

// masks are patterns of texts in which a secret stands between the first group and the second, in the order in which they are
// looked for. They rather take too much: what a person misses in a log, the log itself still has.
var masks = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		// Blocks of PEM, also those that are cut off at either end, then lines of one that is cut off at both.
		regexp.MustCompile(`(?s)()-----BEGIN [A-Z0-9 ]+-----(?:.*?-----END [A-Z0-9 ]+-----|.*$)()`),
		regexp.MustCompile(`(?s)^().*?-----END [A-Z0-9 ]+-----()`),
		regexp.MustCompile(`(?m)^(\s*)[A-Za-z0-9+/]{60,}={0,2}\s*?()$`),
		// What Kafka says of a value (org.apache.kafka.common.config.ConfigException).
		regexp.MustCompile(`(?i)(Invalid value )[^\n]*?( for configuration ` + secretName + `)`),
		// A name and its value, which is quoted or goes on to the end of the line, and further where the line ends with a backslash.
		regexp.MustCompile(`(?i)(` + secretName + `["']?[ \t]*[=:][ \t]*)` +
			`(?:\[hidden\]|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|(?:\\\r?\n|[^\s\\]|\\.)(?:\\\r?\n|[^\n])*)()`),
		// Options, headers and addresses.
		regexp.MustCompile(`(?i)(--?` + secretName + `[ \t]+)[^\s=:-]\S*()`),
		regexp.MustCompile(`(?i)(\bbearer[ \t]+)[^\s\[]\S*()`),
		regexp.MustCompile(`(://[^/\s:@]+:)[^/\s@]+(@)`),
		regexp.MustCompile(`((?:^|\s)(?:-u|--user)[ \t=]+[^\s:]+:)[^\s\[]\S*()`),
		regexp.MustCompile(`(?i)(<` + secretName + `(?:[ \t][^<>]*)?>)[^<\[][^<]*(</)`),
	}
})

// stackFrame is a line of a stack trace: it names classes of Kafka's that sound like a secret.
var stackFrame = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w.]+\.java:\d+\)$`) })

// MaskSecrets hides the values of what looks like a secret in a text that people will read.
func MaskSecrets(text string) string {
	for _, mask := range masks() {
		text = mask.ReplaceAllStringFunc(text, func(found string) string {
			if stackFrame().MatchString(found) {
				return found
			}
			return mask.ReplaceAllString(found, "${1}"+masked+"${2}")
		})
	}
	return text
}
