package simulation

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube"
)

// What an API server promises to those that watch it holds whatever goes wrong: the daemon may rely on it, so the world
// that its tests run in has to keep it.
func TestInformersShowWhatStandsWhateverHappenedToTheirWatches(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		trouble Trouble
		away    time.Duration
	}{
		{"when nothing goes wrong", Trouble{}, 0},
		{"when events come late", Trouble{Stale: 5 * time.Second}, 0},
		{"when a watch breaks now and then", Trouble{Losses: 50}, 0},
		{"when watches break before every event", Trouble{Losses: 1000}, 0},
		{"when watches break and what follows comes late", Trouble{Losses: 300, Stale: 5 * time.Second}, 0},
		{"when the API server is away", Trouble{Stale: time.Second}, 3 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(30) {
				run(t, func(w *World) {
					w.faults.set(test.trouble)
					if test.away > 0 {
						w.serverAway(test.away)
					}
					w.churn()
					w.faults.set(Trouble{})
					w.advance(test.away + 3*time.Minute)
					require.Equal(w.t, versions(w.standing()), versions(w.shown()), "seed %d", seed)
				}, seeded(seed), throughClientGo)
			}
		})
	}
}

// churn makes, changes and deletes ConfigMaps that belong to nobody.
func (w *World) churn() {
	for n := range 60 {
		about := key{kube.KindConfigMap, namespace, fmt.Sprint("thing-", n%20)}
		switch w.faults.roll("churn") % 3 {
		case 0:
			w.deleteObject(about)
		default:
			w.store.put(&corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: about.name, Labels: map[string]string{kube.LabelCluster: "nobody's"}},
				Data:       map[string]string{"n": fmt.Sprint(n)},
			})
		}
		w.advance(time.Duration(w.faults.roll("pause") % uint64(3*time.Second)))
	}
}

func (w *World) standing() []kube.Object { return w.owned(kube.KindConfigMap, "nobody's") }

func (w *World) shown() []kube.Object {
	return w.daemon.api.cache.Objects(kube.KindConfigMap, keyed("nobody's"))
}

func versions(objects []kube.Object) map[string]string {
	versions := map[string]string{}
	for _, object := range objects {
		versions[object.GetName()] = object.GetResourceVersion()
	}
	return versions
}

// server is an API server without a daemon, in a bubble.
func server(t *testing.T, trouble Trouble, test func(t *testing.T, c *clientGo)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, f := newStore(1), newFaults(1)
		f.set(trouble)
		test(t, newClientGo(s, f))
	})
}

func (c *clientGo) listed(t *testing.T, version string) *corev1.ConfigMapList {
	t.Helper()
	list, err := c.core.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{ResourceVersion: version})
	require.NoError(t, err)
	return list
}

func (c *clientGo) watched(t *testing.T, version string) apiwatch.Interface {
	t.Helper()
	w, err := c.core.CoreV1().ConfigMaps(namespace).Watch(t.Context(), metav1.ListOptions{ResourceVersion: version})
	require.NoError(t, err)
	return w
}

