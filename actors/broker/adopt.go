package broker

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
)

// adopt marks a Pod that Koperator made with what the spec said when it was taken over. What differed in it before waits for
// consent, whoever had left it so; what people edit from then on works as it always does.
func adopt(w blueprint, o observed, _ time.Time) step {
	pod := o.pod()
	if pod == nil || w.Leaving || o.written.Deleting(pod) || kube.MadeByUs(pod) || pod.Annotations[kube.AnnotationAdoptedWith] != "" {
		return nil
	}
	return annotate{
		object: pod, annotations: map[string]string{kube.AnnotationAdoptedWith: w.userHash},
		reason: "the broker's Pod is taken over as it is; later edits of the spec count",
	}
}

// takeoverRecord records what people had written of the file and of log4jConfig when a Pod was taken over, as long as that can be known. Who cannot
// write it has lost no more than that such an edit restarts the broker.
func takeoverRecord(w blueprint, o observed, _ time.Time) step {
	pod := o.pod()
	if pod == nil || w.Leaving || o.written.Deleting(pod) || !adoptedPod(pod) || w.recordLost(o) {
		return nil
	}
	text, known := w.atTakeover(o)
	recorded, is := kube.UserConfig(o.record, w.Cluster)
	log, logKnown := w.adoptedLog(o)
	if (!known || is && recorded == hidden(text)) && (!logKnown || w.logRecorded(o, log)) {
		return nil
	}
	return w.record(o, w.applied(o), "what people had written when the broker was taken over")
}

// atTakeover is what people had written of the file when a Pod of Koperator's was taken over: by the record, by what is remembered of one, or
// by what they have written where that is still the same. Its hash stands on the Pod, so that nothing else is taken for it.
func (w blueprint) atTakeover(o observed) (text string, known bool) {
	pod := o.pod()
	if pod == nil || !adoptedPod(pod) {
		return "", false
	}
	if text, known = kube.UserConfig(o.record, w.Cluster); known {
		text = w.shown(text)
	}
	for _, candidate := range []string{text, o.asked.takeover, w.userProperties} {
		if kube.FileHash(candidate) == startedFile(pod) {
			return candidate, true
		}
	}
	return "", false
}

// hidden is a text of properties with hashes in place of what is to be shown nowhere.
func hidden(text string) string {
	keys, err := kafka.Parse(text)
	if err != nil {
		return ""
	}
	for key, value := range keys {
		if kafka.IsSensitive(key, nil) {
			keys.Set(key, kube.FileHash(value))
		}
	}
	return keys.String()
}

// shown is what was hidden, as far as it is still written.
func (w blueprint) shown(text string) string {
	keys, err := kafka.Parse(text)
	if err != nil {
		return ""
	}
	for key, hash := range keys {
		if value, is := w.userKeys.Get(key); is && kafka.IsSensitive(key, nil) && kube.FileHash(value) == hash {
			keys.Set(key, value)
		}
	}
	return keys.String()
}

const editedSinceTakeover = "the spec has changes since the broker was taken over that only a restart brings in"

// editedSince reports whether people have changed since the Pod was taken over what only another Pod has.
func (w blueprint) editedSince(pod *corev1.Pod) bool {
	with := pod.Annotations[kube.AnnotationAdoptedWith]
	return adoptedPod(pod) && !kube.SamePodPart(with, w.userHash)
}

// adoptedPod reports whether a Pod is Koperator's, and taken over.
func adoptedPod(pod *corev1.Pod) bool {
	return !kube.MadeByUs(pod) && pod.Annotations[kube.AnnotationAdoptedWith] != ""
}

// adoptedWith reads between which files a broker changes that Koperator made: what people had written at the takeover is in the record. Its
// ConfigMap says nothing of that, and stays as it is, so that Koperator could be started again.
func (w blueprint) adoptedWith(o observed) (f files, ok bool) {
	user, known := w.atTakeover(o)
	if !known {
		return f, false
	}
	return w.filesFrom(user, "", "")
}

// tookAll says of a Pod of Koperator's that its broker has all of today's file; what of it was set while it ran goes into the file of the
// next Pod.
func (w blueprint) tookAll(pod *corev1.Pod, f files, reason string) step {
	return annotate{object: pod, reason: reason, annotations: map[string]string{
		kube.AnnotationAdoptedWith: kube.WithFilePart(pod.Annotations[kube.AnnotationAdoptedWith], kube.FilePart(w.userHash)),
		kube.AnnotationStartedWith: kube.FileHash(f.user),
	}}
}

// adopted says what differs in a Pod that Koperator made from one that would be made today.
func (w blueprint) adopted(pod *corev1.Pod) string {
	const text = "Koperator made its Pod"
	sample, err := w.pod(w.expectedClaims(), nil)
	if err != nil {
		return text
	}
	if parts := podDifferences(pod, sample); len(parts) > 0 {
		return text + ": " + shortList(parts)
	}
	return text
}
