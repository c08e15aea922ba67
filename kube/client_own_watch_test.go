package kube

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// watched is a watch of custom resources, and what the API server sends into it.
func watched(t *testing.T) (watch.Interface, *watch.FakeWatcher) {
	t.Helper()
	server := watch.NewFake()
	client := dynamicfake.NewSimpleDynamicClient(runtime.NewScheme())
	client.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) { return true, server, nil })
	w, err := NewOwnClient(client).Watch(context.Background(), KindCluster, "ns1", metav1.ListOptions{})
	require.NoError(t, err)
	return w, server
}

func rawCluster(name string) *unstructured.Unstructured {
	raw := &unstructured.Unstructured{}
	raw.SetName(name)
	return raw
}

func TestAWatchGivesCustomResourcesTheirType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, server := watched(t)
		go server.Modify(rawCluster("demo"))
		event := <-w.ResultChan()
		require.Equal(t, watch.Modified, event.Type)
		require.Equal(t, "demo", event.Object.(*v1beta1.KafkaCluster).Name)
		go server.Error(&metav1.Status{Reason: metav1.StatusReasonExpired})
		event = <-w.ResultChan()
		require.Equal(t, metav1.StatusReasonExpired, event.Object.(*metav1.Status).Reason, "what is no custom resource stays what it is")
		server.Stop()
		_, more := <-w.ResultChan()
		require.False(t, more, "it ends with the server's")
	})
}

func TestAWatchThatIsStoppedLeavesNoGoroutineBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails when one is left
		w, server := watched(t)
		server.Modify(rawCluster("demo")) // nobody reads it
		synctest.Wait()
		w.Stop()
		require.True(t, server.IsStopped(), "the server is told")
		w.Stop() // as often as one likes
	})
}
