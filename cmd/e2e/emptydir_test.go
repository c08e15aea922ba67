//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestMetadataOnEmptyDirs has three combined nodes without any volume: each has its records and its vote on an emptyDir. They are
// rolled, and then one loses its Pod, while records flow; all that was acknowledged is there, and each vote is that of the newest Pod.
// When two lose theirs at once nothing is formatted in their place. Their very first Pods cannot pull their image: those are made again, and
// begin the quorum.
func TestMetadataOnEmptyDirs(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("brief"), withRoles("broker,controller", "broker,controller", "broker,controller"), onEmptyDirs)
	image := cluster.Spec.ClusterImage
	cluster.Spec.ClusterImage = image + "-mistyped"
	n.apply(cluster)
	n.eventually(3*time.Minute, "no image can be pulled", func() (bool, string) {
		waits := n.kubectl("get", "pods", "-l", "kafka_cr=brief", "-o", "jsonpath={..waiting.reason}")
		return strings.Count(waits, "ImagePull") >= 3, waits
	})
	cluster.Spec.ClusterImage = image
	n.apply(cluster)
	n.waitReady("brief")
	require.Empty(t, n.kubectl("get", "pvc", "-o", "name"))
	m := n.topic(cluster, "orders", 3)
	m.write(1, 300)
	first := m.voters()
	require.Equal(t, []string{"0", "1", "2"}, slices.Sorted(maps.Keys(first)))
	const records = 1200 // four minutes
	flows := m.traffic("flows", "", records, careful()...)

	n.rolls("brief", "queued.max.requests=600")
	n.waitReady("brief")
	m.votes(3*time.Minute, "0", "1", "2")
	rolled := m.voters()
	for id, directory := range rolled {
		require.NotEqual(t, first[id], directory, "node %s votes with the emptyDir of its new Pod", id)
	}
	m.inSync()

	before := n.uids("brief")
	n.kubectl("delete", "pod", "brief-node-1", "--grace-period=0", "--force")
	n.eventually(5*time.Minute, "it votes with another emptyDir", func() (bool, string) {
		now := m.voters()
		return len(now) == 3 && now["1"] != "" && now["1"] != rolled["1"], n.ready("brief")
	})
	n.waitReady("brief")
	m.inSync()
	after := n.uids("brief")
	require.NotEqual(t, before["brief-node-1"], after["brief-node-1"])
	delete(before, "brief-node-1")
	delete(after, "brief-node-1")
	require.Equal(t, before, after, "nobody else was touched")

	seen := flows.ended()
	seen.tell(t)
	require.Empty(t, seen.failed)
	require.Equal(t, records, seen.acknowledged)
	require.Equal(t, records, seen.read)
	require.Empty(t, seen.gaps)
	m.has(300)

	n.kubectl("delete", "pod", "brief-node-1", "brief-node-2", "--grace-period=0", "--force")
	n.eventually(5*time.Minute, "a condition tells that the metadata are gone", func() (bool, string) {
		text := n.condition("brief", "DataVolumeLost")
		return strings.Contains(text, "metadata are lost"), text
	})
	require.Len(t, n.uids("brief"), 1, "nothing is formatted in their place")
}

// The last replica in sync goes with its Pod, and another broker comes back with an older copy. Kafka would make that one empty: the
// broker whose Pod is gone would be its leader again, with nothing.
func TestReplicasOnAnEmptyDirTakeNothingFromOthers(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("brief"), withRoles("broker,controller", "broker", "broker"), func(c *v1beta1.KafkaCluster) {
		limit := resource.MustParse("1Gi")
		c.Spec.Brokers[1].BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{
			{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit}},
		}
	})
	n.apply(cluster)
	n.waitReady("brief")
	require.NotEmpty(t, n.claimsAt(0, "/kafka-logs"))
	require.Empty(t, n.claimsAt(1, "/kafka-logs"))
	m := messages{n, cluster, "orders"}
	m.kafka("kafka-topics.sh --create --topic orders --replica-assignment 1:2 --config min.insync.replicas=1 --bootstrap-server")
	m.write(1, 100)
	maintenance := func(on bool) {
		cluster.Spec.Brokers[2].Maintenance = on
		n.apply(cluster)
	}
	maintenance(true)
	n.eventually(3*time.Minute, "broker 2 is stopped", func() (bool, string) { return n.uids("brief")["brief-node-2"] == "", n.ready("brief") })
	m.write(101, 150)

	n.kubectl("delete", "pod", "brief-node-1", "--grace-period=0", "--force")
	maintenance(false)
	n.eventually(4*time.Minute, "a condition names the partition and the way out", func() (bool, string) {
		text := n.condition("brief", "DataVolumeLost")
		return strings.Contains(text, "orders-0") && strings.Contains(text, "--election-type UNCLEAN"), text + n.ready("brief")
	})
	n.eventually(3*time.Minute, "broker 2 serves", func() (bool, string) {
		return n.kubectl("get", "pod", "brief-node-2", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`) == "True", n.ready("brief")
	})
	require.Empty(t, n.uids("brief")["brief-node-1"], "it would take the copy of broker 2")
	require.Contains(t, m.kafka("kafka-topics.sh --describe --topic orders --bootstrap-server"), "Leader: none")

	m.kafka("kafka-leader-election.sh --election-type UNCLEAN --topic orders --partition 0 --bootstrap-server")
	n.eventually(3*time.Minute, "broker 1 is made again", func() (bool, string) { return n.uids("brief")["brief-node-1"] != "", n.ready("brief") })
	n.waitReady("brief")
	m.inSync()
	m.has(100)
	require.Empty(t, n.condition("brief", "DataVolumeLost"))
}

// onEmptyDirs takes all volumes away.
func onEmptyDirs(c *v1beta1.KafkaCluster) {
	group, limit := c.Spec.BrokerConfigGroups["default"], resource.MustParse("1Gi")
	group.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit}}}
	c.Spec.BrokerConfigGroups["default"] = group
}

// inSync waits until every replica is.
func (m messages) inSync() {
	m.t.Helper()
	m.eventually(5*time.Minute, "all replicas are in sync", func() (bool, string) {
		out := m.kafka("kafka-topics.sh --describe --under-replicated-partitions --bootstrap-server")
		return out == "", out
	})
}
