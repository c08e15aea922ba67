package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/koperator-go/koperator/cmd/bench/load"
	"github.com/koperator-go/koperator/cmd/bench/report"
)

// document is the whole text of deploy/BENCHMARKS.md.
func (b *bench) document(now time.Time) string {
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("# Benchmarks\n")
	line("`make bench`, %s, Kubernetes %s, %s;", now.UTC().Format(time.DateOnly), b.results.kubernetes, b.machine)
	line("load average of the machine before the run: %s.\n", b.machine.Load)
	rows := b.results.rows()
	text.WriteString(report.Table(rows))
	line("\nHow it is measured:\n")
	for _, note := range notes() {
		line("- %s", note)
	}
	return text.String()
}

func notes() []string {
	return []string{
		"Each start has a fresh etcd and kube-apiserver; API server, etcd, daemon, hollow nodes and the benchmark share the machine.",
		"Before each start the API server has served 150 writes of other objects, and the daemon has led for 5 s.",
		"A cluster has 3 controllers and N brokers, KRaft, headless, one claim a node; no Kafka runs behind.",
		"Hollow nodes bind each Pod and patch its status once to Running and Ready, with 32 workers, from inside the benchmark.",
		fmt.Sprintf("The floor are the fields that the daemon set, read from managedFields, written as the daemon does, Pods by POST, "+
			"all else by server-side apply, with %d requests under way, under the same hollow nodes.", load.Parallel),
		"Requests are counted in the audit log by user agent; a request counts once.",
		fmt.Sprintf("Idle time begins %s after the last Pod is Running. Memory is VmRSS, its peak VmHWM.", calm),
	}
}
