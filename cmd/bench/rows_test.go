package main

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/cmd/bench/audit"
	"github.com/koperator-go/koperator/cmd/bench/daemon"
	"github.com/koperator-go/koperator/cmd/bench/report"
)

func seconds(values ...float64) []time.Duration {
	var durations []time.Duration
	for _, v := range values {
		durations = append(durations, time.Duration(v*float64(time.Second)))
	}
	return durations
}

func startOf(brokers int, took float64) start {
	return start{
		brokers: brokers, nodes: brokers + 3, took: seconds(took)[0], sent: 3 * brokers,
		floor: seconds(1, 2, 3), written: seconds(1), memory: daemon.Memory{Resident: 60, Peak: 70},
		cpu: time.Duration(brokers+3) * 10 * time.Millisecond,
	}
}

// missed names the rows whose target was missed.
func missed(rows []report.Row) []string {
	var names []string
	for _, r := range rows {
		if r.Verdict == report.Missed {
			names = append(names, r.What)
		}
	}
	return names
}

func TestRowsJudgeFiguresByTheirTargets(t *testing.T) {
	tooMany := startOf(100, 1)
	tooMany.sent = 500
	large := startOf(100, 1)
	large.memory.Resident = 81
	busy := startOf(300, 5.8)
	busy.cpu = 4 * time.Second
	for _, test := range []struct {
		name    string
		results results
		missed  []string
	}{
		{"nothing measured, nothing missed", results{}, nil},
		{"a good start", results{starts: []start{startOf(100, 3.5)}}, nil},
		{"the median of several starts counts", results{starts: []start{startOf(100, 3), startOf(100, 9), startOf(100, 3)}}, nil},
		{"slow against the floor", results{starts: []start{startOf(100, 3.9), startOf(100, 4.1), startOf(100, 4.1)}},
			[]string{"N = 100: apply until the last Pod is Running", "times the floor"}},
		{"the most requests of several starts count", results{starts: []start{startOf(100, 1), tooMany}},
			[]string{"API requests of the daemon until then, a broker"}},
		{"memory", results{starts: []start{large}}, []string{"resident memory, 100 brokers"}},
		{"linear growth", results{starts: []start{startOf(100, 2), startOf(300, 5.8)}}, nil},
		{"growth is judged as it is printed, the limit as 2.9", results{starts: []start{startOf(100, 2), startOf(300, 5.92)}},
			[]string{"N = 300: apply until the last Pod is Running"}},
		{"more than linear growth", results{starts: []start{startOf(100, 1), startOf(300, 3.5)}},
			[]string{"N = 300: apply until the last Pod is Running"}},
		{"more than linear work", results{starts: []start{startOf(100, 2), busy}}, []string{"N = 300: CPU time of the daemon until then"}},
		{"growth without a base is only told", results{starts: []start{startOf(300, 100)}}, nil},
		{"restless", results{idle: &idle{took: time.Minute, restless: []audit.Line{{Verb: "patch", Resource: "pods", Count: 1}}}},
			[]string{"1m0s idle after that: other than lease renewals and watches"}},
		{"talkative", results{idle: &idle{took: time.Minute, logLines: 1}}, []string{"1m0s idle after that: log lines"}},
		{"the slowest replacement counts", results{replaced: seconds(0.1, 0.1, 1.5)},
			[]string{"a Pod deleted: from its end to its replacement's creation"}},
		{"foreign objects", results{foreign: &foreignCost{without: []float64{60, 61, 90}, with: []float64{70, 72, 73}}},
			[]string{"100 brokers beside 5000 foreign Pods, ConfigMaps and Secrets each"}},
		{"many clusters", results{many: &many{one: 2 * time.Second, all: 6 * time.Second}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.missed, missed(test.results.rows())) })
	}
}

func TestParseOptions(t *testing.T) {
	for _, test := range []struct {
		name, problem string
		args          []string
	}{
		{"all rows by default", "", []string{"--sandbox", "x"}},
		{"some rows", "", []string{"--sandbox", "x", "--rows", "100, idle", "--idle", "10s"}},
		{"no sandbox", "--sandbox is missing", nil},
		{"an unknown row", `"200" is none of 100, 300`, []string{"--sandbox", "x", "--rows", "200"}},
		{"no measurement at all", "--repeat 0", []string{"--sandbox", "x", "--repeat", "0"}},
		{"a word too many", `"100" is no flag`, []string{"--sandbox", "x", "100"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, err := parseOptions(test.args, io.Discard)
			if test.problem != "" {
				require.ErrorContains(t, err, test.problem)
				return
			}
			require.NoError(t, err)
			require.True(t, o.has(row100))
			require.Equal(t, "x", o.sandbox)
		})
	}
}

func TestTheTableSaysWhatIsJudged(t *testing.T) {
	table := report.Table(results{starts: []start{startOf(100, 2), startOf(300, 5.8)}}.rows())
	require.Contains(t, table, "| at most 2.9 times N = 100 (linear) | 5.80 s; floor 2.00 s, 2.90 times; 3.00 requests a broker; 2.9 times N = 100 (the floor: 1.0 times) | yes")
	require.Contains(t, table, "| under 80 MiB at rest")
	require.Contains(t, table, "| 60 MiB at rest, 30s after the start; peak 70 MiB")
}
