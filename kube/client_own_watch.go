package kube

import (
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// typedWatch gives the objects of a watch their Go type. Its goroutine ends when it is stopped, though an event be under way
// that nobody takes any more: that of apimachinery's watch.Filter would wait for ever, and reflectors do not read on.
type typedWatch struct {
	raw     watch.Interface
	kind    ownResource
	events  chan watch.Event
	stopped chan struct{}
	once    sync.Once
}

func newTypedWatch(raw watch.Interface, kind ownResource) *typedWatch {
	w := &typedWatch{raw: raw, kind: kind, events: make(chan watch.Event), stopped: make(chan struct{})}
	go w.pass()
	return w
}

// ResultChan implements watch.Interface.
func (w *typedWatch) ResultChan() <-chan watch.Event { return w.events }

// Stop implements watch.Interface.
func (w *typedWatch) Stop() {
	w.once.Do(func() { close(w.stopped) })
	w.raw.Stop()
}

// pass hands events over until there are no more, or nobody wants them.
func (w *typedWatch) pass() {
	defer close(w.events)
	for event := range w.raw.ResultChan() {
		if raw, ok := event.Object.(*unstructured.Unstructured); ok {
			event.Object = w.kind.typed(raw)
		}
		select {
		case w.events <- event:
		case <-w.stopped:
			return
		}
	}
}
