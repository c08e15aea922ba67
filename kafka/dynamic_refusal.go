package kafka

import (
	"regexp"
	"strings"
)

// RefusedKey finds which key a refusal of Kafka's is about, empty where it names none, and returns the message without
// values that may be secret and without what sarama puts before it.
func RefusedKey(message string) (key, text string) {
	text = withoutWrapping(strings.TrimSpace(withoutClientPrefix(message)))
	if key, shown, ok := invalidValue(text); ok {
		return key, withoutAssignedSecrets(shown)
	}
	return namedKey(text), withoutAssignedSecrets(text)
}

// KeyInLog is the key for which Kafka ended, by its log: the last one that a ConfigException in it is about. Empty where there is none.
func KeyInLog(log string) string {
	all := regexp.MustCompile(`ConfigException: Invalid value .* for configuration ([A-Za-z0-9._-]+)`).FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		return ""
	}
	return strings.TrimRight(all[len(all)-1][1], ".")
}

// RefusedWhileRunning reports whether Kafka refuses to take a change while it runs, and would take it at its next start. In
// all other words it says that the value itself cannot be: a broker that found it in its file would not start.
func RefusedWhileRunning(message string) bool {
	return strings.Contains(message, "Cannot update these configs dynamically") ||
		strings.Contains(message, "Dynamic thread count update validation failed") ||
		strings.Contains(message, "can be dynamically updated only per-listener")
}

// withoutClientPrefix cuts the explanation of INVALID_REQUEST that sarama has before Kafka's own text.
func withoutClientPrefix(message string) string {
	const before = "See the broker logs for more details"
	if i := strings.Index(message, before); i >= 0 && strings.Contains(message[:i], "This most likely occurs because of a request being malformed") {
		return strings.TrimLeft(message[i+len(before):], ":. -")
	}
	return message
}

// withoutWrapping takes the message out of the one that a broker puts around it when one of its parts objects: "Invalid
// value org.apache.kafka.common.config.ConfigException: MESSAGE for configuration Invalid dynamic configuration".
func withoutWrapping(text string) string {
	inner, wrapped := strings.CutSuffix(text, " for configuration Invalid dynamic configuration")
	if !wrapped {
		return text
	}
	inner = strings.TrimPrefix(inner, "Invalid value ")
	return regexp.MustCompile(`^(?:[a-z0-9]+\.)+[A-Za-z]*(?:Exception|Error): `).ReplaceAllString(inner, "")
}

// invalidValue reads "Invalid value V for configuration K: why". V is shown only if K is a known key that is no password.
// V can be anything, so the last "for configuration" is the one that ends it.
func invalidValue(text string) (key, shown string, ok bool) {
	const begin, middle = "Invalid value ", " for configuration "
	start, end := strings.Index(text, begin), strings.LastIndex(text, middle)
	if start < 0 || end < start+len(begin) {
		return "", "", false
	}
	key, _, _ = strings.Cut(text[end+len(middle):], ":")
	key = strings.TrimSpace(key)
	if !IsSensitive(key, nil) && !secretKey(key) {
		return key, text, true
	}
	return key, text[:start+len(begin)] + hidden + text[end:], true
}

// namedKey knows the messages that name a key in their own way; in others the first word that is a key is meant.
func namedKey(text string) string {
	switch {
	case strings.HasPrefix(text, "Security protocol cannot be updated for existing listener"):
		return "listener.security.protocol.map"
	case strings.HasPrefix(text, "controller.listener.names must contain at least one value appearing in"):
		return "listeners" // it was that which changed
	}
	if list := regexp.MustCompile(`(?:\[|Set\()([^\])]*)[\])]`).FindStringSubmatch(text); list != nil {
		first, _, _ := strings.Cut(list[1], ",")
		if isKeyLike(first) {
			return strings.TrimSpace(first)
		}
	}
	for _, word := range strings.FieldsFunc(text, separatesKeys) {
		if word = strings.TrimRight(word, ".:"); isKeyLike(word) {
			if _, own := rowOf(baseKey(word)); own {
				return word
			}
		}
	}
	return ""
}

func isKeyLike(word string) bool {
	return regexp.MustCompile(`^\s*[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\s*$`).MatchString(word) || word == "listeners"
}

func separatesKeys(r rune) bool { return strings.ContainsRune(" \t\n,;=()[]'\"`", r) }

// withoutAssignedSecrets hides what follows password= and its like in a login configuration, and PEM blocks.
func withoutAssignedSecrets(text string) string {
	text = regexp.MustCompile(`(?s)-----BEGIN .*?(-----END [A-Z ]+-----|$)`).ReplaceAllString(text, hidden)
	return regexp.MustCompile(`(?i)((?:password|secret|passphrase)[\w.]*\s*=\s*)("(?:\\.|[^"\\])*"|'[^']*'|[^\s,;]+)`).
		ReplaceAllString(text, "${1}"+hidden)
}
