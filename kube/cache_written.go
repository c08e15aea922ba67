package kube

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// writtenFor is how long an answer of the API server counts when the cache has never shown the object. It bounds the
// harm when an object came and went between two looks at the cache.
const writtenFor = 30 * time.Second

// Written remembers what an actor wrote until the cache shows it, so that a look at a cache that is a moment behind
// does not lead to a second write. The zero value is ready; it belongs to one actor.
type Written struct {
	applied map[string]applied
	deleted map[types.UID]bool
}

type applied struct {
	wanted, result Object
	at             time.Time
	shown          bool // the cache has shown this version or a newer one
}

// Applied records the answer to an apply.
func (w *Written) Applied(wanted, result Object, now time.Time) {
	if w.applied == nil {
		w.applied = map[string]applied{}
	}
	w.applied[writtenKey(wanted)] = applied{wanted: wanted, result: result, at: now}
}

// Deleted records that the deletion of an object was accepted.
func (w *Written) Deleted(object Object) {
	if w.deleted == nil {
		w.deleted = map[types.UID]bool{}
	}
	w.deleted[object.GetUID()] = true
	delete(w.applied, writtenKey(object))
}

// Deleting reports whether an object is on its way out, by its own word or because we deleted it.
func (w *Written) Deleting(object Object) bool {
	return object.GetDeletionTimestamp() != nil || w.deleted[object.GetUID()]
}

// Forget drops what is known about deleted objects that the cache does not show any more.
func (w *Written) Forget(cached []types.UID) {
	still := map[types.UID]bool{}
	for _, uid := range cached {
		if w.deleted[uid] {
			still[uid] = true
		}
	}
	w.deleted = still
}

// Stands reports whether an object needs no write: it has all that is wanted, or it is still exactly what the API
// server made of the same wish. (The server may normalise a value; asking again would not change it.)
func (w *Written) Stands(observed, wanted Object) bool {
	if isNil(observed) {
		return false
	}
	last, known := w.applied[writtenKey(wanted)]
	if known && last.result.GetUID() == observed.GetUID() &&
		last.result.GetResourceVersion() == observed.GetResourceVersion() && reflect.DeepEqual(last.wanted, wanted) {
		return true
	}
	covered, _ := Covers(observed, wanted)
	return covered
}

// Newest is the newer one of what the cache shows and what was written under the same name; waiting is set while the
// cache has yet to show what was written.
func Newest[T Object](w *Written, example T, cached T, now time.Time) (newest T, waiting bool) {
	key := writtenKey(example)
	last, known := w.applied[key]
	if !known {
		return cached, false
	}
	if !isNil(cached) && !older(cached, last.result) {
		last.shown = true
		w.applied[key] = last
		return cached, false
	}
	if last.shown || now.Sub(last.at) > writtenFor { // it was there and is gone, or never will be
		if isNil(cached) {
			delete(w.applied, key)
		}
		return cached, false
	}
	return last.result.(T), true
}

// older compares resource versions, which the API server lets clients order within a kind (Kubernetes 1.35).
func older(a, b Object) bool {
	return versionOf(a) < versionOf(b)
}

func versionOf(object Object) uint64 {
	version, err := strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0
	}
	return version
}

func writtenKey(object Object) string { return fmt.Sprintf("%T %s", object, object.GetName()) }

func isNil(object Object) bool {
	return object == nil || reflect.ValueOf(object).IsNil()
}

// Names lists the names under which objects of the example's kind were written, sorted.
func (w *Written) Names(example Object) []string {
	prefix := fmt.Sprintf("%T ", example)
	var names []string
	for key := range w.applied {
		if name, found := strings.CutPrefix(key, prefix); found {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
