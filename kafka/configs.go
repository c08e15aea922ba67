package kafka

import "github.com/koperator-go/koperator/messages"

// ConfigResource is what dynamic configuration belongs to: one broker, or all of them.
type ConfigResource struct {
	// ClusterWide is Kafka's resource "" of type BROKER: the default of all brokers.
	ClusterWide bool
	// Broker is the broker otherwise.
	Broker messages.BrokerID
	// Loggers means the levels of that broker's loggers (BROKER_LOGGER) instead of its configuration.
	Loggers bool
}

// ConfigSource is where a value comes from, strongest first.
type ConfigSource int8

// The sources of broker configuration, by Kafka's numbers in DescribeConfigs.
const (
	SourceUnknown              ConfigSource = 0
	SourceDynamicBroker        ConfigSource = 2
	SourceDynamicDefaultBroker ConfigSource = 3
	SourceStaticBroker         ConfigSource = 4
	SourceDefault              ConfigSource = 5
)

// ConfigType is how a value is written and compared.
type ConfigType int8

// The types of values, by Kafka's numbers in DescribeConfigs.
const (
	TypeUnknown  ConfigType = 0
	TypeBoolean  ConfigType = 1
	TypeString   ConfigType = 2
	TypeInt      ConfigType = 3
	TypeShort    ConfigType = 4
	TypeLong     ConfigType = 5
	TypeDouble   ConfigType = 6
	TypeList     ConfigType = 7
	TypeClass    ConfigType = 8
	TypePassword ConfigType = 9
)

// ConfigEntry is one key of a resource as DescribeConfigs shows it.
type ConfigEntry struct {
	Name string
	// Value is the effective one as Kafka normalised it; nil where Kafka does not show it: passwords, unknown keys.
	Value     *string
	Type      ConfigType
	ReadOnly  bool
	Sensitive bool
	Source    ConfigSource
	// Synonyms are the values of all levels that have one, strongest first, as they were written.
	Synonyms []ConfigSynonym
}

// ConfigSynonym is the value of one level.
type ConfigSynonym struct {
	Name   string
	Value  *string
	Source ConfigSource
}

// Configs is what DescribeConfigs says of one resource, by key. For the cluster-wide resource it holds the dynamic keys
// alone, for a broker all that it knows.
type Configs map[string]ConfigEntry

// ConfigChange is one operation of IncrementalAlterConfigs.
type ConfigChange struct {
	Key string
	// Value is set, or the key is deleted where it is nil.
	Value *string
}
