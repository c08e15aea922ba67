package broker

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const (
	// settling is how long to wait before the look that confirms a change: a broker takes it over from the metadata log.
	settling = 200 * time.Millisecond
	// otherFirst is how long to wait for a change of all brokers that a change of this one waits for.
	otherFirst = 2 * time.Second
	// drift is after what time a broker that has all that is wanted is asked again, at the earliest; others may have
	// changed it. Each broker adds a part of driftSpread, so that not all are asked together.
	drift       = 10 * time.Minute
	driftSpread = 5 * time.Minute
)

// asked is what is remembered of a broker's dynamic configuration. A new daemon begins without.
type asked struct {
	// process is the one that was asked.
	process process
	// at is when it answered last, notBefore when to ask it again at the earliest.
	at, notBefore time.Time
	// changed is set when a change was sent to it since.
	changed bool
	// configs is its answer, nil when nothing has to be decided from it any more.
	configs kafka.Configs
	// after is the record to be stored since Kafka has taken a change, nil when it is stored.
	after kafka.Applied
	// recorded is the record as it was seen last: a record that somebody deletes is made again.
	recorded kafka.Applied
	// refused are the changes that Kafka did not take, by key; the key is empty where Kafka named none.
	refused map[string]refusedChange
	// settled is what was found when there was nothing left to change, for the inputs that it was found for.
	settled   settled
	settledOf string
}

// process is one run of Kafka in a Pod.
type process struct {
	pod     types.UID
	started time.Time
}

// refusedChange is a wish that Kafka refused and in what words.
type refusedChange struct {
	value string
	set   bool
	text  string
}

// settled is what of the configuration is as it has to be, and what cannot be.
type settled struct {
	// restart are the reasons why only a restart brings in the file.
	restart []string
	// problems are wishes that Kafka does not fulfil.
	problems []string
	// refused is set when Kafka itself has refused some.
	refused bool
}

// live is what a broker's answer leads to.
type live struct {
	plan   kafka.DynamicPlan
	wanted kafka.Properties
	// files are those that the process runs between, known only where there is a record of its start.
	files files
	known bool
	settled
}

// inputs tell one wish from another.
func (w blueprint) inputs() string {
	return kube.FileHash(strings.Join([]string{
		w.config.Config, w.Cluster.Spec.ClusterWideConfig, w.userHash, w.Kafka.Version, strconv.FormatBool(w.Kafka.ELR),
		strings.Join(w.ClusterApplied, ","),
	}, "\x00"))
}

// runs reports whether the Pod has a process that can be asked. Controllers have no configuration of their own.
func (w blueprint) runs(pod *corev1.Pod, written *kube.Written) bool {
	return pod != nil && !w.Leaving && !w.Paused && w.config.HasRole(v1beta1.BrokerRole) && w.Kafka.Version != "" &&
		!written.Deleting(pod) && podReady(pod) && !startedAt(pod).IsZero()
}

// concerned reports whether anything is to be dynamic, was, or may have to be: others are never asked.
func (w blueprint) concerned(o observed) bool {
	pod := o.pod()
	return w.config.Config != "" || w.Cluster.Spec.ClusterWideConfig != "" || o.record != nil || len(o.asked.recorded) > 0 || o.asked.after != nil ||
		w.fileDiffers(pod)
}

// fileDiffers reports whether people have changed the properties since a Pod's file was written.
func (w blueprint) fileDiffers(pod *corev1.Pod) bool {
	hash := pod.Annotations[kube.AnnotationUserInputsHash]
	return hash != "" && kube.FilePart(hash) != kube.FilePart(w.userHash) && kube.SameHash(kube.WithFilePart(hash, ""), kube.WithFilePart(w.userHash, ""))
}

// address is where the operator asks the broker.
func (w blueprint) address() string {
	port, _ := kafka.AdminPort(w.Cluster) // validation has refused a spec without one
	return net.JoinHostPort(kube.AddressesOf(w.Cluster).Broker(w.id), strconv.Itoa(int(port)))
}

// files are the properties between which a broker changes while it runs.
type files struct {
	// user is what people had written when it was started, running the file that it was started with.
	user    string
	running kafka.Properties
	// before is the wanted file with all that people have changed since as it was; wanted is the file of today.
	before, wanted kafka.Properties
	// changed are the keys that people have changed since, sorted.
	changed []string
}

