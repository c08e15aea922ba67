package broker

import (
	"fmt"
	"maps"
	"slices"

	"github.com/koperator-go/koperator/kafka"
)

// refusedChange is a wish that Kafka refused and in what words.
type refusedChange struct {
	value string
	set   bool
	text  string
	// atStart is set where Kafka has nothing against the value, only against taking it while it runs.
	atStart bool
}

// notTaken remembers what Kafka refused. Of several changes of which it names none each is sent alone, to find who it is.
func (a asked) notTaken(s alter, message string) asked {
	key, text := kafka.RefusedKey(message)
	switch {
	case slices.ContainsFunc(s.plan.Changes, func(c kafka.ConfigChange) bool { return c.Key == key }):
	case len(s.plan.Changes) == 1:
		key = s.plan.Changes[0].Key
	default:
		a.single = s.of
		return a
	}
	value, set := s.wanted.Get(key)
	refused := maps.Clone(a.refused)
	if refused == nil {
		refused = map[string]refusedChange{}
	}
	refused[key] = refusedChange{value: value, set: set, text: text, atStart: kafka.RefusedWhileRunning(message)}
	a.refused = refused
	return a
}

// refusedKeys are the keys whose wish is still the one that was refused, sorted.
func (a asked) refusedKeys(wanted kafka.Properties) []string {
	var keys []string
	for key, refused := range a.refused {
		if value, set := wanted.Get(key); refused.set == set && refused.value == value {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// weigh finds which wishes a restart brings in, and which not even that: a file with a value that Kafka refuses for
// itself would keep the broker from starting. It returns the keys that are left as they are: a value that is set stays
// until a process has the new one from its file.
func (w blueprint) weigh(l *live, change kafka.FileChange, a asked) (stay []string) {
	l.restart = slices.Clone(change.Restart)
	for _, key := range a.refusedKeys(l.wanted) {
		stay = append(stay, key)
		refused := a.refused[key]
		ofFile := slices.ContainsFunc(change.Live, func(c kafka.ConfigChange) bool { return c.Key == key })
		if ofFile && refused.atStart {
			l.restart = append(l.restart, fmt.Sprintf("`%s` changed, and Kafka does not take that while it runs: %s", key, refused.text))
			continue
		}
		l.invalid = l.invalid || ofFile
		l.refused = true
		field := kafka.FieldOf(w.Cluster, &w.Entry, key)
		if ofFile {
			field = kafka.FileFieldOf(w.Cluster, &w.Entry, key)
		}
		l.problems = append(l.problems, refusedText(key, field, refused.text))
	}
	for _, c := range change.Keys {
		if _, own := l.wanted.Get(c.Key); c.Way == kafka.WayRestart && !own { // what moves from the file to the broker is set before
			stay = append(stay, c.Key)
		}
	}
	if l.invalid && len(l.restart) > 0 {
		l.problems = append(l.problems, "the broker is not restarted with a file that it could not start with ("+shortList(l.restart)+")")
		l.restart = nil
	}
	return stay
}
