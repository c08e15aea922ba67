package broker

import (
	"net"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/kit"
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

	waitsForAll = "waits for the configuration of all brokers"
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
	// refusals are those of the record as it was seen last.
	refusals map[string]kube.RefusedValue
	// takeover is what people had written at the takeover, as far as that was known last.
	takeover string
	// levels is what is known of the levels of loggers.
	levels levelsAsked
	// refused are the changes that Kafka did not take, by key.
	refused map[string]refusedChange
	// single are the inputs whose changes are sent one by one, since Kafka has refused several of them and named none.
	single string
	// waits is set while a change of all brokers has to come first.
	waits waiting
	// settled is what was found when there was nothing left to change, for the inputs that it was found for.
	settled   settled
	settledOf string
}

// waiting grows: what all brokers wait for may be refused for them.
type waiting struct {
	// of are the inputs, looks how often the change was not there, until when to look again.
	of    string
	looks int
	until time.Time
}

// process is one run of Kafka in a Pod.
type process struct {
	pod     types.UID
	started time.Time
}

// inputs tell one wish from another.
func (w blueprint) inputs() string {
	return kube.FileHash(strings.Join([]string{
		w.config.Config, w.Cluster.Spec.ClusterWideConfig, w.userHash, w.Kafka.Version, strconv.FormatBool(w.Kafka.ELR),
		strings.Join(w.ClusterApplied, ","), w.cordon(),
	}, "\x00"))
}

// runs reports whether the Pod has a process that can be asked. Controllers have no configuration of their own.
func (w blueprint) runs(pod *corev1.Pod, written *kube.Written) bool {
	return pod != nil && !w.Paused && w.isBroker() && w.Kafka.Version != "" &&
		!written.Deleting(pod) && podReady(pod) && !startedAt(pod).IsZero()
}

// isBroker reports whether the node serves clients. In ZooKeeper mode every node does, and none has roles.
func (w blueprint) isBroker() bool {
	return !w.Cluster.Spec.KRaft || w.config.HasRole(v1beta1.BrokerRole)
}

// concerned reports whether anything is to be dynamic, was, or may have to be: others are never asked. A file that was
// changed while the broker ran may have values that were hidden then.
func (w blueprint) concerned(o observed) bool {
	pod := o.pod()
	return w.cordon() != "" || w.config.Config != "" || w.Cluster.Spec.ClusterWideConfig != "" ||
		w.recordsValues(o) || len(o.asked.recorded)+len(o.asked.refusals) > 0 || o.asked.after != nil ||
		w.fileDiffers(pod) || pod.Annotations[kube.AnnotationStartedWith] != "" || len(w.ClusterApplied) > 0 && !hashed(pod)
}

// recordsValues reports whether values of the broker are ours, refused, or in doubt: a record may say something else.
func (w blueprint) recordsValues(o observed) bool {
	return len(kube.Applied(o.record, w.Cluster))+len(kube.Refusals(o.record, w.Cluster))+len(kube.Levels(o.record, w.Cluster)) > 0
}

// AdminAddress is where the operator asks a broker.
func AdminAddress(cluster *v1beta1.KafkaCluster, id messages.BrokerID) string {
	port, _ := kafka.AdminPort(cluster) // validation has refused a spec without one
	return net.JoinHostPort(kube.AddressesOf(cluster).Broker(id), strconv.Itoa(int(port)))
}

// running is what is known of the broker's Kafka.
func (w blueprint) running(described kafka.Configs) kafka.Running {
	version, err := kafka.ParseVersion(w.Kafka.Version)
	if err != nil {
		version = kafka.Version{}
	}
	return kafka.Running{Version: version, Described: described, ELR: w.Kafka.ELR}
}

func processOf(pod *corev1.Pod) process { return process{pod: pod.UID, started: startedAt(pod)} }

// applied is the record of what is ours, as it stands or is about to.
func (w blueprint) applied(o observed) kafka.Applied {
	if o.asked.after != nil {
		return o.asked.after
	}
	return kube.Applied(o.record, w.Cluster)
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
	if w.recordLost(o) {
		return w.record(o, o.asked.recorded, "the record of what is ours was gone")
	}
	if recorded := kafka.Applied(kube.Applied(o.record, w.Cluster)); o.asked.after != nil && !recorded.Equal(o.asked.after) {
		return w.record(o, o.asked.after, "what Kafka has taken is ours")
	}
	if o.live == nil {
		return w.ask(o, now)
	}
	if s := w.carryOut(o); s != nil {
		return s
	}
	if o.live.plan.Again { // somebody else has to go first
		return wait{phase: messages.PhaseRunning, reason: waitsForAll, again: otherFirst}
	}
	return nil
}

