package kube

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/koperator-go/koperator/messages"
)

// filled is a cache over all namespaces with some objects.
func filled(objects map[Kind][]Object) *Cache {
	stores := map[Kind]map[string]cache.Indexer{}
	for _, kind := range WatchedKinds() {
		stores[kind] = map[string]cache.Indexer{"": cache.NewIndexer(cache.MetaNamespaceKeyFunc, Indexers())}
		for _, object := range objects[kind] {
			_ = stores[kind][""].Add(object)
		}
	}
	return NewCache(stores)
}

func labelled(namespace, name, cluster, broker string) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{LabelCluster: cluster}}
	if broker != "" {
		meta.Labels[LabelBrokerID] = broker
	}
	return meta
}

func TestTheCacheFindsWhatBelongsToABroker(t *testing.T) {
	c := filled(map[Kind][]Object{
		KindPod: {
			&corev1.Pod{ObjectMeta: labelled("ns1", "b", "demo", "1")},
			&corev1.Pod{ObjectMeta: labelled("ns1", "a", "demo", "1")},
			&corev1.Pod{ObjectMeta: labelled("ns1", "c", "demo", "2")},
			&corev1.Pod{ObjectMeta: labelled("ns1", "d", "other", "1")},
			&corev1.Pod{ObjectMeta: labelled("ns2", "e", "demo", "1")},
			&corev1.Pod{ObjectMeta: labelled("ns1", "f", "demo", "one")},
		},
		KindClaim:     {&corev1.PersistentVolumeClaim{ObjectMeta: labelled("ns1", "disk", "demo", "7")}},
		KindConfigMap: {&corev1.ConfigMap{ObjectMeta: labelled("ns1", "jmx", "demo", "")}},
	})
	key := messages.ClusterKey{Namespace: "ns1", Name: "demo"}
	pods := c.BrokerPods(key, 1)
	require.Len(t, pods, 2)
	require.Equal(t, "a", pods[0].Name, "sorted by name")
	require.Len(t, c.BrokerClaims(key, 7), 1)
	require.Equal(t, []messages.BrokerID{1, 2, 7}, c.BrokerIDs(key), "of Pods and claims; a label that is no id is nobody's")
	require.Len(t, c.Objects(KindConfigMap, key), 1)
	require.NotNil(t, c.ConfigMap("ns1", "jmx"))
	require.Nil(t, c.ConfigMap("ns2", "jmx"))
	require.Nil(t, c.Cluster(key))
	require.NotNil(t, c.standing(&corev1.Pod{ObjectMeta: labelled("ns1", "a", "", "")}))
	require.Nil(t, c.standing(&corev1.Pod{ObjectMeta: labelled("ns1", "z", "", "")}))
}

func TestTheCacheReadsTheStoreOfTheNamespace(t *testing.T) {
	store := cache.NewIndexer(cache.MetaNamespaceKeyFunc, Indexers())
	cluster := demo()
	require.NoError(t, store.Add(cluster))
	c := NewCache(map[Kind]map[string]cache.Indexer{KindCluster: {"ns1": store}})
	require.Equal(t, cluster, c.Cluster(KeyOf(cluster)))
	require.Equal(t, []messages.ClusterKey{KeyOf(cluster)}, c.Clusters())
	require.Nil(t, c.Cluster(messages.ClusterKey{Namespace: "elsewhere", Name: "demo"}), "which nobody watches")
	require.Empty(t, c.BrokerPods(KeyOf(cluster), 0))
}

func TestAChangeNamesWhoseObjectItIs(t *testing.T) {
	var told []Change
	c := NewCache(nil)
	c.Notify(KindPod, &corev1.Pod{}) // nobody listens yet
	c.OnChange(func(change Change) { told = append(told, change) })
	pod := &corev1.Pod{ObjectMeta: labelled("ns1", "a", "demo", "1")}
	key := messages.ClusterKey{Namespace: "ns1", Name: "demo"}
	c.Notify(KindPod, pod)
	c.Notify(KindPod, cache.DeletedFinalStateUnknown{Key: "ns1/a", Obj: pod})
	c.Notify(KindService, &corev1.Service{ObjectMeta: labelled("ns1", "s", "demo", "")})
	c.Notify(KindCluster, demo())
	c.Notify(KindNode, &corev1.Node{}) // nobody runs on it
	c.Notify(KindPod, "no object at all")
	require.Equal(t, []Change{
		{Kind: KindPod, Cluster: key, Broker: 1, HasBroker: true},
		{Kind: KindPod, Cluster: key, Broker: 1, HasBroker: true},
		{Kind: KindService, Cluster: key},
		{Kind: KindCluster, Cluster: key},
		{Kind: KindPod},
	}, told)
}

