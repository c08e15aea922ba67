//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// namespace is where a test's clusters live.
type namespace struct {
	t    *testing.T
	name string
}

// newNamespace makes an empty one that goes with the test, unless KEEP is set.
func newNamespace(t *testing.T, labels ...string) namespace {
	t.Helper()
	n := namespace{t, strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))}
	kubectl(t, "", "delete", "namespace", n.name, "--ignore-not-found", "--timeout=180s")
	kubectl(t, "", "create", "namespace", n.name)
	for _, label := range labels {
		kubectl(t, "", "label", "namespace", n.name, label)
	}
	t.Cleanup(func() {
		if t.Failed() {
			n.dump()
		}
		if os.Getenv("KEEP") == "" {
			kubectl(t, "", "delete", "namespace", n.name, "--timeout=180s")
		}
	})
	return n
}

// dump shows what a person would look at after a failure.
func (n namespace) dump() {
	for _, args := range [][]string{
		{"-n", n.name, "get", "kafkaclusters,pods,pvc,configmaps,services,pdb", "-o", "wide"},
		{"-n", n.name, "get", "kafkaclusters", "-o", "yaml"},
		{"-n", n.name, "get", "events", "--sort-by=.lastTimestamp"},
		{"-n", "koperator", "logs", "-l", "app=koperator", "--tail=80"},
	} {
		out, _ := run(context.WithoutCancel(n.t.Context()), "", args...) // the test is over
		n.t.Logf("kubectl %s\n%s", strings.Join(args, " "), out)
	}
}

// kubectl runs a command and fails the test with its output when it fails.
func kubectl(t *testing.T, input string, args ...string) string {
	t.Helper()
	out, err := run(context.WithoutCancel(t.Context()), input, args...)
	require.NoError(t, err, "kubectl %s\n%s", strings.Join(args, " "), out)
	return out
}

func (n namespace) kubectl(args ...string) string {
	n.t.Helper()
	return kubectl(n.t, "", append([]string{"-n", n.name}, args...)...)
}

func run(ctx context.Context, input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	words := append(strings.Fields(cmp.Or(os.Getenv("KUBECTL"), "kubectl")), args...)
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Stdin = strings.NewReader(input)
	var out, stderr bytes.Buffer
	command.Stdout, command.Stderr = &out, &stderr
	err := command.Run()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return strings.TrimSpace(out.String()), err
}

// apply writes a cluster as a person would.
func (n namespace) apply(cluster *v1beta1.KafkaCluster) {
	n.t.Helper()
	text, err := json.Marshal(cluster)
	require.NoError(n.t, err)
	var fields map[string]any
	require.NoError(n.t, json.Unmarshal(text, &fields))
	delete(fields, "status")
	text, err = json.Marshal(fields)
	require.NoError(n.t, err)
	kubectl(n.t, string(text), "apply", "-f", "-")
}

// cluster reads the custom resource; nil when there is none.
func (n namespace) cluster(name string) *v1beta1.KafkaCluster {
	n.t.Helper()
	text := n.kubectl("get", "kafkacluster", name, "-o", "json", "--ignore-not-found")
	if text == "" {
		return nil
	}
	cluster := &v1beta1.KafkaCluster{}
	require.NoError(n.t, json.Unmarshal([]byte(text), cluster))
	return cluster
}

// ready says what condition Ready is: "True Running: 3/3 nodes run".
func (n namespace) ready(name string) string { return n.condition(name, "Ready") }

// condition says what a condition is, empty when it is not there.
func (n namespace) condition(name, kind string) string {
	n.t.Helper()
	cluster := n.cluster(name)
	if cluster == nil {
		return "no such cluster"
	}
	for _, c := range cluster.Status.Conditions {
		if c.Type == kind && c.ObservedGeneration == cluster.Generation {
			return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
		}
	}
	return ""
}

// waitReady waits until the cluster is ready in its newest generation.
func (n namespace) waitReady(name string) {
	n.t.Helper()
	n.eventually(4*time.Minute, "cluster "+name+" is ready", func() (bool, string) {
		is := n.ready(name)
		return strings.HasPrefix(is, "True "), is
	})
}

// eventually looks every second until holds does; what it saw last is told when it never does.
func (n namespace) eventually(limit time.Duration, what string, holds func() (bool, string)) {
	n.t.Helper()
	deadline := time.Now().Add(limit)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		done, seen := holds()
		if done {
			return
		}
		if time.Now().After(deadline) {
			require.FailNow(n.t, "not within "+limit.String()+": "+what, "last seen: %s", seen)
		}
		<-ticker.C
	}
}

// uids are the Pods of a cluster: name → UID.
func (n namespace) uids(cluster string) map[string]string {
	n.t.Helper()
	uids := map[string]string{}
	out := n.kubectl("get", "pods", "-l", "kafka_cr="+cluster,
		"-o", `jsonpath={range .items[*]}{.metadata.name}={.metadata.uid}{"\n"}{end}`)
	for line := range strings.Lines(out) {
		if name, uid, found := strings.Cut(strings.TrimSpace(line), "="); found {
			uids[name] = uid
		}
	}
	return uids
}

// exec runs a shell command in the kafka container of a Pod.
func (n namespace) exec(pod, command string) string {
	n.t.Helper()
	return n.kubectl("exec", pod, "-c", "kafka", "--", "bash", "-c", command)
}
