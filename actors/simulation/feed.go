package simulation

import (
	"maps"
	"sync"
	"time"

	"k8s.io/client-go/tools/cache"

	"github.com/koperator-go/koperator/kube"
)

// feed keeps a kube.Cache as informers do: in order for each kind, late, and after a broken watch by listing again.
type feed struct {
	store    *store
	faults   *faults
	Cache    *kube.Cache
	indexers map[kube.Kind]cache.Indexer

	mu      sync.Mutex
	watches map[kube.Kind]*watch
	stopped bool
}

// watch is one kind's events on their way.
type watch struct {
	delivery sync.Mutex // held while events are handed over, so that they stay in order
	pending  []event
	armed    bool
	broken   bool
	last     time.Time // when the newest pending event is due
}

// event is a change, or a whole new list.
type event struct {
	due    time.Time
	change change
	list   []kube.Object
	listed bool
}

func newFeed(s *store, f *faults) *feed {
	d := &feed{store: s, faults: f, indexers: map[kube.Kind]cache.Indexer{}, watches: map[kube.Kind]*watch{}}
	stores := map[kube.Kind]map[string]cache.Indexer{}
	for _, kind := range kube.WatchedKinds() {
		d.indexers[kind] = cache.NewIndexer(cache.MetaNamespaceKeyFunc, kube.Indexers())
		d.watches[kind] = &watch{}
		stores[kind] = map[string]cache.Indexer{"": d.indexers[kind]}
	}
	d.Cache = kube.NewCache(stores)
	s.observe(d.changed)
	for _, kind := range kube.WatchedKinds() {
		s.snapshot(kind, func(list []kube.Object) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.watches[kind].pending = nil
			for _, object := range list {
				if watched(kind, object) {
					_ = d.indexers[kind].Add(cached(object)) // the key function knows every object of ours
				}
			}
		})
	}
	return d
}

// watched: everything but clusters and nodes is selected by our label.
func watched(kind kube.Kind, object kube.Object) bool {
	if object == nil {
		return false
	}
	return kind == kube.KindCluster || kind == kube.KindNode || object.GetLabels()[kube.LabelCluster] != ""
}

// stop ends all watches.
func (d *feed) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	for _, w := range d.watches {
		w.pending = nil
	}
}

// changed is told by the store, under its lock.
func (d *feed) changed(c change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.watches[c.key.kind]
	if w == nil || d.stopped || w.broken || !watched(c.key.kind, c.before) && !watched(c.key.kind, c.after) {
		return
	}
	if gap, breaks := d.faults.watchBreaks(c.key.kind); breaks {
		d.lose(c.key.kind, gap)
		return
	}
	d.queue(c.key.kind, event{due: time.Now().Add(d.faults.delay(c.key.kind)), change: c})
}

// lose breaks the watch of a kind: what is under way and what comes within the gap is lost.
func (d *feed) lose(kind kube.Kind, gap time.Duration) {
	w := d.watches[kind]
	w.broken, w.pending = true, nil
	time.AfterFunc(gap, func() {
		d.store.snapshot(kind, func(list []kube.Object) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.stopped {
				return
			}
			w.broken = false
			d.queue(kind, event{due: time.Now(), list: list, listed: true})
		})
	})
}

// loseAll breaks every watch.
func (d *feed) loseAll(gap time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for kind, w := range d.watches {
		if !w.broken && !d.stopped {
			d.lose(kind, gap+d.faults.between("relist of "+string(kind), 0, 5*time.Second))
		}
	}
}

func (d *feed) queue(kind kube.Kind, e event) {
	w := d.watches[kind]
	if e.due.Before(w.last) {
		e.due = w.last
	}
	w.last = e.due
	w.pending = append(w.pending, e)
	d.arm(kind, w)
}

func (d *feed) arm(kind kube.Kind, w *watch) {
	if w.armed || len(w.pending) == 0 {
		return
	}
	w.armed = true
	time.AfterFunc(time.Until(w.pending[0].due), func() { d.deliver(kind) })
}

// deliver hands over what is due.
func (d *feed) deliver(kind kube.Kind) {
	w := d.watches[kind]
	w.delivery.Lock()
	defer w.delivery.Unlock()
	d.mu.Lock()
	due := 0
	for due < len(w.pending) && !w.pending[due].due.After(time.Now()) {
		due++
	}
	events := w.pending[:due:due]
	w.pending = w.pending[due:]
	w.armed = false
	d.arm(kind, w)
	d.mu.Unlock()
	for _, e := range events {
		d.hand(kind, e)
	}
}

func (d *feed) hand(kind kube.Kind, e event) {
	if e.listed {
		d.relist(kind, e.list)
		return
	}
	indexer, object := d.indexers[kind], cached(e.change.newest())
	if e.change.before != nil && e.change.after != nil && !maps.Equal(e.change.before.GetLabels(), e.change.after.GetLabels()) {
		defer d.Cache.Notify(kind, cached(e.change.before)) // who had a label has lost it
	}
	if watched(kind, e.change.after) {
		_ = indexer.Update(object)
	} else {
		_ = indexer.Delete(object)
	}
	d.Cache.Notify(kind, object)
}

// relist is what a reflector does after a broken watch.
func (d *feed) relist(kind kube.Kind, list []kube.Object) {
	indexer := d.indexers[kind]
	there := map[string]bool{}
	for _, object := range list {
		if !watched(kind, object) {
			continue
		}
		name, _ := cache.MetaNamespaceKeyFunc(object)
		there[name] = true
		old, exists, _ := indexer.GetByKey(name)
		if exists && old.(kube.Object).GetResourceVersion() == object.GetResourceVersion() {
			continue
		}
		_ = indexer.Update(cached(object))
		d.Cache.Notify(kind, object)
	}
	for _, old := range indexer.List() {
		if name, _ := cache.MetaNamespaceKeyFunc(old); !there[name] {
			_ = indexer.Delete(old)
			d.Cache.Notify(kind, cache.DeletedFinalStateUnknown{Key: name, Obj: old})
		}
	}
}

// cached is what the daemon's cache keeps of an object.
func cached(object kube.Object) kube.Object {
	trimmed, err := kube.Trimmed(object.DeepCopyObject())
	if err != nil {
		return object
	}
	return trimmed.(kube.Object)
}
