package broker

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// kubelet is a Writer whose Pods have a log, or whose kubelet hangs.
type kubelet struct {
	kube.Writer
	log     string
	hangs   bool
	deleted []string
	notes   []string
	// logged is all that the daemon wrote into its own log.
	logged strings.Builder
}

func (k *kubelet) PodLog(ctx context.Context, _ *corev1.Pod, _ string, bytes int64) (string, error) {
	if k.hangs {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return kube.Tail(k.log, int(bytes)), nil
}

func (k *kubelet) Delete(ctx context.Context, object kube.Object) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	k.deleted = append(k.deleted, object.GetName())
	return nil
}

// Event implements kube.Recorder.
func (k *kubelet) Event(_, _ runtime.Object, _, _, _, note string) { k.notes = append(k.notes, note) }

// ends lets the Pod of broker 0 be replaced after it ended, within the time that a step has, and returns what is told.
func (k *kubelet) ends(t *testing.T) string {
	t.Helper()
	e := worldEffects{
		World: World{Cluster: messages.ClusterKey{Namespace: "kafka", Name: "demo"}, Cache: kube.NewCache(nil), Writer: k, Events: k},
		log:   slog.New(slog.NewTextHandler(&k.logged, nil)),
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: "demo-0"}}
	ctx, cancel := context.WithTimeout(t.Context(), effectTimeout)
	defer cancel()
	out, err := e.run(ctx, remove{object: pod, reason: "its Pod ended with exit code 1", endings: 1, notice: notice{"PodReplaced", "Replace"}})
	require.NoError(t, err)
	require.Equal(t, []string{"demo-0"}, k.deleted)
	require.Equal(t, []string{out.words}, k.notes)
	return out.words
}

func TestAKubeletThatHangsKeepsNoPodFromBeingReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		k := &kubelet{hangs: true}
		require.Equal(t, "its Pod ended with exit code 1", k.ends(t), "without its last words")
		require.LessOrEqual(t, time.Since(begin), 3*time.Second)
	})
}

func TestLastWordsHaveNoSecret(t *testing.T) {
	k := &kubelet{log: "ssl.keystore.password=hunter2 hunter2\nssl.keystore.key=-----BEGIN PRIVATE KEY-----\nhunter2\n" +
		"-----END PRIVATE KEY-----\nConfigException: Invalid value hunter2 for configuration ssl.key.password\n"}
	words := k.ends(t)
	require.NotContains(t, words+k.logged.String(), "hunter2")
	require.Contains(t, words, "ConfigException: Invalid value [hidden] for configuration ssl.key.password")
	require.Contains(t, k.logged.String(), "ConfigException")
}

// What is read begins anywhere: a line that has lost the name in front of its secret is left out.
func TestLastWordsBeginWithAWholeLine(t *testing.T) {
	k := &kubelet{log: "password=" + strings.Repeat("hunter2 ", readLogBytes/8) + "\nfatal error\n"}
	require.Equal(t, "its Pod ended with exit code 1"+kube.LogEnds+"fatal error", k.ends(t))
}
