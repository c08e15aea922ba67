package kafka

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// realKafka is one combined node that is its own quorum.
type realKafka struct {
	t       *testing.T
	address string
	dir     string
}

// startRealKafka formats and starts a Kafka, and returns once it serves. more are lines of its file.
func startRealKafka(t *testing.T, version string, more ...string) *realKafka {
	t.Helper()
	libs := kafkaJars(t, version)
	controller := freeAddress(t, 21000)
	k := &realKafka{t: t, address: freeAddress(t, 23000), dir: t.TempDir()}
	k.write("node.properties", append([]string{
		"process.roles=broker,controller", "node.id=1", "log.dirs=" + filepath.Join(k.dir, "log"),
		"listeners=INTERNAL://" + k.address + ",CONTROLLER://" + controller, "controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT", "inter.broker.listener.name=INTERNAL",
		"controller.quorum.bootstrap.servers=" + controller, "offsets.topic.replication.factor=1",
		"log.cleaner.dedupe.buffer.size=2097152", // its default alone fills a small heap
	}, more...)...)
	k.write("log4j2.yaml", "Configuration: {Appenders: {Console: {name: STDOUT, PatternLayout: {pattern: '%m%n'}}}, "+
		"Loggers: {Root: {level: INFO, AppenderRef: [{ref: STDOUT}]}}}")
	k.write("log4j.properties", "log4j.rootLogger=INFO, out", "log4j.appender.out=org.apache.log4j.ConsoleAppender",
		"log4j.appender.out.layout=org.apache.log4j.PatternLayout", "log4j.appender.out.layout.ConversionPattern=%m%n")
	format := k.java(libs, "kafka.tools.StorageTool", "format", "--standalone", "-t", "Qk1hb2tqT3ZBUVlYbEE9PQ",
		"-c", filepath.Join(k.dir, "node.properties"))
	out, err := format.CombinedOutput()
	require.NoError(t, err, string(out))
	k.run(k.java(libs, "kafka.Kafka", filepath.Join(k.dir, "node.properties")))
	return k
}

// kafkaJars is the directory of a Kafka version's jars; the test is skipped where they or Java are missing.
func kafkaJars(t *testing.T, version string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: real Kafka is not started")
	}
	if _, err := exec.LookPath("java"); err != nil {
		t.Skip("java is missing: real Kafka is not started")
	}
	libs := filepath.Join(jarsRoot(), version, "libs")
	if _, err := os.Stat(filepath.Join(libs, "kafka-server-common-"+version+".jar")); err != nil {
		t.Skipf("the jars of Kafka %s are not in %s: real Kafka is not started", version, libs)
	}
	return libs
}

func jarsRoot() string {
	if root := os.Getenv("KAFKA_JARS"); root != "" {
		return root
	}
	if cache := os.Getenv("KOPERATOR_CACHE"); cache != "" {
		return filepath.Join(cache, "kafka")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = "."
	}
	return filepath.Join(cache, "koperator", "kafka")
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

func (k *realKafka) java(libs string, arguments ...string) *exec.Cmd {
	return exec.Command("java", append([]string{
		"-Xmx320m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", filepath.Join(libs, "*"),
		"-Dlog4j2.configurationFile=" + filepath.Join(k.dir, "log4j2.yaml"),
		"-Dlog4j.configuration=file:" + filepath.Join(k.dir, "log4j.properties"),
	}, arguments...)...)
}

// run starts the process, waits until it says that it is up, and kills it when the test ends: a clean stop takes seconds.
func (k *realKafka) run(process *exec.Cmd) {
	k.t.Helper()
	out, err := process.StdoutPipe()
	require.NoError(k.t, err)
	process.Stderr = process.Stdout
	require.NoError(k.t, process.Start())
	lines, up := []string{}, make(chan bool)
	go func() {
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			if lines = append(lines, scanner.Text()); strings.Contains(scanner.Text(), "Kafka Server started") {
				up <- true
				break
			}
		}
		for scanner.Scan() { // it must not wait for its reader
		}
		close(up)
	}()
	k.t.Cleanup(func() {
		_ = process.Process.Kill()
		for range up {
		}
		_ = process.Wait() // it was killed
	})
	select {
	case started := <-up:
		require.True(k.t, started, "Kafka ended: %s", strings.Join(lines, "\n"))
	case <-time.After(time.Minute):
		require.Fail(k.t, "Kafka is not up after a minute")
	}
}