// corrected takes from a broker with which values it was started: a container that was started anew has read a newer
// file than its Pod's first one.
func (f files) corrected(described kafka.Configs) files {
	f.running, f.before = f.running.Merge(), f.before.Merge()
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

// startedWith reads with which file a Pod was started; ok is false where the record is not the one of this Pod.
func (w blueprint) startedWith(o observed) (f files, ok bool) {
	pod := o.pod()
	if o.config == nil || pod == nil {
		return f, false
	}
	user, recorded := o.config.Data[kube.KeyUserConfig]
	if !recorded || kube.FileHash(user) != startedFile(pod) {
		return f, false
	}
	text, changed := o.config.Data[kube.KeyStartedConfig]
	if !changed {
		text = o.config.Data[kube.KeyBrokerConfig]
	}
	var errs [5]error
	var userBefore, userNow, file kafka.Properties
	f.user = user
	f.running, errs[0] = kafka.Parse(text)
	f.wanted, errs[1] = kafka.Parse(w.properties)
	userBefore, errs[2] = kafka.Parse(user)
	userNow, errs[3] = kafka.Parse(w.userProperties)
	file, errs[4] = kafka.Parse(o.config.Data[kube.KeyBrokerConfig])
	for _, err := range errs {
		if err != nil {
			return files{}, false
		}
	}
	f.before = f.wanted.Merge()
	f.changed = append(differing(userBefore, userNow), differing(f.running, file)...)
	slices.Sort(f.changed)
	f.changed = slices.Compact(f.changed)
	for _, key := range f.changed {
		copyKey(f.before, f.running, key)
	}
	return f, true
}

// differing are the keys that are not the same in two texts.
func differing(a, b kafka.Properties) []string {
	return slices.DeleteFunc(a.Merge(b).Keys(), func(key string) bool {
		old, was := a.Get(key)
		value, is := b.Get(key)
		return was == is && old == value
	})
}

// startedFile is the hash of what people had written when the Pod's broker was started.
func startedFile(pod *corev1.Pod) string {
	if started := pod.Annotations[kube.AnnotationStartedWith]; started != "" {
		return started
	}
	return kube.FilePart(pod.Annotations[kube.AnnotationUserInputsHash])
}

// copyKey gives a key in one text the value of another, or takes it away where that has none.
func copyKey(to, from kafka.Properties, key string) {
	if value, there := from.Get(key); there {
		to.Set(key, value)
	} else {
		to.Delete(key)
	}
}

// running is what is known of the broker's Kafka.
func (w blueprint) running(described kafka.Configs) kafka.Running {
	version, err := kafka.ParseVersion(w.Kafka.Version)
	if err != nil {
		version = kafka.Version{}
	}
	return kafka.Running{Version: version, Described: described, ELR: w.Kafka.ELR}
}

// liveOf works out what a broker's answer leads to, nil while there is none that counts.
func (w blueprint) liveOf(o observed) *live {
	if pod := o.pod(); w.config == nil || !w.runs(pod, o.written) || o.asked.configs == nil || o.asked.process != processOf(pod) {
		return nil
	}
	running := w.running(o.asked.configs)
	perBroker, problems := kafka.BrokerDynamic(&w.Entry, w.config, running)
	clusterWide, _ := kafka.ClusterDynamic(w.Cluster, running) // of which the cluster actor tells
	l := live{wanted: perBroker}
	for _, problem := range problems {
		l.problems = append(l.problems, problem.String())
	}
	if perBroker == nil || clusterWide == nil { // what cannot be read says nothing, not even that it is empty
		return &l
	}
	applied := w.applied(o)
	f, known := w.startedWith(o)
	if !known && o.pod().Annotations[kube.AnnotationStartedWith] != "" {
		return &l // values stand in for a file that nobody knows any more; the restart that follows takes them away
	}
	l.files, l.known = f.corrected(o.asked.configs), known
	if known {
		f = l.files
		change := kafka.FileDiff{
			Started: f.before, Wanted: f.wanted, Running: running, PerBroker: perBroker, ClusterWide: clusterWide,
			Applied: applied, ClusterApplied: w.clusterApplied(),
		}.Change()
		change, l.restart = o.asked.withoutRefused(change)
		l.wanted = change.Dynamic(perBroker)
	}
	l.plan = kafka.PlanDynamic(kafka.DynamicInput{
		Resource: kafka.ConfigResource{Broker: w.id}, Wanted: l.wanted, Actual: o.asked.configs, Applied: applied,
		ClusterWide: clusterWide, ELR: w.Kafka.ELR, Without: o.asked.refusedKeys(l.wanted),
	})
	l.problems = append(l.problems, l.plan.Problems...)
	refusals := o.asked.refusals(l.wanted)
	l.problems, l.refused = append(l.problems, refusals...), len(refusals) > 0
	return &l
}

func processOf(pod *corev1.Pod) process { return process{pod: pod.UID, started: startedAt(pod)} }

// applied is the record of what is ours, as it stands or is about to.
func (w blueprint) applied(o observed) kafka.Applied {
	if o.asked.after != nil {
		return o.asked.after
	}
	return kube.Applied(o.record, w.Cluster)
}

func (w blueprint) clusterApplied() kafka.Applied {
	applied := kafka.Applied{}
	for _, key := range w.ClusterApplied {
		applied[key] = ""
	}
	return applied
}

// withoutRefused gives keys of the file that Kafka did not take to the next restart.
func (a asked) withoutRefused(change kafka.FileChange) (kafka.FileChange, []string) {
	restart := slices.Clone(change.Restart)
	change.Live = slices.DeleteFunc(slices.Clone(change.Live), func(c kafka.ConfigChange) bool {
		refused, is := a.refused[c.Key]
		if !is || !refused.set || refused.value != *c.Value {
			return false
		}
		restart = append(restart, fmt.Sprintf("`%s` changed, and Kafka does not take that while it runs: %s", c.Key, refused.text))
		return true
	})
	change.Restart = restart
	return change, restart
}

// stillRefused reports whether the wish for a key is the one that was refused.
func (a asked) stillRefused(key string, wanted kafka.Properties) bool {
	refused, is := a.refused[key]
	if !is {
		return false
	}
	value, set := wanted.Get(key)
	return key == "" || refused.set == set && refused.value == value
}

func (a asked) refusedKeys(wanted kafka.Properties) []string {
	var keys []string
	for key := range a.refused {
		if a.stillRefused(key, wanted) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// refusals say what Kafka did not take, in its own words.
func (a asked) refusals(wanted kafka.Properties) []string {
	var texts []string
	for _, key := range a.refusedKeys(wanted) {
		if text := a.refused[key].text; key == "" {
			texts = append(texts, "Kafka refuses the configuration: "+text)
		} else {
			texts = append(texts, "Kafka refuses `"+key+"`: "+text)
		}
	}
	return texts
}

// fileReasons say why the newest file needs a restart, as far as that is known. What the broker has not been asked yet it
// may still take while it runs.
func (w blueprint) fileReasons(o observed) []string {
	if found, known := w.found(o); known {
		return found.restart
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

// found is what there is to tell of the newest wish. While a broker is looked at again what was found before counts: what
// it refused then is only tried once more.
func (w blueprint) found(o observed) (settled, bool) {
	switch {
	case o.live != nil && w.carryOut(o) == nil && !o.live.plan.Again:
		return o.live.settled, true
	case o.asked.process == processOf(o.pod()) && o.asked.settledOf == w.inputs():
		return o.asked.settled, true
	default:
		return settled{}, false
	}
}

// configure brings to a running broker what it takes while it runs: records, then changes, then looks, then records
// again and writes the file. Each step follows from what is there, so that any of them may be the last one of a daemon.
func configure(w blueprint, o observed, now time.Time) step {
	pod := o.pod()
	if !w.runs(pod, o.written) || !w.concerned(o) {
		return nil
	}
	if o.record == nil && len(o.asked.recorded) > 0 {
		return w.record(o.asked.recorded, "the record of what is ours was gone")
	}
	if recorded := kafka.Applied(kube.Applied(o.record, w.Cluster)); o.asked.after != nil && !recorded.Equal(o.asked.after) {
		return w.record(o.asked.after, "what Kafka has taken is ours")
	}
	if o.live == nil {
		return w.ask(o, now)
	}
	if s := w.carryOut(o); s != nil {
		return s
	}
	if o.live.plan.Again { // somebody else has to go first
		return wait{phase: messages.PhaseRunning, reason: "waits for the configuration of all brokers", again: otherFirst}
	}
	return nil
}

// carryOut is what is left to be done about an answer.
func (w blueprint) carryOut(o observed) step {
	if s := w.change(o); s != nil {
		return s
	}
	return w.writeFile(o)
}

// ask has the broker described, unless all was found well a while ago.
func (w blueprint) ask(o observed, now time.Time) step {
	a := o.asked
	if same := a.process == processOf(o.pod()); same && a.settledOf == w.inputs() && !a.changed {
		if left := w.driftAfter() - now.Sub(a.at); left > 0 {
			return wait{phase: messages.PhaseRunning, again: left}
		}
	}
	if left := a.notBefore.Sub(now); left > 0 {
		return wait{phase: messages.PhaseRunning, again: left}
	}
	return describe{address: w.address(), process: processOf(o.pod())}
}

func (w blueprint) driftAfter() time.Duration {
	const parts = 64
	return drift + driftSpread*time.Duration(w.id%parts)/parts
}

// change sends what is to change, with the record before and after.
func (w blueprint) change(o observed) step {
	recorded, plan := kafka.Applied(kube.Applied(o.record, w.Cluster)), o.live.plan
	_, unclear := o.asked.refused[""]
	if len(plan.Changes) == 0 || unclear {
		if plan.After != nil && !recorded.Equal(plan.After) && !unclear {
			return w.record(plan.After, "what is ours of the broker's configuration has changed")
		}
		return nil
	}
	if !recorded.Equal(plan.Before) {
		return w.record(plan.Before, "what is about to be set is ours")
	}
	return alter{
		address: w.address(), process: processOf(o.pod()), resource: kafka.ConfigResource{Broker: w.id}, plan: plan, wanted: o.live.wanted,
	}
}

func (w blueprint) record(applied kafka.Applied, reason string) step {
	return apply{objects: []kube.Object{kube.BrokerAppliedConfigMap(w.Cluster, w.id, applied)}, reason: reason}
}

// writeFile gives a broker that has all of its new file the file itself, and its Pod the hashes of it.
func (w blueprint) writeFile(o observed) step {
	pod := o.pod()
	f := o.live.files
	if !o.live.known || !w.fileDiffers(pod) || len(o.live.restart) > 0 || o.live.plan.Again {
		return nil
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
		return apply{objects: []kube.Object{config}, reason: "the broker has taken its new file while it runs"}
	}
	return annotate{object: pod, annotations: annotations, reason: "the broker runs with all of its newest file"}
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

// withRecord is the ConfigMap of a broker that runs, with the record of what it was started with.
func (w blueprint) withRecord(f files, file string) *corev1.ConfigMap {
	config := w.configMap.DeepCopy()
	config.Data[kube.KeyBrokerConfig], config.Data[kube.KeyUserConfig] = file, f.user
	if started := f.running.String(); started != file {
		config.Data[kube.KeyStartedConfig] = started
	}
	return config
}

// answered takes a broker's answer. What it refused is tried again after a while, and at a new process.
func (a asked) answered(s describe, configs kafka.Configs, now time.Time) asked {
	if a.process != s.process || now.Sub(a.at) >= drift {
		a.refused = nil
	}
	if a.process != s.process {
		a.settledOf = ""
	}
	a.process, a.at, a.configs, a.changed = s.process, now, configs, false
	return a
}

// taken follows a change that Kafka has accepted.
func (a asked) taken(s alter, now time.Time) asked {
	a.after, a.changed, a.configs, a.notBefore = s.plan.After, true, nil, now.Add(settling)
	return a
}

// notTaken remembers what Kafka refused.
func (a asked) notTaken(s alter, message string) asked {
	key, text := kafka.RefusedKey(message)
	if !slices.ContainsFunc(s.plan.Changes, func(c kafka.ConfigChange) bool { return c.Key == key }) {
		key = ""
	}
	value, set := s.wanted.Get(key)
	refused := maps.Clone(a.refused)
	if refused == nil {
		refused = map[string]refusedChange{}
	}
	refused[key] = refusedChange{value: value, set: set, text: text}
	a.refused = refused
	return a
}

// remembered is what stays of an answer after a look. When nothing is left to change only the result
// does: an answer has some hundred keys.
func (w blueprint) remembered(o observed, now time.Time) asked {
	a := o.asked
	if o.record != nil {
		a.recorded = kube.Applied(o.record, w.Cluster)
	}
	if o.record != nil && a.after != nil && a.after.Equal(kube.Applied(o.record, w.Cluster)) {
		a.after = nil
	}
	switch {
	case o.live == nil || w.carryOut(o) != nil:
	case o.live.plan.Again:
		a.configs, a.notBefore = nil, now.Add(otherFirst)
	default:
		a.settled, a.settledOf, a.configs = o.live.settled, w.inputs(), nil
	}
	return a
}

// changesText names keys; values may be secret.
func changesText(changes []kafka.ConfigChange) string {
	var parts []string
	for _, c := range changes {
		if c.Value == nil {
			parts = append(parts, "remove `"+c.Key+"`")
		} else {
			parts = append(parts, "set `"+c.Key+"`")
		}
	}
	return shortList(parts)
}
