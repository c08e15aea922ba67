package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// Kafka takes any number of threads that is at most double of what there is, so it is the last step that must be possible.
func TestANumberOfThreadsThatCannotBeIsNotApproached(t *testing.T) {
	t.Parallel()
	for name, number := range map[string]string{"no int": "9999999999", "an int": "2000000000", "one too many": "1001"} {
		t.Run(name, func(t *testing.T) {
			for where, edits := range map[string][2]func(*v1beta1.KafkaCluster){
				"for all brokers":  {clusterWide("background.threads=" + number + "\nmessage.max.bytes=2000\n"), clusterWide("message.max.bytes=2000\n")},
				"for one broker":   {perBroker(1, "background.threads="+number+"\nmessage.max.bytes=2000\n"), perBroker(1, "message.max.bytes=2000\n")},
				"in brokers' file": {readOnly("background.threads=" + number + "\nmessage.max.bytes=2000\n"), readOnly("message.max.bytes=2000\n")},
			} {
				t.Run(where, func(t *testing.T) {
					run(t, func(w *World) {
						w.apply(kafkaCluster("demo", nodes(3)))
						w.eventuallyReady("demo")
						before := w.podUIDs("demo")
						w.edit("demo", edits[0])
						for range 300 {
							w.advance(time.Second)
							require.Equal(w.t, "10", w.configInForce("demo", 1, "background.threads"))
						}
						refused := w.condition("demo", kube.ConditionConfigRefused)
						require.NotNil(w.t, refused)
						require.Contains(w.t, refused.Message, number)
						require.Contains(w.t, refused.Message, "background.threads")
						require.Contains(w.t, refused.Message, "1000")
						require.Equal(w.t, "2000", w.configInForce("demo", 1, "message.max.bytes"), "the other key")
						w.edit("demo", edits[1])
						w.advance(20 * time.Second)
						require.Nil(w.t, w.condition("demo", kube.ConditionConfigRefused), "as soon as its cause is gone")
						w.eventuallyReady("demo")
						w.settled()
						require.Equal(w.t, before, w.podUIDs("demo"))
					})
				})
			}
		})
	}
}

// A broker with more than half of what an int holds takes no other number, neither a smaller one nor none.
func TestANumberOfThreadsThatBrokersDoNotLetGoIsTakenBackAtTheController(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, want string }{
		"removed": {"message.max.bytes=2000\n", "10"}, "another number": {"background.threads=20\nmessage.max.bytes=2000\n", "20"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", nodes(3), clusterWide("background.threads=20\nmessage.max.bytes=1000\n")))
				w.eventuallyReady("demo")
				w.inForce("background.threads", "20", 0, 1, 2)
				w.kafka.setDefault("demo", "background.threads", "1342177280")
				require.ErrorContains(w.t, w.alterByHand("demo", -1, "background.threads", nil), "double the current value")
				require.ErrorContains(w.t, w.alterByHand("demo", -1, "background.threads", ptr.To("1000000000")), "double the current value")
				w.edit("demo", clusterWide(test.config))
				w.inForce("background.threads", test.want, 0, 1, 2)
				w.inForce("message.max.bytes", "2000", 0, 1, 2)
				w.advance(20 * time.Second)
				require.Nil(w.t, w.condition("demo", kube.ConditionConfigRefused))
				w.settled()
			})
		})
	}
}
