package broker

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// A broker takes the levels of its loggers while it runs and forgets them when it ends, so the file has to follow. What says
// that nothing is left to do is the Pod's hash; until it says so the record names the loggers that may have been changed:
//
//	record the loggers ─▶ set levels ─▶ file ─▶ hashes of the Pod ─▶ record nothing

// levels brings to a running broker the levels of its loggers.
func levels(w blueprint, o observed, _ time.Time) step { return w.levels(o) }

// setLevels sets levels of loggers.
type setLevels struct {
	address string
	changes []kafka.ConfigChange
	of      levelsWish
}

func (setLevels) isStep() {}

// levelsWish is what was last set or refused, for one file and one process.
type levelsWish struct {
	process process
	file    string
}

// levelsAsked is what is remembered of levels.
type levelsAsked struct {
	done, refused levelsWish
	// said are Kafka's words.
	said string
	// adopted is the log4jConfig that counts for a Pod of Koperator's, as far as that was known last.
	adopted string
}

func (w blueprint) levelsWish(pod *corev1.Pod) levelsWish {
	return levelsWish{process: processOf(pod), file: kube.FileHash(w.config.Log4jConfig)}
}

// levels is the next step towards the levels of the file, nil when there is none or a restart brings them in.
func (w blueprint) levels(o observed) step {
	pod, unsure := o.pod(), kube.Levels(o.record, w.Cluster)
	if !w.runs(pod, o.written) || w.recordLost(o) { // without what was in it the record would forget what is ours
		return nil
	}
	changes, ok := w.levelChanges(o)
	if !ok {
		return nil
	}
	of := w.levelsWish(pod)
	refused := o.asked.levels.refused == of
	if len(changes) > 0 && o.asked.levels.done != of && !refused {
		if names := namesOf(changes); !slices.Equal(names, unsure) {
			return w.recordLevels(o, names, "the levels of loggers are about to change")
		}
		return setLevels{address: AdminAddress(w.Cluster, w.id), changes: changes, of: of}
	}
	switch {
	case w.edited(pod) && refused:
		return nil
	case w.editedSince(pod):
		return w.tookLevels(o)
	case w.podDiffers(pod):
		return w.writeLevels(o)
	}
	if len(unsure) > 0 {
		return w.recordLevels(o, nil, "the file has the levels of all loggers")
	}
	return nil
}

// levelsLive reports whether nothing but levels of loggers keeps the Pod from being the one that is wanted.
func (w blueprint) levelsLive(o observed) bool {
	pod := o.pod()
	if !w.isBroker() || !w.edited(pod) || stuck(pod) || o.asked.levels.refused == w.levelsWish(pod) {
		return false
	}
	_, ok := w.levelChanges(o)
	return ok
}

// levelChanges are the levels to set; ok is false where more than levels is to change. What the Pod was made from is known
// by its hash: with the loggers of its file in place of those that are wanted the hash has to be the same.
func (w blueprint) levelChanges(o observed) (changes []kafka.ConfigChange, ok bool) {
	pod, unsure := o.pod(), kube.Levels(o.record, w.Cluster)
	if !w.edited(pod) && len(unsure) == 0 || w.config.Log4jConfig == "" {
		return nil, false
	}
	was, known := w.logOfFile(o)
	if adoptedPod(pod) {
		was, known = w.adoptedLog(o)
	}
	if !known {
		return nil, false
	}
	return kafka.LogLevels(was, w.config.Log4jConfig, unsure)
}

// edited reports whether people have changed what only another Pod has, whoever made this one.
func (w blueprint) edited(pod *corev1.Pod) bool { return w.podDiffers(pod) || w.editedSince(pod) }

// logOfFile is the log4jConfig of a Pod that we made, as its file has it.
func (w blueprint) logOfFile(o observed) (text string, known bool) {
	if o.config == nil || o.config.Data[kube.KeyLog4j] == "" || !kube.SignedConfig(o.config) {
		return "", false
	}
	text = o.config.Data[kube.KeyLog4j]
	made := o.pod().Annotations[kube.AnnotationUserInputsHash]
	return text, kube.SamePodPart(w.userHashWithLog(text), made) || w.levelsWritten(o)
}

