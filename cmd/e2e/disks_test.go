//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestDisks adds a disk to one broker and takes it away again under a producer and a consumer, lets one fail, loses the volume of one
// broker whose partitions others have, and that of one with a last copy.
func TestDisks(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("disks"), withRoles("broker,controller", "broker", "broker", "broker"))
	n.apply(cluster)
	n.waitReady("disks")
	m := n.topic(cluster, "orders", 3)
	m.write(1, 300)
	n.exec(m.pod(), "kafka-topics.sh --bootstrap-server "+m.bootstrap()+" --create --topic single --replica-assignment 2")
	before := n.uids("disks")

	t.Run("a disk is added to one broker, used, and taken away when it is empty", func(t *testing.T) {
		n := namespace{t, n.name}
		const path, records = "/kafka-logs-more", 900 // three minutes
		flows := messages{n, cluster, m.topic}.traffic("flows", "", records, careful()...)
		messages{n, cluster, m.topic}.moreDisk(path)
		after := n.uids("disks")
		require.NotEqual(t, before["disks-node-3"], after["disks-node-3"])
		require.Len(t, n.claimsAt(3, path), 1)

		n.lessDisk(path)
		out := m.kafka("kafka-log-dirs.sh --describe --broker-list 3 --bootstrap-server")
		require.NotContains(t, out, path)
		require.NotContains(t, m.kafka("kafka-configs.sh --describe --entity-type brokers --entity-name 3 --bootstrap-server"), "cordoned")
		flows.still()
		delete(before, "disks-node-3")
		now := n.uids("disks")
		delete(now, "disks-node-3")
		require.Equal(t, before, now, "nobody else was touched")
		flows.ended().lossless(t, records)
	})

	t.Run("a disk that fails is told, takes nobody down, and goes when others have what was on it", func(t *testing.T) {
		n := namespace{t, n.name}
		m := messages{n, cluster, m.topic}
		const path = "/kafka-logs-fails"
		m.moreDisk(path)
		m.kafka("kafka-topics.sh --create --topic spread --replica-assignment 3:0,3:1,3:2,3:0 --config min.insync.replicas=1 --bootstrap-server")
		running := n.uids("disks")
		// The next checkpoint cannot be written: to Kafka the disk has failed. Log dirs are looked at every four to six minutes.
		n.exec("disks-node-3", "rm -r "+path+"/kafka")
		n.eventually(7*time.Minute, "a condition names broker and disk", func() (bool, string) {
			is := n.condition("disks", "DisksFailed")
			return strings.Contains(is, "broker 3 cannot use "+path), is
		})
		m.has(300)
		out := m.kafka("kafka-log-dirs.sh --describe --broker-list 3 --bootstrap-server")
		require.Contains(t, out, `"error":null`, "one of its disks can be used")
		require.Contains(t, out, "KafkaStorageException", "and one cannot")
		require.Equal(t, running, n.uids("disks"), "it serves on from the other one")
		n.lessDisk(path)
		n.eventually(3*time.Minute, "all replicas are in sync", func() (bool, string) {
			out := m.kafka("kafka-topics.sh --describe --under-replicated-partitions --bootstrap-server")
			return out == "", out
		})
		require.Empty(t, n.condition("disks", "DisksFailed"))
		now := n.uids("disks")
		delete(running, "disks-node-3")
		delete(now, "disks-node-3")
		require.Equal(t, running, now, "nobody else was touched")
	})

	t.Run("a lost volume is replaced, what was on it comes from the others", func(t *testing.T) {
		n := namespace{t, n.name}
		n.loseVolume("disks", 3)
		n.eventually(5*time.Minute, "an Event tells of an empty disk", func() (bool, string) {
			out := n.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}")
			return strings.Contains(out, "DiskReplaced"), n.ready("disks") + " " + n.condition("disks", "DataVolumeLost")
		})
		n.waitReady("disks")
		n.eventually(3*time.Minute, "all replicas are in sync", func() (bool, string) {
			out := m.kafka("kafka-topics.sh --describe --under-replicated-partitions --bootstrap-server")
			return out == "", out
		})
		m.has(300)
	})

	t.Run("a lost volume with a last copy stops that broker alone until a person gives it up", func(t *testing.T) {
		n := namespace{t, n.name}
		n.loseVolume("disks", 2)
		n.eventually(3*time.Minute, "a condition names the partition", func() (bool, string) {
			is := n.condition("disks", "DataVolumeLost")
			return strings.Contains(is, "single-0") && strings.Contains(is, "allow-data-loss"), is
		})
		require.Empty(t, n.claimsAt(2, "/kafka-logs"))
		m.has(300)
		_, word, found := strings.Cut(n.condition("disks", "DataVolumeLost"), `allow-data-loss: "`)
		require.True(t, found)
		word, _, _ = strings.Cut(word, `"`)
		n.kubectl("annotate", "kafkacluster", "disks", "kafka.banzaicloud.io/allow-data-loss="+word)
		n.waitReady("disks")
		require.Empty(t, n.condition("disks", "DataVolumeLost"))
		m.has(300)
	})
}

// moreDisk gives broker 3 a second disk, and waits until it uses it.
func (m messages) moreDisk(path string) {
	m.t.Helper()
	next := m.spec("disks")
	disk := *next.Spec.BrokerConfigGroups["default"].StorageConfigs[0].DeepCopy()
	disk.MountPath = path
	next.Spec.Brokers[3].BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{disk}
	m.apply(next)
	m.eventually(5*time.Minute, "broker 3 uses it", func() (bool, string) {
		out, _ := run(m.t.Context(), "", "-n", m.name, "exec", m.pod(), "-c", "kafka", "--", "bash", "-c",
			"kafka-log-dirs.sh --describe --broker-list 3 --bootstrap-server "+m.bootstrap())
		return strings.Contains(out, path+"/kafka"), out
	})
	m.waitReady("disks")
}

// lessDisk takes it out of the spec again, and waits until it is gone.
func (n namespace) lessDisk(path string) {
	n.t.Helper()
	next := n.spec("disks")
	next.Spec.Brokers[3].BrokerConfig.StorageConfigs = nil
	n.apply(next)
	n.eventually(5*time.Minute, "it is gone", func() (bool, string) {
		return len(n.claimsAt(3, path)) == 0, n.condition("disks", "UpdateAvailable")
	})
	n.waitReady("disks")
}

// claimsAt are the names of a broker's claims for a mount path.
func (n namespace) claimsAt(broker int, mountPath string) []string {
	n.t.Helper()
	out := n.kubectl("get", "pvc", "-l", "brokerId="+string(rune('0'+broker)),
		"-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations.mountPath}{"\n"}{end}`)
	var names []string
	for line := range strings.Lines(out) {
		if name, path, found := strings.Cut(strings.TrimSpace(line), " "); found && path == mountPath {
			names = append(names, name)
		}
	}
	return names
}

// loseVolume deletes the claims of a broker and its Pod, so that they go with their data.
func (n namespace) loseVolume(cluster string, broker int) {
	n.t.Helper()
	id := string(rune('0' + broker))
	n.kubectl("delete", "pvc", "-l", "kafka_cr="+cluster+",brokerId="+id, "--wait=false")
	n.kubectl("delete", "pod", "-l", "kafka_cr="+cluster+",brokerId="+id, "--timeout=120s")
}
