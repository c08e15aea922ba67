package kube

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Windows are the maintenance windows of a spec, read once.
type Windows []window

// WindowsOf reads the windows of a spec. Those that cannot be read count for nothing; validation tells of them.
func WindowsOf(spec *v1beta1.KafkaClusterSpec) Windows {
	var windows Windows
	for _, w := range spec.MaintenanceWindows {
		if window, err := readWindow(w); err == nil {
			windows = append(windows, window)
		}
	}
	return windows
}

// Open says whether a window is open, and when that can change at the earliest; a zero time where it never does.
func (w Windows) Open(now time.Time) (open bool, again time.Time) {
	for _, window := range w {
		is, at := window.openAt(now)
		open = open || is
		if !at.IsZero() && (again.IsZero() || at.Before(again)) {
			again = at
		}
	}
	return open, again
}

// window is a MaintenanceWindow that could be read.
type window struct {
	schedule cron.Schedule
	duration time.Duration
	zone     *time.Location
}

// maxWindow bounds how long a window stays open: one that is longer than the time between two of its beginnings would
// never close.
const maxWindow = 7 * 24 * time.Hour

func readWindow(w v1beta1.MaintenanceWindow) (window, error) {
	zone, err := time.LoadLocation(w.TimeZone) // empty is UTC
	if err != nil || w.TimeZone == "Local" {
		return window{}, fmt.Errorf("time zone %q is not known; write a name of the IANA database such as Europe/Berlin", w.TimeZone)
	}
	schedule, err := parseSchedule(w.Schedule)
	if err != nil {
		return window{}, fmt.Errorf("schedule: %w; write a cron expression of five fields: minute, hour, day of month, month, day of week", err)
	}
	duration, err := time.ParseDuration(w.Duration)
	if err != nil || duration <= 0 || duration > maxWindow {
		return window{}, fmt.Errorf("duration %q must be more than nothing and at most %v; write it like 3h or 90m", w.Duration, maxWindow)
	}
	return window{schedule: schedule, duration: duration, zone: zone}, nil
}

// parseSchedule takes no prefix with a time zone: that has a field of its own, and the parser fails hard on some of them.
func parseSchedule(text string) (cron.Schedule, error) {
	if strings.Contains(text, "=") {
		return nil, errors.New("a time zone goes into timeZone")
	}
	return cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(text)
}

// openAt looks for the first beginning within the last duration. Where windows overlap a later one may keep it open longer:
// that is found when the first one ends.
func (w window) openAt(now time.Time) (open bool, again time.Time) {
	now = now.In(w.zone)
	began := w.schedule.Next(now.Add(-w.duration))
	if began.IsZero() || began.After(now) {
		return false, began
	}
	return true, began.Add(w.duration)
}

// longestCause is how much of an error is shown: the parser repeats what people wrote.
const longestCause = 300

// anyDay is a moment from which on a schedule is looked for: whether there is a day for it does not depend on today.
func anyDay() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// windowProblems tells which maintenance windows cannot be read, or never open.
func windowProblems(spec *v1beta1.KafkaClusterSpec) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for i, w := range spec.MaintenanceWindows {
		field := fmt.Sprintf("spec.maintenanceWindows[%d]", i)
		switch window, err := readWindow(w); {
		case err != nil:
			problems = append(problems, messages.Invalid(field, "%s", messages.Advice(messages.Elided(err.Error(), longestCause))))
		case window.schedule.Next(anyDay()).IsZero(): // the parser gives up after five years
			problems = append(problems, messages.Warning(field, "schedule %s: there is no such day, so the window never opens; correct or remove it", w.Schedule))
		}
	}
	return problems
}
