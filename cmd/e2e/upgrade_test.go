//go:build e2e

package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestUpgrade takes three nodes of Kafka 3.9 to the newest Kafka, and their metadata after them, under a producer and a consumer of the
// old one, who lose nothing.
func TestUpgrade(t *testing.T) {
	if os.Getenv("KAFKA_3_IMAGE") == "" {
		t.Skip("KAFKA_3_IMAGE is not set: there is no image with an older Kafka")
	}
	deployOperator(t)
	n := newNamespace(t)
	newest := n.sample(named("up")).Spec.ClusterImage
	cluster := n.sample(named("up"), func(c *v1beta1.KafkaCluster) { c.Spec.ClusterImage = os.Getenv("KAFKA_3_IMAGE") })
	n.apply(cluster)
	n.waitReady("up")
	require.Equal(t, "3.9-IV0", n.cluster("up").Status.MetadataVersion)
	m := n.topic(cluster, "orders", 3)
	m.write(1, 500)
	before := n.uids("up")
	const records = 900 // three minutes
	flows := m.traffic("flows", "", records, careful()...)
	next := n.cluster("up")
	next.Spec.ClusterImage, next.Spec.MetadataVersion = newest, "4.3"
	n.apply(next)
	n.eventually(15*time.Minute, "all nodes run the newest Kafka, and their metadata is of it", func() (bool, string) {
		now := n.uids("up")
		for name, uid := range before {
			if now[name] == "" || now[name] == uid {
				return false, n.ready("up")
			}
		}
		return n.cluster("up").Status.MetadataVersion == "4.3-IV0", n.ready("up")
	})
	n.waitReady("up")
	require.Equal(t, "4.3", n.cluster("up").Status.Version)
	require.Contains(t, n.exec("up-node-0", "kafka-features.sh --bootstrap-server "+m.bootstrap()+" describe | grep metadata.version"),
		"FinalizedVersionLevel: 4.3-IV0")
	flows.still()
	flows.ended().lossless(t, records)
	m.has(500)
}
