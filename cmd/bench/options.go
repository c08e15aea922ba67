package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// The rows that can be asked for.
const (
	row100      = "100"
	row300      = "300"
	row1000     = "1000"
	rowIdle     = "idle"
	rowMemory   = "memory"
	rowReplace  = "replace"
	rowForeign  = "foreign"
	rowClusters = "clusters"
)

func allRows() []string {
	return []string{row100, row300, row1000, rowIdle, rowMemory, rowReplace, rowForeign, rowClusters}
}

type options struct {
	sandbox, instance, root, output string
	rows                            []string
	idle                            time.Duration
	repeat                          int
}

// has reports whether any of the rows is asked for.
func (o options) has(rows ...string) bool {
	return slices.ContainsFunc(rows, func(row string) bool { return slices.Contains(o.rows, row) })
}

func parseOptions(args []string, output io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&o.sandbox, "sandbox", "", "the sandbox program (required); make bench builds it")
	flags.StringVar(&o.instance, "instance", "bench", "name of the sandbox instance to use; an old one is removed")
	flags.StringVar(&o.root, "root", "../..", "the repository")
	flags.StringVar(&o.output, "output", "", "file to write the table to, besides printing it")
	rows := flags.String("rows", strings.Join(allRows(), ","), "rows to measure, separated by commas")
	flags.DurationVar(&o.idle, "idle", 10*time.Minute, "how long the daemon is watched at rest")
	flags.IntVar(&o.repeat, "repeat", 3, "how often N = 100 is measured, each time on a fresh API server")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("%q is no flag; see --help", flags.Arg(0))
	}
	if o.sandbox == "" {
		return options{}, errors.New("--sandbox is missing: run make bench, or give the path of the sandbox program")
	}
	if o.repeat < 1 {
		return options{}, fmt.Errorf("--repeat %d: use 1 or more", o.repeat)
	}
	for row := range strings.SplitSeq(*rows, ",") {
		if row = strings.TrimSpace(row); !slices.Contains(allRows(), row) {
			return options{}, fmt.Errorf("--rows: %q is none of %s", row, strings.Join(allRows(), ", "))
		}
		o.rows = append(o.rows, row)
	}
	return o, nil
}
