package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// defaultConfigs are the defaults of the keys that scenarios look at. Others are known by their class and have none.
func defaultConfigs() map[string]string {
	return map[string]string{
		"auto.create.topics.enable": "true", "background.threads": "10", "broker.rack": "", "log.cleaner.min.cleanable.ratio": "0.5",
		"log.cleaner.threads": "1", "log.cleanup.policy": "delete", "log.retention.hours": "168", "log.retention.ms": "604800000",
		"message.max.bytes": "1048588", minISRKey: "1", "num.io.threads": "8", "num.network.threads": "3",
		"num.recovery.threads.per.data.dir": "2", "num.replica.fetchers": "1", "replica.fetch.backoff.ms": "1000",
	}
}

const minISRKey = "min.insync.replicas"

// threadPools can be doubled or halved at most by one change (DynamicThreadPool).
func threadPools() []string {
	return []string{
		"background.threads", "num.io.threads", "num.network.threads", "num.recovery.threads.per.data.dir", "num.replica.fetchers",
		"log.cleaner.threads",
	}
}

func refused(format string, args ...any) error {
	return &kafkaclient.ConfigRefused{Code: 42, Message: fmt.Sprintf(format, args...)} // INVALID_REQUEST
}

// refusedValue is INVALID_CONFIG.
func refusedValue(message string) error {
	return &kafkaclient.ConfigRefused{Code: 40, Message: message}
}

// elr: clusters formatted by 4.1 or newer keep eligible leader replicas.
func (c *kafkaState) elr() bool {
	major, minor := release(c.version)
	return c.kraft && (major > 4 || major == 4 && minor >= 1)
}

func release(version string) (major, minor int) {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, _ = strconv.Atoi(first)
	minor, _ = strconv.Atoi(second)
	return major, minor
}

// takeMinISR: with eligible leader replicas the controller owns min.insync.replicas; the file of the first one that runs
// gives it, and no file from then on.
func (c *kafkaState) takeMinISR(p *process) {
	if c.elr() && c.defaults[minISRKey] == "" {
		c.defaults[minISRKey] = "1"
		if own := p.config[minISRKey]; own != "" {
			c.defaults[minISRKey] = own
		}
	}
}

func (c *kafkaState) defaultMinISR() int32 {
	text := c.defaults[minISRKey]
	for _, id := range slices.Sorted(maps.Keys(c.processes)) {
		if own := c.processes[id].config[minISRKey]; text == "" && c.processes[id].broker {
			text = own
		}
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 1
	}
	return int32(n)
}

// class is how the Kafka of a process takes a key.
func (p *process) class(name string) kafkaclient.Class {
	version, err := kafkaclient.ParseVersion(p.version)
	if err != nil {
		return kafkaclient.ClassReadOnly
	}
	return kafkaclient.ClassOf(name, version, nil)
}

// levels are the values of a key, strongest first.
func (c *kafkaState) levels(p *process, name string) []kafkaclient.ConfigSynonym {
	var levels []kafkaclient.ConfigSynonym
	add := func(values map[string]string, source kafkaclient.ConfigSource) {
		if value, set := values[name]; set {
			levels = append(levels, kafkaclient.ConfigSynonym{Name: name, Value: &value, Source: source})
		}
	}
	add(c.dynamic[p.id], kafkaclient.SourceDynamicBroker)
	add(c.defaults, kafkaclient.SourceDynamicDefaultBroker)
	if name != minISRKey || !c.elr() {
		add(p.config, kafkaclient.SourceStaticBroker)
	}
	add(defaultConfigs(), kafkaclient.SourceDefault)
	return levels
}

// inForce is the value that a broker works by.
func (c *kafkaState) inForce(p *process, name string) string {
	if levels := c.levels(p, name); len(levels) > 0 {
		return *levels[0].Value
	}
	return ""
}

// describeBroker is DescribeConfigs of the broker that is asked.
func (c *kafkaState) describeBroker(p *process) kafkaclient.Configs {
	configs := kafkaclient.Configs{}
	for _, values := range []map[string]string{defaultConfigs(), p.config, c.defaults, c.dynamic[p.id]} {
		for name := range values {
			configs[name] = c.entry(p, name, c.levels(p, name))
		}
	}
	return configs
}

