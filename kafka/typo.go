package kafka

import (
	"strings"
)

// maxTypo is how many letters may be wrong in a word for it to be taken for another.
const maxTypo = 2

// meantKey is the key of Kafka's that an unknown one looks like, empty when it looks like none: plugins have keys of their
// own.
func meantKey(key string) string {
	if _, own := rowOf(key); own || strings.HasPrefix(key, listenerPrefix) {
		return ""
	}
	best, distance := "", maxTypo+1
	for line := range strings.Lines(dynamicKeys) {
		known, _, _ := strings.Cut(line, " ")
		if difference := len(known) - len(key); known == "#" || difference > maxTypo || difference < -maxTypo {
			continue
		}
		if d := edits(key, known, distance); d < distance {
			best, distance = known, d
		}
	}
	return best
}

// edits counts the letters to insert, delete or replace to make one word of another (Levenshtein), up to a limit.
func edits(a, b string, limit int) int {
	previous := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, previous[j+1]+1, previous[j]+cost)
			least = min(least, row[j+1])
		}
		if least >= limit {
			return limit
		}
		previous = row
	}
	return previous[len(b)]
}
