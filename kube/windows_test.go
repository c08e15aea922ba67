package kube

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestAWindowIsOpenFromItsScheduleOnForItsDuration(t *testing.T) {
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return moment
	}
	night := v1beta1.MaintenanceWindow{Schedule: "0 2 * * 6", Duration: "3h"}
	berlin := v1beta1.MaintenanceWindow{Schedule: "30 2 * * *", Duration: "1h", TimeZone: "Europe/Berlin"}
	often := v1beta1.MaintenanceWindow{Schedule: "0 * * * *", Duration: "90m"}
	for name, test := range map[string]struct {
		windows []v1beta1.MaintenanceWindow
		now     string
		open    bool
		again   string
	}{
		"before it":                        {[]v1beta1.MaintenanceWindow{night}, "2026-11-21T01:59:59Z", false, "2026-11-21T02:00:00Z"},
		"at its first moment":              {[]v1beta1.MaintenanceWindow{night}, "2026-11-21T02:00:00Z", true, "2026-11-21T05:00:00Z"},
		"at its last moment":               {[]v1beta1.MaintenanceWindow{night}, "2026-11-21T04:59:59Z", true, "2026-11-21T05:00:00Z"},
		"after it":                         {[]v1beta1.MaintenanceWindow{night}, "2026-11-21T05:00:00Z", false, "2026-11-28T02:00:00Z"},
		"in its own time zone":             {[]v1beta1.MaintenanceWindow{berlin}, "2026-07-01T00:45:00Z", true, "2026-07-01T01:30:00Z"},
		"the one of several that is open":  {[]v1beta1.MaintenanceWindow{night, berlin}, "2026-11-21T01:40:00Z", true, "2026-11-21T02:00:00Z"},
		"windows that overlap themselves":  {[]v1beta1.MaintenanceWindow{often}, "2026-11-21T10:20:00Z", true, "2026-11-21T10:30:00Z"},
		"a window that cannot be read":     {[]v1beta1.MaintenanceWindow{{Schedule: "x", Duration: "1h"}}, "2026-11-21T10:20:00Z", false, "0001-01-01T00:00:00Z"},
		"a night in which an hour is gone": {[]v1beta1.MaintenanceWindow{berlin}, "2026-03-29T00:59:00Z", false, "2026-03-30T00:30:00Z"},
		"no window":                        {nil, "2026-11-21T10:20:00Z", false, "0001-01-01T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			open, again := WindowsOf(&v1beta1.KafkaClusterSpec{MaintenanceWindows: test.windows}).Open(at(test.now))
			require.Equal(t, test.open, open)
			require.True(t, at(test.again).Equal(again), again)
		})
	}
}

func TestWindowsThatCannotBeReadAreNamed(t *testing.T) {
	for name, test := range map[string]struct {
		window v1beta1.MaintenanceWindow
		says   string
	}{
		"six fields":               {v1beta1.MaintenanceWindow{Schedule: "0 0 2 * * 6", Duration: "1h"}, "found 6"},
		"a minute that is none":    {v1beta1.MaintenanceWindow{Schedule: "61 2 * * *", Duration: "1h"}, "cron expression of five fields"},
		"a prefix":                 {v1beta1.MaintenanceWindow{Schedule: "TZ=0", Duration: "1h"}, "goes into timeZone"},
		"a word":                   {v1beta1.MaintenanceWindow{Schedule: "@daily", Duration: "1h"}, "cron expression of five fields"},
		"no duration":              {v1beta1.MaintenanceWindow{Schedule: "0 2 * * *", Duration: "0h"}, "write it like 3h"},
		"more than a week":         {v1beta1.MaintenanceWindow{Schedule: "0 2 * * *", Duration: "169h"}, "at most 168h"},
		"a zone that nobody knows": {v1beta1.MaintenanceWindow{Schedule: "0 2 * * *", Duration: "1h", TimeZone: "Mars/Base"}, "Europe/Berlin"},
		"the machine's zone":       {v1beta1.MaintenanceWindow{Schedule: "0 2 * * *", Duration: "1h", TimeZone: "Local"}, "IANA"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := windowProblems(&v1beta1.KafkaClusterSpec{MaintenanceWindows: []v1beta1.MaintenanceWindow{test.window}})
			require.Len(t, problems, 1)
			require.Equal(t, "spec.maintenanceWindows[0]", problems[0].Field)
			require.Contains(t, problems[0].Message, test.says)
		})
	}
}

func TestTheCauseStandsFirst(t *testing.T) {
	problems := windowProblems(&v1beta1.KafkaClusterSpec{
		MaintenanceWindows: []v1beta1.MaintenanceWindow{{Schedule: "99 99 * * *", Duration: "1h"}},
	})
	require.Len(t, problems, 1)
	require.Regexp(t, `^schedule: .*99.*; write a cron expression of five fields: minute, hour, day of month, month, day of week$`, problems[0].Message)
}

func TestAWindowThatNeverOpensIsTold(t *testing.T) {
	for schedule, never := range map[string]bool{"0 3 30 2 *": true, "0 3 31 4,6 *": true, "0 3 29 2 *": false, "0 3 * * 0": false} {
		problems := windowProblems(&v1beta1.KafkaClusterSpec{
			MaintenanceWindows: []v1beta1.MaintenanceWindow{{Schedule: schedule, Duration: "1h"}},
		})
		require.Equal(t, never, len(problems) == 1, schedule)
		if never {
			require.Equal(t, messages.SeverityWarning, problems[0].Severity)
			require.Contains(t, problems[0].Message, "never opens")
		}
	}
}
