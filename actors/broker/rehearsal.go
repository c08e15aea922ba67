package broker

import (
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
)

// A Pod is stopped only when the API server would take the one that follows it: what it refuses (a priority class that does not
// exist, a policy of the namespace) nobody here can know, and a broker that has no Pod cannot be given its old one back.

// rehearseAgain is when a refused Pod is shown to the API server again: what it lacks may have come.
const rehearseAgain = time.Minute

// rehearse asks the API server whether it would take a Pod.
type rehearse struct {
	pod *corev1.Pod
	of  string
}

// rehearsed is what the API server said last, and of which Pod; refused is empty when it would take it.
type rehearsed struct {
	of, refused string
	at          time.Time
}

func (rehearse) isStep() {}

// rehearsal asks before the Pod is stopped, once for each that is wanted.
func rehearsal(w blueprint, o observed, now time.Time) step {
	pod := o.pod()
	if pod == nil || w.Leaving || w.Entry.Maintenance || o.written.Deleting(pod) {
		return nil
	}
	known := o.rehearsed
	if known.of != "" && known.of == w.rehearsalOf(o) && (known.refused == "" || now.Sub(known.at) < rehearseAgain) {
		return nil
	}
	if w.restartReason(o) == "" { // which is dearer to find out
		return nil
	}
	names, problem := w.claimNames(o.claims)
	if problem != "" {
		return nil
	}
	made, ok := w.starting(o).createPod(o, names).(apply)
	if !ok {
		return nil
	}
	return rehearse{pod: made.objects[0].(*corev1.Pod), of: w.rehearsalOf(o)}
}

// rehearsalOf tells one wanted Pod from another.
func (w blueprint) rehearsalOf(o observed) string {
	s := w.starting(o)
	return s.userHash + " " + s.renderedHash
}

// wouldBeRefused says why the API server takes no Pod as it is wanted, empty when it does or was not asked yet.
func (w blueprint) wouldBeRefused(o observed) string {
	if o.rehearsed.refused == "" || o.rehearsed.of != w.rehearsalOf(o) {
		return ""
	}
	return "the API server would refuse the Pod that the spec asks for, so the one that runs stays: " + kube.MaskSecrets(o.rehearsed.refused) +
		"; correct the spec, or what it names"
}

// refusedPod is why the API server takes no such Pod, empty for all other errors and for none.
func refusedPod(err error) string {
	var refused *kube.CreateRefused
	if errors.As(err, &refused) {
		return refused.Message
	}
	return ""
}
