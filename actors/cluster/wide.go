package cluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const (
	// wideDrift is after what time all brokers' configuration is compared again: others may have changed it.
	wideDrift = 10 * time.Minute
	// wideSoon is when to look again while Kafka takes a change over, or a step of several was made.
	wideSoon = 500 * time.Millisecond
	// wideLater is when to look again for brokers that do not answer, wideWaits how long a key may wait for brokers before
	// people are told.
	wideLater = 10 * time.Second
	wideWaits = time.Minute
)

// wideWriter keeps the dynamic configuration of all brokers, Kafka's resource "".
type wideWriter struct {
	job job
	// applied is the record of what is ours, nil until it has been read.
	applied kafka.Applied
	// settledOf is the wish for which nothing was left to change, at when that was found.
	settledOf string
	at        time.Time
	// notBefore is when to look again at the earliest.
	notBefore time.Time
	// release is what was last known of the Kafka that runs.
	release messages.KafkaRelease
	// elsewhere are the texts of the spec in which people may have written keys for single brokers, or for files.
	elsewhere string
	// refused says what Kafka does not take, by key, for the wish refusedOf.
	refused   map[string]string
	refusedOf string
	// found say what was not had when there was nothing left to try, bad that Kafka refused some of it. problems are these,
	// and what waits.
	found    []string
	bad      bool
	problems []string
	// waiting are keys that nobody wants any more for all brokers, and that some broker has yet to get for itself; waitingSince
	// is since when there are any.
	waiting      []string
	waitingSince time.Time
	// unanswered is what was logged last of brokers that do not answer.
	unanswered string
}

// wideWish is all that a look at Kafka needs to know.
type wideWish struct {
	// brokers are the addresses of those that are ready.
	brokers map[messages.BrokerID]string
	running kafka.Running
	// controller is the address of the active controller's own listener, empty where it takes no configuration.
	controller string
	applied    kafka.Applied
	without    []string
	// keep are keys that may not be deleted yet: where a key moves to a broker there must not be Kafka's default in between.
	keep []string
	// of tells one wish from another, ofAll also when other keys may be deleted.
	of, ofAll string
}

// wideResult is what became of it.
type wideResult struct {
	of, ofAll string
	applied   kafka.Applied
	// refused is Kafka's reason, empty where it took everything; keys are those that were sent.
	refused  string
	keys     []string
	problems []string
	// without are the keys that were left as they are.
	without []string
	// waiting are those that would have been deleted.
	waiting []string
	// unanswered says who did not tell how many threads it has.
	unanswered string
	// again is set while something is left to be done.
	again bool
}

// tookRelease remembers which Kafka runs, also while it does not answer.
func (a *cluster) tookRelease() {
	if a.kafka.Answered && a.kafka.Version != "" {
		a.wide.release = messages.KafkaRelease{Version: a.kafka.Version, ELR: a.kafka.ELR}
	}
}

// releaseOf is the Kafka of a broker. One that leaves is restarted by no upgrade, so what the others take it may not know: it goes by its
// own word.
func (a *cluster) releaseOf(id messages.BrokerID, k *child) messages.KafkaRelease {
	release := a.wide.release
	own := cmp.Or(a.removals.each[id].disks.release, a.known.BrokersState[id.String()].Version) // status may be from before its last start
	if k.keep.leaving && own != "" && release.Version != "" {
		release.Version = own
	}
	return release
}

// keys are the keys that are ours, sorted.
func (w wideWriter) keys() []string { return slices.Sorted(maps.Keys(w.applied)) }

// readWide reads the record once; from then on only we write it.
func (a *cluster) readWide() {
	if a.wide.applied == nil {
		a.wide.applied = kube.Applied(a.Cache.ConfigMap(a.Key.Namespace, kube.ClusterAppliedName(a.Key.Name)), a.valid)
	}
}

