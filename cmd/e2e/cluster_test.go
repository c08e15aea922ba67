//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// sample is the sandbox's cluster in a namespace of the test's own.
func (n namespace) sample(change ...func(*v1beta1.KafkaCluster)) *v1beta1.KafkaCluster {
	n.t.Helper()
	registry := os.Getenv("SANDBOX_REGISTRY")
	require.NotEmpty(n.t, registry, "SANDBOX_REGISTRY is not set: run make e2e")
	text, err := os.ReadFile("../../deploy/samples/sandbox.yaml")
	require.NoError(n.t, err)
	cluster := &v1beta1.KafkaCluster{}
	require.NoError(n.t, yaml.UnmarshalStrict([]byte(strings.ReplaceAll(string(text), "REGISTRY", registry)), cluster))
	cluster.Namespace = n.name
	for _, c := range change {
		c(cluster)
	}
	return cluster
}

// named gives the cluster another name.
func named(name string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Name = name }
}

// withRoles makes one node of each given list of roles, ids from 0.
func withRoles(roles ...string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		group := c.Spec.BrokerConfigGroups["default"]
		group.ProcessRoles = nil
		c.Spec.BrokerConfigGroups["default"] = group
		c.Spec.Brokers = nil
		for id, text := range roles {
			c.Spec.Brokers = append(c.Spec.Brokers, v1beta1.Broker{
				ID: int32(id), BrokerConfigGroup: "default",
				BrokerConfig: &v1beta1.BrokerConfig{ProcessRoles: strings.Split(text, ",")},
			})
		}
		c.Spec.OneBrokerPerNode = false
	}
}

// single is the smallest cluster: one node.
func single(c *v1beta1.KafkaCluster) {
	c.Spec.Brokers = c.Spec.Brokers[:1]
	c.Spec.ReadOnlyConfig = strings.NewReplacer("=3", "=1", "min.insync.replicas=2", "min.insync.replicas=1",
		"min.isr=2", "min.isr=1").Replace(c.Spec.ReadOnlyConfig)
}

func withoutHeadless(c *v1beta1.KafkaCluster) { c.Spec.HeadlessServiceEnabled = false }

// messages are written to and read from one topic through the cluster's own bootstrap address.
type messages struct {
	namespace
	cluster *v1beta1.KafkaCluster
	topic   string
}

func (n namespace) topic(cluster *v1beta1.KafkaCluster, name string, replicas int) messages {
	n.t.Helper()
	m := messages{n, cluster, name}
	n.exec(m.pod(), fmt.Sprintf("kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions 3 --replication-factor %d",
		m.bootstrap(), name, replicas))
	return m
}

func (m messages) bootstrap() string {
	if m.cluster.Spec.HeadlessServiceEnabled {
		return m.at(m.cluster.Name + "-headless")
	}
	return m.at(m.cluster.Name + "-all-broker")
}

// at is where clients reach what a name of the namespace leads to.
func (m messages) at(name string) string {
	return fmt.Sprintf("%s.%s.svc.cluster.local:29092", name, m.name)
}

// pod is a node whose container has Kafka's tools: that of the first broker, whoever has named it.
func (m messages) pod() string {
	m.t.Helper()
	selector := fmt.Sprintf("kafka_cr=%s,brokerId=%d", m.cluster.Name, m.cluster.Spec.Brokers[0].ID)
	return m.kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].metadata.name}")
}

// write sends numbered messages with acknowledgement of all in-sync replicas.
func (m messages) write(from, to int) {
	m.t.Helper()
	m.exec(m.pod(), fmt.Sprintf("seq -f 'message-%%g' %d %d | kafka-console-producer.sh --bootstrap-server %s --topic %s "+
		"--producer-property acks=all", from, to, m.bootstrap(), m.topic))
}

// writeSlowly sends numbered messages, some each second, from a Pod that no roll restarts, as a producer that must lose
// nothing is set up. What it returns waits for the end and gives the producer's errors.
func (m messages) writeSlowly(from, to int) (errors func() string) {
	m.t.Helper()
	image := m.kubectl("get", "pod", m.pod(), "-o", `jsonpath={.spec.containers[?(@.name=="kafka")].image}`)
	script := fmt.Sprintf("(for i in $(seq %d %d); do echo message-$i; sleep 0.2; done) | kafka-console-producer.sh "+
		"--bootstrap-server %s --topic %s --producer-property acks=all --producer-property enable.idempotence=true "+
		"--producer-property max.in.flight.requests.per.connection=1 --producer-property retries=100 "+
		"--producer-property retry.backoff.ms=200 2>&1 | grep ERROR || true; echo ended",
		from, to, m.bootstrap(), m.topic)
	m.kubectl("run", "producer", "--image="+image, "--restart=Never", "--command", "--", "bash", "-c", script)
	return func() string {
		m.eventually(5*time.Minute, "the producer has ended", func() (bool, string) {
			phase := m.kubectl("get", "pod", "producer", "-o", "jsonpath={.status.phase}")
			return phase == "Succeeded" || phase == "Failed", phase
		})
		out, ended := strings.CutSuffix(strings.TrimSpace(m.kubectl("logs", "producer")), "ended")
		require.True(m.t, ended, out)
		return strings.TrimSpace(out)
	}
}

// read counts the different messages that are in the topic.
func (m messages) read() int {
	m.t.Helper()
	out := m.exec(m.pod(), fmt.Sprintf("timeout 60 kafka-console-consumer.sh --bootstrap-server %s --topic %s "+
		"--from-beginning --timeout-ms 8000 2>/dev/null | sort -u | grep -c message- || true", m.bootstrap(), m.topic))
	count := 0
	_, err := fmt.Sscan(cmp.Or(out, "0"), &count)
	require.NoError(m.t, err, out)
	return count
}

// has waits until so many different messages come back: a consumer on a busy machine may see none within its time.
func (m messages) has(want int) {
	m.t.Helper()
	m.eventually(2*time.Minute, fmt.Sprintf("%d messages come back", want), func() (bool, string) {
		got := m.read()
		return got == want, fmt.Sprint(got)
	})
}

// deployOperator installs CRDs and operator as the README says, with the image under test. A test's end may call it, too.
func deployOperator(t *testing.T) {
	t.Helper()
	image := os.Getenv("KOPERATOR_IMAGE")
	require.NotEmpty(t, image, "KOPERATOR_IMAGE is not set: run make e2e")
	manifests := kubectl(t, "", "kustomize", "../../deploy")
	manifests = strings.ReplaceAll(manifests, "image: koperator:latest", "image: "+image)
	kubectl(t, manifests, "apply", "-f", "-")
	namespace{t, "default"}.eventually(time.Minute, "the API server serves our kinds", func() (bool, string) {
		out, err := run(context.WithoutCancel(t.Context()), "", "get", "--raw", "/apis/kafka.banzaicloud.io/v1beta1/kafkaclusters")
		return err == nil, out
	})
	kubectl(t, "", "-n", "koperator", "rollout", "status", "deployment/koperator", "--timeout=180s")
}