// describeDefaults is DescribeConfigs of the resource "": the dynamic keys alone.
func (c *kafkaState) describeDefaults(p *process) kafkaclient.Configs {
	configs := kafkaclient.Configs{}
	for name, value := range c.defaults {
		configs[name] = c.entry(p, name, []kafkaclient.ConfigSynonym{
			{Name: name, Value: &value, Source: kafkaclient.SourceDynamicDefaultBroker},
		})
	}
	return configs
}

// entry shows a key as Kafka does: values normalised, those of unknown and secret keys not at all, and every listener's
// key as read-only.
func (c *kafkaState) entry(p *process, name string, levels []kafkaclient.ConfigSynonym) kafkaclient.ConfigEntry {
	class := p.class(name)
	secret := class == kafkaclient.ClassUnknown || kafkaclient.IsSensitive(name, nil)
	e := kafkaclient.ConfigEntry{
		Name: name, Type: kafkaclient.TypeOf(name, nil), Sensitive: secret && !strings.Contains(name, kafkaclient.ThrottleKeys),
		ReadOnly: !class.Live() || strings.HasPrefix(name, "listener.name."), Synonyms: levels,
	}
	if len(levels) > 0 {
		e.Source = levels[0].Source
	}
	if !e.Sensitive && len(levels) > 0 {
		value := normalised(e.Type, *levels[0].Value)
		e.Value = &value
	}
	if e.Sensitive {
		e.Synonyms = slices.Clone(levels)
		for i := range e.Synonyms {
			e.Synonyms[i].Value = nil
		}
	}
	return e
}

// normalised is how Kafka writes a value that it has parsed.
func normalised(t kafkaclient.ConfigType, value string) string {
	switch t {
	case kafkaclient.TypeList:
		return strings.Join(splitList(value), ",")
	case kafkaclient.TypeDouble:
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			return strconv.FormatFloat(number, 'f', -1, 64)
		}
	case kafkaclient.TypeBoolean:
		return strings.ToLower(value)
	default:
	}
	return value
}

