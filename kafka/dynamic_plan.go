package kafka

import (
	"fmt"
	"maps"
	"slices"
)

// DynamicInput is what decides which dynamic values of a resource change.
type DynamicInput struct {
	Resource ConfigResource
	// Wanted are all dynamic values that we want at the resource: for a broker FileChange.Dynamic, for all ClusterDynamic.
	Wanted Properties
	// Actual is what DescribeConfigs says of the resource, with synonyms.
	Actual Configs
	// Applied is the record of what is ours at the resource.
	Applied Applied
	// ClusterWide is, for a broker, what we want at all brokers. A broker's own value of such a key would win over it.
	ClusterWide Properties
	// Brokers are, for all brokers, what single brokers say of themselves: how many threads they have.
	Brokers []Configs
	// ELR is as in Running.
	ELR bool
	// Without are keys that Kafka has refused and that are left as they are, since one bad key refuses all of a resource.
	Without []string
}

// DynamicPlan is what to do about the dynamic values of a resource. When a key moves from all brokers to one or to the
// file, the brokers' plans are to be carried out before deletions at all brokers, so that no broker has Kafka's default
// in between: with a shorter retention it would delete data. The other way round the plan waits by itself.
type DynamicPlan struct {
	// Changes are in the order of their keys, values to set before values to delete; empty when all is as wanted.
	Changes []ConfigChange
	// Before is the record to store before the changes are sent: it has all keys that are ours or may be so, and nothing of
	// a secret that Kafka may not have got. After is the record when Kafka has taken them. Both equal the record where
	// nothing changes.
	Before, After Applied
	// Problems are wishes that cannot be fulfilled.
	Problems []string
	// Again is true where more has to be changed when these changes have had their effect.
	Again bool

	sensitive map[string]bool
	// refused says of keys among the changes why they are not to be sent, beyond which of them brokers take no change of.
	refused map[string]string
	beyond  map[string]bool
}

// Beyond splits a plan: in one are the changes that no broker takes, since it has more threads than it can count with, and that
// can only be made at the active controller; in the other is what is left.
func (p DynamicPlan) Beyond() (beyond, rest DynamicPlan) {
	beyond, rest = p, p
	isBeyond := func(c ConfigChange) bool { return p.beyond[c.Key] && p.refused[c.Key] == "" }
	beyond.Changes = slices.DeleteFunc(slices.Clone(p.Changes), func(c ConfigChange) bool { return !isBeyond(c) })
	rest.Changes = slices.DeleteFunc(slices.Clone(p.Changes), isBeyond)
	return beyond, rest
}

// Validatable are the changes that can be sent with validateOnly: all but secrets. A broker that refuses a request logs
// it with all values in clear.
func (p DynamicPlan) Validatable() []ConfigChange {
	return slices.DeleteFunc(slices.Clone(p.Changes), func(c ConfigChange) bool {
		return c.Value != nil && p.sensitive[c.Key]
	})
}

// Keeping is the plan without the deletion of some keys, which stay ours, and which of them it would have deleted.
func (p DynamicPlan) Keeping(keys []string) (plan DynamicPlan, kept []string) {
	if len(p.Changes) == 0 { // a plan that could not be made has no record either
		return p, nil
	}
	after := p.After.copied()
	var changes []ConfigChange
	for _, c := range p.Changes {
		if c.Value == nil && slices.Contains(keys, c.Key) {
			after[c.Key] = p.Before[c.Key]
			kept = append(kept, c.Key)
			continue
		}
		changes = append(changes, c)
	}
	p.Changes, p.After = changes, after
	return p, kept
}

// First is the first of the changes alone.
func (p DynamicPlan) First() DynamicPlan {
	if len(p.Changes) < 2 {
		return p
	}
	p.Changes = p.Changes[:1]
	key, after := p.Changes[0].Key, p.Before.copied()
	if value, ours := p.After[key]; ours {
		after[key] = value
	} else {
		delete(after, key)
	}
	p.After = after
	return p
}

// PlanDynamic compares what is wanted with what is there. Keys of others stay.
func PlanDynamic(in DynamicInput) DynamicPlan {
	p := &planner{DynamicInput: in, plan: DynamicPlan{
		Before: in.Applied.copied(), After: in.Applied.copied(), sensitive: map[string]bool{}, refused: map[string]string{},
		beyond: map[string]bool{},
	}}
	for _, key := range in.Wanted.Keys() {
		if !p.untouchable(key) && !slices.Contains(in.Without, key) {
			p.want(key)
		}
	}
	for _, key := range p.unwantedKeys() {
		p.unwant(key)
	}
	slices.SortStableFunc(p.plan.Changes, func(a, b ConfigChange) int { return deletionRank(a) - deletionRank(b) })
	return p.plan
}

func deletionRank(c ConfigChange) int {
	if c.Value == nil {
		return 1
	}
	return 0
}

type planner struct {
	DynamicInput
	plan DynamicPlan
}

