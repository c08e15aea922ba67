//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// zooKeeper is one ZooKeeper from the jars that Kafka 3 brings.
const zooKeeper = `
apiVersion: v1
kind: Service
metadata: {name: zookeeper, namespace: NAMESPACE}
spec:
  selector: {app: zookeeper}
  ports: [{port: 2181}]
---
apiVersion: v1
kind: Pod
metadata: {name: zookeeper, namespace: NAMESPACE, labels: {app: zookeeper}}
spec:
  containers:
    - name: zookeeper
      image: REGISTRY/koperator/kafka:3.9.2
      command: [bash, -c, 'printf "dataDir=/tmp/zookeeper\nclientPort=2181\nadmin.enableServer=false\n" > /tmp/zoo.cfg;
        exec kafka-run-class.sh org.apache.zookeeper.server.quorum.QuorumPeerMain /tmp/zoo.cfg']
      readinessProbe: {tcpSocket: {port: 2181}, periodSeconds: 2}
`

// TestZooKeeperMode runs a cluster of Kafka 3 as those have it who did not migrate yet: it starts, takes a change of each class, and a
// lost Pod comes back.
func TestZooKeeperMode(t *testing.T) {
	if os.Getenv("KAFKA_3_IMAGE") == "" {
		t.Skip("KAFKA_3_IMAGE is not set: there is no image with Kafka 3 and ZooKeeper")
	}
	deployOperator(t)
	n := newNamespace(t)
	registry := os.Getenv("SANDBOX_REGISTRY")
	kubectl(t, strings.NewReplacer("NAMESPACE", n.name, "REGISTRY", registry).Replace(zooKeeper), "apply", "-f", "-")
	n.kubectl("wait", "pod", "zookeeper", "--for=condition=Ready", "--timeout=120s")
	cluster := n.sample(named("old"), func(c *v1beta1.KafkaCluster) {
		c.Spec.KRaft, c.Spec.OneBrokerPerNode = false, false
		c.Spec.ZKAddresses = []string{"zookeeper." + n.name + ":2181"}
		c.Spec.ClusterImage = os.Getenv("KAFKA_3_IMAGE")
		group := c.Spec.BrokerConfigGroups["default"]
		group.ProcessRoles = nil
		c.Spec.BrokerConfigGroups["default"] = group
		c.Spec.ListenersConfig.InternalListeners = c.Spec.ListenersConfig.InternalListeners[:1]
	})
	n.apply(cluster)
	n.waitReady("old")
	m := n.topic(cluster, "old", 3)
	m.write(1, 100)
	m.has(100)

	before := n.uids("old")
	next := n.spec("old")
	next.Spec.ReadOnlyConfig += "\nlog.retention.ms=7200000\n"
	n.apply(next)
	n.eventually(2*time.Minute, "the live key is in force", func() (bool, string) {
		said := n.exec("old-node-0", m.configs("log.retention.ms"))
		return strings.Contains(said, "log.retention.ms=7200000"), said
	})
	require.Equal(t, before, n.uids("old"), "nobody was restarted for it")
	next.Spec.ReadOnlyConfig += "queued.max.requests=600\n"
	n.apply(next)
	n.eventually(5*time.Minute, "every broker has another Pod and all are ready", func() (bool, string) {
		now := n.uids("old")
		for name, uid := range before {
			if now[name] == "" || now[name] == uid {
				return false, n.ready("old")
			}
		}
		return n.cluster("old").Status.State == v1beta1.ClusterRunning, n.ready("old")
	})
	require.Contains(t, n.exec("old-node-0", m.configs("queued.max.requests")), "queued.max.requests=600")
	m.has(100)

	pod := n.uids("old")["old-node-0"]
	n.kubectl("delete", "pod", "old-node-0", "--timeout=120s")
	n.eventually(2*time.Minute, "broker 0 has another Pod", func() (bool, string) {
		now := n.uids("old")["old-node-0"]
		return now != "" && now != pod, n.ready("old")
	})
	n.waitReady("old")
	m.has(100)
}

// configs asks broker 0 what a key has as its value.
func (m messages) configs(key string) string {
	return "kafka-configs.sh --bootstrap-server " + m.bootstrap() + " --describe --all --entity-type brokers --entity-name 0 | grep '^ *" + key + "='"
}