func thing(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

func TestAWatchTellsWhatWasDeletedBeforeItBegan(t *testing.T) {
	t.Parallel()
	server(t, Trouble{}, func(t *testing.T, c *clientGo) {
		made := c.store.put(thing("a"))
		seen := c.listed(t, "").ResourceVersion
		require.Equal(t, made.GetResourceVersion(), seen)
		require.NoError(t, c.store.delete(keyOf(made), "", ""))
		w := c.watched(t, seen)
		defer w.Stop()
		event := <-w.ResultChan()
		require.Equal(t, apiwatch.Deleted, event.Type)
		require.Greater(t, numbered(event.Object.(*corev1.ConfigMap).ResourceVersion), numbered(seen),
			"who goes on from there does not hear of it again")
	})
}

func TestAWatchFromAVersionAfterWhichSomethingWasForgottenIsGone(t *testing.T) {
	t.Parallel()
	server(t, Trouble{}, func(t *testing.T, c *clientGo) {
		first := c.store.put(thing("a")).GetResourceVersion()
		second := c.store.put(thing("b")).GetResourceVersion()
		time.Sleep(remembered + time.Minute)
		c.store.put(thing("c"))
		w := c.watched(t, first)
		defer w.Stop()
		event := <-w.ResultChan()
		require.Equal(t, apiwatch.Error, event.Type)
		require.True(t, apierrors.IsResourceExpired(apierrors.FromObject(event.Object)), "%v", event.Object)
		goesOn := c.watched(t, second)
		defer goesOn.Stop()
		event = <-goesOn.ResultChan()
		require.Equal(t, "c", event.Object.(*corev1.ConfigMap).Name, "nothing after this one was forgotten")
	})
}

func TestAListIsNoOlderThanItWasAskedFor(t *testing.T) {
	t.Parallel()
	server(t, Trouble{}, func(t *testing.T, c *clientGo) {
		old := c.store.put(thing("a")).GetResourceVersion()
		time.Sleep(time.Minute)
		c.faults.set(Trouble{Stale: time.Hour})
		require.NoError(t, c.store.delete(key{kube.KindConfigMap, namespace, "a"}, "", ""))
		newest := c.store.put(thing("b")).GetResourceVersion()
		for _, test := range []struct {
			asked, version string
			shows          []string
		}{
			{"", newest, []string{"b"}},
			{newest, newest, []string{"b"}},
			{"0", old, []string{"a"}},
			{old, old, []string{"a"}},
		} {
			list := c.listed(t, test.asked)
			require.Equal(t, test.version, list.ResourceVersion, "asked for %q", test.asked)
			var shown []string
			for _, item := range list.Items {
				shown = append(shown, item.Name)
			}
			require.Equal(t, test.shows, shown, "asked for %q", test.asked)
		}
		w := c.watched(t, old)
		defer w.Stop()
		began := time.Now()
		require.Equal(t, apiwatch.Deleted, (<-w.ResultChan()).Type)
		require.Equal(t, apiwatch.Added, (<-w.ResultChan()).Type)
		require.Greater(t, time.Since(began), time.Minute, "it is told when it is heard of")
	})
}

func TestAnAPIServerThatIsAwayRefusesConnections(t *testing.T) {
	t.Parallel()
	server(t, Trouble{}, func(t *testing.T, c *clientGo) {
		c.faults.setAway(time.Now().Add(time.Minute))
		_, err := c.core.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
		require.True(t, utilnet.IsConnectionRefused(err), "%v", err)
		_, err = c.core.CoreV1().Pods(namespace).Watch(t.Context(), metav1.ListOptions{})
		require.True(t, utilnet.IsConnectionRefused(err), "%v", err)
		time.Sleep(time.Minute)
		_, err = c.core.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
	})
}

// client-go closes watches after some minutes; the last word of one is up to where it knows.
func TestAWatchThatHasLastedLongEnoughEndsWithABookmark(t *testing.T) {
	t.Parallel()
	server(t, Trouble{}, func(t *testing.T, c *clientGo) {
		c.store.put(machine(1, 1))
		for range 3 {
			c.store.put(thing("a"))
			require.NoError(t, c.store.delete(key{kube.KindConfigMap, namespace, "a"}, "", ""))
		}
		w, err := c.core.CoreV1().Nodes().Watch(t.Context(), metav1.ListOptions{ResourceVersion: "1", TimeoutSeconds: ptr.To(int64(300))})
		require.NoError(t, err)
		began, event := time.Now(), <-w.ResultChan()
		require.Equal(t, 5*time.Minute, time.Since(began))
		require.Equal(t, apiwatch.Bookmark, event.Type)
		require.Equal(t, "7", event.Object.(*corev1.Node).ResourceVersion, "the newest of all kinds")
		_, more := <-w.ResultChan()
		require.False(t, more)
		c.faults.set(Trouble{Stale: time.Hour})
		c.store.put(machine(2, 1))
		w, err = c.core.CoreV1().Nodes().Watch(t.Context(), metav1.ListOptions{ResourceVersion: "7", TimeoutSeconds: ptr.To(int64(60))})
		require.NoError(t, err)
		require.Equal(t, "7", (<-w.ResultChan()).Object.(*corev1.Node).ResourceVersion, "what it has not heard of is still to be told")
	})
}
