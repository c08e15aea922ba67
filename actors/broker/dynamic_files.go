package broker

import (
	"errors"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
)

// files are the properties between which a broker changes while it runs.
type files struct {
	// user is what people had written when it was started, running the file that it was started with.
	user    string
	running kafka.Properties
	// text is running as it stands in the record, empty where it is from elsewhere.
	text string
	// before is the file of today as it would be without what people have changed since; wanted is the file of today.
	before, wanted kafka.Properties
	// changed are the keys that may differ since, sorted.
	changed []string
}

// corrected takes from a broker with which values it was started: a container that was started anew has read a newer
// file than its Pod's first one.
func (f files) corrected(described kafka.Configs) files {
	f.running, f.before, f.text = f.running.Merge(), f.before.Merge(), ""
	for _, key := range f.changed {
		value, there, known := described.InFile(key)
		switch {
		case known && there:
			f.running.Set(key, value)
			f.before.Set(key, value)
		case known:
			f.running.Delete(key)
			f.before.Delete(key)
		}
	}
	return f
}

// startedWith reads with which file a Pod was started; ok is false where the record is not the one of this Pod, or is not
// as we wrote it.
func (w blueprint) startedWith(o observed) (f files, ok bool) {
	pod := o.pod()
	switch {
	case pod == nil:
		return f, false
	case adoptedPod(pod):
		return w.adoptedWith(o)
	case o.config == nil:
		return f, false
	}
	user, recorded := o.config.Data[kube.KeyUserConfig]
	started, lastTaken := kube.FileHash(user) == startedFile(pod), hashed(pod) && kube.FileHash(user) == takenFile(pod)
	if !recorded || !started && !lastTaken || !kube.SignedConfig(o.config) {
		return f, false
	}
	text, changed := o.config.Data[kube.KeyStartedConfig]
	if !changed {
		text = o.config.Data[kube.KeyBrokerConfig]
	}
	if f, ok = w.filesFrom(user, text, o.config.Data[kube.KeyBrokerConfig]); !ok {
		return f, false
	}
	if !started { // the record was lost, and the file written again: Kafka shows what it took of it while it ran
		userBefore, _ := w.keysOf(user) // which filesFrom has read
		f.changed = slices.Concat(f.changed, userBefore.Keys(), slices.Collect(maps.Keys(w.applied(o))))
		slices.Sort(f.changed)
		f.changed = slices.Compact(f.changed)
	}
	return f, true
}

// filesFrom are the files of a broker that was started with a text, of which people had written user, and whose file is another by now; ok
// is false where one of them cannot be read.
func (w blueprint) filesFrom(user, text, now string) (f files, ok bool) {
	var errs [4]error
	var userBefore, file kafka.Properties
	f.user, f.wanted, f.text = user, w.wantedKeys, text
	f.running, errs[0] = w.keysOf(text)
	userBefore, errs[1] = w.keysOf(user)
	file, errs[2] = w.keysOf(now)
	f.changed = differing(userBefore, w.userKeys)
	f.before = f.wanted.Merge()
	if len(f.changed) > 0 {
		f.before, errs[3] = w.fileOf(user)
	}
	if errors.Join(errs[:]...) != nil {
		return files{}, false
	}
	f.changed = append(f.changed, differing(f.before, f.wanted)...) // what we derive from what people write
	for _, key := range differing(f.running, file) {
		copyKey(f.before, f.running, key)
		f.changed = append(f.changed, key)
	}
	slices.Sort(f.changed)
	f.changed = slices.Compact(f.changed)
	return f, true
}

// fileOf is the file of today, had people written a text in place of all that they have.
func (w blueprint) fileOf(user string) (kafka.Properties, error) {
	w.said = &user
	return w.file("")
}

