package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/koperator-go/koperator/kafka"
)

func text(s string) *string { return &s }

func set(key, value string) kafka.ConfigChange { return kafka.ConfigChange{Key: key, Value: &value} }

func deleted(key string) kafka.ConfigChange { return kafka.ConfigChange{Key: key} }

// entry is a key whose levels have these values, strongest first; the first is the effective one.
func entry(key string, t kafka.ConfigType, levels ...kafka.ConfigSynonym) kafka.ConfigEntry {
	e := kafka.ConfigEntry{Name: key, Type: t, Synonyms: levels}
	for i := range e.Synonyms {
		if e.Synonyms[i].Name == "" {
			e.Synonyms[i].Name = key
		}
	}
	if len(levels) > 0 {
		e.Value, e.Source = levels[0].Value, levels[0].Source
	}
	return e
}

func level(source kafka.ConfigSource, value string) kafka.ConfigSynonym {
	return kafka.ConfigSynonym{Value: &value, Source: source}
}

func configs(entries ...kafka.ConfigEntry) kafka.Configs {
	all := kafka.Configs{}
	for _, e := range entries {
		all[e.Name] = e
	}
	return all
}

const (
	ofBroker  = kafka.SourceDynamicBroker
	ofAll     = kafka.SourceDynamicDefaultBroker
	ofFile    = kafka.SourceStaticBroker
	byDefault = kafka.SourceDefault
)

