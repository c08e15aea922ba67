package kafka_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
)

func version(text string) kafka.Version {
	v, err := kafka.ParseVersion(text)
	if err != nil {
		panic(err)
	}
	return v
}

func TestClassOf(t *testing.T) {
	for name, test := range map[string]struct {
		key, version string
		described    kafka.Configs
		want         kafka.Class
	}{
		"a keystore behind a listener is of one broker":           {key: "listener.name.tls.ssl.keystore.location", version: "4.3", want: kafka.ClassPerBroker},
		"also where the listener's name has a dot":                {key: "listener.name.a.b.ssl.keystore.location", version: "4.3", want: kafka.ClassPerBroker},
		"jaas behind listener and mechanism is of one broker":     {key: "listener.name.sasl.scram-sha-512.sasl.jaas.config", version: "4.3", want: kafka.ClassPerBroker},
		"reauthentication behind a mechanism is of one broker":    {key: "listener.name.sasl.plain.connections.max.reauth.ms", version: "4.3", want: kafka.ClassPerBroker},
		"a callback behind a mechanism is of one broker":          {key: "listener.name.sasl.oauthbearer.sasl.server.callback.handler.class", version: "4.3", want: kafka.ClassPerBroker},
		"reauthentication without mechanism is read at start":     {key: "listener.name.sasl.connections.max.reauth.ms", version: "4.3", want: kafka.ClassReadOnly},
		"a listener's connections are limited for all brokers":    {key: "listener.name.tls.max.connections", version: "4.3", want: kafka.ClassClusterWide},
		"a listener's connection rate is, too":                    {key: "listener.name.tls.max.connection.creation.rate", version: "4.3", want: kafka.ClassClusterWide},
		"a listener's threads are, too":                           {key: "listener.name.tls.num.network.threads", version: "4.3", want: kafka.ClassClusterWide},
		"another limit behind a listener has no effect":           {key: "listener.name.tls.num.io.threads", version: "4.3", want: kafka.ClassReadOnly},
		"allowing other names behind a listener is read at start": {key: "listener.name.tls.ssl.allow.dn.changes", version: "4.3", want: kafka.ClassReadOnly},
		"a listener without option is read at start":              {key: "listener.name.tls", version: "4.3", want: kafka.ClassReadOnly},
		"DescribeConfigs is not believed behind a listener": {
			key: "listener.name.tls.ssl.keystore.location", version: "4.3", want: kafka.ClassPerBroker,
			described: kafka.Configs{"listener.name.tls.ssl.keystore.location": {ReadOnly: true}},
		},
		"a plain ssl key is read at start":                             {key: "ssl.keystore.location", version: "4.3", want: kafka.ClassReadOnly},
		"a plain sasl key is read at start":                            {key: "sasl.enabled.mechanisms", version: "4.3", want: kafka.ClassReadOnly},
		"also where a broker calls it dynamic":                         {key: "ssl.keystore.location", version: "4.3", described: plainKeys("ssl.keystore.location"), want: kafka.ClassReadOnly},
		"listeners need a restart":                                     {key: "listeners", version: "4.3", want: kafka.ClassReadOnly},
		"so does their protocol":                                       {key: "listener.security.protocol.map", version: "4.3", want: kafka.ClassReadOnly},
		"advertised listeners need a restart where they were dynamic":  {key: "advertised.listeners", version: "3.9", want: kafka.ClassReadOnly},
		"cordoned log dirs are of one broker":                          {key: "cordoned.log.dirs", version: "4.3", want: kafka.ClassPerBroker},
		"an older Kafka cannot cordon":                                 {key: "cordoned.log.dirs", version: "4.2", want: kafka.ClassReadOnly},
		"retention is for all brokers":                                 {key: "log.retention.ms", version: "4.3", want: kafka.ClassClusterWide},
		"its alias in hours is read at start":                          {key: "log.retention.hours", version: "4.3", want: kafka.ClassReadOnly},
		"its alias in minutes is read at start":                        {key: "log.retention.minutes", version: "4.3", want: kafka.ClassReadOnly},
		"rolling in hours is read at start":                            {key: "log.roll.hours", version: "4.3", want: kafka.ClassReadOnly},
		"what Kafka has and cannot change is read at start":            {key: "auto.create.topics.enable", version: "4.3", want: kafka.ClassReadOnly},
		"the rack is read at start":                                    {key: "broker.rack", version: "4.3", want: kafka.ClassReadOnly},
		"a plugin's key is unknown":                                    {key: "my.plugin.url", version: "4.3", want: kafka.ClassUnknown},
		"so it is where a broker shows it as all unknown keys":         {key: "my.plugin.url", version: "4.3", want: kafka.ClassUnknown, described: kafka.Configs{"my.plugin.url": {Name: "my.plugin.url", ReadOnly: true, Sensitive: true}}},
		"a key of a Kafka to come is read at start":                    {key: "new.limit", version: "5.1", want: kafka.ClassReadOnly, described: kafka.Configs{"new.limit": {Name: "new.limit", Type: kafka.TypeInt}}},
		"a key that came with 4.2 is read at start before":             {key: "remote.log.manager.follower.thread.pool.size", version: "4.1", want: kafka.ClassReadOnly},
		"and dynamic from then on":                                     {key: "remote.log.manager.follower.thread.pool.size", version: "4.2", want: kafka.ClassClusterWide},
		"a version beyond the table has its last column":               {key: "cordoned.log.dirs", version: "4.7", want: kafka.ClassPerBroker},
		"a version between two columns has the lower one":              {key: "log.message.downconversion.enable", version: "3.10", want: kafka.ClassClusterWide},
		"a version below the table has what all versions have":         {key: "log.retention.ms", version: "3.6", want: kafka.ClassClusterWide},
		"a version below the table has nothing that some versions had": {key: "log.message.downconversion.enable", version: "3.6", want: kafka.ClassReadOnly},
		"a broker that calls a key read-only is believed": {
			key: "log.retention.ms", version: "4.3", want: kafka.ClassReadOnly,
			described: kafka.Configs{"log.retention.ms": {Name: "log.retention.ms", ReadOnly: true, Type: kafka.TypeLong}},
		},
		"a broker that does not list a key does not know it": {key: "cordoned.log.dirs", version: "4.3", described: plainKeys("log.retention.ms"), want: kafka.ClassReadOnly},
		"what reads like two columns of the table is no key": {key: "log.retention.ms long", version: "4.3", want: kafka.ClassUnknown},
		"a comment of the table is no key":                   {key: "#", version: "4.3", want: kafka.ClassUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, kafka.ClassOf(test.key, version(test.version), test.described))
		})
	}
	t.Run("of an unknown version only that is dynamic which always is", func(t *testing.T) {
		assert.Equal(t, kafka.ClassClusterWide, kafka.ClassOf("log.retention.ms", kafka.Version{}, nil))
		assert.Equal(t, kafka.ClassReadOnly, kafka.ClassOf("cordoned.log.dirs", kafka.Version{}, nil))
		assert.Equal(t, kafka.ClassReadOnly, kafka.ClassOf("remote.log.reader.threads", kafka.Version{}, nil))
	})
}