// keepWide compares the configuration of all brokers with the wanted one, seldom while nothing has changed.
func (a *cluster) keepWide(c actor.Context) {
	if !a.wide.wanted(a.valid) {
		a.wide.found, a.wide.bad, a.wide.problems, a.wide.waiting = nil, false, nil, nil
		a.wide.refused, a.wide.settledOf = nil, ""
		return
	}
	a.tellWaiting(c)
	wish, due := a.wideWish()
	if !due || a.wide.job.running {
		return
	}
	now := time.Now()
	if left := a.wide.notBefore.Sub(now); left > 0 {
		a.again.SetSooner(c, left, lookNow{})
		return
	}
	if a.wide.settledOf == wish.ofAll {
		if left := wideDrift - now.Sub(a.wide.at); left > 0 {
			a.again.SetSooner(c, left, lookNow{})
			return
		}
		wish.without = nil // what was refused once may be taken now
	}
	if !a.wide.job.start(a, c) {
		return
	}
	e, cluster := a.effects, a.valid
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (wideResult, error) {
		return e.configureAll(ctx, cluster, wish)
	})
}

// wideWish is what to look for, and whether there is anything to look for and somebody to ask.
func (a *cluster) wideWish() (wideWish, bool) {
	version, err := kafka.ParseVersion(a.wide.release.Version)
	if err != nil || !a.kafka.Answered {
		return wideWish{}, false
	}
	wish := wideWish{
		brokers: map[messages.BrokerID]string{}, running: kafka.Running{Version: version, ELR: a.wide.release.ELR},
		applied: a.wide.applied,
	}
	if a.valid.Spec.KRaft && kafka.ControllersTakeConfigs(version) {
		wish.controller = a.activeController()
	}
	nodes := a.nodes()
	for _, n := range nodes {
		if !n.broker || n.leaving {
			continue
		}
		if n.observed.PodReady {
			wish.brokers[n.id] = broker.AdminAddress(a.valid, n.id)
		}
	}
	wish.keep = a.wide.kept(nodes)
	wish.of = kube.FileHash(strings.Join([]string{a.valid.Spec.ClusterWideConfig, a.wide.elsewhere, fmt.Sprint(a.wide.release)}, "\x00"))
	wish.ofAll = wish.of + " " + strings.Join(wish.keep, " ")
	if a.wide.refusedOf == wish.of {
		wish.without = slices.Sorted(maps.Keys(a.wide.refused))
	}
	return wish, len(wish.brokers) > 0
}

// wanted reports whether anything is to be set for all brokers, or was.
func (w wideWriter) wanted(cluster *v1beta1.KafkaCluster) bool {
	const minISR = "min.insync.replicas" // with eligible leader replicas there is one for all, wherever people write it
	return cluster.Spec.ClusterWideConfig != "" || len(w.applied) > 0 || w.release.ELR && strings.Contains(w.elsewhere, minISR)
}

// kept are the keys of ours that may not be deleted yet, sorted: any while a broker has yet to look at the newest wish, or
// waits for what it is to have for itself. One that does not run gets its newest file when it starts, but dynamic values
// only after that: it keeps the keys that some text has.
func (w wideWriter) kept(nodes []node) []string {
	unsettled := nodesWhere(nodes, unsettledConfig)
	if len(unsettled) == 0 {
		return nil
	}
	return slices.DeleteFunc(w.keys(), func(key string) bool {
		return !strings.Contains(w.elsewhere, key) && len(nodesWhere(unsettled, downAsWanted)) == len(unsettled)
	})
}

// unsettledConfig reports whether a broker may yet have to get a key for itself.
func unsettledConfig(n node) bool {
	return n.broker && !n.leaving && !(n.current() && n.observed.ConfigSettled)
}

// downAsWanted reports whether a broker does not run and will start with all that people wrote.
func downAsWanted(n node) bool {
	return n.current() && !n.observed.PodReady && n.observed.Started.IsZero() && !n.observed.ConfigStale
}