// seenFiles stands in for startedWith where the record is lost: a broker shows what it has read from its file. Of keys that
// neither people nor we had a hand in nothing is said, nor of what Koperator's Pods have not taken since their
// takeover: what differs there waits for consent.
func (w blueprint) seenFiles(o observed, applied kafka.Applied) (f files, ok bool) {
	if pod := o.pod(); !hashed(pod) && pod.Annotations[kube.AnnotationStartedWith] == "" {
		return files{}, false
	}
	wanted := w.wantedKeys
	users := w.userKeys.Keys()
	if adoptedPod(o.pod()) {
		users = slices.DeleteFunc(users, func(key string) bool { return !o.asked.configs.OnBroker(key) })
	}
	f = files{running: wanted, before: wanted, wanted: wanted, changed: append(users, slices.Collect(maps.Keys(applied))...)}
	slices.Sort(f.changed)
	f.changed = slices.Compact(f.changed)
	return f.corrected(o.asked.configs), true
}

// hashed reports whether a Pod says what it was made from. Those of Koperator's do not.
func hashed(pod *corev1.Pod) bool { return pod.Annotations[kube.AnnotationUserInputsHash] != "" }

// fileDiffers reports whether people have changed the properties since a Pod's file was written.
func (w blueprint) fileDiffers(pod *corev1.Pod) bool {
	return inputsOf(pod) != "" && takenFile(pod) != kube.FilePart(w.userHash)
}

// podDiffers reports whether people have changed what only another Pod has.
func (w blueprint) podDiffers(pod *corev1.Pod) bool {
	return hashed(pod) && !kube.SamePodPart(pod.Annotations[kube.AnnotationUserInputsHash], w.userHash)
}

