//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

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

// TestZooKeeperMode runs a cluster of Kafka 3 as those have it who did not migrate yet.
func TestZooKeeperMode(t *testing.T) {
	if os.Getenv("KAFKA_3_IMAGE") == "" {
		t.Skip("KAFKA_3_IMAGE is not set: there is no image with Kafka 3 and ZooKeeper")
	}
	deployOperator(t)
	n := newNamespace(t)
	registry := os.Getenv("SANDBOX_REGISTRY")
	kubectl(t, strings.NewReplacer("NAMESPACE", n.name, "REGISTRY", registry).Replace(zooKeeper), "apply", "-f", "-")
	n.kubectl("wait", "pod", "zookeeper", "--for=condition=Ready", "--timeout=120s")
	cluster := n.sample(named("old"), single, func(c *v1beta1.KafkaCluster) {
		c.Spec.KRaft = false
		c.Spec.ZKAddresses = []string{"zookeeper." + n.name + ":2181"}
		c.Spec.ClusterImage = os.Getenv("KAFKA_3_IMAGE")
		group := c.Spec.BrokerConfigGroups["default"]
		group.ProcessRoles = nil
		c.Spec.BrokerConfigGroups["default"] = group
		c.Spec.ListenersConfig.InternalListeners = c.Spec.ListenersConfig.InternalListeners[:1]
	})
	n.apply(cluster)
	n.waitReady("old")
	m := n.topic(cluster, "old", 1)
	m.write(1, 100)
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
