package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseMemory(t *testing.T) {
	for _, test := range []struct {
		name, status, problem string
		want                  Memory
	}{
		{"both are in MiB", "Name:\tkoperator\nVmHWM:\t   81920 kB\nVmRSS:\t   51200 kB\n", "", Memory{Resident: 50, Peak: 80}},
		{"a process that ends has no memory", "Name:\tkoperator\nState:\tZ (zombie)\n", "VmRSS", Memory{}},
		{"a number that is none", "VmRSS:\t many kB\n", "VmRSS", Memory{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseMemory(test.status)
			if test.problem != "" {
				require.ErrorContains(t, err, test.problem)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestParseCPU(t *testing.T) {
	const stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 25 9 9 20 0 12 0 1 1 1 1"
	used, err := parseCPU(stat)
	require.NoError(t, err)
	require.Equal(t, 1750*time.Millisecond, used)
	for _, bad := range []string{"", "7 (a) S 1 7", strings.Replace(stat, "150", "many", 1)} {
		_, err := parseCPU(bad)
		require.ErrorContains(t, err, "CPU time", bad)
	}
}

func TestJournalKeepsTheEndAndSeesTheLeader(t *testing.T) {
	log := newJournal()
	var text strings.Builder
	for i := range 2 * tailLines {
		fmt.Fprintf(&text, "{\"msg\":\"line %d\"}\n", i)
	}
	log.read(strings.NewReader(text.String()))
	require.False(t, log.led)
	log.read(strings.NewReader("no JSON\n{\"msg\":\"leading\"}\n{\"msg\":\"leading\"}\npanic: half a line"))
	<-log.leading
	require.Equal(t, 2*tailLines+4, log.count())
	require.Equal(t, tailLines, len(strings.Split(log.tail(), "\n")))
	require.True(t, strings.HasSuffix(log.tail(), "panic: half a line"))
}
