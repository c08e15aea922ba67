package cluster

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

func TestADaemonStartsAnewWhenAFileOfItsOwnChanges(t *testing.T) {
	daemon := plan.Daemon{Args: []string{"kubelet", "--config=/conf/kubelet.yaml"}}
	files := []plan.File{{Path: "/conf/kubelet.yaml", Content: "a"}, {Path: "/conf/other", Content: "a"}}
	before := inputs(daemon, files)
	files[1].Content = "b"
	require.Equal(t, before, inputs(daemon, files), "others' files do not matter")
	files[0].Content = "b"
	require.NotEqual(t, before, inputs(daemon, files))
}

func TestVariablesAreLinesForAShell(t *testing.T) {
	lines := Variables(plan.Instance{Name: "ci", RegistryPort: 5001, Cache: "/it's here", Self: "/bin/sandbox", Audit: true})
	require.Contains(t, lines, `KUBECONFIG='/it'\''s here/sandbox/ci/kubeconfig'`)
	require.Contains(t, lines, "KAFKA_IMAGE=127.0.0.1:5001/koperator/kafka:4.3.1")
	require.Contains(t, lines, "KOPERATOR_IMAGE=127.0.0.1:5001/koperator/koperator:dev")
	require.Contains(t, lines, "SANDBOX_KUBECTL='/bin/sandbox kubectl'")
}

func TestOnlyFailedChecksAreShown(t *testing.T) {
	require.Equal(t, "etcd, poststarthook/rbac/bootstrap-roles",
		failedChecks("[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\nreadyz check failed"))
}

func TestNodesReady(t *testing.T) {
	node := func(name string, ready corev1.ConditionStatus, taints ...corev1.Taint) *corev1.Node {
		return &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       corev1.NodeSpec{Taints: taints},
			Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, Message: "the network is not up"}}},
		}
	}
	for name, test := range map[string]struct {
		second *corev1.Node
		want   string
	}{
		"both are":                     {node("node-2", corev1.ConditionTrue), ""},
		"one has not registered":       {node("node-9", corev1.ConditionTrue), "node-2 has not registered"},
		"one says why it is not":       {node("node-2", corev1.ConditionFalse), "node-2: the network is not up"},
		"nothing may be scheduled yet": {node("node-2", corev1.ConditionTrue, corev1.Taint{Key: corev1.TaintNodeNotReady}), "taint"},
	} {
		t.Run(name, func(t *testing.T) {
			err := nodesReady(context.Background(), fake.NewClientset(node("node-1", corev1.ConditionTrue), test.second), plan.Instance{Nodes: 2})
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestObjectsAreCreatedOnce(t *testing.T) {
	client := fake.NewClientset()
	i := plan.Instance{Nodes: 1}
	require.NoError(t, applyObjects(context.Background(), client, i))
	client.ClearActions()
	require.NoError(t, applyObjects(context.Background(), client, i))
	for _, action := range client.Actions() {
		require.Equal(t, "get", action.GetVerb())
	}
	class, err := client.StorageV1().StorageClasses().Get(context.Background(), "standard", metav1.GetOptions{})
	require.NoError(t, err)
	require.True(t, *class.AllowVolumeExpansion)
}

func TestWaitingEndsWithTheLastReason(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out)
	err := p.Wait(context.Background(), "nodes ready", time.Millisecond, func(context.Context) error { return errors.New("node-1 is missing") })
	require.ErrorContains(t, err, "nodes ready: node-1 is missing")
	require.NoError(t, p.Wait(context.Background(), "API server ready", time.Second, func(context.Context) error { return nil }))
	require.Contains(t, out.String(), "API server ready (0.0 s)")
}

func TestEqualFilesAreLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "conf", "a")
	files := []plan.File{{Path: path, Content: "a"}}
	require.NoError(t, writeFiles(files))
	old := time.Unix(1_000_000, 0)
	require.NoError(t, os.Chtimes(path, old, old))
	require.NoError(t, writeFiles(files))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, info.ModTime().Equal(old))
	require.NoError(t, writeFiles([]plan.File{{Path: path, Content: "b"}}))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "b", string(text))
}

func TestPulledImagesAreKeptOnlyAfterAnOrderlyEnd(t *testing.T) {
	node := plan.Instance{Name: "default", Nodes: 1, Cache: t.TempDir()}.NodeList()[0]
	layer := filepath.Join(node.ContainerdRoot(), "layer")
	put := func() {
		require.NoError(t, os.MkdirAll(node.ContainerdRoot(), 0o755))
		require.NoError(t, os.WriteFile(layer, nil, 0o644))
	}
	put()
	require.NoError(t, os.WriteFile(keptMarker(node), nil, 0o644))
	require.NoError(t, keepOrForgetImages(node))
	require.FileExists(t, layer)
	require.NoError(t, keepOrForgetImages(node), "the marker is good for one start")
	require.NoFileExists(t, layer)
}

func TestAnInstanceThatHoldsNothingOwnsNoLink(t *testing.T) {
	i, err := unclaimed("other", t.TempDir())
	require.NoError(t, err)
	require.Empty(t, i.HostLink(), "the first link is that of the instance with index 0")
}

func TestANodeIsFoundByItsName(t *testing.T) {
	three := plan.Instance{Name: "ci", Nodes: 3}
	n, err := nodeOf(three, "node-2")
	require.NoError(t, err)
	require.Equal(t, 2, n.Number)
	_, err = nodeOf(three, "node-4")
	require.ErrorContains(t, err, `sandbox "ci" has no node "node-4": it has node-1, node-2, node-3`)
	_, err = nodeOf(plan.Instance{Name: "bench", APIOnly: true}, "node-1")
	require.ErrorContains(t, err, "has no nodes")
}

func TestANodeThatWasStoppedIsReadyWhenItsKubeletSaysSo(t *testing.T) {
	started := time.Date(2026, 11, 21, 10, 0, 0, 900, time.UTC)
	said := func(at time.Time, status corev1.ConditionStatus) corev1.Node {
		return corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: status, LastHeartbeatTime: metav1.NewTime(at), Message: "the network is not up",
		}}}}
	}
	require.Equal(t, "its kubelet has not reported yet", notReadySince(said(started.Add(-time.Minute), corev1.ConditionTrue), started))
	require.Equal(t, "the network is not up", notReadySince(said(started.Add(time.Second), corev1.ConditionFalse), started))
	require.Empty(t, notReadySince(said(started.Truncate(time.Second), corev1.ConditionTrue), started), "times of the API have no fractions")
}
