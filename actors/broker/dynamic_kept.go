package broker

import (
	"maps"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// Kafka starts with no file that has a value which it refuses while it runs. A Pod may be made anew at any time, so what was
// refused is recorded beside what is ours, with what the broker's file says instead: the next file keeps that, and Kafka is
// asked again when it runs.

// refusals are the recorded ones.
func (w blueprint) refusals(o observed) map[string]kube.RefusedValue {
	if o.record == nil {
		return o.asked.refusals
	}
	return kube.Refusals(o.record, w.Cluster)
}

// standing are the refusals of what people still want, by key.
func (w blueprint) standing(o observed) map[string]kube.RefusedValue {
	recorded := w.refusals(o)
	if len(recorded) == 0 {
		return nil
	}
	return standingOf(recorded, w.userKeys)
}

func standingOf(recorded map[string]kube.RefusedValue, user kafka.Properties) map[string]kube.RefusedValue {
	standing := maps.Clone(recorded)
	maps.DeleteFunc(standing, func(key string, r kube.RefusedValue) bool {
		value, set := user.Get(key)
		return !r.Is(value, set)
	})
	return standing
}

// refusedByBrokers are values that brokers have refused and that a node without their role is to have, too: nobody asks it, and it
// would not start with them. Its own file says what it keeps.
func (w blueprint) refusedByBrokers(o observed) map[string]kube.RefusedValue {
	if w.isBroker() || o.recordOf == nil {
		return nil
	}
	refused := map[string]kube.RefusedValue{}
	for _, entry := range w.Cluster.Spec.Brokers {
		for key, r := range standingOf(kube.Refusals(o.recordOf(messages.BrokerID(entry.ID)), w.Cluster), w.userKeys) {
			if o.config != nil {
				file, err := w.keysOf(o.config.Data[kube.KeyBrokerConfig])
				if value, there := file.Get(key); err == nil && !r.Is(value, there) {
					r.Accepted = valueOf(file, key)
				}
			}
			refused[key] = r
		}
	}
	return refused
}

// starting is what the broker's next Pod is made from: the wish, without what Kafka has refused of its file.
func (w blueprint) starting(o observed) blueprint {
	refused := w.refusedByBrokers(o)
	if own := w.standing(o); len(refused) == 0 {
		refused = own
	} else {
		maps.Copy(refused, own)
	}
	if len(refused) == 0 {
		return w
	}
	user := w.userKeys.Merge()
	for key, r := range refused {
		if r.Accepted == nil {
			user.Delete(key)
		} else {
			user.Set(key, *r.Accepted)
		}
	}
	kept, err := w.saying(user)
	if err != nil {
		return w
	}
	return kept
}

// saying is the wish had people written another text in place of all that they have.
func (w blueprint) saying(user kafka.Properties) (blueprint, error) {
	text := user.String()
	w.said, w.userProperties, w.userKeys = &text, text, user
	err := w.render()
	if err != nil {
		return w, err
	}
	w.userHash = kube.WithFilePart(w.userHash, kube.FileHash(text))
	w.renderedHash = kube.WithFilePart(w.renderedHash, kube.FileHash(w.properties))
	return w, w.makeConfigMap()
}

// refusalsNow are those to be recorded: what the broker has just refused of its file, and what it refused before and has yet
// to be asked about.
func (w blueprint) refusalsNow(o observed, l *live, change kafka.FileChange) map[string]kube.RefusedValue {
	if !l.known || o.config == nil {
		return w.refusals(o)
	}
	file, err := w.keysOf(o.config.Data[kube.KeyBrokerConfig])
	if err != nil {
		return w.refusals(o)
	}
	before, refusedNow := standingOf(w.refusals(o), w.userKeys), o.asked.refusedKeys(l.wanted)
	now := map[string]kube.RefusedValue{}
	for _, c := range change.Live {
		r, recorded := before[c.Key]
		toldNow := slices.Contains(refusedNow, c.Key) && !o.asked.refused[c.Key].atStart
		if toldNow && !recorded {
			r = kube.RefusedValue{Wish: wishOf(w.userKeys, c.Key), Accepted: valueOf(file, c.Key), Said: o.asked.refused[c.Key].text}
		}
		if !r.Is(accepted(r)) && (toldNow || recorded && setsOrDeletes(l.plan, c.Key)) {
			now[c.Key] = r
		}
	}
	return now
}

func accepted(r kube.RefusedValue) (string, bool) {
	if r.Accepted == nil {
		return "", false
	}
	return *r.Accepted, true
}

func wishOf(user kafka.Properties, key string) string { return kube.WishHash(user.Get(key)) }

func valueOf(file kafka.Properties, key string) *string {
	if value, there := file.Get(key); there {
		return &value
	}
	return nil
}

func setsOrDeletes(plan kafka.DynamicPlan, key string) bool {
	return slices.ContainsFunc(plan.Changes, func(c kafka.ConfigChange) bool { return c.Key == key })
}

// tellRefusals repeats what Kafka refused of a broker that has yet to say it again, since its Pod is a new one.
func (w blueprint) tellRefusals(o observed, told *messages.BrokerObserved) {
	refused := w.standing(o)
	if len(refused) == 0 {
		return
	}
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(refused)) {
		texts = append(texts, refusedText(key, kafka.FileFieldOf(w.Cluster, &w.Entry, key), refused[key].Said))
	}
	told.ConfigRefused, told.ConfigProblems = true, messages.Elided(strings.Join(texts, "; "), longestProblems)
}

func refusedText(key, field, said string) string {
	if field == "" { // what has left the spec may be refused, too
		return "Kafka refuses `" + key + "`: " + said
	}
	return "Kafka refuses `" + key + "` of " + field + ": " + said
}
