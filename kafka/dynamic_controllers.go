package kafka

import (
	"slices"
	"strings"
)

// OnBrokersAlone reports whether a node without the broker role works the same with another value of a key; file is the one it is to have. With
// elr, eligible leader replicas (KIP-966), min.insync.replicas is what Kafka keeps for all nodes, and no file says it any more.
//
// Kafka's classes say so (3.9.2 and 4.3.1): such a process starts a SharedServer and a ControllerServer. The LogManager with its cleaner,
// the ReplicaManager, the RemoteLogManager, the coordinators and the scheduler with background.threads are BrokerServer's. The one partition
// there, that of the metadata, follows metadata.log.* (KafkaRaftLog, in 3.9 KafkaMetadataLog); what it knows of producers and its scheduler
// have fixed bounds. Of what changes while it runs the process follows num.io.threads, metric.reporters and what its SocketServer has
// (addReconfigurables of DynamicBrokerConfig for a ControllerServer).
//
// Two things of the file such a process does read. It shows defaults of topics by it, message.max.bytes as max.message.bytes, too (KIP-525,
// KIP-919), which nothing goes by. And where somebody sets the number of some threads in Kafka together with num.io.threads, it weighs the step
// of all of them before it takes any (DynamicThreadPool): a value in Kafka that hides the one of the file anyway.
//
// A key that is not Kafka's own may be a plugin's, and controllers have plugins.
func OnBrokersAlone(key string, file Properties, elr bool) bool {
	switch _, own := rowOf(key); {
	case key == minInsyncReplicas:
		return elr
	case !own || key == "log.dir" || key == "log.dirs" || judgesTopics(key, file):
		return false
	case strings.HasPrefix(key, "log.") || strings.HasPrefix(key, "compression."):
		return true
	default:
		return slices.Contains(brokersAlone(), key)
	}
}

// judgesTopics names the keys by which the active controller, and it alone, accepts or refuses the configuration of a topic that does not
// say the other half itself: ControllerConfigurationValidator asks LogConfig.validate with the controller's own file. The bounds of
// compaction lag are weighed for every topic, retention and clean-up for those in tiered storage (KIP-405).
func judgesTopics(key string, file Properties) bool {
	switch key {
	case "log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms":
		return true
	case "log.cleanup.policy", "log.local.retention.bytes", "log.local.retention.ms",
		"log.retention.bytes", "log.retention.hours", "log.retention.minutes", "log.retention.ms":
		tiered, _ := file.Get("remote.log.storage.system.enable")
		return strings.EqualFold(strings.TrimSpace(tiered), "true")
	default:
		return false
	}
}

// brokersAlone are the keys besides log.* and compression.* that only classes of a broker read. The active controller judges the
// configuration of a group by its own file, too, but by the bounds there alone (GroupConfig.validate), which are read at start.
func brokersAlone() []string {
	return []string{
		"background.threads", "follower.fetch.last.tiered.offset.enable", "group.consumer.assignment.interval.ms",
		"group.coordinator.cached.buffer.max.bytes", "group.share.assignment.interval.ms", "group.streams.assignment.interval.ms",
		"message.max.bytes", "num.recovery.threads.per.data.dir", "num.replica.fetchers", "producer.id.expiration.ms",
		"remote.fetch.max.wait.ms", "remote.list.offsets.request.timeout.ms", "remote.log.index.file.cache.total.size.bytes",
		"remote.log.manager.copier.thread.pool.size", "remote.log.manager.copy.max.bytes.per.second",
		"remote.log.manager.expiration.thread.pool.size", "remote.log.manager.fetch.max.bytes.per.second",
		"remote.log.manager.follower.thread.pool.size", "remote.log.reader.threads", "share.coordinator.cached.buffer.max.bytes",
		"transaction.partition.verification.enable",
	}
}
