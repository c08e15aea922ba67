package kafka

import (
	"slices"
	"strings"
)

// Class is how Kafka takes a new value of a key.
type Class int8

const (
	// ClassUnknown is a key that is none of Kafka's own. Whoever reads it, a plugin for example, may read it at start
	// only, so it needs a restart.
	ClassUnknown Class = iota
	// ClassReadOnly needs a restart.
	ClassReadOnly
	// ClassPerBroker can be set for one broker while it runs.
	ClassPerBroker
	// ClassClusterWide can be set for all brokers while they run, and for one, whose value then wins.
	ClassClusterWide
)

// Live says whether a running broker takes the key.
func (c Class) Live() bool { return c == ClassPerBroker || c == ClassClusterWide }

// String is how messages call it.
func (c Class) String() string {
	switch c {
	case ClassReadOnly:
		return "read-only"
	case ClassPerBroker:
		return "per-broker"
	case ClassClusterWide:
		return "cluster-wide"
	default:
		return "unknown to Kafka"
	}
}

// Running is what is known of the Kafka that a configuration is for.
type Running struct {
	Version Version
	// Described is all that one broker says of itself, nil while that is not known.
	Described Configs
	// ELR is on where the feature eligible.leader.replicas.version is 1 or more (KIP-966). The controller then owns
	// min.insync.replicas: Kafka ignores the one in the file and refuses the one of a broker.
	ELR bool
}

// ClassOf is the class of a key in a version, corrected by what a broker says of itself (nil where nothing is known).
func ClassOf(key string, version Version, described Configs) Class {
	if option, ok := strings.CutPrefix(key, listenerPrefix); ok {
		// DescribeConfigs calls every listener.name.* key read-only, also those that it has just changed.
		return listenerClass(option, func(r keyRow) keyScope { return r.in(version) })
	}
	row, own := rowOf(key)
	entry, shown := described[key]
	switch {
	case !own && shown && entry.Type != TypeUnknown:
		return ClassReadOnly // of a later version than the table
	case !own:
		return ClassUnknown
	case described != nil && (!shown || entry.ReadOnly):
		return ClassReadOnly
	default:
		return plainClass(key, row.in(version))
	}
}

// classAnywhere is the class in that version of Kafka which changes most keys while it runs.
func classAnywhere(key string) Class {
	if option, ok := strings.CutPrefix(key, listenerPrefix); ok {
		return listenerClass(option, keyRow.anywhere)
	}
	row, own := rowOf(key)
	if !own {
		return ClassUnknown
	}
	return plainClass(key, row.anywhere())
}

// plainClass is for keys without the prefix of a listener. Without it Kafka refuses what is dynamic behind it only: "These
// security configs can be dynamically updated only per-listener using the listener prefix".
func plainClass(key string, scope keyScope) Class {
	switch {
	case isListenerTopology(key):
		return ClassReadOnly
	case scope == scopeClusterWide:
		return ClassClusterWide
	case scope == scopeBroker:
		return ClassPerBroker
	default:
		return ClassReadOnly
	}
}

// isListenerTopology names the keys that say which listeners there are. Kafka opens and closes ports while it runs, but
// a Pod cannot change its ports, and what clients are told (advertised.listeners) is read at start.
func isListenerTopology(key string) bool {
	return key == "listeners" || key == "advertised.listeners" || key == "listener.security.protocol.map"
}

const listenerPrefix = "listener.name."

// listenerClass reads NAME.OPTION and NAME.MECHANISM.OPTION. Names of listeners and mechanisms may have dots, so each
// suffix is tried.
func listenerClass(option string, scopeOf func(keyRow) keyScope) Class {
	for segments := 1; ; segments++ {
		_, rest, ok := strings.Cut(option, ".")
		if !ok {
			return ClassReadOnly
		}
		if class := optionClass(rest, segments, scopeOf); class.Live() {
			return class
		}
		option = rest
	}
}

// optionClass is the class of an option behind so many segments of names. Those of a SASL mechanism need two, a listener
// and the mechanism.
func optionClass(option string, segments int, scopeOf func(keyRow) keyScope) Class {
	row, own := rowOf(option)
	switch {
	case isListenerLimit(option) && own && scopeOf(row) == scopeClusterWide:
		return ClassClusterWide
	case own && scopeOf(row) == scopeBehindListener:
		return ClassPerBroker
	case segments > 1 && isMechanismOption(option):
		return ClassPerBroker
	default:
		return ClassReadOnly
	}
}

func isListenerLimit(option string) bool {
	return option == "max.connections" || option == "max.connection.creation.rate" || option == "num.network.threads"
}

func isMechanismOption(option string) bool {
	return slices.Contains([]string{
		"connections.max.reauth.ms", "sasl.jaas.config", "sasl.login.callback.handler.class", "sasl.login.class",
		"sasl.server.callback.handler.class",
	}, option)
}

// isForeign names the keys that belong to whoever moves replicas: Cruise Control and kafka-reassign-partitions set them for
// the time of a move. They are nobody's drift.
func isForeign(key string) bool {
	return strings.Contains(key, ThrottleKeys) || key == "replica.alter.log.dirs.io.max.bytes.per.second"
}

const minInsyncReplicas = "min.insync.replicas"