// levelsWritten reports whether the file has loggers that its Pod has taken and its hash does not have yet: nobody writes another file under
// a Pod that runs.
func (w blueprint) levelsWritten(o observed) bool {
	return tookItsLevels(o.config, o.pod()) &&
		kube.SamePodPart(w.userHashWithLog(o.config.Data[kube.KeyLog4j]), o.config.Annotations[kube.AnnotationUserInputsHash])
}

// tookItsLevels reports whether the file was written for a Pod that had taken the levels of its loggers while it ran.
func tookItsLevels(config *corev1.ConfigMap, pod *corev1.Pod) bool {
	return config != nil && config.Annotations[kube.AnnotationLevelsOf] == string(pod.UID)
}

func logging(log4j string) func(*v1beta1.BrokerConfig) {
	return func(config *v1beta1.BrokerConfig) { config.Log4jConfig = log4j }
}

func (w blueprint) userHashWithLog(log4j string) string { return w.userHashWith(logging(log4j)) }

// userHashWith is the hash of what the user set, with another configuration.
func (w blueprint) userHashWith(change func(*v1beta1.BrokerConfig)) string {
	return kube.UserInputsHash(w.with(change).podInput(w.expectedClaims(), nil))
}

// renderedHashWith is the hash of the Pod with another configuration.
func (w blueprint) renderedHashWith(change func(*v1beta1.BrokerConfig)) (string, error) {
	sample, err := w.with(change).pod(w.expectedClaims(), nil)
	if err != nil {
		return "", err
	}
	return sample.Annotations[kube.AnnotationRenderedHash], nil
}

// with is the blueprint with another configuration, whose Pod has hashes of its own.
func (w blueprint) with(change func(*v1beta1.BrokerConfig)) blueprint {
	config := *w.config
	change(&config)
	w.config, w.renderedHash, w.earlier = &config, "", &earlierSize{}
	return w
}

// writeLevels writes the file with the new loggers, then the hashes of the Pod. What else of the file is not as wanted is no
// matter of the loggers.
func (w blueprint) writeLevels(o observed) step {
	pod := o.pod()
	user := kube.WithFilePart(w.userHash, takenFile(pod))
	rendered := pod.Annotations[kube.AnnotationRenderedHash]
	if was, err := w.renderedHashWith(logging(o.config.Data[kube.KeyLog4j])); err == nil && (kube.SamePodPart(was, rendered) || w.levelsWritten(o)) {
		rendered = kube.WithFilePart(w.renderedHash, kube.FilePart(rendered))
	}
	if o.config.Data[kube.KeyLog4j] != w.config.Log4jConfig || o.config.Annotations[kube.AnnotationUserInputsHash] != user {
		config := w.configMap.DeepCopy()
		for key, text := range o.config.Data {
			if key != kube.KeyLog4j {
				config.Data[key] = text
			}
		}
		config.Annotations[kube.AnnotationUserInputsHash], config.Annotations[kube.AnnotationRenderedHash] = user, rendered
		config.Annotations[kube.AnnotationLevelsOf] = string(pod.UID)
		kube.SignConfig(config)
		return apply{objects: []kube.Object{config}, reason: "the broker has taken the levels of its loggers while it runs"}
	}
	return annotate{object: pod, reason: "the broker runs with all of its newest log4jConfig", annotations: map[string]string{
		kube.AnnotationUserInputsHash: user, kube.AnnotationRenderedHash: o.config.Annotations[kube.AnnotationRenderedHash],
	}}
}

func (w blueprint) recordLevels(o observed, loggers []string, reason string) step {
	return apply{objects: []kube.Object{w.recordWith(o, w.applied(o), w.refusals(o), loggers)}, reason: reason}
}

func namesOf(changes []kafka.ConfigChange) []string {
	var names []string
	for _, c := range changes {
		names = append(names, c.Key)
	}
	return names
}

// levelsText is what is set, by name: levels are no secrets.
func levelsText(changes []kafka.ConfigChange) string {
	var parts []string
	for _, c := range changes {
		if c.Value == nil {
			parts = append(parts, c.Key+" inherits its level")
		} else {
			parts = append(parts, c.Key+" logs "+strings.ToLower(*c.Value))
		}
	}
	return shortList(parts)
}

// levelsRefusedReason says why a restart brings the levels in.
func (w blueprint) levelsRefusedReason(o observed) string {
	if o.asked.levels.refused != w.levelsWish(o.pod()) {
		return ""
	}
	return "log4jConfig changed, and Kafka does not take that while it runs: " + o.asked.levels.said
}
