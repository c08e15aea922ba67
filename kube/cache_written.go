package kube

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// writtenFor is how long an answer of the API server counts when the cache has never shown the object. It bounds the
// harm when an object came and went between two looks at the cache.
const writtenFor = 30 * time.Second

// Written remembers what an actor wrote until the cache shows it, so that a look at a cache that is a moment behind
// does not lead to a second write. The zero value is ready; it belongs to one actor.
type Written struct {
	applied map[writtenKey]applied
	// lacking are wishes that an object did not have all of.
	lacking map[writtenKey]lacking
	deleted map[types.UID]bool
}

type applied struct {
	// wanted is nil for kinds that are written once and never compared with a wish.
	wanted Object
	// result is nil once the cache has shown this version or a newer one: from then on the cache's copy is enough, and
	// a second one of every Pod would be half of the daemon's memory.
	result  Object
	uid     types.UID
	version uint64
	at      time.Time
	// kept: this version has nothing of somebody else's where all is ours.
	kept bool
}

// lacking is a version of an object and a wish that it does not fulfil. Neither is ever changed, so nobody compares them again.
type lacking struct {
	wanted  Object
	uid     types.UID
	version uint64
}

// Clone is a copy that shares nothing with the original but the objects.
func (w *Written) Clone() *Written {
	return &Written{applied: maps.Clone(w.applied), lacking: maps.Clone(w.lacking), deleted: maps.Clone(w.deleted)}
}

// Applied records the answer to an apply.
func (w *Written) Applied(wanted, result Object, now time.Time) {
	if w.applied == nil {
		w.applied = map[writtenKey]applied{}
	}
	key := writtenKeyOf(wanted)
	if isWrittenOnce(wanted) {
		wanted = nil
	}
	w.applied[key] = applied{wanted: wanted, result: result, uid: result.GetUID(), version: VersionOf(result), at: now}
}

// isWrittenOnce holds for what is made and then only replaced or marked, never applied because it differs.
func isWrittenOnce(wanted Object) bool {
	switch wanted.(type) {
	case *corev1.Pod, *corev1.PersistentVolumeClaim:
		return true
	default:
		return false
	}
}

// Deleted records that the deletion of an object was accepted.
func (w *Written) Deleted(object Object) {
	if w.deleted == nil {
		w.deleted = map[types.UID]bool{}
	}
	w.deleted[object.GetUID()] = true
	delete(w.applied, writtenKeyOf(object))
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
	key := writtenKeyOf(wanted)
	last, known := w.applied[key]
	if known && last.uid == observed.GetUID() && last.version == VersionOf(observed) && (last.wanted == wanted || reflect.DeepEqual(last.wanted, wanted)) {
		if last.wanted != wanted || !last.kept {
			last.wanted = wanted                        // by which the next look knows it at once
			last.kept = strayed(observed, wanted) == "" // somebody may have set it just before our write
			w.applied[key] = last
		}
		return last.kept
	}
	now := lacking{wanted, observed.GetUID(), VersionOf(observed)}
	if w.lacking[key] == now {
		return false
	}
	covered, _ := Covers(observed, wanted)
	switch {
	case isWrittenOnce(wanted):
	case covered: // both are compared by value, which is dear, and asked about at every look
		w.remember(wanted, observed)
	default:
		if w.lacking == nil {
			w.lacking = map[writtenKey]lacking{}
		}
		w.lacking[key] = now
	}
	return covered
}

// remember keeps that a version of an object stands, as if we had written it and the cache had shown it since.
func (w *Written) remember(wanted, observed Object) {
	if w.applied == nil {
		w.applied = map[writtenKey]applied{}
	}
	key := writtenKeyOf(wanted)
	at := w.applied[key].at
	w.applied[key] = applied{wanted: wanted, uid: observed.GetUID(), version: VersionOf(observed), at: at}
}

// Newest is the newer one of what the cache shows and what was written under the same name; waiting is set while the
// cache has yet to show what was written.
func Newest[T Object](w *Written, example T, cached T, now time.Time) (newest T, waiting bool) {
	key := writtenKeyOf(example)
	last, known := w.applied[key]
	if !known {
		return cached, false
	}
	// The API server lets clients order resource versions within a kind (Kubernetes 1.35).
	if !isNil(cached) && VersionOf(cached) >= last.version {
		last.result = nil
		w.applied[key] = last
		return cached, false
	}
	if last.result == nil || now.Sub(last.at) > writtenFor { // it was there and is gone, or never will be
		if isNil(cached) {
			delete(w.applied, key)
		}
		return cached, false
	}
	return last.result.(T), true
}

// VersionOf is the resource version of an object as a number, 0 where it has none.
func VersionOf(object Object) uint64 {
	version, err := strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0
	}
	return version
}

// writtenKey tells the objects of one actor apart.
type writtenKey struct {
	kind reflect.Type
	name string
}

func writtenKeyOf(object Object) writtenKey {
	return writtenKey{reflect.TypeOf(object), object.GetName()}
}

func isNil(object Object) bool {
	return object == nil || reflect.ValueOf(object).IsNil()
}

// Names lists the names under which objects of the example's kind were written, sorted.
func (w *Written) Names(example Object) []string {
	kind := reflect.TypeOf(example)
	var names []string
	for key := range w.applied {
		if key.kind == kind {
			names = append(names, key.name)
		}
	}
	slices.Sort(names)
	return names
}
