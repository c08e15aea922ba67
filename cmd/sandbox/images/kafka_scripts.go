package images

import (
	"embed"
	"path"
	"strings"
)

//go:embed sources/kafka
var kafkaSources embed.FS

func kafkaSource(name string) string {
	text, err := kafkaSources.ReadFile(path.Join("sources/kafka", name))
	if err != nil {
		panic(err) // the files are part of this program
	}
	return string(text)
}

// A tool is a script's name and the Java class that it runs. Kafka 4 moved some.
type tool struct {
	script, class, classIn3 string
}

func kafkaTools() []tool {
	const tools = "org.apache.kafka.tools."
	return []tool{
		{"kafka-acls", tools + "AclCommand", "kafka.admin.AclCommand"},
		{"kafka-broker-api-versions", tools + "BrokerApiVersionsCommand", "kafka.admin.BrokerApiVersionsCommand"},
		{"kafka-cluster", tools + "ClusterTool", ""},
		{"kafka-configs", "kafka.admin.ConfigCommand", ""},
		{"kafka-console-consumer", tools + "consumer.ConsoleConsumer", ""},
		{"kafka-console-producer", tools + "ConsoleProducer", "kafka.tools.ConsoleProducer"},
		{"kafka-consumer-groups", tools + "consumer.group.ConsumerGroupCommand", ""},
		{"kafka-consumer-perf-test", tools + "ConsumerPerformance", ""},
		{"kafka-dump-log", tools + "DumpLogSegments", "kafka.tools.DumpLogSegments"},
		{"kafka-features", tools + "FeatureCommand", ""},
		{"kafka-get-offsets", tools + "GetOffsetShell", ""},
		{"kafka-leader-election", tools + "LeaderElectionCommand", ""},
		{"kafka-log-dirs", tools + "LogDirsCommand", ""},
		{"kafka-metadata-quorum", tools + "MetadataQuorumCommand", ""},
		{"kafka-metadata-shell", "org.apache.kafka.shell.MetadataShell", ""},
		{"kafka-producer-perf-test", tools + "ProducerPerformance", ""},
		{"kafka-reassign-partitions", tools + "reassign.ReassignPartitionsCommand", ""},
		{"kafka-storage", "kafka.tools.StorageTool", ""},
		{"kafka-topics", tools + "TopicCommand", ""},
		{"kafka-verifiable-consumer", tools + "VerifiableConsumer", ""},
		{"kafka-verifiable-producer", tools + "VerifiableProducer", ""},
	}
}

func (t tool) classFor(version kafkaVersion) string {
	if version.is3() && t.classIn3 != "" {
		return t.classIn3
	}
	return t.class
}

// kafkaVersion is like "4.3.1".
type kafkaVersion string

func (v kafkaVersion) is3() bool { return strings.HasPrefix(string(v), "3.") }

// kafkaFiles are the image's own files, besides the jars.
func kafkaFiles(version kafkaVersion) []entry {
	const home = "opt/kafka/"
	serverLog, toolsLog := "-Dlog4j2.configurationFile=$H/config/log4j2.yaml", "-Dlog4j2.configurationFile=$H/config/tools-log4j2.yaml"
	configs := []string{"log4j2.yaml", "tools-log4j2.yaml"}
	if version.is3() {
		serverLog, toolsLog = "-Dlog4j.configuration=file:$H/config/log4j.properties", "-Dlog4j.configuration=file:$H/config/tools-log4j.properties"
		configs = []string{"log4j.properties", "tools-log4j.properties"}
	}
	script := func(source, class string) []byte {
		return []byte(strings.NewReplacer("@CLASS@", class, "@SERVER_LOG@", serverLog, "@TOOLS_LOG@", toolsLog).Replace(kafkaSource(source)))
	}
	files := []entry{
		{path: home + "bin/kafka-run-class.sh", mode: 0o755, content: script("run-class.sh", "")},
		{path: home + "bin/kafka-server-start.sh", mode: 0o755, content: script("server-start.sh", "kafka.Kafka")},
	}
	if version.is3() {
		zookeeper := script("tool.sh", "-Dzookeeper.admin.enableServer=false org.apache.zookeeper.server.quorum.QuorumPeerMain")
		files = append(files, entry{path: home + "bin/zookeeper-server-start.sh", mode: 0o755, content: zookeeper})
	}
	for _, t := range kafkaTools() {
		files = append(files, entry{path: home + "bin/" + t.script + ".sh", mode: 0o755, content: script("tool.sh", t.classFor(version))})
	}
	for _, config := range configs {
		files = append(files, entry{path: home + "config/" + config, mode: 0o644, content: []byte(kafkaSource(config))})
	}
	return files
}

func kafkaPom(version kafkaVersion) string {
	jackson, logging := "com.fasterxml.jackson.jakarta.rs", log4j2Dependencies
	if version.is3() {
		jackson, logging = "com.fasterxml.jackson.jaxrs", "" // log4j 1 comes with the tools
	}
	return strings.NewReplacer("@VERSION@", string(version), "@JACKSON@", jackson, "@LOGGING@", logging).Replace(kafkaSource("pom.xml"))
}

const log4j2Dependencies = `    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-1.2-api</artifactId><version>2.25.4</version></dependency>`
