package simulation

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestWhatOnlyANewerDaemonBuildsOtherwiseWaitsForAMaintenanceWindow(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), func(c *v1beta1.KafkaCluster) {
			c.Spec.MaintenanceWindows = []v1beta1.MaintenanceWindow{{Schedule: "0 2 * * *", Duration: "1h"}}
		}))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.builtOtherwise("demo")
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"), "before the window")
		require.NotNil(w.t, kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionUpdateAvailable))
		w.advance(90 * time.Minute)
		w.rolled("demo", before)
		require.Nil(w.t, kube.Condition(w.cluster("demo").Status.Conditions, kube.ConditionUpdateAvailable))
		w.settled()
	})
}

// What only a newer daemon builds otherwise waits; and where people leave their word behind, the version after that asks again.
func TestConsentIsGoodForOneVersion(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.updated("demo")
		w.advance(24 * time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"), "nobody has agreed")
		w.edit("demo", annotated(kube.AnnotationConsent, "true"))
		w.rolled("demo", before)
		w.settled()
		before = w.podUIDs("demo")
		w.updated("demo")
		w.advance(24 * time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"), "its word was for the version before")
		require.Contains(w.t, w.conditionText("demo", kube.ConditionUpdateAvailable), `the "true" that stands there was for an earlier version`)
		w.edit("demo", annotated(kube.AnnotationConsent, "yes"))
		w.rolled("demo", before)
		w.settled()
		w.edit("demo", withoutConsent)
		w.eventually(time.Minute, "nothing is remembered of words that are gone", func() bool { return w.cluster("demo").Status.Consent == nil })
	})
}

func TestConsentLastsThroughDaemonsOfItsVersionAndEditsMeanwhile(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.updated("demo")
		w.edit("demo", annotated(kube.AnnotationConsent, "true"))
		w.eventually(5*time.Minute, "one has it", func() bool { return !maps.Equal(before, w.podUIDs("demo")) })
		w.edit("demo", readOnly("log.cleaner.threads=2\n"))
		w.killDaemon()
		w.advance(time.Minute)
		w.startDaemon()
		w.rolled("demo", before)
		w.settled()
	})
}

// An edit of annotations alone changes no generation of the resource.
func TestWordsThatNobodyTakesAreToldWithinSeconds(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		for annotation, word := range map[string]string{
			kube.AnnotationConsent: "perhaps", kube.AnnotationAllowDataLoss: "3/abc", kube.AnnotationRestart: "true", kube.AnnotationPause: "maybe",
		} {
			w.edit("demo", annotated(annotation, word))
			w.eventually(8*time.Second, annotation+" is told of", func() bool {
				return strings.Contains(w.conditionText("demo", kube.ConditionSpecWarning), annotation)
			})
			w.edit("demo", func(c *v1beta1.KafkaCluster) { delete(c.Annotations, annotation) })
			w.eventually(8*time.Second, annotation+" is told of no more", func() bool { return w.condition("demo", kube.ConditionSpecWarning) == nil })
		}
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}
