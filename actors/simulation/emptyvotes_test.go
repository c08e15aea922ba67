package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// withoutBudget has the operator make no PodDisruptionBudgets.
func withoutBudget(c *v1beta1.KafkaCluster) {
	c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: false}
}

// Where no budget is the operator's none has to open before the vote of a controller is taken.
func TestVotesOnPodsAreTakenWhateverGatesSayWhereNoBudgetIsOurs(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]func(*World){
		"another broker is in maintenance": func(w *World) {
			w.edit("demo", maintained(6))
			w.eventually(10*time.Minute, "broker 6 is stopped", func() bool { return len(w.podsOf("demo", 6)) == 0 })
			w.advance(time.Minute)
			w.edit("demo", moreRequests)
		},
		"a controller cannot start": func(w *World) {
			w.edit("demo", imageOf(0, "kafka:broken"))
			w.advance(10 * time.Minute)
			w.edit("demo", imageOf(0, ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(5), onEmptyDirs, brokers(2), withoutBudget))
				w.eventuallyReady("demo")
				w.advance(time.Minute)
				before := w.podUIDs("demo")
				play(w)
				w.eventually(30*time.Minute, "controller 0 has another Pod", func() bool {
					now := w.podUIDs("demo")
					return now[0] != "" && now[0] != before[0]
				})
				w.edit("demo", maintained())
				w.eventually(10*time.Minute, "and runs in it", func() bool { return w.serves("demo", 0) })
				w.eventuallyReady("demo")
				w.eventuallyVote("demo", 0, 1, 2, 3, 4)
				require.Len(w.t, w.votes("demo"), 5)
				w.settled()
			})
		})
	}
}
