//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// TestColdStart starts every kind of cluster from nothing: a quorum must form before any Pod is ready.
func TestColdStart(t *testing.T) {
	deployOperator(t)
	for name, change := range map[string][]func(*v1beta1.KafkaCluster){
		"combined nodes without headless": {withRoles("broker,controller", "broker,controller", "broker,controller"), withoutHeadless},
		"controllers apart":               {withRoles("broker", "broker", "broker", "controller")},
		"controllers apart, no headless":  {withRoles("broker", "broker", "broker", "controller"), withoutHeadless},
	} {
		t.Run(strings.NewReplacer(" ", "-", ",", "").Replace(name), func(t *testing.T) {
			n := newNamespace(t)
			cluster := n.sample(append(change, named("cold"))...)
			n.apply(cluster)
			n.waitReady("cold")
			m := n.topic(cluster, "cold", 3)
			m.write(1, 100)
			m.has(100)
		})
	}
}

// TestRestrictedNamespace: a cluster whose Pods are told to run as an ordinary user passes the strictest policy.
func TestRestrictedNamespace(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t, "pod-security.kubernetes.io/enforce=restricted")
	cluster := n.sample(named("strict"), single, func(c *v1beta1.KafkaCluster) {
		group := c.Spec.BrokerConfigGroups["default"]
		group.PodSecurityContext = &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(int64(1000)), FSGroup: ptr.To(int64(1000)),
		}
		c.Spec.BrokerConfigGroups["default"] = group
	})
	n.apply(cluster)
	n.waitReady("strict")
}

// TestCrashes: what happens inside of a Pod is the kubelet's business, and never leads to a disk being formatted again.
func TestCrashes(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("crash"), single)
	n.apply(cluster)
	n.waitReady("crash")
	m := n.topic(cluster, "crash", 1)
	m.write(1, 100)
	pod := n.uids("crash")

	t.Run("a killed Kafka starts again in its Pod, with its data", func(t *testing.T) {
		n.kill("crash-node-0")
		n.eventually(2*time.Minute, "the container was restarted", func() (bool, string) {
			count := n.restarts("crash-node-0")
			return count == "1", count
		})
		n.waitReady("crash")
		require.Equal(t, pod, n.uids("crash"), "the Pod stays")
		m.has(100)
	})
	t.Run("a volume that came back empty is not formatted", func(t *testing.T) {
		n.exec("crash-node-0", "rm -rf /kafka-logs/kafka/* || true")
		n.kill("crash-node-0")
		n.eventually(3*time.Minute, "the start script holds", func() (bool, string) {
			log := n.kubectl("logs", "crash-node-0", "-c", "kafka", "--tail=5")
			return strings.Contains(log, "came back empty"), log
		})
		n.kubectl("delete", "pod", "crash-node-0", "--timeout=120s")
		n.eventually(2*time.Minute, "its successor holds too", func() (bool, string) {
			log, _ := run(t.Context(), "", "-n", n.name, "logs", "crash-node-0", "-c", "kafka", "--tail=5")
			return strings.Contains(log, "came back empty"), log
		})
		require.Equal(t, "none", n.exec("crash-node-0", "ls /kafka-logs/kafka/meta.properties 2>/dev/null || echo none"))
	})
	t.Run("it can be deleted while Kafka is down", func(t *testing.T) {
		n.kubectl("delete", "kafkacluster", "crash", "--timeout=60s")
		n.eventually(3*time.Minute, "all objects are gone", func() (bool, string) {
			left := n.kubectl("get", "pods,pvc,configmaps,services,pdb", "-l", "kafka_cr=crash", "-o", "name")
			return left == "", left
		})
	})
}

// kill ends the Java process of a Pod without any warning.
func (n namespace) kill(pod string) {
	n.t.Helper()
	n.exec(pod, "kill -9 $(pidof java)")
}

func (n namespace) restarts(pod string) string {
	n.t.Helper()
	return n.kubectl("get", "pod", pod, "-o", `jsonpath={.status.containerStatuses[?(@.name=="kafka")].restartCount}`)
}

