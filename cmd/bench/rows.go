package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/koperator-go/koperator/cmd/bench/audit"
	"github.com/koperator-go/koperator/cmd/bench/report"
)

// results are all figures; what was not measured is empty.
type results struct {
	kubernetes string
	starts     []start
	idle       *idle
	replaced   []time.Duration
	foreign    *foreignCost
	many       *many
}

// The targets.
const (
	startTarget    = 4 * time.Second // for 100 brokers
	floorTarget    = 2.0             // times the floor
	requestTarget  = 5.0             // a broker
	memory100      = 80.0            // MiB
	memory1000     = 150.0
	foreignTarget  = 10.0 // MiB more
	replaceTarget  = time.Second
	clustersTarget = 3.0 // times one large cluster
)

// of are the starts with so many brokers.
func (r results) of(brokers int) []start {
	return slices.DeleteFunc(slices.Clone(r.starts), func(s start) bool { return s.brokers != brokers })
}

// rows are all rows that have a figure.
func (r results) rows() []report.Row {
	var rows []report.Row
	rows = append(rows, r.hundred()...)
	rows = append(rows, r.growth(300)...)
	rows = append(rows, r.growth(1000)...)
	rows = append(rows, r.atRest()...)
	rows = append(rows, r.memory(100, memory100)...)
	rows = append(rows, r.memory(1000, memory1000)...)
	rows = append(rows, r.replacement()...)
	rows = append(rows, r.beside()...)
	return append(rows, r.clusters()...)
}

func took(starts []start) []time.Duration {
	var values []time.Duration
	for _, s := range starts {
		values = append(values, s.took)
	}
	return values
}

func used(starts []start) []time.Duration {
	var values []time.Duration
	for _, s := range starts {
		values = append(values, s.cpu)
	}
	return values
}

func (r results) hundred() []report.Row {
	starts := r.of(100)
	if len(starts) == 0 {
		return nil
	}
	var floor, written, lags []time.Duration
	var ratios, requests []float64
	for _, s := range starts {
		floor, written = append(floor, s.floor...), append(written, s.written...)
		lags = append(lags, s.lag)
		ratios = append(ratios, float64(s.took)/float64(report.Median(s.floor)))
		requests = append(requests, s.perBroker())
	}
	ratio, worst := report.Median(ratios), slices.Max(requests)
	last := starts[len(starts)-1]
	return []report.Row{
		report.Judged("N = 100: apply until the last Pod is Running", "under 4 s", report.Range(took(starts)),
			report.Median(took(starts)) < startTarget),
		report.Plain("floor: the same objects by a bare parallel client, until the last Pod is Running", report.Range(floor)),
		report.Plain("the same until the last object is written", report.Range(written)),
		report.Judged("times the floor", "at most 2", fmt.Sprintf("%.2f", ratio), ratio <= floorTarget),
		report.Plain("of it the hollow nodes' part of a Pod's way, median", report.Range(lags)),
		report.Judged("API requests of the daemon until then, a broker", "under 5",
			fmt.Sprintf("%.2f (%s)", worst, audit.String(last.requests)), worst < requestTarget),
		report.Plain("Events and leases until then", audit.String(last.bookkeeping)),
		report.Plain("CPU time of the daemon until then", report.Range(used(starts))),
	}
}

// growth compares with 100 brokers.
func (r results) growth(brokers int) []report.Row {
	starts, base := r.of(brokers), r.of(100)
	if len(starts) == 0 {
		return nil
	}
	s := starts[0]
	what := fmt.Sprintf("N = %d: apply until the last Pod is Running", brokers)
	measured := fmt.Sprintf("%s; floor %s, %.2f times; %.2f requests a broker", report.Seconds(s.took),
		report.Seconds(report.Median(s.floor)), float64(s.took)/float64(report.Median(s.floor)), s.perBroker())
	if len(base) == 0 {
		return []report.Row{report.Plain(what, measured)}
	}
	growth := tenths(float64(s.took) / float64(report.Median(took(base))))
	linear := tenths(float64(s.nodes) / float64(base[0].nodes))
	target := fmt.Sprintf("at most %.1f times N = 100 (linear)", linear)
	work := tenths(float64(s.cpu) / float64(report.Median(used(base))))
	return []report.Row{
		report.Judged(what, target,
			fmt.Sprintf("%s; %.1f times N = 100 (the floor: %.1f times)", measured, growth, r.floorGrowth(s)), growth <= linear),
		report.Judged(fmt.Sprintf("N = %d: CPU time of the daemon until then", brokers), target,
			fmt.Sprintf("%s; %.1f times N = 100", report.Seconds(s.cpu), work), work <= linear),
	}
}

// tenths rounds as the table prints, so that what is judged is what is read.
func tenths(value float64) float64 { return math.Round(value*10) / 10 }

// floorGrowth is how much slower than 100 brokers' the bare client was: what the API server itself makes of more objects.
func (r results) floorGrowth(s start) float64 {
	var base []time.Duration
	for _, hundred := range r.of(100) {
		base = append(base, hundred.floor...)
	}
	return float64(report.Median(s.floor)) / float64(report.Median(base))
}

func (r results) atRest() []report.Row {
	if r.idle == nil {
		return nil
	}
	what := r.idle.took.String() + " idle after that: "
	return []report.Row{
		report.Plain(what+"requests", audit.String(r.idle.requests)),
		report.Judged(what+"other than lease renewals and watches", "none", audit.String(r.idle.restless), len(r.idle.restless) == 0),
		report.Judged(what+"log lines", "none", strconv.Itoa(r.idle.logLines), r.idle.logLines == 0),
	}
}

func (r results) memory(brokers int, target float64) []report.Row {
	var resident, peak []float64
	for _, s := range r.of(brokers) {
		resident, peak = append(resident, s.memory.Resident), append(peak, s.memory.Peak)
	}
	if len(resident) == 0 {
		return nil
	}
	return []report.Row{report.Judged(
		fmt.Sprintf("resident memory, %d brokers", brokers), fmt.Sprintf("under %.0f MiB at rest", target),
		fmt.Sprintf("%.0f MiB at rest, %s after the start; peak %.0f MiB", report.Median(resident), calm, slices.Max(peak)),
		report.Median(resident) < target,
	)}
}

func (r results) replacement() []report.Row {
	if len(r.replaced) == 0 {
		return nil
	}
	return []report.Row{report.Judged("a Pod deleted: from its end to its replacement's creation", "under 1 s",
		report.Range(r.replaced), slices.Max(r.replaced) < replaceTarget)}
}

func (r results) beside() []report.Row {
	if r.foreign == nil {
		return nil
	}
	without, with := report.Median(r.foreign.without), report.Median(r.foreign.with)
	return []report.Row{report.Judged(
		fmt.Sprintf("100 brokers beside %d foreign Pods, ConfigMaps and Secrets each", foreignObjects), "at most 10 MiB more",
		fmt.Sprintf("%+.1f MiB (%.1f without, %.1f with; medians of %d fresh daemons)", with-without, without, with, restarts),
		with-without <= foreignTarget,
	)}
}

func (r results) clusters() []report.Row {
	if r.many == nil {
		return nil
	}
	times := float64(r.many.all) / float64(r.many.one)
	return []report.Row{report.Judged(
		fmt.Sprintf("%d clusters of %d brokers in one daemon, against one of %d", manyClusters, ofBrokers, manyClusters*ofBrokers),
		"at most 3 times", fmt.Sprintf("%.2f times (%s against %s), %.0f MiB", times, report.Seconds(r.many.all),
			report.Seconds(r.many.one), r.many.memory.Resident),
		times <= clustersTarget,
	)}
}
