package simulation

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// The table in actors/doc.go says who writes what. That one object has one writer is an invariant of every world.
func TestTheTableOfWritersIsTrue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../doc.go")
	require.NoError(t, err)
	table := map[kube.Kind][]string{}
	row := regexp.MustCompile(`^//\t(\w+) +((?:broker|cluster)(?:, \w+)*)(?: |$)`)
	for line := range strings.Lines(string(text)) {
		if found := row.FindStringSubmatch(strings.TrimSuffix(line, "\n")); found != nil {
			table[kube.Kind(found[1])] = strings.Split(found[2], ", ")
		}
	}
	delete(table, "operator") // the tree's first line
	seen := map[kube.Kind][]string{}
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(2), notHeadless))
		w.eventuallyReady("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Finalizers = kube.ClusterFinalizers() })
		w.advance(time.Minute)
		w.delete("demo")
		w.eventuallyGone("demo")
		seen = w.invariants.writtenBy()
	})
	require.Equal(t, table, seen)
}