// plainKeys are keys of a broker that it calls dynamic.
func plainKeys(keys ...string) kafka.Configs {
	described := kafka.Configs{}
	for _, key := range keys {
		described[key] = kafka.ConfigEntry{Name: key, Type: kafka.TypeString}
	}
	return described
}

// The numbers are those of DescribeConfigs: a 4.3.1 broker reports 99 keys that are not read-only, 62 for all brokers and
// 37 for one. A 3.9.2 broker reports two less than its DynamicBrokerConfig lists: config.providers is not shown at all and
// log.message.format.version is read-only.
func TestTheTableOfKeysIsSortedAndComplete(t *testing.T) {
	content, err := os.ReadFile("dynamic/keys.txt")
	require.NoError(t, err)
	var keys []string
	perColumn := map[int]map[rune]int{}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			continue
		}
		require.Len(t, fields, 3, line)
		require.Contains(t, []string{"boolean", "string", "int", "short", "long", "double", "list", "class", "password"}, fields[1], line)
		require.Regexp(t, `^[cblr]{5}$`, fields[2], line)
		keys = append(keys, fields[0])
		for column, scope := range fields[2] {
			if perColumn[column] == nil {
				perColumn[column] = map[rune]int{}
			}
			perColumn[column][scope]++
		}
	}
	assert.True(t, slices.IsSorted(keys))
	assert.Len(t, slices.Compact(keys), 406)
	for column, want := range []map[rune]int{
		0: {'c': 52, 'b': 3, 'l': 34}, 1: {'c': 55, 'b': 2, 'l': 34}, 2: {'c': 55, 'b': 2, 'l': 34},
		3: {'c': 56, 'b': 2, 'l': 34}, 4: {'c': 62, 'b': 3, 'l': 34},
	} {
		delete(perColumn[column], 'r')
		assert.Equal(t, want, perColumn[column], "column %d", column)
	}
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]kafka.Version{
		"3.9": {Major: 3, Minor: 9}, "4.3.1": {Major: 4, Minor: 3}, "4.4-SNAPSHOT": {Major: 4, Minor: 4}, "3.10.0": {Major: 3, Minor: 10},
	} {
		got, err := kafka.ParseVersion(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"", "4", "four.1", "-1.2", "4.", "0.11", "4.x"} {
		_, err := kafka.ParseVersion(text)
		assert.ErrorContains(t, err, "is no version of Kafka", text)
	}
	assert.Equal(t, "4.3", version("4.3.1").String())
	assert.Equal(t, "unknown", kafka.Version{}.String())
}