func splitList(text string) []string {
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// alter is IncrementalAlterConfigs of one resource: one key that is wrong refuses them all.
func (c *kafkaState) alter(p *process, resource kafkaclient.ConfigResource, changes []kafkaclient.ConfigChange, validateOnly bool) error {
	if !resource.ClusterWide && resource.Broker != p.id {
		return refused("Unexpected broker id, expected %d, but received %d", p.id, resource.Broker)
	}
	if resource.Loggers {
		return p.alterLevels(changes, validateOnly)
	}
	for _, change := range changes {
		if err := c.refusal(p, resource, change); err != nil {
			return err
		}
	}
	return c.store(resource, changes, validateOnly)
}

// store is the active controller taking a change.
func (c *kafkaState) store(resource kafkaclient.ConfigResource, changes []kafkaclient.ConfigChange, validateOnly bool) error {
	if validateOnly {
		return nil
	}
	values := c.defaults
	if !resource.ClusterWide {
		if c.dynamic[resource.Broker] == nil {
			c.dynamic[resource.Broker] = map[string]string{}
		}
		values = c.dynamic[resource.Broker]
	}
	for _, change := range changes {
		if change.Value == nil {
			delete(values, change.Key)
		} else {
			values[change.Key] = *change.Value
		}
	}
	return nil
}

// refusal is what a broker has against a change.
func (c *kafkaState) refusal(p *process, resource kafkaclient.ConfigResource, change kafkaclient.ConfigChange) error {
	class := p.class(change.Key)
	if change.Key == minISRKey && c.elr() {
		switch {
		case !resource.ClusterWide:
			return refusedValue("Broker-level min.insync.replicas cannot be altered while ELR is enabled.")
		case change.Value == nil:
			return refusedValue("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
		}
	}
	switch {
	case class == kafkaclient.ClassReadOnly && !strings.HasPrefix(change.Key, "listener.name."):
		return refused("Cannot update these configs dynamically: [%s]", change.Key)
	case class == kafkaclient.ClassPerBroker && resource.ClusterWide:
		return refused("Cannot update these configs at default cluster level, broker id must be specified: [%s]", change.Key)
	case change.Value == nil: // the value that is left is checked like one that is set
		return c.jump(p, change.Key, c.without(p, resource, change.Key))
	}
	if err := badValue(change.Key, *change.Value); err != nil {
		return err
	}
	if change.Key == "cordoned.log.dirs" {
		return p.unknownDirs(*change.Value)
	}
	return c.jump(p, change.Key, *change.Value)
}

// without is the value of a key that a broker works by once a resource has none.
func (c *kafkaState) without(p *process, resource kafkaclient.ConfigResource, name string) string {
	source := kafkaclient.SourceDynamicBroker
	if resource.ClusterWide {
		source = kafkaclient.SourceDynamicDefaultBroker
	}
	for _, level := range c.levels(p, name) {
		if level.Source != source {
			return *level.Value
		}
	}
	return ""
}

// tooShort is in secrets that a plugin of Kafka refuses, in words of its own.
const tooShort = secretText + "-short"

// badValue checks type and range.
func badValue(name, value string) error {
	switch t := kafkaclient.TypeOf(name, nil); t {
	case kafkaclient.TypeInt, kafkaclient.TypeShort, kafkaclient.TypeLong:
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			kind := map[kafkaclient.ConfigType]string{kafkaclient.TypeInt: "INT", kafkaclient.TypeShort: "SHORT", kafkaclient.TypeLong: "LONG"}[t]
			return refused("Invalid value %s for configuration %s: Not a number of type %s", value, name, kind)
		}
		if t == kafkaclient.TypeInt && number != int64(int32(number)) {
			return refused("Invalid value %s for configuration %s: Not a number of type INT", value, name)
		}
		if number < 1 && (slices.Contains(threadPools(), name) || name == minISRKey) {
			return refused("Invalid value %d for configuration %s: Value must be at least 1", number, name)
		}
	case kafkaclient.TypeDouble:
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return refused("Invalid value %s for configuration %s: Not a number of type DOUBLE", value, name)
		}
	case kafkaclient.TypeBoolean:
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			return refused("Invalid value %s for configuration %s: Expected value to be either true or false", value, name)
		}
	default:
	}
	if strings.Contains(value, tooShort) {
		return refused("Invalid value %s for configuration %s: is too short", value, name)
	}
	if name == "log.cleanup.policy" {
		for _, item := range splitList(value) {
			if item != "delete" && item != "compact" {
				return refused("Invalid value %s for configuration log.cleanup.policy: String must be one of: compact, delete", item)
			}
		}
	}
	return nil
}

// jump refuses a change of a number of threads that is too large.
func (c *kafkaState) jump(p *process, name, value string) error {
	if !slices.Contains(threadPools(), name) {
		return nil
	}
	current, errCurrent := strconv.Atoi(c.inForce(p, name))
	wanted, errWanted := strconv.Atoi(value)
	text := "Dynamic thread count update validation failed for %s=%d, value should "
	switch {
	case errCurrent != nil || errWanted != nil:
		return nil
	case int32(wanted) > 2*int32(current): // which may be no int any more
		return refused(text+"not be greater than double the current value %d", name, wanted, current)
	case wanted < current/2:
		return refused(text+"be at least half the current value %d", name, wanted, current)
	default:
		return nil
	}
}

func (p *process) unknownDirs(value string) error {
	for _, dir := range splitList(value) {
		if dir != "" && dir != "*" && p.dirs[dir] == "" {
			return refused("All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : %s", dir)
		}
	}
	return nil
}

// processAt finds the process that a name within Kubernetes leads to: NAME-ID.SERVICE.NAMESPACE.svc… or NAME-ID.NAMESPACE.svc…
func (k *kafka) processAt(host string) (*kafkaState, *process) {
	name, _, inside := strings.Cut(host, ".svc.")
	labels := strings.Split(name, ".")
	dash := strings.LastIndex(labels[0], "-")
	if !inside || len(labels) < 2 || dash < 0 || !k.resolves(host) {
		return nil, nil
	}
	id, err := messages.ParseBrokerID(labels[0][dash+1:])
	c := k.clusters[messages.ClusterKey{Namespace: labels[len(labels)-1], Name: labels[0][:dash]}]
	if err != nil || c == nil || c.processes[id] == nil || !c.processes[id].serves {
		return nil, nil
	}
	return c, c.processes[id]
}