// tellWaiting tells people of keys that have waited for long, and for whom.
func (a *cluster) tellWaiting(c actor.Context) {
	a.wide.problems = a.wide.found
	if len(a.wide.waiting) == 0 {
		return
	}
	if left := wideWaits - time.Since(a.wide.waitingSince); left > 0 {
		a.again.SetSooner(c, left, lookNow{})
		return
	}
	if unsettled := nodesWhere(a.nodes(), unsettledConfig); len(unsettled) > 0 {
		a.wide.problems = append(slices.Clone(a.wide.found), fmt.Sprintf(
			"spec.clusterWideConfig: %s, removed there, stays until it is certain that %s has what it is to have for itself",
			strings.Join(a.wide.waiting, ", "), named(unsettled)))
	}
}

// textsOfBrokers are the texts in which people write keys for single brokers, or for files.
func textsOfBrokers(spec *v1beta1.KafkaClusterSpec) string {
	texts := []string{spec.ReadOnlyConfig}
	for _, name := range slices.Sorted(maps.Keys(spec.BrokerConfigGroups)) {
		texts = append(texts, spec.BrokerConfigGroups[name].Config)
	}
	for i := range spec.Brokers {
		texts = append(texts, spec.Brokers[i].ReadOnlyConfig)
		if own := spec.Brokers[i].BrokerConfig; own != nil {
			texts = append(texts, own.Config)
		}
	}
	return strings.Join(texts, "\x00")
}

// wideDone takes what became of a look.
func (a *cluster) wideDone(c actor.Context, r kit.Result[wideResult]) {
	a.wide.job.ended(a, c, r.Err)
	now := time.Now()
	if r.Value.applied != nil {
		a.wide.applied = r.Value.applied
	}
	if r.Err != nil {
		return
	}
	a.wide.refusedOf = r.Value.of
	maps.DeleteFunc(a.wide.refused, func(key, _ string) bool { return !slices.Contains(r.Value.without, key) })
	if r.Value.refused != "" {
		a.wide.refused = withRefused(a.wide.refused, r.Value)
		_, text := kafka.RefusedKey(r.Value.refused) // which shows no secret
		a.Log.Warn("configuration of all brokers refused", "reason", text)
	}
	if r.Value.unanswered != a.wide.unanswered && r.Value.unanswered != "" {
		a.Log.Warn("numbers of threads wait", "reason", r.Value.unanswered)
	}
	a.wide.unanswered = r.Value.unanswered
	if len(r.Value.waiting) > 0 && len(a.wide.waiting) == 0 {
		a.wide.waitingSince = now
	}
	a.wide.waiting = r.Value.waiting
	if r.Value.again {
		a.wide.settledOf, a.wide.notBefore = "", now.Add(wideSoon)
		return
	}
	a.wide.settledOf, a.wide.at = r.Value.ofAll, now
	a.wide.found, a.wide.bad = append(slices.Clone(r.Value.problems), a.wide.refusals()...), len(a.wide.refused) > 0
	if r.Value.unanswered != "" {
		a.wide.settledOf, a.wide.notBefore = "", now.Add(wideLater)
	}
}

// withRefused remembers a refusal by the key that Kafka names, or by all that were sent.
func withRefused(known map[string]string, r wideResult) map[string]string {
	refused := maps.Clone(known)
	if refused == nil {
		refused = map[string]string{}
	}
	key, text := kafka.RefusedKey(r.refused)
	if slices.Contains(r.keys, key) {
		refused[key] = text
		return refused
	}
	for _, key := range r.keys {
		refused[key] = text
	}
	return refused
}

// refusals say what of the configuration of all brokers Kafka does not take.
func (w wideWriter) refusals() []string {
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(w.refused)) {
		texts = append(texts, "spec.clusterWideConfig: Kafka refuses `"+key+"`: "+w.refused[key])
	}
	return texts
}
