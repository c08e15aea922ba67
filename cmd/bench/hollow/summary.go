package hollow

import (
	"slices"
	"time"
)

// Summary tells how a number of Pods came up.
type Summary struct {
	Running int
	// First is when the first one was seen, Last when the last one was Running.
	First, Last time.Time
	// Lag and Slowest are the nodes' own part: the median and the longest time from seeing a Pod to its being Running.
	Lag, Slowest time.Duration
}

// Summarize looks at those that are Running and not gone.
func Summarize(pods []Pod) Summary {
	var s Summary
	var lags []time.Duration
	for _, pod := range pods {
		if pod.Running.IsZero() || !pod.Gone.IsZero() {
			continue
		}
		if s.First.IsZero() || pod.Seen.Before(s.First) {
			s.First = pod.Seen
		}
		if pod.Running.After(s.Last) {
			s.Last = pod.Running
		}
		lags = append(lags, pod.Running.Sub(pod.Seen))
	}
	s.Running = len(lags)
	if s.Running > 0 {
		slices.Sort(lags)
		s.Lag, s.Slowest = lags[len(lags)/2], lags[len(lags)-1]
	}
	return s
}

// Gap is how long a broker was without any Pod: from the end of the given Pod to the sight of its successor, false
// while there is none.
func Gap(pods []Pod, old Pod) (time.Duration, bool) {
	for _, pod := range pods {
		if pod.Broker == old.Broker && pod.UID != old.UID && !old.Gone.IsZero() && pod.Seen.After(old.Seen) {
			return pod.Seen.Sub(old.Gone), true
		}
	}
	return 0, false
}
