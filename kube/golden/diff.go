package golden

import (
	"fmt"
	"strings"
)

// context is how many equal lines are kept around a change.
const context = 2

// Diff shows how got differs from want, line by line, with the line numbers of want; it is empty when they are equal.
func Diff(want, got string) string {
	if want == got {
		return ""
	}
	edits := shortestEdits(lines(want), lines(got))
	var out strings.Builder
	skipped := false
	for i, e := range edits {
		if !nearChange(edits, i) {
			skipped = true
			continue
		}
		if skipped || i == 0 {
			fmt.Fprintf(&out, "@@ line %d @@\n", e.line)
		}
		skipped = false
		fmt.Fprintf(&out, "%c %s\n", e.kind, e.text)
	}
	return out.String()
}

// lines splits a text; a last line without its newline is marked, so that the missing byte is visible.
func lines(s string) []string {
	if s == "" {
		return nil
	}
	if rest, ok := strings.CutSuffix(s, "\n"); ok {
		return strings.Split(rest, "\n")
	}
	split := strings.Split(s, "\n")
	split[len(split)-1] += "\\ no newline at the end"
	return split
}

type edit struct {
	kind byte // ' ' in both, '-' only in want, '+' only in got
	text string
	line int // in want, counted from 1
}

func nearChange(edits []edit, at int) bool {
	for i := max(0, at-context); i <= min(len(edits)-1, at+context); i++ {
		if edits[i].kind != ' ' {
			return true
		}
	}
	return false
}

// shortestEdits walks the table of longest common subsequences. What both ends share is taken first: it keeps the
// table small where a long file differs in one place.
func shortestEdits(want, got []string) []edit {
	head := 0
	for head < len(want) && head < len(got) && want[head] == got[head] {
		head++
	}
	tail := 0
	for tail < len(want)-head && tail < len(got)-head && want[len(want)-1-tail] == got[len(got)-1-tail] {
		tail++
	}
	edits := same(want[:head], 0)
	edits = append(edits, changed(want[head:len(want)-tail], got[head:len(got)-tail], head)...)
	return append(edits, same(want[len(want)-tail:], len(want)-tail)...)
}

func same(text []string, offset int) []edit {
	edits := make([]edit, 0, len(text))
	for i, s := range text {
		edits = append(edits, edit{kind: ' ', text: s, line: offset + i + 1})
	}
	return edits
}

func changed(want, got []string, offset int) []edit {
	common := commonLengths(want, got)
	var edits []edit
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			edits = append(edits, edit{kind: ' ', text: want[i], line: offset + i + 1})
			i, j = i+1, j+1
		case j == len(got) || (i < len(want) && common[i+1][j] >= common[i][j+1]):
			edits = append(edits, edit{kind: '-', text: want[i], line: offset + i + 1})
			i++
		default:
			edits = append(edits, edit{kind: '+', text: got[j], line: offset + i + 1})
			j++
		}
	}
	return edits
}

// commonLengths[i][j] is the length of the longest common subsequence of want[i:] and got[j:].
func commonLengths(want, got []string) [][]int {
	table := make([][]int, len(want)+1)
	for i := range table {
		table[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}
