package kube

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka/kafkatest"
)

// runClass stands for Kafka's own scripts, which Maven's jars do not bring.
const runClass = `#!/bin/bash
exec java -Xmx192m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC %s -cp "%s/*" %s "$@"
`

// newKafkaNode is a container with real Kafka, a combined node on free ports.
func newKafkaNode(t *testing.T, version string, disks ...string) *node {
	t.Helper()
	libs := kafkatest.Jars(t, version)
	n := newNode(t)
	n.port, n.patience = freePort(t), time.Minute
	require.NoError(t, os.RemoveAll(n.path("libs")))
	require.NoError(t, os.Symlink(libs, n.path("libs")))
	log := "-Dlog4j2.configurationFile=" + n.path("log4j2.yaml") + " -Dlog4j.configuration=file:" + n.path("log4j.properties")
	n.write("log4j2.yaml", "Configuration: {Appenders: {Console: {name: STDOUT, PatternLayout: {pattern: '%m%n'}}}, "+
		"Loggers: {Root: {level: INFO, AppenderRef: [{ref: STDOUT}]}}}\n")
	n.write("log4j.properties", "log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"+
		"log4j.appender.out.layout=org.apache.log4j.PatternLayout\nlog4j.appender.out.layout.ConversionPattern=%m%n\n")
	n.write("bin/kafka-storage.sh", fmt.Sprintf(runClass, "", libs, "kafka.tools.StorageTool"))
	n.write("bin/kafka-server-start.sh", fmt.Sprintf(runClass, log, libs, "kafka.Kafka"))
	n.disks(disks...)
	delete(n.env, "KAFKA_OPTS")
	return n
}

// freePort lies under those that the system hands out (Linux: ip_local_port_range), since Kafka takes it several times;
// where the search begins depends on the process, since several tests may look at once.
func freePort(t *testing.T) int {
	t.Helper()
	for i := range 100 {
		port := 20000 + (os.Getpid()+i)%10000
		if socket, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			require.NoError(t, socket.Close())
			return port
		}
	}
	require.Fail(t, "no port is free")
	return 0
}

// disks writes the file of a node that controls itself.
func (n *node) disks(disks ...string) *node {
	n.t.Helper()
	var dirs []string
	for _, disk := range disks {
		dirs = append(dirs, n.path(disk+"/kafka"))
	}
	n.config(
		"process.roles=controller", "node.id=1", "listeners=CONTROLLER://"+n.address(), "controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT", "inter.broker.listener.name=INTERNAL",
		n.quorum(), "log.dirs="+strings.Join(dirs, ","))
	n.env["KAFKA_FORMAT_DIRS"] = strings.Join(dirs, ",")
	return n
}

func (n *node) quorum() string {
	if n.env["KAFKA_QUORUM"] == "Static" {
		return "controller.quorum.voters=1@" + n.address()
	}
	return "controller.quorum.bootstrap.servers=" + n.address()
}

func (n *node) address() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }

func (n *node) meta(disk string) string {
	n.t.Helper()
	content, err := os.ReadFile(n.path(disk + "/kafka/meta.properties"))
	require.NoError(n.t, err)
	return string(content)
}

// starts runs the script until Kafka says that it is up, stops it, and returns what was printed.
func (n *node) starts() string {
	n.t.Helper()
	p := n.start()
	p.prints("Kafka Server started")
	require.Zero(n.t, p.stop())
	return p.out.String()
}

const directoryID = "u5ATrJmWTxq4f4v3D8c0yw"

// The facts about kafka-storage.sh that the script relies on, on the versions that are tested.
func TestStartScriptWithRealKafka(t *testing.T) {
	for _, version := range []string{"4.3.1", "3.9.2"} {
		t.Run(version, func(t *testing.T) {
			n := newKafkaNode(t, version, "d0")
			n.env["KAFKA_INITIAL_CONTROLLERS"] = "1@" + n.address() + ":" + directoryID
			n.starts()
			first := n.meta("d0")
			require.Contains(t, first, "directory.id="+directoryID, "the metadata log dir has the id that was chosen for it")

			require.NotContains(t, n.starts(), "start: formatting", "a container that restarts formats nothing")

			n.disks("d0", "d1") // a disk is added
			n.env["KAFKA_FORMAT_DIRS"] = n.path("d1/kafka")
			require.Contains(t, n.starts(), "start: formatting "+n.path("d1/kafka")+" --no-initial-controllers")
			require.Equal(t, first, n.meta("d0"))
			require.Contains(t, n.meta("d1"), "cluster.id=Qk1hb2tqT3ZBUVlYbEE9PQ")
			require.NotContains(t, n.meta("d1"), directoryID)

			n.disks("d2", "d0", "d1") // a broker's own disk comes before those of its group
			n.env["KAFKA_FORMAT_DIRS"] = n.path("d2/kafka")
			require.Contains(t, n.starts(), "start: formatting "+n.path("d2/kafka")+" --no-initial-controllers")
			require.Equal(t, first, n.meta("d0"), "the metadata log stays where it is")
			require.False(t, n.exists("d2/kafka/__cluster_metadata-0"))
		})
	}
}

func TestStartScriptWithRealKafkaAndAnOlderMetadataVersion(t *testing.T) {
	for version, asked := range map[string]string{"4.3.1": "4.0-IV3", "3.9.2": "3.9-IV0"} {
		t.Run(version, func(t *testing.T) {
			n := newKafkaNode(t, version, "d0")
			n.env["KAFKA_INITIAL_CONTROLLERS"] = "1@" + n.address() + ":" + directoryID
			n.write("metadata-version", asked)
			out := n.starts()
			require.Contains(t, out, " --release-version "+asked)
			require.Contains(t, out, "metadata.version "+asked)
			n.write("metadata-version", "3.9")
			require.NotContains(t, n.starts(), "start: formatting", "it is for the first start alone")
		})
	}
}

func TestStartScriptWithRealKafkaAndStaticVoters(t *testing.T) {
	for _, version := range []string{"4.3.1", "3.9.2"} {
		t.Run(version, func(t *testing.T) {
			n := newKafkaNode(t, version, "d0")
			n.env["KAFKA_QUORUM"] = "Static"
			n.disks("d0", "d1")
			n.starts()
			state := n.path("d0/kafka/__cluster_metadata-0/quorum-state")
			content, err := os.ReadFile(state)
			require.NoError(t, err)
			require.Contains(t, string(content), `"currentVoters":[{"voterId":1}]`)

			require.NotContains(t, n.starts(), "removing quorum-state")
			changed := strings.Replace(string(content), `{"voterId":1}`, `{"voterId":1},{"voterId":7}`, 1)
			require.NoError(t, os.WriteFile(state, []byte(changed), 0o644))
			require.Contains(t, n.starts(), "removing quorum-state", "with it Kafka would not have started")
		})
	}
}
