package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/cmd/bench/report"
)

func TestTable(t *testing.T) {
	rows := []report.Row{
		report.Judged("N = 100", "< 4 s", "1.20 s", true),
		report.Judged("memory – resident", "≤ 80 MiB", "90 MiB", false),
		report.Plain("floor", "1 s"),
	}
	require.Equal(t, ""+
		"|                   | Target   | Measured | Met    |\n"+
		"| ----------------- | -------- | -------- | ------ |\n"+
		"| N = 100           | < 4 s    | 1.20 s   | yes    |\n"+
		"| memory – resident | ≤ 80 MiB | 90 MiB   | **no** |\n"+
		"| floor             |          | 1 s      | –      |\n", report.Table(rows))
	wide := report.Table([]report.Row{report.Plain("a", strings.Repeat("x", 100)), report.Plain("b", "y")})
	require.Contains(t, wide, "| b |        | y"+strings.Repeat(" ", 47)+" | –   |\n", "a long cell does not widen the others")
}

func TestRange(t *testing.T) {
	for _, test := range []struct {
		name, want string
		values     []time.Duration
	}{
		{"nothing was measured", "not measured", nil},
		{"no clock tells less than a millisecond", "under 1 ms", []time.Duration{1200}},
		{"one value stands alone", "350 ms", []time.Duration{350 * time.Millisecond}},
		{"an even number has its lower middle", "1.00 s (median of 4: 900 ms to 3.50 s)",
			[]time.Duration{3500 * time.Millisecond, time.Second, 2 * time.Second, 900 * time.Millisecond}},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, report.Range(test.values)) })
	}
	require.Zero(t, report.Median[int](nil))
	require.Equal(t, 2, report.Median([]int{3, 1, 2}))
}
