package simulation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/koperator-go/koperator/kube"
)

// remembered is for how long a change can be asked for again: API servers have etcd compacted every five minutes.
const remembered = 5 * time.Minute

// watchCache is what an API server answers lists and watches of a kind from (k8s.io/apiserver/pkg/storage/cacher), with
// its promises (Kubernetes API concepts, "Resource versions"):
//
//   - a watch tells every change after its version once and in order, for as long as it stands;
//   - a version after which anything was forgotten is refused with 410 Gone, never continued with a gap;
//   - a list is no older than the version it was asked for, and the newest if it was asked for none.
//
// Within these it hears late of what changes, breaks watches, refuses connections for a while, and forgets.
type watchCache struct {
	kind   kube.Kind
	store  *store
	faults *faults

	mu sync.Mutex // may be taken under the store's lock, never around it
	// changes are those that are remembered, in order.
	changes []heard
	// forgotten is the version of the newest change that is not among them any more.
	forgotten uint64
	watches   []*storeWatch
	// refuses is until when nobody can connect.
	refuses time.Time
}

// heard is a change, and when the watch cache hears of it.
type heard struct {
	change
	at time.Time
}

// changed is told by the store, under its lock.
func (c *watchCache) changed(is change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now().Add(c.faults.delay(c.kind))
	if n := len(c.changes); n > 0 && c.changes[n-1].at.After(at) {
		at = c.changes[n-1].at
	}
	c.changes = append(c.changes, heard{is, at})
	c.forget(time.Now().Add(-remembered))
	for _, w := range c.watches {
		w.ring()
	}
}

// forget drops what was heard of until a moment.
func (c *watchCache) forget(until time.Time) {
	old := 0
	for ; old < len(c.changes) && c.changes[old].at.Before(until); old++ {
		c.forgotten = c.changes[old].version
	}
	c.changes = slices.Delete(c.changes, 0, old)
}

// broke is told of a watch that broke by itself. Either the way to the API server is cut for a while, or it leads to
// another server that has just started and remembers nothing.
func (c *watchCache) broke(gap time.Duration) {
	forgets := c.faults.happens("memory of ", string(c.kind), 500)
	c.mu.Lock()
	defer c.mu.Unlock()
	if forgets {
		c.forget(time.Now())
	} else {
		c.refuses = time.Now().Add(gap)
	}
}

// breakAll ends all watches.
func (c *watchCache) breakAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.watches {
		w.Stop()
	}
}

// reached is an error while nobody can connect: client-go tries again with backoff where a connection is refused.
func (c *watchCache) reached() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.refuses) || c.faults.awayFor() > 0 {
		return fmt.Errorf("dial tcp 10.96.0.1:443: connect: %w", syscall.ECONNREFUSED)
	}
	return nil
}

// enter adds a watch that begins after a version; it is false where something after that was forgotten.
func (c *watchCache) enter(w *storeWatch, version uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version < c.forgotten {
		return false
	}
	w.version = version
	c.watches = append(c.watches, w)
	return true
}

func (c *watchCache) leave(w *storeWatch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watches = slices.DeleteFunc(c.watches, func(other *storeWatch) bool { return other == w })
}

// next is the first change after a version; it is false when there is none.
func (c *watchCache) next(version uint64) (heard, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.after(version); at < len(c.changes) {
		return c.changes[at], true
	}
	return heard{}, false
}

// after is where the changes after a version begin.
func (c *watchCache) after(version uint64) int {
	at, _ := slices.BinarySearchFunc(c.changes, version+1, func(h heard, version uint64) int { return int(h.version) - int(version) })
	return at
}

// list is the kind for who asks for a version, "" for the newest, and the version that this is. Whoever does not ask for the
// newest is shown what was heard of.
func (c *watchCache) list(asked string) ([]kube.Object, uint64) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	objects, version := c.store.listed(c.kind), c.store.version
	if asked == "" {
		return objects, version
	}
	unheard := slices.IndexFunc(c.changes, func(h heard) bool { return h.at.After(time.Now()) })
	if unheard < 0 {
		return objects, version
	}
	version = max(c.changes[unheard].version-1, numbered(asked))
	return before(objects, c.changes[c.after(version):]), version
}

// before is what stood before some changes.
func before(objects []kube.Object, changes []heard) []kube.Object {
	stood := map[key]kube.Object{}
	for _, object := range objects {
		stood[keyOf(object)] = object
	}
	for _, c := range slices.Backward(changes) {
		delete(stood, c.key)
		if c.before != nil {
			stood[c.key] = c.before
		}
	}
	objects = nil
	for _, object := range stood {
		objects = append(objects, object)
	}
	slices.SortFunc(objects, func(a, b kube.Object) int { return strings.Compare(keyOf(a).String(), keyOf(b).String()) })
	return objects
}

// bookmark is the newest version that leaves no change out for who was told everything up to a version.
func (c *watchCache) bookmark(version uint64) uint64 {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if next, any := c.next(version); any {
		return next.version - 1
	}
	return c.store.version
}

// numbered is a resource version's number; 0 stands for any.
func numbered(version string) uint64 {
	n, _ := strconv.ParseUint(version, 10, 64)
	return n
}
