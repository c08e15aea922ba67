package report

import (
	"fmt"
	"strings"
	"time"
)

// Row is one line of the table.
type Row struct {
	What, Target, Measured string
	Verdict                Verdict
}

// Plain is a row without a target.
func Plain(what, measured string) Row { return Row{What: what, Measured: measured} }

// Judged is a row with a target.
func Judged(what, target, measured string, reached bool) Row {
	verdict := Missed
	if reached {
		verdict = Met
	}
	return Row{What: what, Target: target, Measured: measured, Verdict: verdict}
}

// Verdict compares a figure with its target.
type Verdict int

// A row without a target is Open.
const (
	Open Verdict = iota
	Met
	Missed
)

// String is how a verdict stands in the table.
func (v Verdict) String() string {
	switch v {
	case Met:
		return "yes"
	case Missed:
		return "**no**"
	default:
		return "–"
	}
}

// widest bounds the padding: one long cell must not push all others off the screen.
const widest = 48

// Table is the rows as Markdown, with columns as wide as what they hold.
func Table(rows []Row) string {
	cells := [][]string{{"", "Target", "Measured", "Met"}}
	for _, r := range rows {
		cells = append(cells, []string{r.What, r.Target, r.Measured, r.Verdict.String()})
	}
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for i, cell := range row {
			widths[i] = min(max(widths[i], len([]rune(cell))), widest)
		}
	}
	var text strings.Builder
	for i, row := range cells {
		writeRow(&text, row, widths)
		if i == 0 {
			lines := make([]string, len(widths))
			for j, width := range widths {
				lines[j] = strings.Repeat("-", width)
			}
			writeRow(&text, lines, widths)
		}
	}
	return text.String()
}

func writeRow(text *strings.Builder, cells []string, widths []int) {
	for i, cell := range cells {
		fmt.Fprintf(text, "| %s%s ", cell, strings.Repeat(" ", max(0, widths[i]-len([]rune(cell)))))
	}
	text.WriteString("|\n")
}

// Seconds writes a duration with the precision that it was worth measuring with.
func Seconds(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "under 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}

// Range is a median and, when there is more than one value, the smallest and the largest.
func Range(values []time.Duration) string {
	if len(values) == 0 {
		return "not measured"
	}
	sorted := sortedOf(values)
	text := Seconds(Median(values))
	if len(sorted) > 1 {
		text += fmt.Sprintf(" (median of %d: %s to %s)", len(sorted), Seconds(sorted[0]), Seconds(sorted[len(sorted)-1]))
	}
	return text
}
