package kafka

import (
	"fmt"
	"maps"
	"slices"
)

// FileDiff is what decides how a changed file reaches a broker that runs.
type FileDiff struct {
	// Started is the file that the process was started with, Wanted the one it is to have.
	Started, Wanted Properties
	Running         Running
	// PerBroker and ClusterWide are the dynamic values wanted beside the file, which win over it.
	PerBroker, ClusterWide Properties
	// Applied and ClusterApplied are the dynamic values of this broker and of all that are ours.
	Applied, ClusterApplied Applied
}

// FileChange is how a changed file reaches a broker that runs.
type FileChange struct {
	// Keys are all that differ, sorted.
	Keys []KeyChange
	// Live are dynamic values that stand in for the new file until the broker's next restart. They follow from the file
	// that it was started with, so after a restart there are none, and PlanDynamic deletes what it once set of them.
	// Numbers of threads are final; PlanDynamic steps them.
	Live []ConfigChange
	// Restart are the reasons why the new file needs a restart; empty when it does not.
	Restart []string
}

// Dynamic is what a broker is to have dynamically: its own values, and those that stand in for its new file.
func (c FileChange) Dynamic(perBroker Properties) Properties {
	wanted := perBroker.Merge()
	for _, change := range c.Live {
		wanted.Set(change.Key, *change.Value)
	}
	return wanted
}

// KeyChange is a key that stands otherwise in the new file.
type KeyChange struct {
	Key string
	// Old and New may be secret where Sensitive is true.
	Old, New       string
	Added, Removed bool
	Class          Class
	Sensitive      bool
	// Way is how the change reaches the broker.
	Way Way
}

// Way is how a changed key of the file reaches a broker that runs.
type Way int8

const (
	// WayRestart is by a restart.
	WayRestart Way = iota
	// WayLive is by a dynamic value.
	WayLive
	// WayNone is not at all, now or after a restart: a dynamic value wins over the file, the new value is what the broker
	// has already, or Kafka does not look at the file for it.
	WayNone
)

const longestShown = 80

// Reason says why the change needs a restart. It shows no secret. It fits also a key that could change live when Kafka has
// refused that.
func (c KeyChange) Reason() string {
	return "`" + c.Key + "` " + c.cause() + " and " + c.what()
}

func (c KeyChange) cause() string {
	switch {
	case isListenerTopology(c.Key):
		return "changes with the Pod's ports"
	case c.Class == ClassUnknown:
		return "is no key of Kafka's own"
	case c.Class == ClassReadOnly:
		return "is read-only"
	case c.Sensitive:
		return "would be stored in clear if it were set while Kafka runs"
	case c.Removed:
		return "has no default that could be set while Kafka runs"
	default:
		return "cannot be set while Kafka runs"
	}
}

func (c KeyChange) what() string {
	switch {
	case c.Sensitive:
		return "changed"
	case c.Added:
		return "was set to " + shortened(c.New)
	case c.Removed:
		return "was removed, it was " + shortened(c.Old)
	default:
		return fmt.Sprintf("changed from %s to %s", shortened(c.Old), shortened(c.New))
	}
}

func shortened(value string) string {
	if value == "" {
		return "nothing"
	}
	if runes := []rune(value); len(runes) > longestShown {
		return string(runes[:longestShown]) + "…"
	}
	return value
}

// Change compares the files.
func (d FileDiff) Change() FileChange {
	var change FileChange
	for _, key := range d.differingKeys() {
		c, value := d.keyChange(key)
		change.Keys = append(change.Keys, c)
		switch c.Way {
		case WayLive:
			change.Live = append(change.Live, ConfigChange{Key: key, Value: &value})
		case WayRestart:
			change.Restart = append(change.Restart, c.Reason())
		}
	}
	return change
}

func (d FileDiff) differingKeys() []string {
	keys := slices.Sorted(maps.Keys(d.Started.Merge(d.Wanted)))
	return slices.DeleteFunc(keys, func(key string) bool {
		before, was := d.Started.Get(key)
		after, is := d.Wanted.Get(key)
		return was == is && SameValue(TypeOf(key, d.Running.Described), before, after)
	})
}

