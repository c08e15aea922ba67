package kafka

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// The keys by which a cluster is migrated from ZooKeeper to KRaft broker by broker. They are for the operator alone and
// never reach Kafka.
const (
	migrationKRaftMode        = "migration.broker.kRaftMode"
	migrationControllerQuorum = "migration.broker.controllerQuorumConfigEnabled"
)

// UserProperties is what the user wants in a broker's file: the cluster's readOnlyConfig, overlaid with the broker's.
func UserProperties(cluster *v1beta1.KafkaCluster, broker *v1beta1.Broker) (Properties, error) {
	ofCluster, err := Parse(cluster.Spec.ReadOnlyConfig)
	if err != nil {
		return nil, fmt.Errorf("spec.readOnlyConfig: %w", err)
	}
	ofBroker, err := Parse(broker.ReadOnlyConfig)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", messages.BrokerField(broker.ID, "readOnlyConfig"), err)
	}
	return ofCluster.Merge(ofBroker), nil
}

// FieldOf is the field of the spec in which a broker's value of a key stands, empty where none has it. What a broker is to have
// dynamically wins over what is in its file (KIP-226).
func FieldOf(cluster *v1beta1.KafkaCluster, broker *v1beta1.Broker, key string) string {
	own := broker.BrokerConfig != nil && broker.BrokerConfig.Config != ""
	config := cluster.Spec.BrokerConfigGroups[broker.BrokerConfigGroup].Config
	if own {
		config = broker.BrokerConfig.Config
	}
	dynamic := fieldWith(key, textField{settingField(broker, own, "config"), config}, textField{clusterWideField, cluster.Spec.ClusterWideConfig})
	return cmp.Or(dynamic, FileFieldOf(cluster, broker, key))
}

// FileFieldOf is the field from which a broker's file has a key, empty where it has it from none.
func FileFieldOf(cluster *v1beta1.KafkaCluster, broker *v1beta1.Broker, key string) string {
	return fieldWith(key, textField{messages.BrokerField(broker.ID, "readOnlyConfig"), broker.ReadOnlyConfig},
		textField{"spec.readOnlyConfig", cluster.Spec.ReadOnlyConfig})
}

// textField is a field that holds properties.
type textField struct{ field, text string }

// fieldWith is the first field that has a key.
func fieldWith(key string, fields ...textField) string {
	for _, f := range fields {
		if properties, err := Parse(f.text); err == nil {
			if _, set := properties.Get(key); set {
				return f.field
			}
		}
	}
	return ""
}

// withoutIdentity drops what only the operator can know about a KRaft node, also where the node must not have the key at
// all: a voter list beside controller.quorum.bootstrap.servers would make the quorum a static one. In ZooKeeper mode
// the keys of the controllers stay, since the user prepares the migration with them.
func withoutIdentity(user Properties, n node) Properties {
	kept := user.Merge()
	if n.kraft {
		for _, key := range []string{
			"advertised.listeners", "broker.id", "control.plane.listener.name", "controller.listener.names",
			"controller.quorum.bootstrap.servers", "controller.quorum.voters", "node.id", "process.roles",
		} {
			kept.Delete(key)
		}
	}
	kept.Delete(migrationKRaftMode)
	kept.Delete(migrationControllerQuorum)
	return kept
}

// defaultProperties are better than Kafka's own defaults; a user's value wins over them.
func defaultProperties(n node) Properties {
	defaults := Properties{
		// KIP-978: lets a certificate with another name be loaded without a restart. Must stand in the file before it
		// is needed, since it is read at start only.
		"ssl.allow.dn.changes":  "true",
		"ssl.allow.san.changes": "true",
	}
	if n.broker {
		// A follower that asks a new leader too early pauses so long, and producers with acks=all wait for it. Kafka's
		// default is a second, for each leader that moves in a roll.
		defaults.Set("replica.fetch.backoff.ms", "100")
	}
	return defaults
}

// configProviders lets values be read from mounted files (KIP-297), beside the providers that the user has.
func configProviders(user Properties) Properties {
	const file = "file"
	names := splitList(user["config.providers"], ",")
	if !slices.Contains(names, file) {
		names = append(names, file)
	}
	class, ok := user.Get("config.providers.file.class")
	if !ok {
		class = "org.apache.kafka.common.config.provider.FileConfigProvider"
	}
	return Properties{"config.providers": strings.Join(names, ","), "config.providers.file.class": class}
}

// superUserProperties joins the principals that the operator needs with those of the user, who cannot lock it out.
func superUserProperties(operators []string, user Properties) Properties {
	all := slices.Clone(operators)
	for _, principal := range splitList(user["super.users"], ";") {
		if !slices.Contains(all, principal) {
			all = append(all, principal)
		}
	}
	if len(all) == 0 {
		return Properties{}
	}
	return Properties{"super.users": strings.Join(all, ";")}
}

func splitList(text, separator string) []string {
	var items []string
	for item := range strings.SplitSeq(text, separator) {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// ConfiguredRack is the broker.rack in the broker's own readOnlyConfig, where Koperator wrote the rack that it found.
// It wins over the rack of the node.
func ConfiguredRack(broker *v1beta1.Broker) (rack string, ok bool) {
	if broker.ReadOnlyConfig == "" {
		return "", false
	}
	properties, err := Parse(broker.ReadOnlyConfig)
	if err != nil {
		return "", false
	}
	return properties.Get("broker.rack")
}

// rackProperties leaves out nodes that hold no replicas.
func rackProperties(in RenderInput, n node) Properties {
	_, configured := ConfiguredRack(&in.Broker)
	if in.Rack == "" || configured || !n.broker {
		return Properties{}
	}
	return Properties{"broker.rack": in.Rack}
}

// DependsOnNode says whether a broker's properties have lines that are known only when its Pod has a node.
func DependsOnNode(cluster *v1beta1.KafkaCluster, broker *v1beta1.Broker, config *v1beta1.BrokerConfig) bool {
	_, configured := ConfiguredRack(broker)
	return cluster.Spec.RackAwareness != nil && !configured && nodeOf(&cluster.Spec, config.ProcessRoles).broker
}
