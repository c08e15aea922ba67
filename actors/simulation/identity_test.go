package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestADiskThatLeavesTheSpecStaysWithItsBroker(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", controllersOnly(1), brokers(2), disks(2)))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 6, 2, 1)
		w.advance(time.Minute)
		before := w.podUIDs("demo")
		mounted := w.podsOf("demo", 1)[0].Spec.Volumes
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			config := c.Spec.Brokers[1].BrokerConfig
			config.StorageConfigs = config.StorageConfigs[1:]
		})
		w.eventually(time.Minute, "a condition names the disk", func() bool {
			c := w.condition("demo", kube.ConditionUpdateAvailable)
			return c != nil && strings.Contains(c.Message, "/kafka-logs-0 left the spec")
		})
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"), "a disk that leaves asks for no restart")
		w.deleteObject(keyOf(w.podsOf("demo", 1)[0]))
		w.eventually(time.Minute, "another Pod serves", func() bool {
			return w.podUIDs("demo")[1] != before[1] && w.serves("demo", 1)
		})
		pod := w.podsOf("demo", 1)[0]
		require.ElementsMatch(w.t, mounted, pod.Spec.Volumes)
		require.Contains(w.t, w.kubelets.fileOf(pod)["log.dirs"], "/kafka-logs-0/kafka")
		require.NotContains(w.t, envOf(pod), "KAFKA_FORMAT_DIRS")
		w.eventuallyReady("demo")
		w.settled()
	})
}

func TestABrokerThatLeavesTogetherWithItsGroupIsKept(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), brokers(1), racks, withCruiseControl, func(c *v1beta1.KafkaCluster) {
			c.Spec.BrokerConfigGroups["extra"] = c.Spec.BrokerConfigGroups["default"]
			c.Spec.Brokers[3].BrokerConfigGroup = "extra"
		}))
		w.eventuallyReady("demo")
		w.topic("demo", "orders", 4, 3, 2)
		before := w.podUIDs("demo")
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			withoutBroker(3)(c)
			delete(c.Spec.BrokerConfigGroups, "extra")
		})
		w.settled()
		w.kill()
		w.settled()
		require.Equal(w.t, before, w.podUIDs("demo"))
		w.deleteObject(keyOf(w.podsOf("demo", 3)[0]))
		w.eventually(time.Minute, "the next daemon makes its Pod again", func() bool { return w.serves("demo", 3) })
		w.moveAway("demo", 3)
		w.eventuallyRemoved("demo", 3)
	})
}

func TestIdsThatDisagreeStartNothingUntilOneIsLeft(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3), retained))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		id := w.cluster("demo").Status.ClusterID
		w.delete("demo")
		w.eventually(10*time.Minute, "the Pods are gone", func() bool { return len(w.pods("demo")) == 0 })
		w.advance(2 * time.Minute)
		w.apply(kafkaCluster("demo", nodes(3), retained, func(c *v1beta1.KafkaCluster) {
			c.Spec.Envs = []corev1.EnvVar{{Name: "CLUSTER_ID", Value: "An0therClusterAltogethr"}}
		}))
		w.eventually(time.Minute, "a condition names both ids", func() bool {
			c := w.condition("demo", kube.ConditionReady)
			return c != nil && strings.Contains(c.Message, id) && strings.Contains(c.Message, "An0therClusterAltogethr")
		})
		w.settled()
		require.Empty(w.t, w.pods("demo"))
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Spec.Envs[0].Value = id })
		w.eventuallyReady("demo")
		require.Equal(w.t, id, w.cluster("demo").Status.ClusterID)
		w.settled()
	})
}

func TestAClaimWithAWrongLabelIsNotTakenForAnEmptyDisk(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		w.advance(time.Minute)
		claim := key{kube.KindClaim, namespace, kube.ClaimName("demo", 1, "/kafka-logs")}
		format := w.store.get(claim).GetAnnotations()[kube.AnnotationFormat]
		relabel := func(id string) {
			w.store.update(claim, func(o kube.Object) { o.GetLabels()[kube.LabelBrokerID] = id })
		}
		w.edit("demo", func(c *v1beta1.KafkaCluster) { c.Status.BrokersState["1"] = v1beta1.BrokerState{} })
		w.kill() // the next daemon knows of no formatted disk
		relabel("7")
		w.advance(2 * time.Minute)
		w.check()
		require.Equal(w.t, format, w.store.get(claim).GetAnnotations()[kube.AnnotationFormat])
		require.Equal(w.t, "7", w.store.get(claim).GetLabels()[kube.LabelBrokerID])
		relabel("1")
		w.eventuallyReady("demo")
		w.settled()
	})
}

// While the claim of one of them cannot be made nothing of the quorum can have begun.
func TestAFirstControllerIsReplacedInTheSpecBeforeTheQuorumFormed(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.store.put(&corev1.PersistentVolumeClaim{ // somebody else's
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: kube.ClaimName("demo", 2, "/kafka-logs")}, Spec: *claimOf("1Gi"),
		})
		w.apply(kafkaCluster("demo", controllersOnly(3), brokers(1)))
		w.advance(time.Minute)
		require.Equal(w.t, []int32{0, 1, 2}, w.cluster("demo").Status.InitialControllers)
		require.Empty(w.t, w.podsOf("demo", 0))
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			withoutBroker(2)(c)
			controllersOnly(1)(c)
		})
		w.eventuallyReady("demo")
		require.Equal(w.t, []int32{0, 1, 4}, w.cluster("demo").Status.InitialControllers)
		w.settled()
	})
}
