package kafka

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka/kafkatest"
)

// realClusterID is the id of the clusters that tests start.
const realClusterID = "Qk1hb2tqT3ZBUVlYbEE9PQ"

// realKafka is one Kafka node, for the time of a test.
type realKafka struct {
	t             *testing.T
	libs, dir     string
	address       string // of the listener for brokers and clients
	controllers   string // of the quorum
	own           string // of its controller listener, where the quorum has several
	log4j         string // log4j.properties in the old format, empty for the harness's own
	process       *exec.Cmd
	processClosed chan struct{}
}

// startRealKafka starts a combined node with id 1 that is its own quorum, and returns once it serves. more are lines of
// its file.
func startRealKafka(t *testing.T, version string, more ...string) *realKafka {
	t.Helper()
	return startRealKafkaWithLog(t, version, "", more...)
}

// startRealKafkaWithLog starts it as brokerConfig.log4jConfig does, with a file of log4j 1 in every version.
func startRealKafkaWithLog(t *testing.T, version, log4j string, more ...string) *realKafka {
	t.Helper()
	k := &realKafka{t: t, libs: kafkatest.Jars(t, version), dir: t.TempDir(), controllers: freeAddress(t, 21000), log4j: log4j}
	k.address = freeAddress(t, 23000)
	k.format("--standalone", append([]string{
		"process.roles=broker,controller", "node.id=1",
		"listeners=INTERNAL://" + k.address + ",CONTROLLER://" + k.controllers,
	}, more...))
	k.start()
	return k
}

// joinRealKafka starts a broker with id 2 in the cluster of another node.
func joinRealKafka(first *realKafka) *realKafka {
	first.t.Helper()
	return joinRealKafkaAs(first, 2)
}

// joinRealKafkaAs starts a broker with another id. more are lines of its file.
func joinRealKafkaAs(first *realKafka, id int, more ...string) *realKafka {
	first.t.Helper()
	k := &realKafka{t: first.t, libs: first.libs, dir: first.t.TempDir(), controllers: first.controllers}
	k.address = freeAddress(k.t, 27000)
	k.format("--no-initial-controllers", append([]string{
		"process.roles=broker", fmt.Sprintf("node.id=%d", id), "listeners=INTERNAL://" + k.address,
	}, more...))
	k.start()
	return k
}

// format writes the node's files and formats its log dir. how names the quorum's first voters.
func (k *realKafka) format(how string, node []string) {
	k.t.Helper()
	k.write("node.properties", append(node,
		"log.dirs="+filepath.Join(k.dir, "log"), "controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT", "inter.broker.listener.name=INTERNAL",
		"controller.quorum.bootstrap.servers="+k.controllers, "offsets.topic.replication.factor=1",
		"log.cleaner.dedupe.buffer.size=2097152",                             // its default alone fills a small heap
		"broker.session.timeout.ms=2000", "broker.heartbeat.interval.ms=500", // who was killed is fenced soon
	)...)
	k.write("log4j2.yaml", "Configuration: {Appenders: {Console: {name: STDOUT, PatternLayout: {pattern: '%m%n'}}}, "+
		"Loggers: {Root: {level: INFO, AppenderRef: [{ref: STDOUT}]}}}")
	if k.log4j != "" {
		k.write("log4j.properties", k.log4j)
	} else {
		k.writeLog4j()
	}
	out, err := k.java("kafka.tools.StorageTool", "format", how, "-t", realClusterID,
		"-c", filepath.Join(k.dir, "node.properties")).CombinedOutput()
	require.NoError(k.t, err, string(out))
}

func (k *realKafka) writeLog4j() {
	k.write("log4j.properties", "log4j.rootLogger=INFO, out", "log4j.appender.out=org.apache.log4j.ConsoleAppender",
		"log4j.appender.out.layout=org.apache.log4j.PatternLayout", "log4j.appender.out.layout.ConversionPattern=%m%n")
}

// freeAddress lies under the ports that the system hands out (Linux: ip_local_port_range), since Kafka takes it later;
// where the search begins depends on the process, since several tests may look at once.
func freeAddress(t *testing.T, from int) string {
	t.Helper()
	for i := range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", from+(os.Getpid()+i)%2000)
		if socket, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, socket.Close())
			return address
		}
	}
	require.Fail(t, "no port is free")
	return ""
}

func (k *realKafka) write(name string, lines ...string) {
	k.t.Helper()
	require.NoError(k.t, os.WriteFile(filepath.Join(k.dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

func (k *realKafka) java(arguments ...string) *exec.Cmd {
	newFormat := "-Dlog4j2.configurationFile=" + filepath.Join(k.dir, "log4j2.yaml")
	if k.log4j != "" {
		newFormat = "-Dlog4j1.compatibility=true" // as Kafka's scripts add it for a file of log4j 1
	}
	return exec.Command("java", append([]string{
		"-Xmx320m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", filepath.Join(k.libs, "*"),
		newFormat, "-Dlog4j.configuration=file:" + filepath.Join(k.dir, "log4j.properties"),
	}, arguments...)...)
}

// start runs the node until it is killed, and returns when it says that it is up.
func (k *realKafka) start() {
	k.t.Helper()
	k.process = k.java("kafka.Kafka", filepath.Join(k.dir, "node.properties"))
	out, err := k.process.StdoutPipe()
	require.NoError(k.t, err)
	k.process.Stderr = k.process.Stdout
	require.NoError(k.t, k.process.Start())
	up, closed, lines := make(chan struct{}), make(chan struct{}), []string{}
	go func() {
		defer close(closed)
		scanner, waits := bufio.NewScanner(out), true
		for scanner.Scan() { // to the end: Kafka must not wait for its reader
			if waits {
				lines = append(lines, scanner.Text())
			}
			if waits && strings.Contains(scanner.Text(), "Kafka Server started") {
				waits = false
				close(up)
			}
		}
	}()
	k.processClosed = closed
	k.t.Cleanup(k.kill)
	select {
	case <-up:
	case <-closed:
		require.Fail(k.t, "Kafka ended", strings.Join(lines, "\n"))
	case <-time.After(time.Minute):
		require.Fail(k.t, "Kafka is not up after a minute")
	}
}

// kill ends the node if it runs; a clean stop takes seconds.
func (k *realKafka) kill() { k.end(syscall.SIGKILL) }

// stop lets the node hand over what it leads.
func (k *realKafka) stop() { k.end(syscall.SIGTERM) }

func (k *realKafka) end(signal os.Signal) {
	if k.process == nil {
		return
	}
	_ = k.process.Process.Signal(signal)
	<-k.processClosed
	_ = k.process.Wait() // it was ended by a signal
	k.process = nil
}
