package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Line is how often one verb was used on one resource.
type Line struct {
	Verb, Resource string
	Count          int
}

// Count adds up by verb and resource, the most frequent first.
func Count(requests []Request) []Line {
	var lines []Line
	at := map[[2]string]int{}
	for _, r := range requests {
		key := [2]string{r.Verb, r.Resource}
		i, known := at[key]
		if !known {
			i = len(lines)
			at[key] = i
			lines = append(lines, Line{Verb: r.Verb, Resource: r.Resource})
		}
		lines[i].Count++
	}
	slices.SortFunc(lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Verb, b.Verb))
	})
	return lines
}

// String lists the lines: "206 patch pods, 3 patch services".
func String(lines []Line) string {
	if len(lines) == 0 {
		return "none"
	}
	parts := make([]string, 0, len(lines))
	for _, l := range lines {
		parts = append(parts, fmt.Sprintf("%d %s %s", l.Count, l.Verb, l.Resource))
	}
	return strings.Join(parts, ", ")
}

// WithoutBookkeeping leaves out Events and leases, which a client sends beside its work.
func WithoutBookkeeping(requests []Request) []Request {
	return slices.DeleteFunc(slices.Clone(requests), func(r Request) bool {
		return r.Resource == "events" || r.Resource == "leases"
	})
}

// Restless are the requests that a client at rest must not send: everything but watches and the renewal of its lease.
func Restless(requests []Request) []Request {
	return slices.DeleteFunc(slices.Clone(requests), func(r Request) bool {
		return r.Verb == "watch" || r.Resource == "leases" && (r.Verb == "get" || r.Verb == "update")
	})
}
