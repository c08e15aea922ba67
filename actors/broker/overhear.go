package broker

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// listenAgain is how often the log of a Pod is read whose start script may wait: it says what for once a minute.
const listenAgain = time.Minute

// overhear reads the end of a Pod's log.
type overhear struct{ pod *corev1.Pod }

// overheard is what the start script of a Pod said it waits for; empty when it did not say so last.
type overheard struct {
	pod  types.UID
	at   time.Time
	text string
}

func (overhear) isStep() {}

// untilOverhear is how long it is until the log of a Pod is read that runs and does not become ready; 0 while none is to be.
func (w blueprint) untilOverhear(o observed, now time.Time) (left time.Duration, due bool) {
	pod := o.pod()
	if pod == nil || podReady(pod) || startedAt(pod).IsZero() || o.written.Deleting(pod) {
		return 0, false
	}
	since := startedAt(pod)
	if o.overheard.pod == pod.UID && o.overheard.at.After(since) {
		since = o.overheard.at
	}
	return listenAgain - now.Sub(since), true
}

// scriptWaits is what the start script of the broker's Pod waits for, empty when it does not.
func (o observed) scriptWaits() string {
	if pod := o.pod(); pod == nil || o.overheard.pod != pod.UID || podReady(pod) {
		return ""
	}
	return o.overheard.text
}

// heldText finds in the end of a log what the start script waits for: it is its last word as long as it does.
func heldText(log string) string {
	log = strings.TrimSpace(log)
	_, text, waits := strings.Cut(log[strings.LastIndex(log, "\n")+1:], kube.StartScriptWaits)
	if !waits {
		return ""
	}
	const longest = 512
	return messages.Elided(kube.MaskSecrets(text), longest)
}
