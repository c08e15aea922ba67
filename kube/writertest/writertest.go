package writertest

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
)

// Server is an API server and the Writer that is tested on it. Its functions fail the test when the API server does not obey.
type Server struct {
	// Namespace is there and empty, but for what the behaviours before have left: their names differ.
	Namespace string
	Writer    kube.Writer
	// Read is an object as it stands, nil when there is none.
	Read func(kube.Object) kube.Object
	// Put creates an object, or replaces it whole, as another client than the daemon.
	Put func(kube.Object) kube.Object
	// Report writes the status of a Pod, as its kubelet does.
	Report func(*corev1.Pod)
}

// Behaviour is something that holds on each API server.
type Behaviour struct {
	Name  string
	Holds func(t testing.TB, s Server)
}

// Behaviours are all of them. None of them needs another.
func Behaviours() []Behaviour {
	return []Behaviour{
		{"an apply makes the object, and the same apply changes nothing", appliesOnce},
		{"what is applied no more goes and what others have set stays", appliesItsOwn},
		{"an apply takes a field from others", appliesOverOthers},
		{"what others have changed since is theirs, applied no more or not", leavesWhatOthersTook},
		{"a create over an object of others is refused and changes nothing", createsNothingTwice},
		{"a create over a Pod of ours gives it its labels back", givesLabelsBack},
		{"an apply for a claim that is gone is a conflict and makes none", appliesToNoOther},
		{"a delete hits what was read and nothing else", deletesWhatWasRead},
		{"what cannot change is refused as invalid", keepsWhatIsFixed},
		{"an eviction is refused by budgets", evictsWithinBudgets},
		{"one past our own budget is refused by those of others", evictsPastOurBudget},
		{"a status reaches the version that was read, and alone", writesStatusOfOne},
		{"a mended Service leads where it should", mendsServices},
		{"annotations are added to the object that is meant", annotates},
		{"owners and finalizers go from the object that was read", releases},
	}
}

// apply is an Apply that must not fail.
func (s Server) apply(t testing.TB, wanted kube.Object) kube.Object {
	t.Helper()
	applied, err := s.Writer.Apply(t.Context(), wanted)
	require.NoError(t, err)
	return applied
}

// same requires that an object stands as it did, version included.
func (s Server) same(t testing.TB, stood kube.Object) {
	t.Helper()
	is := s.Read(stood)
	require.NotNil(t, is)
	require.Equal(t, stood.GetUID(), is.GetUID())
	require.Equal(t, stood.GetResourceVersion(), is.GetResourceVersion())
}

// changed is a copy of an object with something changed in it.
func changed[T kube.Object](object T, change func(T)) T {
	object = object.DeepCopyObject().(T)
	change(object)
	return object
}