func TestVersionOfMetadataLevel(t *testing.T) {
	for level, want := range map[int16]kafka.Version{
		-1: {}, 0: {}, 1: {Major: 3}, 7: {Major: 3, Minor: 3}, 14: {Major: 3, Minor: 6}, 19: {Major: 3, Minor: 7}, 20: {Major: 3, Minor: 8},
		21: {Major: 3, Minor: 9}, 25: {Major: 4}, 27: {Major: 4, Minor: 1}, 29: {Major: 4, Minor: 2}, 30: {Major: 4, Minor: 3}, 99: {Major: 4, Minor: 4},
	} {
		assert.Equal(t, want, kafka.VersionOfMetadataLevel(level), "level %d", level)
	}
}

// The first rows are what a broker returns for what was written.
func TestSameValue(t *testing.T) {
	for name, test := range map[string]struct {
		valueType kafka.ConfigType
		a, b      string
		want      bool
	}{
		"a list is the same with other blanks":         {kafka.TypeList, "delete , compact", "delete,compact", true},
		"a double is the same with fewer digits":       {kafka.TypeDouble, "0.90", "0.9", true},
		"a list in another order is another":           {kafka.TypeList, "compact,delete", "delete,compact", false},
		"an empty list has no item":                    {kafka.TypeList, "", " ", true},
		"a number is the same with a plus":             {kafka.TypeLong, "+5", "5", true},
		"numbers differ":                               {kafka.TypeInt, "5", "6", false},
		"what is no number is compared as text":        {kafka.TypeInt, "abc", "5", false},
		"a bool is the same in capitals":               {kafka.TypeBoolean, "TRUE", "true", true},
		"bools differ":                                 {kafka.TypeBoolean, "true", "false", false},
		"a text is exact":                              {kafka.TypeString, "a ", "a", false},
		"a text in capitals is another":                {kafka.TypeString, "A", "a", false},
		"a class is trimmed":                           {kafka.TypeClass, "org.A ", "org.A", true},
		"values of unknown type are compared as texts": {kafka.TypeUnknown, "1.0", "1", false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, kafka.SameValue(test.valueType, test.a, test.b)) })
	}
}

func TestIsSensitive(t *testing.T) {
	for key, want := range map[string]bool{
		"ssl.keystore.password": true, "listener.name.tls.ssl.keystore.key": true, "sasl.jaas.config": true,
		"listener.name.sasl.plain.sasl.jaas.config": true, "delegation.token.secret.key": true, "my.plugin.url": true,
		"log.retention.ms": false, "ssl.keystore.location": false, "delegation.token.max.lifetime.ms": false,
		"listener.name.sasl.plain.connections.max.reauth.ms": false,
	} {
		assert.Equal(t, want, kafka.IsSensitive(key, nil), key)
	}
	described := kafka.Configs{"new.secret": {Type: kafka.TypePassword}, "log.dir": {Sensitive: true, Type: kafka.TypeString}}
	assert.True(t, kafka.IsSensitive("new.secret", described))
	assert.True(t, kafka.IsSensitive("log.dir", described))
}
