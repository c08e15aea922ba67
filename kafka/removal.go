package kafka

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koperator-go/koperator/messages"
)

// CordonKey is the broker's own dynamic key that keeps new replicas away from log dirs (Kafka 4.3, KIP-1066); AllLogDirs
// is its value for a whole broker.
const (
	CordonKey  = "cordoned.log.dirs"
	AllLogDirs = "*"
)

// EmptyFor is how far apart two looks are that must both show a broker or a log dir empty: a replica is in the metadata before
// it is on a disk, and may land between two answers.
const EmptyFor = 30 * time.Second

// CanCordon reports whether a Kafka knows CordonKey.
func CanCordon(v Version) bool { return !v.before(Version{Major: 4, Minor: 3}) }

// ControllersTakeConfigs reports whether the active controller takes configuration on its own listener (KIP-919): only there
// can be deleted what belongs to a broker that does not run.
func ControllersTakeConfigs(v Version) bool { return !v.before(Version{Major: 3, Minor: 7}) }

// LeftOn says what of all partitions is on a broker, or on its way there, by the metadata alone; empty when nothing is.
func LeftOn(id messages.BrokerID, x *ReplicationIndex) string {
	left := make([]TopicPartition, 0, x.Replicas(id))
	for _, i := range x.of(id) {
		left = append(left, x.name(i))
	}
	for _, r := range x.from.Reassigning {
		name := TopicPartition{Topic: r.Topic, Number: r.Number}
		if slices.Contains(r.Adding, id) && !slices.Contains(left, name) {
			left = append(left, name)
		}
	}
	return countedPartitions(left)
}

// LeftIn says what of the replicas is in log dirs of a broker, by its own answer; empty when nothing is. A dir that the
// broker cannot read says nothing, and neither does one that is missing in the answer: both count as not empty. Paths
// are compared as a whole. What Kafka renamed to be deleted, or found to be nobody's (-delete, -stray), it does not list.
func LeftIn(paths []string, dirs []ObservedLogDir) string {
	var left []TopicPartition
	for _, path := range paths {
		at := slices.IndexFunc(dirs, func(d ObservedLogDir) bool { return d.Path == path })
		switch {
		case at < 0:
			return "the broker does not show its log dir " + path
		case dirs[at].Failure != "":
			return fmt.Sprintf("the broker cannot read its log dir %s (%s), so nobody knows what is in it", path, dirs[at].Failure)
		}
		for _, r := range dirs[at].Replicas {
			left = append(left, TopicPartition{Topic: r.Topic, Number: r.Partition})
		}
	}
	return countedPartitions(left)
}

// NotCordoned are the log dirs that may still get new replicas.
func NotCordoned(paths []string, dirs []ObservedLogDir) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return slices.ContainsFunc(dirs, func(d ObservedLogDir) bool { return d.Path == path && d.Cordoned })
	})
}

// Paths are those of all log dirs that a broker shows.
func Paths(dirs []ObservedLogDir) []string {
	var paths []string
	for _, d := range dirs {
		paths = append(paths, d.Path)
	}
	return paths
}

// countedPartitions names the first of the partitions, and how many there are.
func countedPartitions(all []TopicPartition) string {
	const most = 5
	if len(all) == 0 {
		return ""
	}
	var names []string
	for _, p := range all[:min(most, len(all))] {
		names = append(names, p.String())
	}
	text := "1 partition has a replica"
	if len(all) > 1 {
		text = fmt.Sprintf("%d partitions have a replica", len(all))
	}
	text += " there: " + strings.Join(names, ", ")
	if more := len(all) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
