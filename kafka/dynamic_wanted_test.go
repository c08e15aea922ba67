package kafka_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func running43() kafka.Running { return kafka.Running{Version: kafka.Version{Major: 4, Minor: 3}} }

func withELR() kafka.Running {
	running := running43()
	running.ELR = true
	return running
}

func spoken(problems []messages.FieldProblem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, p.String())
	}
	return all
}

func TestBrokerDynamic(t *testing.T) {
	cluster := &v1beta1.KafkaCluster{}
	cluster.Spec.BrokerConfigGroups = map[string]v1beta1.BrokerConfig{"big": {Config: "num.io.threads=16"}}
	dynamic := func(own string, running kafka.Running) (kafka.Properties, []string) {
		broker := &v1beta1.Broker{ID: 3, BrokerConfigGroup: "big", BrokerConfig: &v1beta1.BrokerConfig{Config: own}}
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, broker)
		require.NoError(t, err)
		wanted, problems := kafka.BrokerDynamic(kafka.RenderInput{Cluster: cluster, Broker: *broker, Config: config}, running)
		return wanted, spoken(problems)
	}
	for name, test := range map[string]struct {
		own     string
		running kafka.Running
		want    kafka.Properties
		problem string
	}{
		"without own config that of the group counts":   {want: kafka.Properties{"num.io.threads": "16"}, running: running43()},
		"own config replaces that of the group":         {own: "log.cleaner.threads=2", want: kafka.Properties{"log.cleaner.threads": "2"}, running: running43()},
		"a plugin's key is Kafka's business":            {own: "my.plugin.url=x", want: kafka.Properties{"my.plugin.url": "x"}, running: running43()},
		"a listener's keystore is of the broker":        {own: "listener.name.tls.ssl.keystore.location=/k", want: kafka.Properties{"listener.name.tls.ssl.keystore.location": "/k"}, running: running43()},
		"a text that cannot be read gives nothing":      {own: "oops", want: nil, running: running43(), problem: "spec.brokers[id=3].brokerConfig.config: line 1: no separator"},
		"a read-only key is left out, with the way out": {own: "broker.rack=a\nlog.cleaner.threads=2", want: kafka.Properties{"log.cleaner.threads": "2"}, running: running43(), problem: "broker.rack is read-only: Kafka reads it at start and refuses it here; move it to readOnlyConfig"},
		"a plain ssl key belongs behind a listener":     {own: "ssl.keystore.location=/k", want: kafka.Properties{}, running: running43(), problem: "write listener.name.NAME.ssl.keystore.location, or move it to readOnlyConfig"},
		"listeners are the operator's":                  {own: "listeners=A://:1", want: kafka.Properties{}, running: running43(), problem: "listeners is set by the operator from spec.listenersConfig"},
		"throttles are those of who moves replicas":     {own: "follower.replication.throttled.rate=1", want: kafka.Properties{}, running: running43(), problem: "set by whoever moves replicas"},
		"in-sync replicas can be a broker's":            {own: "min.insync.replicas=2", want: kafka.Properties{"min.insync.replicas": "2"}, running: running43()},
		"in-sync replicas are not a broker's with ELR":  {own: "min.insync.replicas=2", want: kafka.Properties{}, running: withELR(), problem: "move it to spec.clusterWideConfig"},
		"a key that this version reads at start":        {own: "cordoned.log.dirs=/a", want: kafka.Properties{}, running: kafka.Running{Version: kafka.Version{Major: 4}}, problem: "cordoned.log.dirs is read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := dynamic(test.own, test.running)
			assert.Equal(t, test.want, got)
			if test.problem == "" {
				assert.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			assert.Contains(t, problems[0], test.problem)
		})
	}
}

