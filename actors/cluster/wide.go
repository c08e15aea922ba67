package cluster

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

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
	// minISR are the texts of the spec in which people may have written min.insync.replicas.
	minISR string
	// refused says what Kafka does not take, by key, for the wish refusedOf.
	refused   map[string]string
	refusedOf string
	// problems say what was not had when there was nothing left to try, bad that Kafka refused some of it.
	problems []string
	bad      bool
}

// wideWish is all that a look at Kafka needs to know.
type wideWish struct {
	// address is that of a broker that is ready, others those of all of them.
	address string
	brokers map[messages.BrokerID]string
	running kafka.Running
	applied kafka.Applied
	without []string
	// deletions are allowed when every broker has all that is its own: a key that moves to a broker must not have Kafka's
	// default in between.
	deletions bool
	of        string
}

// wideResult is what became of it.
type wideResult struct {
	of      string
	applied kafka.Applied
	// refused is Kafka's reason, empty where it took everything; keys are those that were sent.
	refused  string
	keys     []string
	problems []string
	// without are the keys that were left as they are.
	without []string
	// again is set while something is left to be done.
	again bool
}

// tookRelease remembers which Kafka runs, also while it does not answer.
func (a *cluster) tookRelease() {
	if a.kafka.Answered && a.kafka.Version != "" {
		a.wide.release = messages.KafkaRelease{Version: a.kafka.Version, ELR: a.kafka.ELR}
	}
}

// keys are the keys that are ours, sorted.
func (w wideWriter) keys() []string { return slices.Sorted(maps.Keys(w.applied)) }

// keepWide compares the configuration of all brokers with the wanted one, seldom while nothing has changed.
func (a *cluster) keepWide(c actor.Context) {
	if a.wide.applied == nil {
		a.wide.applied = kube.Applied(a.Cache.ConfigMap(a.Key.Namespace, kube.ClusterAppliedName(a.Key.Name)), a.valid)
	}
	wish, due := a.wideWish()
	if !due || a.wide.job.running {
		return
	}
	now := time.Now()
	if left := a.wide.notBefore.Sub(now); left > 0 {
		a.again.SetSooner(c, left, lookNow{})
		return
	}
	if a.wide.settledOf == wish.of {
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
	wanted := a.valid.Spec.ClusterWideConfig != "" || len(a.wide.applied) > 0 || a.wide.release.ELR && strings.Contains(a.wide.minISR, minISR)
	if err != nil || !wanted || !a.kafka.Answered {
		return wideWish{}, false
	}
	wish := wideWish{
		brokers: map[messages.BrokerID]string{}, running: kafka.Running{Version: version, ELR: a.wide.release.ELR},
		applied: a.wide.applied, deletions: true,
	}
	port, _ := kafka.AdminPort(a.valid)
	addresses := kube.AddressesOf(a.valid)
	for _, n := range a.nodes() {
		if !n.broker || n.leaving {
			continue
		}
		if n.observed.PodReady {
			wish.brokers[n.id] = net.JoinHostPort(addresses.Broker(n.id), strconv.Itoa(int(port)))
			if wish.address == "" {
				wish.address = wish.brokers[n.id]
			}
		}
		wish.deletions = wish.deletions && n.current() && n.observed.ConfigSettled
	}
	wish.of = kube.FileHash(strings.Join([]string{
		a.valid.Spec.ClusterWideConfig, a.wide.minISR, fmt.Sprint(a.wide.release), strconv.FormatBool(wish.deletions),
	}, "\x00"))
	if a.wide.refusedOf == wish.of {
		wish.without = slices.Sorted(maps.Keys(a.wide.refused))
	}
	return wish, wish.address != ""
}

const minISR = "min.insync.replicas"

// minISRTexts are the texts in which people may have written min.insync.replicas. With eligible leader replicas Kafka has
// one for all brokers, wherever it is written.
func minISRTexts(spec *v1beta1.KafkaClusterSpec) string {
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
		a.Log.Warn("configuration of all brokers refused", "reason", r.Value.refused)
	}
	if r.Value.again {
		a.wide.settledOf, a.wide.notBefore = "", now.Add(wideSoon)
		return
	}
	a.wide.settledOf, a.wide.at = r.Value.of, now
	a.wide.problems, a.wide.bad = append(slices.Clone(r.Value.problems), a.wide.refusals()...), len(a.wide.refused) > 0
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
