package kafka_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
)

// onBrokersOnly are the dynamic keys that say nothing to a node without the broker role, by the classes of Kafka that read them.
func onBrokersOnly() map[string][]string {
	return map[string][]string{
		"BrokerServer's KafkaScheduler":                        {"background.threads"},
		"LogManager":                                           {"num.recovery.threads.per.data.dir", "producer.id.expiration.ms"},
		"LogManager, ReplicaManager":                           {"transaction.partition.verification.enable"},
		"ReplicaFetcherManager":                                {"num.replica.fetchers"},
		"ReplicaFetcherThread":                                 {"follower.fetch.last.tiered.offset.enable"},
		"GroupCoordinatorService":                              {"group.coordinator.cached.buffer.max.bytes"},
		"ShareCoordinatorService":                              {"share.coordinator.cached.buffer.max.bytes"},
		"LogCleaner, LogManager, topics shown by a controller": {"message.max.bytes"},
		"GroupMetadataManager": {
			"group.consumer.assignment.interval.ms", "group.share.assignment.interval.ms", "group.streams.assignment.interval.ms",
		},
		"ReplicaManager": {"remote.fetch.max.wait.ms", "remote.list.offsets.request.timeout.ms"},
		"RemoteLogManager": {
			"remote.log.index.file.cache.total.size.bytes", "remote.log.manager.copier.thread.pool.size",
			"remote.log.manager.copy.max.bytes.per.second", "remote.log.manager.expiration.thread.pool.size",
			"remote.log.manager.fetch.max.bytes.per.second", "remote.log.manager.follower.thread.pool.size", "remote.log.reader.threads",
		},
		"LogCleaner": {
			"log.cleaner.backoff.ms", "log.cleaner.dedupe.buffer.size", "log.cleaner.io.buffer.load.factor", "log.cleaner.io.buffer.size",
			"log.cleaner.io.max.bytes.per.second", "log.cleaner.threads",
		},
		"LogManager, topics shown by a controller": {
			"compression.gzip.level", "compression.lz4.level", "compression.type", "compression.zstd.level",
			"log.cleaner.delete.retention.ms", "log.cleaner.min.cleanable.ratio", "log.cleanup.policy", "log.flush.interval.messages",
			"log.flush.interval.ms", "log.index.interval.bytes", "log.index.size.max.bytes", "log.local.retention.bytes",
			"log.local.retention.ms", "log.message.downconversion.enable", "log.message.timestamp.after.max.ms",
			"log.message.timestamp.before.max.ms", "log.message.timestamp.difference.max.ms", "log.message.timestamp.type",
			"log.preallocate", "log.retention.bytes", "log.retention.ms", "log.roll.jitter.ms", "log.roll.ms", "log.segment.bytes",
			"log.segment.delete.delay.ms",
		},
	}
}

// onControllersToo are the dynamic keys that such a node reads, by what reads them there.
func onControllersToo() map[string][]string {
	return map[string][]string{
		"ControllerServer's KafkaRequestHandlerPool": {"num.io.threads"},
		"SocketServer": {
			"listeners", "listener.security.protocol.map", "num.network.threads", "max.connections", "max.connection.creation.rate",
			"max.connections.per.ip", "max.connections.per.ip.overrides",
		},
		"ControllerRegistrationManager":                          {"advertised.listeners"},
		"ReplicationControlManager, ConfigurationControlManager": {"min.insync.replicas", "unclean.leader.election.enable"},
		"ControllerConfigurationValidator":                       {"log.cleaner.max.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"},
		"DynamicMetricsReporters":                                {"metric.reporters"},
		"KafkaConfig, for the values of its own file":            {"config.providers"},
		"KafkaConfig, which wants each among its own log.dirs":   {"cordoned.log.dirs"},
		"the SocketServer's and the quorum's channels": {
			"principal.builder.class", "sasl.enabled.mechanisms", "sasl.jaas.config", "sasl.kerberos.kinit.cmd",
			"sasl.kerberos.min.time.before.relogin", "sasl.kerberos.principal.to.local.rules", "sasl.kerberos.service.name",
			"sasl.kerberos.ticket.renew.jitter", "sasl.kerberos.ticket.renew.window.factor", "sasl.login.refresh.buffer.seconds",
			"sasl.login.refresh.min.period.seconds", "sasl.login.refresh.window.factor", "sasl.login.refresh.window.jitter",
			"sasl.mechanism.inter.broker.protocol", "ssl.cipher.suites", "ssl.client.auth", "ssl.enabled.protocols",
			"ssl.endpoint.identification.algorithm", "ssl.engine.factory.class", "ssl.key.password", "ssl.keymanager.algorithm",
			"ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.keystore.location", "ssl.keystore.password", "ssl.keystore.type",
			"ssl.protocol", "ssl.provider", "ssl.secure.random.implementation", "ssl.trustmanager.algorithm",
			"ssl.truststore.certificates", "ssl.truststore.location", "ssl.truststore.password", "ssl.truststore.type",
		},
	}
}