func TestWrittenTrustsAnAnswerUntilTheCacheShowsIt(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	version := func(v string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "u", ResourceVersion: v}}
	}
	var none *corev1.ConfigMap
	wanted := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	for name, test := range map[string]struct {
		written  *corev1.ConfigMap
		shown    []*corev1.ConfigMap // what the cache shows, one look after the other
		after    time.Duration
		newest   *corev1.ConfigMap
		isBehind bool
	}{
		"nothing was written":                  {shown: []*corev1.ConfigMap{version("5")}, newest: version("5")},
		"the cache shows nothing yet":          {version("7"), []*corev1.ConfigMap{none}, 0, version("7"), true},
		"the cache shows an older one":         {version("7"), []*corev1.ConfigMap{version("5")}, 0, version("7"), true},
		"the cache shows it":                   {version("7"), []*corev1.ConfigMap{version("7")}, 0, version("7"), false},
		"the cache shows a newer one":          {version("7"), []*corev1.ConfigMap{version("10")}, 0, version("10"), false},
		"it was shown and is gone":             {version("7"), []*corev1.ConfigMap{version("7"), none}, 0, none, false},
		"it was never shown for half a minute": {version("7"), []*corev1.ConfigMap{none}, 31 * time.Second, none, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Written{}
			if test.written != nil {
				w.Applied(wanted, test.written, now)
			}
			var newest *corev1.ConfigMap
			var behind bool
			for _, shown := range test.shown {
				newest, behind = Newest(w, wanted, shown, now.Add(test.after))
			}
			require.Equal(t, test.newest, newest)
			require.Equal(t, test.isBehind, behind)
		})
	}
}

func TestWrittenKnowsWhatItDeleted(t *testing.T) {
	w := &Written{}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "one"}}
	require.False(t, w.Deleting(pod))
	w.Deleted(pod)
	require.True(t, w.Deleting(pod))
	successor := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "two"}}
	require.False(t, w.Deleting(successor), "another of the name is another one")
	w.Forget([]types.UID{"one"})
	require.True(t, w.Deleting(pod), "the cache shows it still")
	w.Forget(nil)
	require.False(t, w.Deleting(pod))
	leaving := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{}}}
	require.True(t, w.Deleting(leaving))
}

func TestAWishStandsWhenAllOfItIsThere(t *testing.T) {
	wanted := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "s", Labels: map[string]string{"a": "1"}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "tcp", Port: 1}}},
	}
	with := func(change func(*corev1.Service)) *corev1.Service {
		s := wanted.DeepCopy()
		s.UID, s.ResourceVersion = "u", "9"
		if change != nil {
			change(s)
		}
		return s
	}
	for name, test := range map[string]struct {
		observed *corev1.Service
		stands   bool
	}{
		"nothing there":       {nil, false},
		"just that":           {with(nil), true},
		"with defaults":       {with(func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.Ports[0].Protocol = "10.0.0.1", "TCP" }), true},
		"with others' labels": {with(func(s *corev1.Service) { s.Labels["b"] = "2" }), true},
		"another value":       {with(func(s *corev1.Service) { s.Labels["a"] = "2" }), false},
		"a field missing":     {with(func(s *corev1.Service) { s.Labels = nil }), false},
		"one port more":       {with(func(s *corev1.Service) { s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: 2}) }), false},
		"another port":        {with(func(s *corev1.Service) { s.Spec.Ports[0].Port = 2 }), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Written{}
			if test.observed == nil {
				require.False(t, w.Stands((*corev1.Service)(nil), wanted))
				return
			}
			require.Equal(t, test.stands, w.Stands(test.observed, wanted))
		})
	}
}

// The API server may write a value otherwise than it was given: asking for it again changes nothing.
func TestAWishStandsWhenTheServerMadeSomethingElseOfIt(t *testing.T) {
	w := &Written{}
	wanted := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Data: map[string]string{"cpu": "1000m"}}
	result := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "u", ResourceVersion: "7"}, Data: map[string]string{"cpu": "1"}}
	require.False(t, w.Stands(result, wanted))
	w.Applied(wanted, result, time.Time{})
	require.True(t, w.Stands(result, wanted))
	other := result.DeepCopy()
	other.ResourceVersion = "8"
	require.False(t, w.Stands(other, wanted), "somebody changed it since")
	require.Equal(t, []string{"a"}, w.Names(&corev1.ConfigMap{}))
	require.Empty(t, w.Names(&corev1.Pod{}))
}
