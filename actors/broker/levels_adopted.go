package broker

import (
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
)

// A broker that Koperator made takes the levels of its loggers while it runs, too. Its ConfigMap stays as Koperator left it, so that what
// people had written at the takeover is in the record, and what follows is the Pod's mark of its takeover:
//
//	record the loggers and the text to come ─▶ set levels ─▶ mark of the Pod ─▶ record the text alone
//
// A text counts when the spec with it would hash to the Pod's mark. After whichever of these steps a daemon dies one of the recorded texts
// does, also when people have written a third one meanwhile. Levels that differed before the takeover wait for consent: only loggers that
// people have edited since are set. A process that ends takes its levels with it, and its Pod, too (restartPolicy Never): the next Pod is
// ours, with the newest file.

// adoptedLog is the log4jConfig whose levels count for a Pod of Koperator's: the one at its takeover, or the last one whose levels it has taken
// since. It is not known where there was none, nor while more than log4jConfig differs from what the Pod is marked with.
func (w blueprint) adoptedLog(o observed) (text string, known bool) {
	pod := o.pod()
	if pod == nil || w.config == nil || !adoptedPod(pod) || !w.isBroker() {
		return "", false
	}
	mark := podPart(pod.Annotations[kube.AnnotationAdoptedWith])
	if podPart(w.userHash) == mark {
		return w.config.Log4jConfig, w.config.Log4jConfig != ""
	}
	recorded := kube.RecordedLog4j(o.record, w.Cluster)
	for _, candidate := range []string{w.shownLog(recorded.Has), w.shownLog(recorded.Next), o.asked.levels.adopted} {
		if candidate != "" && podPart(w.userHashWithLog(candidate)) == mark {
			return candidate, true
		}
	}
	return "", false
}

// podPart is the first part of a hash. Of a hash of another algorithm it is another: that proves nothing.
func podPart(hash string) string { return kube.WithFilePart(hash, "") }

// logRecord is what is to be recorded: the text that counts, and today's where that is another. One that does not count at this
// moment may do so again when people take back what else they have edited.
func (w blueprint) logRecord(o observed) kube.Log4jTexts {
	text, known := w.adoptedLog(o)
	if !known {
		return kube.RecordedLog4j(o.record, w.Cluster)
	}
	texts := kube.Log4jTexts{Has: hiddenLog(text)}
	if text != w.config.Log4jConfig {
		texts.Next = hiddenLog(w.config.Log4jConfig)
	}
	return texts
}

// logRecorded reports whether a text would be found again.
func (w blueprint) logRecorded(o observed, text string) bool {
	recorded := kube.RecordedLog4j(o.record, w.Cluster)
	return slices.Contains([]string{recorded.Has, recorded.Next}, hiddenLog(text))
}

// tookLevels says of a Pod of Koperator's that its broker has the levels of today's log4jConfig. The text is recorded before: from the mark
// alone nobody could tell it once people have written another one.
func (w blueprint) tookLevels(o observed) step {
	pod := o.pod()
	if !w.logRecorded(o, w.config.Log4jConfig) {
		return w.recordLevels(o, kube.Levels(o.record, w.Cluster), "the Pod's mark is about to follow log4jConfig")
	}
	return annotate{object: pod, reason: "the broker runs with the levels of its newest log4jConfig", annotations: map[string]string{
		kube.AnnotationAdoptedWith: kube.WithFilePart(w.userHash, kube.FilePart(pod.Annotations[kube.AnnotationAdoptedWith])),
	}}
}

// hiddenLog is a log4j.properties with hashes in place of the lines that may have a secret: levels have none.
func hiddenLog(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !kafka.LoggerLine(line) {
			lines[i] = kube.FileHash(line)
		}
	}
	return strings.Join(lines, "\n")
}

// shownLog is what was hidden, as far as it is still written: where such a line has changed more than levels has.
func (w blueprint) shownLog(text string) string {
	written := map[string]string{}
	for line := range strings.SplitSeq(w.config.Log4jConfig, "\n") {
		written[kube.FileHash(line)] = line
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if is, there := written[line]; there {
			lines[i] = is
		}
	}
	return strings.Join(lines, "\n")
}
