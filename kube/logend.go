package kube

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/messages"
)

// maxLogEnd is how much of the end of a log people are told.
const maxLogEnd = 2 << 10

// WholeLines is what the end of a log, as Tail has cut it, tells people: no first line that has lost its beginning, with it perhaps the
// name of the secret that it ends with; no stack frames; and of what is too long the lines that say what went wrong. Secrets are
// masked before anything is left out, since a key is known by the lines around it.
func WholeLines(tail string) string {
	if strings.HasPrefix(tail, tailMark) {
		_, tail, _ = strings.Cut(tail, "\n")
	}
	frame := regexp.MustCompile(`^\s+(at \S.*\)|\.\.\. \d+ (more|common frames omitted))\s*$`)
	var lines []string
	for line := range strings.Lines(MaskSecrets(tail)) {
		if !frame.MatchString(strings.TrimSuffix(line, "\n")) {
			lines = append(lines, line)
		}
	}
	return ElidedLog(strings.Join(lines, ""), 0, maxLogEnd)
}

// ElidedLog is a log in at most a number of bytes: a beginning of a given number of them, behind it the lines that say what went
// wrong, the last of them first of all, and as many of the other last lines as there is room for.
func ElidedLog(text string, head, limit int) string {
	if len(text) <= limit {
		return text
	}
	beginning := strings.TrimSuffix(messages.ElidedAfter(text, head, head+len(elided)), elided)
	lines := strings.Split(strings.Trim(text[len(beginning):], "\n"), "\n")
	kept := keptLines(lines, limit-len(beginning))
	out, last := beginning, -1
	for _, i := range slices.Sorted(maps.Keys(kept)) {
		if i > last+1 {
			out += elided
		}
		if i > 0 && out != "" {
			out += "\n"
		}
		out, last = out+kept[i], i
	}
	return out
}

// LogEnds stands between how a container ended and the end of its log.
const LogEnds = "; its log ends with: "

// elided is what messages.Elided puts in place of what is missing.
const elided = "…"

// keptLines are the lines for which there is room, by their numbers. The most telling one is cut rather than left out.
func keptLines(lines []string, room int) map[int]string {
	const least, gap = 40, len(elided) + 1
	telling := regexp.MustCompile(`\b(?:ERROR|FATAL)\b|Exception|Caused by|[a-z]Error\b`)
	kept := map[int]string{}
	keep := func(tells bool) {
		for i, line := range slices.Backward(lines) {
			if tells != telling.MatchString(line) || strings.TrimSpace(line) == "" {
				continue
			}
			if len(line)+gap > room && (len(kept) > 0 || room < least) {
				return
			}
			kept[i] = messages.Elided(line, room-gap)
			room -= len(kept[i]) + gap
		}
	}
	keep(true)
	keep(false)
	return kept
}
