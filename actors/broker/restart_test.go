package broker

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// Koperator's rule, without its endless restarts: a selector that the next Pod would match, too, marks nobody.
func TestWhoIsTaintedIsMarkedByALabelThatTheNextPodLacks(t *testing.T) {
	without := func(key string, op metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: op, Values: values}}}
	}
	restart := map[string]string{"restart": "me"}
	for name, test := range map[string]struct {
		selector *metav1.LabelSelector
		labels   map[string]string
		tainted  bool
	}{
		"no selector":                         {nil, restart, false},
		"an empty selector":                   {&metav1.LabelSelector{}, restart, false},
		"a selector that is none":             {without("a", "Like"), restart, false},
		"the label":                           {&metav1.LabelSelector{MatchLabels: restart}, restart, true},
		"the label with another value":        {&metav1.LabelSelector{MatchLabels: restart}, map[string]string{"restart": "not"}, false},
		"no label":                            {&metav1.LabelSelector{MatchLabels: restart}, nil, false},
		"any value of the label":              {without("restart", metav1.LabelSelectorOpExists), restart, true},
		"what every Pod has":                  {&metav1.LabelSelector{MatchLabels: map[string]string{"app": "kafka"}}, restart, false},
		"what every Pod has, and the label":   {&metav1.LabelSelector{MatchLabels: map[string]string{"app": "kafka", "restart": "me"}}, restart, true},
		"what every Pod lacks":                {without("stay", metav1.LabelSelectorOpDoesNotExist), nil, false},
		"what this Pod has not, the next has": {without("app", metav1.LabelSelectorOpNotIn, "kafka"), map[string]string{"app": "theirs"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := planned(t, func(w *messages.BrokerWanted) { w.Cluster.Spec.TaintedBrokersSelector = test.selector }, nil)
			maps.Copy(s.pod().Labels, test.labels)
			require.Equal(t, test.tainted, s.w.tainted(s.pod()))
			want := ""
			if test.tainted {
				want = "restart: the Pod's labels match spec.taintedBrokersSelector"
			}
			require.Equal(t, want, s.w.restart(s.o))
		})
	}
}

func TestAControllerWaitsForKafkasWordWhetherItReadsMinInsyncReplicas(t *testing.T) {
	edited := files{
		changed: []string{"min.insync.replicas"}, before: kafka.Properties{"min.insync.replicas": "1"}, wanted: kafka.Properties{"min.insync.replicas": "2"},
	}
	for name, test := range map[string]struct {
		release      messages.KafkaRelease
		alone, maybe bool
	}{
		"Kafka has yet to tell":        {messages.KafkaRelease{}, false, true},
		"it keeps the value for all":   {messages.KafkaRelease{Version: "4.3", ELR: true}, true, true},
		"each node has it by its file": {messages.KafkaRelease{Version: "4.3"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := blueprint{BrokerWanted: messages.BrokerWanted{Kafka: test.release}}
			require.Equal(t, test.alone, w.onBrokersAlone(edited), "its file may follow")
			require.Equal(t, test.maybe, w.mayBeOnBrokersAlone(edited), "no restart is asked for")
		})
	}
}
