package kube

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/koperator-go/koperator/messages"
)

// hanging is a client of an API server that answers nothing that is in namespace stuck. arrived tells of each such request.
func hanging(t *testing.T) (client *Client, arrived chan struct{}) {
	t.Helper()
	arrived = make(chan struct{}, 10*maxCalls)
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/stuck/") {
			arrived <- struct{}{}
			<-end
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"well"}}`))
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(end) })
	config := &rest.Config{Host: server.URL, QPS: -1}
	core, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	custom, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	return NewClient(core, NewOwnClient(custom), nil, open), arrived
}

func TestAClusterWhoseRequestsHangDelaysNoOther(t *testing.T) {
	for what, request := range map[string]func(ctx context.Context, client *Client, config *corev1.ConfigMap) error{
		"in an admission webhook": func(ctx context.Context, client *Client, config *corev1.ConfigMap) error {
			_, err := client.Apply(ctx, config)
			return err
		},
		"at the kubelets of its Pods": func(ctx context.Context, client *Client, config *corev1.ConfigMap) error {
			_, err := client.PodLog(ctx, &corev1.Pod{ObjectMeta: config.ObjectMeta}, KafkaContainer, 100)
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			client, arrived := hanging(t)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			stuck := configMap(nil)
			stuck.Namespace, stuck.Labels = "stuck", map[string]string{LabelCluster: "demo"}
			for range 2 * maxCalls {
				go func() { _ = request(ctx, client, stuck) }()
			}
			for range maxLogs / 2 { // as many as come in any case
				<-arrived
			}
			well := configMap(nil)
			well.Namespace, well.Labels = "well", map[string]string{LabelCluster: "demo"}
			for range 2 * maxCalls {
				_, err := client.Apply(ctx, well)
				require.NoError(t, err)
			}
		})
	}
}

func cluster(name string) messages.ClusterKey {
	return messages.ClusterKey{Namespace: "ns1", Name: name}
}

// begun starts requests of a cluster that do not end by themselves, and counts those that began.
func begun(t *testing.T, s *shares, of messages.ClusterKey, requests int) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	began := 0
	results := make(chan error, requests)
	for range requests {
		go func() { results <- s.enter(ctx, of) }()
	}
	synctest.Wait()
	cancel()
	for range requests {
		if <-results == nil {
			began++
		}
	}
	return began
}

func TestRequestsAreSharedByTheClustersThatHaveSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShares(64)
		require.Equal(t, 32, begun(t, s, cluster("a"), 100), "a thousand brokers that want the same moment")
		require.Equal(t, 16, begun(t, s, cluster("b"), 100))
		require.Equal(t, 1, begun(t, s, cluster("c"), 1), "a small cluster waits for nobody")
		require.Zero(t, begun(t, s, cluster("a"), 1))
		for range 32 {
			s.leave(cluster("a"))
		}
		require.Equal(t, 16, begun(t, s, cluster("b"), 100), "what ends is there for others")
		require.Empty(t, s.waiting)
		for range 32 {
			s.leave(cluster("b"))
		}
		s.leave(cluster("c"))
		require.Equal(t, 64, s.free)
		require.Empty(t, s.taken)
	})
}

func TestRequestsOfAClusterComeInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShares(2)
		require.NoError(t, s.enter(t.Context(), cluster("a")))
		var order []int
		for i := range 3 {
			go func() {
				if s.enter(t.Context(), cluster("a")) == nil {
					order = append(order, i)
					s.leave(cluster("a"))
				}
			}()
			synctest.Wait()
		}
		s.leave(cluster("a"))
		synctest.Wait()
		require.Equal(t, []int{0, 1, 2}, order)
	})
}

func TestARequestThatFindsNoRoomEndsWithItsContext(t *testing.T) {
	_, _, client := clients()
	object := configMap(nil)
	for range maxCalls {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_ = client.calls.enter(ctx, clusterOf(object))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Apply(ctx, object)
	require.ErrorIs(t, err, context.Canceled)
}

func TestARequestIsOfTheClusterOfItsObject(t *testing.T) {
	config := configMap(nil)
	require.Equal(t, messages.ClusterKey{Namespace: "ns1"}, clusterOf(config))
	config.Labels = map[string]string{LabelCluster: "demo"}
	require.Equal(t, cluster("demo"), clusterOf(config))
	require.Equal(t, messages.ClusterKey{Namespace: "kafka", Name: "demo"}, clusterOf(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Labels: map[string]string{LabelCluster: "demo"}},
	}))
}
