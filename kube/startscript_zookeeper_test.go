package kube

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// withZooKeeper makes it a broker in ZooKeeper mode, whose Kafka writes meta.properties itself.
func (n *node) withZooKeeper() {
	n.zooKeeper = true
	n.config("broker.id=0", "log.dirs="+n.path("d0/kafka")+","+n.path("d1/kafka"))
	n.write("libs/kafka-server-common-3.9.2.jar", "")
	require.NoError(n.t, os.Remove(n.path("libs/kafka-server-common-4.3.1.jar")))
	delete(n.env, "CLUSTER_ID")
	delete(n.env, "KAFKA_QUORUM")
	n.write("writes-meta", "")
}

// runsUntilUsed starts the script until it knows that Kafka has used the log dirs, and kills all of it without a word.
func (n *node) runsUntilUsed(dirs ...string) {
	n.t.Helper()
	p := n.start()
	require.Eventually(n.t, func() bool {
		return !slices.ContainsFunc(dirs, func(dir string) bool { return !n.exists(markerOf(n.path(dir))) })
	}, n.patience, 5*time.Millisecond)
	require.NoError(n.t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL))
	require.Equal(n.t, -1, p.ends())
}

func TestStartScriptInZooKeeperModeFormatsNothing(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.withZooKeeper()
	n.runs()
	require.Equal(t, []string{"kafka /config", "stopped"}, n.calls())
}

func TestStartScriptInZooKeeperModeHolds(t *testing.T) {
	tests := map[string]struct {
		given  func(*node)
		reason string
	}{
		"when a volume that was used came back empty": {
			given: func(n *node) {
				n.write("d1/kafka/meta.properties", "version=0")
				n.env["KAFKA_FORMAT_DIRS"] = ""
			},
			reason: "/d0/kafka has no meta.properties",
		},
		"when one came back empty beside a new one": {
			given: func(n *node) {
				n.env["KAFKA_FORMAT_DIRS"] = n.path("d0/kafka")
			},
			reason: "/d1/kafka has no meta.properties",
		},
		"when one came back empty in the Pod that used it first": {
			given: func(n *node) {
				n.runsUntilUsed("d0/kafka", "d1/kafka")
				require.NoError(n.t, os.RemoveAll(n.path("d1/kafka")))
			},
			reason: "/d1/kafka has no meta.properties",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.withZooKeeper()
			test.given(n)
			n.holds(test.reason)
		})
	}
}

// A first start may fail before Kafka has written anything: ZooKeeper may not be there yet.
func TestStartScriptInZooKeeperModeStartsKafkaAgainUntilItHasWritten(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.withZooKeeper()
	require.NoError(t, os.Remove(n.path("writes-meta")))
	n.runs()
	n.runs()
	require.Equal(t, []string{"kafka /config", "stopped", "kafka /config", "stopped"}, n.calls())
}

// A Pod that is made again has no marks of its own, and no right for what was used.
func TestStartScriptInZooKeeperModeStartsOnWhatWasUsed(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.withZooKeeper()
	n.runsUntilUsed("d0/kafka", "d1/kafka")
	require.NoError(t, os.RemoveAll(n.path("state")))
	delete(n.env, "KAFKA_FORMAT_DIRS")
	n.calls()
	n.runs()
	require.Equal(t, []string{"kafka /config", "stopped"}, n.calls())
}