// recordLost reports whether somebody has deleted the record of what is ours: configure makes it again.
func (w blueprint) recordLost(o observed) bool {
	return o.record == nil && len(o.asked.recorded)+len(o.asked.refusals) > 0
}

// carryOut is what is left to be done about an answer.
func (w blueprint) carryOut(o observed) step {
	if s := w.levels(o); s != nil {
		return s
	}
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
	reason := ""
	if a.waits.of == w.inputs() && a.process == processOf(o.pod()) {
		reason = waitsForAll // also while it is asked: a reason that comes and goes would be news each time
		if left := a.waits.until.Sub(now); left > 0 {
			return wait{phase: messages.PhaseRunning, reason: reason, again: left}
		}
	}
	if left := a.notBefore.Sub(now); left > 0 {
		return wait{phase: messages.PhaseRunning, reason: reason, again: left}
	}
	return describe{address: AdminAddress(w.Cluster, w.id), process: processOf(o.pod()), reason: reason}
}

func (w blueprint) driftAfter() time.Duration {
	const parts = 64
	return drift + driftSpread*time.Duration(w.id%parts)/parts
}

// change sends what is to change, with the record before and after.
func (w blueprint) change(o observed) step {
	recorded, plan := kafka.Applied(kube.Applied(o.record, w.Cluster)), o.live.plan
	if len(plan.Changes) == 0 {
		if plan.After != nil && !recorded.Equal(plan.After) {
			return w.record(o, plan.After, "what is ours of the broker's configuration has changed")
		}
		if !kube.SameRefusals(kube.Refusals(o.record, w.Cluster), o.live.refusals) {
			return w.record(o, recorded, "what Kafka refuses of the broker's file has changed")
		}
		return nil
	}
	if !recorded.Equal(plan.Before) {
		return w.record(o, plan.Before, "what is about to be set is ours")
	}
	if o.asked.single == w.inputs() {
		plan = plan.First()
	}
	return alter{
		address: AdminAddress(w.Cluster, w.id), process: processOf(o.pod()), resource: kafka.ConfigResource{Broker: w.id}, plan: plan,
		wanted: o.live.wanted, of: w.inputs(),
	}
}

func (w blueprint) record(o observed, applied kafka.Applied, reason string) step {
	refused := w.refusals(o)
	if o.live != nil {
		refused = o.live.refusals
	}
	return apply{objects: []kube.Object{w.recordWith(o, applied, refused, kube.Levels(o.record, w.Cluster))}, reason: reason}
}

// recordWith is the broker's record with these values, refusals and loggers, and with what people had written at a takeover as long as the
// Pod is Koperator's.
func (w blueprint) recordWith(o observed, applied kafka.Applied, refused map[string]kube.RefusedValue, loggers []string) *corev1.ConfigMap {
	record := kube.WithLevels(kube.WithRefusals(kube.BrokerAppliedConfigMap(w.Cluster, w.id, applied), refused), loggers)
	if pod := o.pod(); pod == nil || !adoptedPod(pod) {
		return record
	}
	record = kube.WithLog4j(record, w.logRecord(o))
	if text, known := w.atTakeover(o); known {
		return kube.WithUserConfig(record, hidden(text))
	}
	if text, recorded := kube.UserConfig(o.record, w.Cluster); recorded { // a secret that was changed may come back
		return kube.WithUserConfig(record, text)
	}
	return record
}

// answered takes a broker's answer. What it refused is tried again after a while, and at a new process.
func (a asked) answered(s describe, configs kafka.Configs, now time.Time) asked {
	if a.process != s.process || now.Sub(a.at) >= drift {
		a.refused, a.single = nil, ""
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

// remembered is what stays of an answer after a look. When nothing is left to change only the result
// does: an answer has some hundred keys.
func (w blueprint) remembered(o observed, now time.Time) asked {
	a := o.asked
	if o.record != nil {
		a.recorded, a.refusals = kube.Applied(o.record, w.Cluster), kube.Refusals(o.record, w.Cluster)
	}
	if text, known := w.atTakeover(o); known {
		a.takeover = text
	}
	if text, known := w.adoptedLog(o); known {
		a.levels.adopted = text
	}
	if o.record != nil && a.after != nil && a.after.Equal(kube.Applied(o.record, w.Cluster)) {
		a.after = nil
	}
	switch {
	case o.live == nil || w.carryOut(o) != nil:
	case o.live.plan.Again:
		if a.waits.of != w.inputs() {
			a.waits = waiting{of: w.inputs()}
		}
		a.waits.looks++
		a.waits.until = now.Add(kit.Doubled(otherFirst, drift, a.waits.looks))
		a.configs = nil
	default:
		a.settled, a.settledOf, a.configs, a.waits = o.live.settled, w.inputs(), nil, waiting{}
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
