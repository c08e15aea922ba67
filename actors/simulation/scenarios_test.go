package simulation

import "testing"

func TestAClusterIsCreatedAndComesToRest(t *testing.T) {
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.settled()
	})
}
