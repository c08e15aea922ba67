package broker

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// listenAgain is how often the log of a Pod is read whose start script may wait: it says what for once a minute.
const listenAgain = time.Minute

// overhear reads the end of a Pod's log.
type overhear struct{ pod *corev1.Pod }

// overheard is what was read in the log of a Pod that is not ready.
type overheard struct {
	pod types.UID
	at  time.Time
	// text is what the start script waits for; empty when it did not say so last.
	text string
	// ended is when the container ended whose last words these are; zero while it has not ended.
	ended time.Time
	words string
}

func (overhear) isStep() {}

// after is what is known once a log was read. The words of a container that ended stay while the next one runs.
func (o overheard) after(s overhear, log string, now time.Time) overheard {
	next := overheard{pod: s.pod.UID, at: now}
	if o.pod == s.pod.UID {
		next.ended, next.words = o.ended, o.words
	}
	if end := lastEnd(s.pod); end != nil && startedAt(s.pod).IsZero() {
		next.ended, next.words = end.FinishedAt.Time, log
		return next
	}
	next.text = heldText(log)
	return next
}

// lastEnd is how Kafka's container ended last in a Pod whose kubelet starts it again, nil when it never ended there.
func lastEnd(pod *corev1.Pod) *corev1.ContainerStateTerminated {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == kube.KafkaContainer {
			return status.LastTerminationState.Terminated
		}
	}
	return nil
}

// lastWords are exit code, reason and the end of the log of a container that ended in a Pod that has not been ready since.
func (o observed) lastWords() string {
	pod := o.pod()
	if pod == nil || podReady(pod) {
		return ""
	}
	end := lastEnd(pod)
	if end == nil {
		return ""
	}
	text := fmt.Sprintf("container %s ended: %s", kube.KafkaContainer, endText(end))
	if o.overheard.pod == pod.UID && o.overheard.words != "" {
		text += kube.LogEnds + o.overheard.words
	}
	return text
}

// withField says in last words where the setting stands for which Kafka ended.
func (w blueprint) withField(words string) string {
	how, log, logged := strings.Cut(words, kube.LogEnds)
	key := kafka.KeyInLog(log)
	if key == "" || !logged || w.Cluster == nil {
		return words
	}
	field := kafka.FileFieldOf(w.Cluster, &w.Entry, key)
	if field == "" {
		return words
	}
	return how + "; `" + key + "` stands in " + field + kube.LogEnds + log
}

// untilOverhear is how long it is until the log of a Pod is read that does not become ready: of one that runs now and then, of one
// whose container has ended once. due is false while none is to be read.
func (w blueprint) untilOverhear(o observed, now time.Time) (left time.Duration, due bool) {
	pod := o.pod()
	if pod == nil || podReady(pod) || o.written.Deleting(pod) {
		return 0, false
	}
	if startedAt(pod).IsZero() { // until its next start the log is that of the container that ended
		end := lastEnd(pod)
		return 0, end != nil && !(o.overheard.pod == pod.UID && o.overheard.ended.Equal(end.FinishedAt.Time))
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
