package simulation

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/writertest"
)

// What the store does as an API server, a real one does, too: cmd/e2e checks the same there.
func TestTheStoreKeepsTheContractOfTheWriter(t *testing.T) {
	t.Parallel()
	for _, behaviour := range writertest.Behaviours() {
		t.Run(behaviour.Name, func(t *testing.T) {
			for name, writer := range map[string]func(*requests) kube.Writer{
				"the store itself":  func(r *requests) kube.Writer { return client{r} },
				"client-go between": behindClientGo,
			} {
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						r := requestsToEmptyStore()
						behaviour.Holds(t, r.serve(t, writer(r)))
					})
				})
			}
		})
	}
}

func behindClientGo(r *requests) kube.Writer {
	c := newClientGo(r.store, r.faults)
	return throughClient{r, kube.NewClient(c.core, kube.NewOwnClient(c.own), nil, r.term.held)}
}

// requestsToEmptyStore are those of a daemon to an API server without kubelets and controllers. What must hold of clusters is not
// asked here.
func requestsToEmptyStore() *requests {
	s, f := newStore(1), newFaults(1)
	return &requests{
		store: s, faults: f, invariants: newInvariants(s, newRestarts(newKafka(s, f), f)), journal: &journal{}, arrived: func() {},
	}
}

func (r *requests) serve(t testing.TB, writer kube.Writer) writertest.Server {
	return writertest.Server{
		Namespace: namespace,
		Writer:    writer,
		Read:      func(object kube.Object) kube.Object { return r.store.get(keyOf(object)) },
		Put:       func(object kube.Object) kube.Object { return r.store.put(object) },
		Report: func(pod *corev1.Pod) {
			require.True(t, r.store.update(keyOf(pod), func(o kube.Object) { o.(*corev1.Pod).Status = pod.Status }))
		},
	}
}