func TestClusterDynamic(t *testing.T) {
	spec := func(clusterWide, readOnly string, brokers ...string) *v1beta1.KafkaCluster {
		cluster := &v1beta1.KafkaCluster{}
		cluster.Spec.ClusterWideConfig, cluster.Spec.ReadOnlyConfig = clusterWide, readOnly
		for i, config := range brokers {
			cluster.Spec.Brokers = append(cluster.Spec.Brokers, v1beta1.Broker{ID: int32(i), ReadOnlyConfig: config})
		}
		return cluster
	}
	const isr = "min.insync.replicas"
	for name, test := range map[string]struct {
		cluster *v1beta1.KafkaCluster
		running kafka.Running
		want    kafka.Properties
		problem string
	}{
		"it is the clusterWideConfig":                   {cluster: spec("log.retention.bytes=5", ""), running: running43(), want: kafka.Properties{"log.retention.bytes": "5"}},
		"a key of one broker is left out":               {cluster: spec("listener.name.tls.ssl.keystore.location=/k", ""), running: running43(), want: kafka.Properties{}, problem: "move it to the config of a broker or of a brokerConfigGroup"},
		"without ELR in-sync replicas stay in the file": {cluster: spec("", isr+"=2"), running: running43(), want: kafka.Properties{}},
		"with ELR they come from the file":              {cluster: spec("", isr+"=2"), running: withELR(), want: kafka.Properties{isr: "2"}},
		"clusterWideConfig wins over the file":          {cluster: spec(isr+"=3", isr+"=2"), running: withELR(), want: kafka.Properties{isr: "3"}},
		"with ELR they come from the brokers":           {cluster: spec("", "", isr+"=2", isr+"=2"), running: withELR(), want: kafka.Properties{isr: "2"}},
		"of brokers that differ the highest counts":     {cluster: spec("", "", isr+"=2", isr+"=10"), running: withELR(), want: kafka.Properties{isr: "10"}, problem: "now the highest, 10; write it here"},
		"nobody wants any":                              {cluster: spec("", "", "", ""), running: withELR(), want: kafka.Properties{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := kafka.ClusterDynamic(test.cluster, test.running)
			assert.Equal(t, test.want, got)
			if test.problem == "" {
				assert.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			assert.Contains(t, spoken(problems)[0], test.problem)
		})
	}
}

func TestValidateWarnsOfKeysThatEveryKafkaRefusesDynamically(t *testing.T) {
	cluster := &v1beta1.KafkaCluster{}
	cluster.Spec.KRaft = true
	cluster.Spec.ClusterWideConfig = "broker.rack=a\ncordoned.log.dirs=/a\nmy.plugin.url=x\nlog.message.downconversion.enable=true"
	cluster.Spec.BrokerConfigGroups = map[string]v1beta1.BrokerConfig{"big": {Config: "node.id=4\ncordoned.log.dirs=/a"}}
	var got []string
	for _, p := range kafka.Validate(cluster) {
		if strings.Contains(p.Message, "refuses") || strings.Contains(p.Message, "node.id") {
			assert.Equal(t, messages.SeverityWarning, p.Severity)
			got = append(got, p.String())
		}
	}
	assert.Equal(t, []string{
		"spec.clusterWideConfig: broker.rack is read-only: Kafka reads it at start and refuses it here; move it to readOnlyConfig",
		"spec.clusterWideConfig: Kafka refuses cordoned.log.dirs for all brokers at once; move it to the config of a broker or of a brokerConfigGroup",
		"spec.brokerConfigGroups[big].config: node.id is set by the operator from the id in brokers, this line has no effect; remove it",
	}, got)
}

// The messages are those of Kafka 4.3.1.
func TestRefusedKey(t *testing.T) {
	for name, test := range map[string]struct{ message, key string }{
		"a read-only key":                  {"Cannot update these configs dynamically: [broker.rack]", "broker.rack"},
		"the first of several":             {"Cannot update these configs dynamically: [broker.rack, node.id]", "broker.rack"},
		"a wrong type":                     {"Invalid value abc for configuration log.cleaner.threads: Not a number of type INT", "log.cleaner.threads"},
		"out of range":                     {"Invalid value 0 for configuration num.io.threads: Value must be at least 1", "num.io.threads"},
		"too many threads at once":         {"Dynamic thread count update validation failed for num.io.threads=100, value should not be greater than double the current value 8", "num.io.threads"},
		"none of the known words":          {"Invalid value foo for configuration log.cleanup.policy: String must be one of: compact, delete", "log.cleanup.policy"},
		"a broker's key for all":           {"Cannot update these configs at default cluster level, broker id must be specified: [listener.name.tls.ssl.keystore.location]", "listener.name.tls.ssl.keystore.location"},
		"security without listener":        {"These security configs can be dynamically updated only per-listener using the listener prefix: [ssl.keystore.location]", "ssl.keystore.location"},
		"another broker":                   {"Unexpected broker id, expected 1, but received 2", ""},
		"a keystore that is not there":     {"Failed to load SSL keystore /nonexistent of type PKCS12", ""},
		"the protocol of a listener":       {"Security protocol cannot be updated for existing listener ListenerName(TLS)", "listener.security.protocol.map"},
		"listeners without the controller": {"controller.listener.names must contain at least one value appearing in the 'listeners' configuration when running the KRaft controller role", "listeners"},
		"an unknown dir":                   {"All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : /nosuch", "cordoned.log.dirs"},
		"in-sync replicas of a broker":     {"Broker-level min.insync.replicas cannot be altered while ELR is enabled.", "min.insync.replicas"},
		"in-sync replicas of all":          {"Cluster-level min.insync.replicas cannot be removed while ELR is enabled.", "min.insync.replicas"},
	} {
		t.Run(name, func(t *testing.T) {
			key, text := kafka.RefusedKey(test.message)
			assert.Equal(t, test.key, key)
			assert.Equal(t, test.message, text)

			const sarama = "kafka server: This most likely occurs because of a request being malformed by the client library or the " +
				"message was sent to an incompatible broker. See the broker logs for more details: "
			key, text = kafka.RefusedKey(sarama + test.message)
			assert.Equal(t, test.key, key)
			assert.Equal(t, test.message, text)
		})
	}
}

func TestRefusedKeyReadsWhatABrokerWraps(t *testing.T) {
	key, text := kafka.RefusedKey("Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count update validation " +
		"failed for num.io.threads=100, value should not be greater than double the current value 4 for configuration Invalid dynamic configuration")
	assert.Equal(t, "num.io.threads", key)
	assert.Equal(t, "Dynamic thread count update validation failed for num.io.threads=100, value should not be greater than double "+
		"the current value 4", text)

	key, text = kafka.RefusedKey("Invalid value org.apache.kafka.common.KafkaException: Invalid value hunter2 for configuration " +
		"ssl.key.password: bad for configuration Invalid dynamic configuration")
	assert.Equal(t, "ssl.key.password", key)
	assert.Equal(t, "Invalid value [hidden] for configuration ssl.key.password: bad", text)
}

func TestRefusedKeyHidesSecrets(t *testing.T) {
	for message, want := range map[string]string{
		"Invalid value hunter2 for configuration listener.name.tls.ssl.key.password: Too short": "Invalid value [hidden] for configuration listener.name.tls.ssl.key.password: Too short",
		"Invalid value a for configuration b: c for configuration my.plugin.key: no":            "Invalid value [hidden] for configuration my.plugin.key: no",
		`Login failed: username="u" password="hunt er2" x`:                                      `Login failed: username="u" password=[hidden] x`,
		"Bad key -----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY----- here":          "Bad key [hidden] here",
		"Bad key -----BEGIN PRIVATE KEY-----\nhunter2":                                          "Bad key [hidden]",
	} {
		_, text := kafka.RefusedKey(message)
		assert.Equal(t, want, text)
	}
}

func TestRefusedWhileRunning(t *testing.T) {
	for message, while := range map[string]bool{
		"Cannot update these configs dynamically: [broker.rack]":                                                                            true,
		"Dynamic thread count update validation failed for num.io.threads=100, value should not be greater than double the current value 8": true,
		"Invalid value foo for configuration log.cleanup.policy: String must be one of: compact, delete":                                    false,
		"All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : /nosuch":                                false,
		"Policy says no": false,
	} {
		assert.Equal(t, while, kafka.RefusedWhileRunning(message), message)
	}
}

func TestFieldOf(t *testing.T) {
	cluster := &v1beta1.KafkaCluster{Spec: v1beta1.KafkaClusterSpec{
		ReadOnlyConfig: "a.b=1\nc.d=1\ne.f=1\ng.h=1\n", ClusterWideConfig: "e.f=2\ng.h=2\n",
		BrokerConfigGroups: map[string]v1beta1.BrokerConfig{"fast": {Config: "g.h=3\n"}},
	}}
	broker := &v1beta1.Broker{ID: 4, ReadOnlyConfig: "c.d=4\n", BrokerConfigGroup: "fast"}
	for key, field := range map[string]string{
		"a.b": "spec.readOnlyConfig", "c.d": "spec.brokers[id=4].readOnlyConfig", "e.f": "spec.clusterWideConfig",
		"g.h": "spec.brokerConfigGroups[fast].config", "i.j": "",
	} {
		require.Equal(t, field, kafka.FieldOf(cluster, broker, key), key)
	}
	require.Equal(t, "spec.readOnlyConfig", kafka.FileFieldOf(cluster, broker, "g.h"), "a file has it from elsewhere")
	broker.BrokerConfig = &v1beta1.BrokerConfig{Config: "g.h=5\n"}
	require.Equal(t, "spec.brokers[id=4].brokerConfig.config", kafka.FieldOf(cluster, broker, "g.h"), "a group's text gives way as a whole")
}
