package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// says waits until a condition of the cluster has a text.
func (w *World) says(name, condition, text string) {
	w.t.Helper()
	w.eventually(15*time.Minute, condition+" says "+text, func() bool {
		c := w.condition(name, condition)
		return c != nil && strings.Contains(c.Message, text)
	})
}

// adoptedStatic is a cluster that Koperator made, taken over.
func (w *World) adoptedStatic() {
	w.t.Helper()
	w.madeByKoperator(kafkaCluster("demo", nodes(3)))
	w.eventuallyReady("demo")
	w.topic("demo", "orders", 4, 3, 2)
}

// restartedByUs asks for the restart of every Pod and waits until this daemon has made them all.
func (w *World) restartedByUs() {
	w.t.Helper()
	for _, pod := range w.pods("demo") {
		w.store.update(keyOf(pod), func(o kube.Object) { o.GetAnnotations()[kube.AnnotationRestart] = "please" })
	}
	w.eventually(15*time.Minute, "all Pods are ours", func() bool {
		return len(w.pods("demo")) == 3 && !slices.ContainsFunc(w.pods("demo"), func(p *corev1.Pod) bool { return !kube.MadeByUs(p) })
	})
}

func TestControllersOfAStaticQuorumStayAsTheyAre(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.adoptedStatic()
		w.says("demo", kube.ConditionStaticQuorum, "needs Kafka 4.1 or later here, and 3.9 runs")
		before := w.podUIDs("demo")
		for _, change := range []func(*v1beta1.KafkaCluster){controllersOnly(1), roles(2, v1beta1.BrokerRole), withoutBroker(1)} {
			spec := w.cluster("demo").DeepCopy()
			w.edit("demo", change)
			w.says("demo", kube.ConditionReady, "which the quorum of this cluster cannot: it is a static one")
			w.settled()
			w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec = spec.Spec })
			w.eventuallyReady("demo")
		}
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.edit("demo", brokers(1)) // which is no voter's business
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestAStaticQuorumBecomesDynamicByConsentAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(w *World) {
		w.adoptedStatic()
		w.edit("demo", annotated(kube.AnnotationConsent, kube.ConsentDynamicQuorum))
		w.edit("demo", kafkaImage("4.3.1"))
		w.restartedByUs()
		w.eventually(30*time.Minute, "the quorum is dynamic", func() bool { return w.cluster("demo").Status.Quorum == v1beta1.QuorumDynamic })
		w.eventually(30*time.Minute, "every node finds it by the Service", func() bool {
			for _, id := range []messages.BrokerID{0, 1, 2} {
				pods := w.podsOf("demo", id)
				if len(pods) != 1 || envOf(pods[0])["KAFKA_QUORUM"] != "Dynamic" || w.kubelets.fileOf(pods[0])["controller.quorum.voters"] != "" {
					return false
				}
			}
			return true
		})
		w.eventuallyReady("demo")
		require.Nil(w.t, w.condition("demo", kube.ConditionStaticQuorum))
		require.Len(w.t, w.events.with("QuorumDynamic"), 1)
		last := w.events.with("Restarting")
		require.Contains(w.t, last[len(last)-1].note, "the metadata quorum is dynamic")
		before := w.podUIDs("demo")
		w.edit("demo", nodes(2))
		w.eventuallyVote("demo", 0, 1, 2, 3, 4)
		w.eventuallyReady("demo")
		w.settled()
		after := w.podUIDs("demo")
		for id, uid := range before {
			require.Equal(w.t, uid, after[id])
		}
		require.Empty(w.t, w.lostPartitions("demo"))
		before = w.podUIDs("demo")
		w.updated("demo")
		w.advance(time.Hour)
		require.Equal(w.t, before, w.podUIDs("demo"), "nobody has agreed to that")
	})
}

func TestAStaticQuorumIsOfferedMoreAndLeftAlone(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.adoptedStatic()
		w.edit("demo", kafkaImage("4.3.1"))
		w.restartedByUs()
		w.says("demo", kube.ConditionStaticQuorum, "set annotation kafka.banzaicloud.io/consent: dynamic-quorum")
		w.eventuallyReady("demo")
		before := w.podUIDs("demo")
		w.edit("demo", annotated(kube.AnnotationConsent, "true")) // to restarts, not to this
		w.settled()
		w.kill()
		w.settled()
		require.Equal(w.t, v1beta1.QuorumStatic, w.cluster("demo").Status.Quorum)
		require.Equal(w.t, before, w.podUIDs("demo"))
	})
}
