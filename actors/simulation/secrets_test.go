package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// secretPlaces are where a spec has configuration.
func secretPlaces() map[string]func(text string) func(*v1beta1.KafkaCluster) {
	return map[string]func(text string) func(*v1beta1.KafkaCluster){
		"readOnlyConfig":               readOnly,
		"readOnlyConfig of one broker": func(text string) func(*v1beta1.KafkaCluster) { return readOnlyOf(1, text) },
		"clusterWideConfig":            clusterWide,
		"config of one broker":         func(text string) func(*v1beta1.KafkaCluster) { return perBroker(1, text) },
		"config of a group": func(text string) func(*v1beta1.KafkaCluster) {
			return func(c *v1beta1.KafkaCluster) {
				group := c.Spec.BrokerConfigGroups["default"]
				group.Config = text
				c.Spec.BrokerConfigGroups = map[string]v1beta1.BrokerConfig{"default": group}
			}
		},
	}
}

// That no secret is in a log line, an Event or a status is an invariant of every world.
func TestSecretsAreToldToNobodyWhereverTheyStand(t *testing.T) {
	t.Parallel()
	for name, place := range secretPlaces() {
		for _, key := range secretKeys() {
			t.Run(name+", "+key, func(t *testing.T) {
				run(t, func(w *World) {
					w.apply(kafkaCluster("demo", nodes(3), place(secretLine(key, 1))))
					w.advance(5 * time.Minute)
					w.edit("demo", place(secretLine(key, 2)))
					w.advance(10 * time.Minute)
					w.kubelets.crash(keyOf(w.podsOf("demo", 1)[0]), 1) // the end of its log has one, too
					w.kill()
					w.edit("demo", place(key+"="+tooShort+"\n"))
					w.advance(10 * time.Minute)
					w.edit("demo", place(key+" "+secretText+"\\u00zz\n")) // which is no property
					w.advance(10 * time.Minute)
					w.edit("demo", place(""))
					w.eventuallyReady("demo")
					w.settled()
					require.Empty(w.t, w.secretProblems("demo"))
				})
			})
		}
	}
}

func TestARefusedSecretIsToldByItsKeyAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		key := secretKeys()[1]
		w.edit("demo", perBroker(1, key+"="+tooShort+"\n"))
		w.says("demo", kube.ConditionConfigRefused, key)
		require.Contains(w.t, w.conditionText("demo", kube.ConditionConfigRefused), "is too short", "Kafka's own words, but for the secret")
		w.edit("demo", perBroker(1, secretLine(key, 1)))
		w.eventually(5*time.Minute, "it is taken", func() bool { return strings.HasPrefix(w.dynamicConfig("demo", 1)[key], secretText) })
		w.eventuallyReady("demo")
		w.settled()
	})
}
