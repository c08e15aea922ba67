package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// perBrokerConfig keeps what was known of a broker that cannot be asked.
func perBrokerConfig(known v1beta1.PerBrokerConfigurationState, o messages.BrokerObserved) v1beta1.PerBrokerConfigurationState {
	switch {
	case o.ConfigRefused:
		return v1beta1.PerBrokerConfigError
	case o.ConfigProblems != "":
		return v1beta1.PerBrokerConfigOutOfSync
	case o.ConfigSettled || known == "":
		return v1beta1.PerBrokerConfigInSync
	default:
		return known
	}
}

// configRefused reports whether Kafka itself has refused some of the configuration.
func (v view) configRefused() bool {
	return v.wideRefused || slices.ContainsFunc(v.nodes, func(n node) bool { return n.observed.ConfigRefused })
}

// configProblems say what of the dynamic configuration is not as written: of all brokers, and of one, with the others'
// names.
func (v view) configProblems() string {
	texts := slices.Clone(v.wide)
	nodes := nodesWhere(v.nodes, func(n node) bool { return n.observed.ConfigProblems != "" })
	if len(nodes) > 0 {
		text := fmt.Sprintf("broker %d: %s", nodes[0].id, nodes[0].observed.ConfigProblems)
		if len(nodes) > 1 {
			text = withEnd(text, "; also "+named(nodes[1:]))
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// heldText says what holds the first broker where it should not stay.
func heldText(nodes []node) string {
	if len(nodes) == 0 {
		return ""
	}
	text := fmt.Sprintf("broker %d: %s", nodes[0].id, nodes[0].observed.Held)
	if len(nodes) > 1 {
		text = withEnd(text, "; also "+named(nodes[1:]))
	}
	return text
}