func TestFileChange(t *testing.T) {
	retention := func(levels ...kafka.ConfigSynonym) kafka.Configs {
		return configs(entry("log.retention.bytes", kafka.TypeLong, levels...))
	}
	for name, test := range map[string]struct {
		diff    kafka.FileDiff
		live    []kafka.ConfigChange
		restart []string
	}{
		"nothing changes": {diff: files("log.retention.bytes=5", "log.retention.bytes=5")},
		"a read-only key needs a restart": {
			diff:    files("auto.create.topics.enable=false", "auto.create.topics.enable=true"),
			restart: []string{"`auto.create.topics.enable` is read-only and changed from false to true"},
		},
		"a value in other writing is no change": {diff: files("auto.create.topics.enable=false", "auto.create.topics.enable=FALSE")},
		"a dynamic key changes live":            {diff: files("log.retention.bytes=5", "log.retention.bytes=6"), live: []kafka.ConfigChange{set("log.retention.bytes", "6")}},
		"a dynamic key is added live":           {diff: files("", "log.retention.bytes=6"), live: []kafka.ConfigChange{set("log.retention.bytes", "6")}},
		"a read-only key that is added": {
			diff: files("", "broker.rack=a"), restart: []string{"`broker.rack` is read-only and was set to a"},
		},
		"a read-only key that is removed": {
			diff: files("broker.rack=a", ""), restart: []string{"`broker.rack` is read-only and was removed, it was a"},
		},
		"an added key with Kafka's default is what the broker has": {
			diff: described(files("", "log.retention.bytes=-1"), retention(level(byDefault, "-1"))),
		},
		"a removed key gets Kafka's default": {
			diff: described(files("log.retention.bytes=5", ""), retention(level(ofFile, "5"), level(byDefault, "-1"))),
			live: []kafka.ConfigChange{set("log.retention.bytes", "-1")},
		},
		"a removed key without known default needs a restart": {
			diff:    files("log.retention.bytes=5", ""),
			restart: []string{"`log.retention.bytes` has no default that could be set while Kafka runs and was removed, it was 5"},
		},
		"a removed key that another stands behind needs a restart": {
			diff: described(files("log.retention.ms=5", ""), configs(entry("log.retention.ms", kafka.TypeLong, level(ofFile, "5"),
				kafka.ConfigSynonym{Name: "log.retention.hours", Value: text("168"), Source: byDefault}))),
			restart: []string{"`log.retention.ms` has no default that could be set while Kafka runs and was removed, it was 5"},
		},
		"a plugin's value is not shown": {
			diff:    files("my.plugin.url=http://user:pw@x", "my.plugin.url=http://user:pw2@x"),
			restart: []string{"`my.plugin.url` is no key of Kafka's own and changed"},
		},
		"a password is not shown": {
			diff: files("ssl.keystore.password=a", "ssl.keystore.password=b"), restart: []string{"`ssl.keystore.password` is read-only and changed"},
		},
		"a password of the file does not go into the metadata log": {
			diff:    files("listener.name.tls.ssl.keystore.password=a", "listener.name.tls.ssl.keystore.password=b"),
			restart: []string{"`listener.name.tls.ssl.keystore.password` would be stored in clear if it were set while Kafka runs and changed"},
		},
		"listeners need a restart": {
			diff:    files("listeners=A://:1", "listeners=A://:1,B://:2"),
			restart: []string{"`listeners` changes with the Pod's ports and changed from A://:1 to A://:1,B://:2"},
		},
		"reasons are in the order of keys, live keys beside them": {
			diff:    files("", "broker.rack=a\nlog.retention.bytes=6\nauto.create.topics.enable=true"),
			live:    []kafka.ConfigChange{set("log.retention.bytes", "6")},
			restart: []string{"`auto.create.topics.enable` is read-only and was set to true", "`broker.rack` is read-only and was set to a"},
		},
		"a value wanted for all brokers wins over the file": {
			diff: with(files("log.retention.bytes=5", ""), func(d *kafka.FileDiff) { d.ClusterWide = kafka.Properties{"log.retention.bytes": "7"} }),
		},
		"a value wanted for the broker wins over the file": {
			diff: with(files("log.retention.bytes=5", "log.retention.bytes=6"), func(d *kafka.FileDiff) { d.PerBroker = kafka.Properties{"log.retention.bytes": "7"} }),
		},
		"a value that somebody else set for the broker wins over the file": {
			diff: described(files("log.retention.bytes=5", "log.retention.bytes=6"), retention(level(ofBroker, "9"), level(ofFile, "5"))),
		},
		"a value that somebody else set for all brokers wins over the file": {
			diff: described(files("log.retention.bytes=5", "log.retention.bytes=6"), retention(level(ofAll, "9"), level(ofFile, "5"))),
		},
		"a value of ours stands in for the file": {
			diff: with(described(files("log.retention.bytes=5", "log.retention.bytes=6"), retention(level(ofBroker, "6"), level(ofFile, "5"))),
				func(d *kafka.FileDiff) { d.Applied = kafka.Applied{"log.retention.bytes": ""} }),
			live: []kafka.ConfigChange{set("log.retention.bytes", "6")},
		},
		"a value of ours stands in for the file also while a broker still shows one of all brokers": {
			diff: with(described(files("log.retention.bytes=5", "log.retention.bytes=6"), retention(level(ofBroker, "6"), level(ofAll, "9"), level(ofFile, "5"))),
				func(d *kafka.FileDiff) { d.Applied = kafka.Applied{"log.retention.bytes": ""} }),
			live: []kafka.ConfigChange{set("log.retention.bytes", "6")},
		},
		"a value of ours that moves from all brokers to the file is set before it goes": {
			diff: with(described(files("", "log.retention.bytes=6"), retention(level(ofAll, "6"), level(byDefault, "-1"))),
				func(d *kafka.FileDiff) { d.ClusterApplied = kafka.Applied{"log.retention.bytes": ""} }),
			live: []kafka.ConfigChange{set("log.retention.bytes", "6")},
		},
		"in-sync replicas change live": {diff: files("min.insync.replicas=1", "min.insync.replicas=2"), live: []kafka.ConfigChange{set("min.insync.replicas", "2")}},
		"with ELR in-sync replicas in the file are not looked at": {
			diff: with(files("min.insync.replicas=1", "min.insync.replicas=2"), func(d *kafka.FileDiff) { d.Running.ELR = true }),
		},
		"a throttle is somebody else's": {diff: files("", "leader.replication.throttled.rate=5")},
	} {
		t.Run(name, func(t *testing.T) {
			change := test.diff.Change()
			assert.Equal(t, test.live, change.Live)
			assert.Equal(t, test.restart, change.Restart)
		})
	}
}

func files(started, wanted string) kafka.FileDiff {
	return kafka.FileDiff{Started: parsed(started), Wanted: parsed(wanted), Running: kafka.Running{Version: kafka.Version{Major: 4, Minor: 3}}}
}

func parsed(lines string) kafka.Properties {
	properties, err := kafka.Parse(lines)
	if err != nil {
		panic(err)
	}
	return properties
}

func described(d kafka.FileDiff, all kafka.Configs) kafka.FileDiff {
	d.Running.Described = all
	return d
}

func with(d kafka.FileDiff, change func(*kafka.FileDiff)) kafka.FileDiff {
	change(&d)
	return d
}

func TestLongValuesAreShortenedInReasons(t *testing.T) {
	long := make([]byte, 500)
	for i := range long {
		long[i] = 'x'
	}
	change := files("broker.rack=", "broker.rack="+string(long)).Change()
	assert.Len(t, change.Restart, 1)
	assert.Less(t, len(change.Restart[0]), 160)
	assert.Contains(t, change.Restart[0], "changed from nothing to xxx")
}