// A new key of Kafka's fails this until somebody has looked who reads it.
func TestEveryDynamicKeyIsJudgedForControllers(t *testing.T) {
	verdicts := map[string]bool{}
	for alone, readers := range map[bool]map[string][]string{true: onBrokersOnly(), false: onControllersToo()} {
		for reader, keys := range readers {
			for _, key := range keys {
				require.NotContains(t, verdicts, key, "listed twice, the second time for %s", reader)
				verdicts[key] = alone
			}
		}
	}
	content, err := os.ReadFile("dynamic/keys.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if fields[0] == "#" || strings.Trim(fields[2], "r") == "" {
			continue
		}
		alone, judged := verdicts[fields[0]]
		if assert.True(t, judged, "%s: do controllers read it?", fields[0]) {
			assert.Equal(t, alone, kafka.OnBrokersAlone(fields[0], nil, false), fields[0])
		}
		delete(verdicts, fields[0])
	}
	require.Empty(t, verdicts, "no version of Kafka changes these while it runs")
}

func TestOnBrokersAlone(t *testing.T) {
	tiered := kafka.Properties{"remote.log.storage.system.enable": " TRUE "}
	for name, test := range map[string]struct {
		key  string
		file kafka.Properties
		want bool
	}{
		"an alias that brokers read at start is of them, too":                {key: "log.retention.hours", want: true},
		"where the metadata may be is not of brokers alone":                  {key: "log.dirs", want: false},
		"nor in the singular":                                                {key: "log.dir", want: false},
		"a key in Kafka's words that Kafka does not have may be a plugin's":  {key: "log.shipper.url", want: false},
		"what is behind a listener's name may be of a controller's listener": {key: "listener.name.controller.ssl.keystore.location", want: false},
		"by the retention of tiered topics the controller judges":            {key: "log.retention.ms", file: tiered, want: false},
		"by its alias, too":                                                      {key: "log.retention.hours", file: tiered, want: false},
		"by what of it stays on the broker, too":                                 {key: "log.local.retention.bytes", file: tiered, want: false},
		"by the clean-up of tiered topics, too":                                  {key: "log.cleanup.policy", file: tiered, want: false},
		"tiered storage that is off judges by nothing":                           {key: "log.retention.ms", file: kafka.Properties{"remote.log.storage.system.enable": "false"}, want: true},
		"how often brokers look what to delete is of them, tiered or not":        {key: "log.retention.check.interval.ms", file: tiered, want: true},
		"how much brokers copy to the remote storage is of them":                 {key: "remote.log.manager.copy.max.bytes.per.second", file: tiered, want: true},
		"whether storage is tiered the active controller has to know":            {key: "remote.log.storage.system.enable", file: tiered, want: false},
		"the size of a segment is of brokers, tiered or not":                     {key: "log.segment.bytes", file: tiered, want: true},
		"the bounds of compaction lag are the controller's, whatever is tiered ": {key: "log.cleaner.max.compaction.lag.ms", file: tiered, want: false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, kafka.OnBrokersAlone(test.key, test.file, false))
		})
	}
	require.True(t, kafka.OnBrokersAlone("min.insync.replicas", nil, true), "Kafka keeps it for all nodes")
}