// keyChange tells the way of a key and, where it is live, the value to set.
func (d FileDiff) keyChange(key string) (change KeyChange, live string) {
	before, was := d.Started.Get(key)
	after, is := d.Wanted.Get(key)
	change = KeyChange{
		Key: key, Old: before, New: after, Added: !was, Removed: !is,
		Class:     ClassOf(key, d.Running.Version, d.Running.Described),
		Sensitive: IsSensitive(key, d.Running.Described),
	}
	if d.hasNoEffect(key, change.Class) {
		change.Way = WayNone
		return change, ""
	}
	// Kafka keeps dynamic values in its metadata log, which is not encrypted: a secret that the user put into the file
	// does not go there.
	if !change.Class.Live() || change.Sensitive {
		return change, ""
	}
	byDefault, hasDefault := defaultOf(key, d.Running.Described)
	switch {
	case !is && !hasDefault:
		return change, "" // nothing takes the value in the file away from a process that was started with it
	case !was && hasDefault && SameValue(TypeOf(key, d.Running.Described), after, byDefault):
		change.Way = WayNone
		return change, ""
	case !is:
		after = byDefault
	}
	change.Way = WayLive
	return change, after
}

// hasNoEffect is true where a dynamic value that stays wins over the file, whoever has set it; a value standing in for
// the file would hide that of all brokers until the next restart and no longer. The last reason is KIP-966.
func (d FileDiff) hasNoEffect(key string, class Class) bool {
	if (d.Running.ELR && key == minInsyncReplicas) || isForeign(key) {
		return true
	}
	if !class.Live() {
		return false
	}
	_, ofBroker := d.PerBroker.Get(key)
	_, ofAll := d.ClusterWide.Get(key)
	if ofBroker || (ofAll && class == ClassClusterWide) {
		return true
	}
	entry := d.Running.Described[key]
	_, ours := d.Applied[key]
	_, oursOfAll := d.ClusterApplied[key]
	if entry.hasLevel(SourceDynamicBroker) { // which wins over that of all brokers, and a broker may still show one that is gone
		return !ours
	}
	return entry.hasLevel(SourceDynamicDefaultBroker) && !oursOfAll
}

// defaultOf is Kafka's value where nobody sets one. A key whose value would come from another key (log.retention.ms from
// log.retention.hours) has none of its own: DescribeConfigs names the other among its synonyms.
func defaultOf(key string, described Configs) (string, bool) {
	var value *string
	for _, synonym := range described[key].Synonyms {
		switch {
		case synonym.Name != key && synonym.Name != "":
			return "", false
		case synonym.Source == SourceDefault:
			value = synonym.Value
		}
	}
	if value == nil {
		return "", false
	}
	return *value, true
}

// level is the synonym of a source. The entry's own value may come from elsewhere, and is normalised.
func (e ConfigEntry) level(source ConfigSource) (ConfigSynonym, bool) {
	for _, synonym := range e.Synonyms {
		if synonym.Source == source && (synonym.Name == e.Name || synonym.Name == "") {
			return synonym, true
		}
	}
	if len(e.Synonyms) == 0 && e.Source == source {
		return ConfigSynonym{Name: e.Name, Value: e.Value, Source: source}, true
	}
	return ConfigSynonym{}, false
}

// InFile is the value that a key had in the file when the process was started; known is false for what Kafka does not
// show.
func (c Configs) InFile(key string) (value string, there, known bool) {
	entry, shown := c[key]
	if !shown || entry.Sensitive {
		return "", false, false
	}
	synonym, there := entry.level(SourceStaticBroker)
	if !there {
		return "", false, true
	}
	if synonym.Value == nil {
		return "", false, false
	}
	return *synonym.Value, true, true
}

// OnBroker reports whether a key has a value of its own for the broker, set while it ran.
func (c Configs) OnBroker(key string) bool { return c[key].hasLevel(SourceDynamicBroker) }

func (e ConfigEntry) hasLevel(source ConfigSource) bool {
	_, ok := e.level(source)
	return ok
}