// TestBadSpecs: a spec that cannot work is named, stops nothing else and can be cured.
func TestBadSpecs(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	bad := map[string]struct {
		change func(*v1beta1.KafkaCluster)
		says   string
	}{
		"no-inner": {
			func(c *v1beta1.KafkaCluster) {
				c.Spec.ListenersConfig.InternalListeners[0].UsedForInnerBrokerCommunication = false
			}, "spec.listenersConfig",
		},
		"ssl": {
			func(c *v1beta1.KafkaCluster) {
				c.Spec.ListenersConfig.InternalListeners[0].Type = v1beta1.SecurityProtocolSSL
			}, "spec.listenersConfig.internalListeners",
		},
		"properties": {func(c *v1beta1.KafkaCluster) { c.Spec.ReadOnlyConfig = "nothing" }, "spec.readOnlyConfig"},
	}
	good := n.sample(named("good"), single)
	n.apply(good)
	for name, b := range bad {
		n.apply(n.sample(named(name), single, b.change))
	}
	n.waitReady("good")
	for name, b := range bad {
		is := n.ready(name)
		require.True(t, strings.HasPrefix(is, "False ") && strings.Contains(is, b.says), "%s says %q", name, is)
		require.Empty(t, n.uids(name), "nothing is started for %s", name)
		require.NotEmpty(t, n.condition(name, "Stalled"), "%s", name)
	}
	n.kubectl("delete", "kafkacluster", "good")
	n.apply(n.sample(named("no-inner"), single)) // cured
	n.waitReady("no-inner")
}

// TestOperatorGoes: brokers do not notice when the operator that leads is gone, and the other one takes over.
func TestOperatorGoes(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	n.apply(n.sample(named("calm"), single))
	n.waitReady("calm")
	before, status := n.uids("calm"), n.cluster("calm").Status
	operators := func() string {
		return kubectl(t, "", "-n", "koperator", "get", "pods", "-l", "app=koperator", "-o", "name")
	}
	old := operators()
	kubectl(t, "", "-n", "koperator", "delete", "pods", "-l", "app=koperator", "--wait=true", "--timeout=120s")
	kubectl(t, "", "-n", "koperator", "rollout", "status", "deployment/koperator", "--timeout=120s")
	require.NotEqual(t, old, operators())
	n.eventually(time.Minute, "another replica holds the lease", func() (bool, string) {
		holder := kubectl(t, "", "-n", "koperator", "get", "leases", "-o", "jsonpath={.items[0].spec.holderIdentity}")
		name, _, _ := strings.Cut(holder, "_")
		return name != "" && strings.Contains(operators(), name), holder
	})
	n.eventually(time.Minute, "its Pod alone has the leader's label", func() (bool, string) {
		holder := kubectl(t, "", "-n", "koperator", "get", "leases", "-o", "jsonpath={.items[0].spec.holderIdentity}")
		name, _, _ := strings.Cut(holder, "_")
		labelled := kubectl(t, "", "-n", "koperator", "get", "pods", "-l", kube.LabelLeader+"=true", "-o", "name")
		return strings.TrimSpace(labelled) == "pod/"+name, labelled
	})
	settled := time.Now().Add(30 * time.Second) // a new leader waits for first reports before it writes a status
	n.eventually(time.Minute, "the new leader has looked at everything", func() (bool, string) {
		require.Equal(t, before, n.uids("calm"), "no Pod is replaced")
		require.Equal(t, status, n.cluster("calm").Status, "a change of leader is no change of the cluster")
		return time.Now().After(settled), "calm so far"
	})
	n.kubectl("delete", "pod", "calm-node-0", "--timeout=120s")
	n.eventually(time.Minute, "the new leader replaces a lost Pod", func() (bool, string) {
		uid := n.uids("calm")["calm-node-0"]
		return uid != "" && uid != before["calm-node-0"], uid
	})
	n.waitReady("calm")
}

// TestRetainedClaims: with whenDeleted Retain a deleted cluster leaves its disks, and one of the same name finds them.
func TestRetainedClaims(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("kept"), single, func(c *v1beta1.KafkaCluster) {
		c.Spec.PersistentVolumeClaimRetentionPolicy = &v1beta1.PersistentVolumeClaimRetentionPolicy{
			WhenDeleted: v1beta1.RetentionRetain,
		}
	})
	n.apply(cluster)
	n.waitReady("kept")
	m := n.topic(cluster, "kept", 1)
	m.write(1, 50)
	id := n.cluster("kept").Status.ClusterID
	claims := n.kubectl("get", "pvc", "-l", "kafka_cr=kept", "-o", "name")
	require.NotEmpty(t, claims)
	scaleOperator(t, "0") // nobody is there to hold back what Kubernetes' garbage collection may take
	t.Cleanup(func() { deployOperator(t) })
	n.kubectl("delete", "kafkacluster", "kept", "--cascade=foreground", "--wait=false")
	n.eventually(2*time.Minute, "the Pods are gone", func() (bool, string) {
		return len(n.uids("kept")) == 0, ""
	})
	scaleOperator(t, "2")
	n.eventually(2*time.Minute, "the cluster is gone", func() (bool, string) {
		left := n.kubectl("get", "kafkacluster", "-o", "name")
		return left == "", left
	})
	require.Equal(t, claims, n.kubectl("get", "pvc", "-l", "kafka_cr=kept", "-o", "name"), "claims stay")
	n.apply(cluster)
	n.waitReady("kept")
	require.Equal(t, id, n.cluster("kept").Status.ClusterID)
	m.has(50)
}