// untouchable keys are not ours to set or to delete.
func (p *planner) untouchable(key string) bool {
	return isForeign(key) || (key == minInsyncReplicas && p.ELR && !p.Resource.ClusterWide)
}

func (p *planner) source() ConfigSource {
	if p.Resource.ClusterWide {
		return SourceDynamicDefaultBroker
	}
	return SourceDynamicBroker
}

// current is the value of the resource itself. What DescribeConfigs shows of all brokers is all there.
func (p *planner) current(key string) (value *string, there bool) {
	entry, shown := p.Actual[key]
	if !shown {
		return nil, false
	}
	if synonym, ok := entry.level(p.source()); ok {
		return synonym.Value, true
	}
	if p.Resource.ClusterWide {
		return entry.Value, true
	}
	return nil, false
}

// want sets a key unless it is as wanted.
func (p *planner) want(key string) {
	wanted := p.Wanted[key]
	value := wanted
	refused := ""
	if isThreadCount(key) {
		refused, p.plan.beyond[key] = threadsRefused(key, wanted, p.brokers()), beyondSteps(key, p.brokers())
	}
	if isThreadCount(key) && refused == "" {
		value = steppedThreads(key, wanted, p.brokers())
		p.plan.Again = p.plan.Again || value != wanted
	}
	secret := IsSensitive(key, p.Actual)
	hash := ""
	if secret {
		hash = valueHash(key, value)
	}
	if p.isThere(key, value, hash) {
		p.plan.Before[key], p.plan.After[key] = hash, hash
		return
	}
	p.set(key, value, secret)
	p.plan.After[key] = hash
	if refused != "" {
		p.plan.refused[key] = refused
	}
}

// isThere compares what Kafka shows by its type, what it hides by the record.
func (p *planner) isThere(key, value, hash string) bool {
	current, there := p.current(key)
	switch {
	case !there:
		return false
	case current != nil:
		return SameValue(TypeOf(key, p.Actual), *current, value)
	default:
		return hash != "" && p.Applied[key] == hash
	}
}

func (p *planner) set(key, value string, secret bool) {
	p.plan.Changes = append(p.plan.Changes, ConfigChange{Key: key, Value: &value})
	p.plan.Before[key] = ""
	p.plan.sensitive[key] = secret
}

// unwantedKeys are ours that nobody wants any more, and a broker's values that hide those wanted at all brokers.
func (p *planner) unwantedKeys() []string {
	keys := slices.Collect(maps.Keys(p.Applied))
	for key := range p.ClusterWide {
		if _, there := p.current(key); there && !p.Resource.ClusterWide {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(key string) bool {
		_, wanted := p.Wanted.Get(key)
		return wanted && !p.untouchable(key)
	})
}

// unwant deletes a key, or says why it stays.
func (p *planner) unwant(key string) {
	value, there := p.current(key)
	switch {
	case p.untouchable(key) || !there:
		delete(p.plan.Before, key)
		delete(p.plan.After, key)
	case slices.Contains(p.Without, key): // it stays ours
	case key == minInsyncReplicas && p.ELR:
		p.plan.Problems = append(p.plan.Problems, fmt.Sprintf(
			"min.insync.replicas was removed from the spec and stays %s, since Kafka does not remove it while eligible leader "+
				"replicas are on; set it in clusterWideConfig", shownValue(value)))
	case p.waitsForAll(key):
		p.plan.Again = true
	case isThreadCount(key) && p.stepToFallback(key):
	default:
		p.plan.beyond[key] = isThreadCount(key) && beyondSteps(key, p.brokers())
		p.plan.Changes = append(p.plan.Changes, ConfigChange{Key: key})
		p.plan.Before[key] = ""
		delete(p.plan.After, key)
	}
}

func shownValue(value *string) string {
	if value == nil {
		return "what it is"
	}
	return *value
}

// waitsForAll is true while a key moves from the broker to all brokers and the broker does not show the value of all yet.
func (p *planner) waitsForAll(key string) bool {
	_, moves := p.ClusterWide.Get(key)
	return moves && !p.Resource.ClusterWide && !p.Actual[key].hasLevel(SourceDynamicDefaultBroker)
}

// stepToFallback sets a number of threads instead of deleting it where what comes after it is too far away: Kafka checks
// a deletion as it does a value.
func (p *planner) stepToFallback(key string) bool {
	fallback := p.fallback(key)
	if fallback == nil {
		return false
	}
	value := steppedThreads(key, *fallback, p.brokers())
	if value == *fallback {
		return false
	}
	p.set(key, value, false)
	p.plan.After[key] = ""
	p.plan.Again = true
	return true
}

// fallback is the value that a deletion leaves, nil where that is not known: the next synonym.
func (p *planner) fallback(key string) *string {
	for _, described := range p.brokers() {
		for _, synonym := range described[key].Synonyms {
			if synonym.Source > p.source() && synonym.Value != nil {
				return synonym.Value
			}
		}
	}
	return nil
}

func (p *planner) brokers() []Configs {
	if p.Resource.ClusterWide {
		return p.Brokers
	}
	return []Configs{p.Actual}
}