// differing are the keys that are not the same in two texts.
func differing(a, b kafka.Properties) []string {
	var keys []string
	for key, old := range a {
		if value, is := b.Get(key); !is || old != value {
			keys = append(keys, key)
		}
	}
	for key := range b {
		if _, was := a.Get(key); !was {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// startedFile is the hash of what people had written when the Pod's broker was started.
func startedFile(pod *corev1.Pod) string {
	if started := pod.Annotations[kube.AnnotationStartedWith]; started != "" {
		return started
	}
	return takenFile(pod)
}

// takenFile is the hash of what people had written in the file that the Pod's broker has all of, whether from its start or
// since.
func takenFile(pod *corev1.Pod) string {
	return kube.FilePart(inputsOf(pod))
}

// copyKey gives a key in one text the value of another, or takes it away where that has none.
func copyKey(to, from kafka.Properties, key string) {
	if value, there := from.Get(key); there {
		to.Set(key, value)
	} else {
		to.Delete(key)
	}
}

// fileReasons say why the newest file needs a restart, as far as that is known. A broker that answers is heard before: it may
// take the rest while it runs, or say that no broker starts with that file. What it has not been asked yet it may still take.
func (w blueprint) fileReasons(o observed) []string {
	if found, known := w.found(o); known {
		return found.restart
	}
	if !w.heard(o) {
		return nil
	}
	if o.live != nil {
		return o.live.restart
	}
	f, _ := w.startedWith(o)
	var certain []string
	for _, key := range (kafka.FileDiff{Started: f.before, Wanted: f.wanted, Running: w.running(nil)}).Change().Keys {
		if key.Way == kafka.WayRestart && !key.Class.Live() {
			certain = append(certain, key.Reason())
		}
	}
	return certain
}

// heard reports whether a broker that answers has said all about the newest wish, and has what it takes of it while it runs.
// Until then nobody stops it for that wish: what moves from its file to Kafka would be in neither when it starts.
func (w blueprint) heard(o observed) bool {
	_, known := w.found(o)
	return known || o.silent || !w.runs(o.pod(), o.written) || !w.concerned(o) || o.asked.waits.of == w.inputs()
}

// writeFile gives a broker that has all of its new file the file itself, and its Pod the hashes of it. A Pod that is to be
// replaced anyway leaves it to the next one.
func (w blueprint) writeFile(o observed) step {
	if !o.live.known || len(o.live.restart) > 0 || o.live.invalid || o.live.plan.Again {
		return nil
	}
	return w.taken(o, o.live.files, "the broker has taken its new file while it runs")
}

// followFile gives a node without the broker role a newer file that says nothing new to it: it reads it at its next start.
func followFile(w blueprint, o observed, _ time.Time) step {
	pod := o.pod()
	if pod == nil || w.isBroker() || w.Leaving || o.written.Deleting(pod) || !w.BrokersTook { // what they refuse stops it at its next start
		return nil
	}
	f, known := w.startedWith(o)
	if !known || !w.onBrokersAlone(f) {
		return nil
	}
	return w.taken(o, f, "what is new in the file concerns brokers alone")
}

// onBrokersAlone reports whether all that people have changed since the start says nothing to a node without the broker role.
func (w blueprint) onBrokersAlone(f files) bool { return onBrokersAlone(f, w.Kafka.ELR) }

// mayBeOnBrokersAlone does so while Kafka has yet to tell what it can, too.
func (w blueprint) mayBeOnBrokersAlone(f files) bool {
	return onBrokersAlone(f, w.Kafka.ELR || w.Kafka.Version == "")
}

func onBrokersAlone(f files, elr bool) bool {
	return !slices.ContainsFunc(f.changed, func(key string) bool {
		before, was := f.before.Get(key)
		now, is := f.wanted.Get(key)
		return (was != is || before != now) && !kafka.OnBrokersAlone(key, f.wanted, elr)
	})
}

// taken is what is left to be written for a Pod that needs no restart for its newest file: the file, then the Pod's hashes of it.
func (w blueprint) taken(o observed, f files, reason string) step {
	pod := o.pod()
	switch {
	case !w.fileDiffers(pod) || w.podDiffers(pod) || w.editedSince(pod):
		return nil
	case adoptedPod(pod):
		return w.tookAll(pod, f, reason)
	}
	annotations := map[string]string{
		kube.AnnotationUserInputsHash: w.userHash, kube.AnnotationStartedWith: kube.FileHash(f.user),
		kube.AnnotationRenderedHash: pod.Annotations[kube.AnnotationRenderedHash],
	}
	file := f.today()
	if w.rackless(file).String() == w.properties {
		annotations[kube.AnnotationRenderedHash] = kube.WithFilePart(pod.Annotations[kube.AnnotationRenderedHash], kube.FilePart(w.renderedHash))
	}
	config := w.withRecord(f, file.String())
	config.Annotations[kube.AnnotationRenderedHash] = annotations[kube.AnnotationRenderedHash]
	if !o.written.Stands(o.config, config) || o.config.Data[kube.KeyStartedConfig] != config.Data[kube.KeyStartedConfig] {
		return apply{objects: []kube.Object{config}, reason: reason}
	}
	return annotate{object: pod, annotations: annotations, reason: reason}
}

// today is the file that a broker was started with, with what people have changed since. What only a newer daemon writes
// otherwise stays out of it.
func (f files) today() kafka.Properties {
	file := f.running.Merge()
	for _, key := range f.changed {
		copyKey(file, f.wanted, key)
	}
	return file
}

// rackless is a file without the line that the node tells.
func (w blueprint) rackless(file kafka.Properties) kafka.Properties {
	file = file.Merge()
	if w.racks() {
		file.Delete("broker.rack")
	}
	return file
}

// recordedIn reports whether a ConfigMap says already what a broker was started with: just what it holds.
func (f files) recordedIn(config *corev1.ConfigMap) bool {
	_, changed := config.Data[kube.KeyStartedConfig]
	file := config.Data[kube.KeyBrokerConfig]
	return !changed && config.Data[kube.KeyUserConfig] == f.user && (file != "" && file == f.text || file == f.running.String())
}

// withRecord is the ConfigMap of a broker that runs, with the record of what it was started with.
func (w blueprint) withRecord(f files, file string) *corev1.ConfigMap {
	config := w.configMap.DeepCopy()
	config.Data[kube.KeyBrokerConfig], config.Data[kube.KeyUserConfig] = file, f.user
	if started := f.running.String(); started != file {
		config.Data[kube.KeyStartedConfig] = started
	}
	kube.SignConfig(config)
	return config
}
