package kube

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// node is a directory that looks like a kafka container from the inside.
type node struct {
	t    *testing.T
	root string
	env  map[string]string
	port int // of the controller listener
	// zooKeeper is set for a broker in ZooKeeper mode.
	zooKeeper bool
	// patience is how long something may take on a busy machine.
	patience time.Duration
}

// fakeStorage formats as Kafka does: every log dir of its file, bookkeeping what it was asked for.
const fakeStorage = `#!/bin/bash
root=$(dirname "$(dirname "$0")")
echo "$*" | sed "s|$root||g" >>"$root/calls"
[ -z "$KAFKA_OPTS" ] || echo "agent loaded" >>"$root/calls"
while [ $# -gt 0 ]; do [ "$1" = --config ] && config=$2; shift; done
cat "$config" >"$root/format-config"
[ -e "$root/fail-format" ] && exit 3
for dir in $(grep '^log.dirs=' "$config" | cut -d= -f2 | tr , ' '); do
  mkdir -p "$dir" && echo "version=1" >>"$dir/meta.properties"
done
[ -e "$root/crash-after-format" ] && kill -9 $PPID
exit 0
`

// fakeKafka runs until it is stopped, as Java does with 143, unless the test says how it ends.
const fakeKafka = `#!/bin/bash
root=$(dirname "$(dirname "$0")")
trap 'echo stopped >>"$root/calls"; exit 143' TERM
echo "kafka $*" | sed "s|$root||g" >>"$root/calls"
[ -e "$root/exit-code" ] && exit "$(cat "$root/exit-code")"
if [ -e "$root/writes-meta" ]; then # in ZooKeeper mode
  for dir in $(grep '^log.dirs=' "$1" | cut -d= -f2 | tr , ' '); do mkdir -p "$dir" && echo "version=0" >"$dir/meta.properties"; done
fi
echo up
while :; do sleep 0.05; done
`

func newNode(t *testing.T) *node {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is missing: the start script is not run")
	}
	root, err := os.MkdirTemp("", "node") // t.TempDir() holds the test's name, and log.dirs is a list with commas
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(root)) })
	n := &node{t: t, root: root, patience: 20 * time.Second}
	n.write("bin/kafka-storage.sh", fakeStorage)
	n.write("bin/kafka-server-start.sh", fakeKafka)
	n.write("libs/kafka-server-common-4.3.1.jar", "")
	n.write("wait/.keep", "")
	n.config("process.roles=broker,controller", "log.dirs="+n.path("d0/kafka")+","+n.path("d1/kafka"))
	n.env = map[string]string{
		"PATH":               os.Getenv("PATH"),
		"KAFKA_HOME":         n.root,
		"KAFKA_CONFIG":       n.path("config"),
		"KAFKA_STATE_DIR":    n.path("state"),
		"WAIT_DIR":           n.path("wait"),
		"KAFKA_HOLD_PAUSE":   "0.05",
		"KAFKA_MIN_FREE_KIB": "1",
		"KAFKA_OPTS":         "-javaagent:whatever",
		"CLUSTER_ID":         "Qk1hb2tqT3ZBUVlYbEE9PQ",
		"KAFKA_QUORUM":       "Dynamic",
		"KAFKA_FORMAT_DIRS":  n.path("d0/kafka") + "," + n.path("d1/kafka"),
	}
	return n
}

func (n *node) path(p string) string { return filepath.Join(n.root, p) }

func (n *node) write(path, content string) {
	n.t.Helper()
	require.NoError(n.t, os.MkdirAll(filepath.Dir(n.path(path)), 0o755))
	require.NoError(n.t, os.WriteFile(n.path(path), []byte(content), 0o755))
}

func (n *node) config(lines ...string) { n.write("config", strings.Join(lines, "\n")+"\n") }

func (n *node) exists(path string) bool {
	_, err := os.Stat(n.path(path))
	return err == nil
}

// calls are what was run since the last question, with the node's root left out.
func (n *node) calls() []string {
	content, _ := os.ReadFile(n.path("calls"))
	_ = os.Remove(n.path("calls"))
	text := strings.TrimSpace(string(content))
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// process is a running start script.
type process struct {
	n    *node
	cmd  *exec.Cmd
	out  *lockedBuffer
	done chan struct{}
	code int
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (n *node) start() *process {
	n.t.Helper()
	p := &process{n: n, cmd: exec.Command("bash", "-c", startScriptOf(!n.zooKeeper)), out: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for key, value := range n.env {
		p.cmd.Env = append(p.cmd.Env, key+"="+value)
	}
	require.NoError(n.t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.done)
	}()
	n.t.Cleanup(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); <-p.done })
	return p
}

// prints waits until the script has printed a text.
func (p *process) prints(text string) {
	p.n.t.Helper()
	require.Eventually(p.n.t, func() bool { return strings.Contains(p.out.String(), text) }, p.n.patience, 5*time.Millisecond,
		"%q was not printed: %s", text, p.out)
}

// stop sends the signal of the kubelet and returns the exit code.
func (p *process) stop() int {
	p.n.t.Helper()
	require.NoError(p.n.t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.ends()
}

func (p *process) ends() int {
	p.n.t.Helper()
	select {
	case <-p.done:
	case <-time.After(p.n.patience):
		require.Fail(p.n.t, "the start script did not end", p.out.String())
	}
	return p.code
}

// runs starts the script until Kafka is up, and stops it.
func (n *node) runs() string {
	n.t.Helper()
	p := n.start()
	p.prints("up\n")
	require.Zero(n.t, p.stop())
	require.False(n.t, n.exists("wait/do-not-exit-yet"), "a sidecar would wait for ever")
	return p.out.String()
}

// markerOf is where the script remembers that a right was used up.
func markerOf(dir string) string { return "state/formatted-" + strings.ReplaceAll(dir, "/", "%2F") }

func TestStartScriptHolds(t *testing.T) {
	tests := map[string]struct {
		given  func(*node)
		reason string
	}{
		"when a volume came back empty in the same Pod": {
			given: func(n *node) {
				n.runs()
				require.NoError(n.t, os.RemoveAll(n.path("d1/kafka")))
			},
			reason: "/d1/kafka has no meta.properties",
		},
		"when a volume came back empty and the right is withdrawn": {
			given: func(n *node) {
				n.write("d1/kafka/meta.properties", "version=1")
				n.env["KAFKA_FORMAT_DIRS"] = ""
			},
			reason: "/d0/kafka has no meta.properties",
		},
		"when a log dir that may be formatted holds replicas": {
			given:  func(n *node) { n.write("d1/kafka/orders-0/00000000000000000000.log", "data") },
			reason: "holds data without meta.properties",
		},
		"when a log dir that may be formatted holds a metadata log": {
			given: func(n *node) {
				n.write("d0/kafka/__cluster_metadata-0/00000000000000000000.log", "data")
			},
			reason: "holds data without meta.properties",
		},
		"when the ConfigMap names no Pod that may be a first voter on an emptyDir": {
			given:  func(n *node) { n.env["KAFKA_FIRST_POD"] = "pod-1" },
			reason: "does not name this Pod",
		},
		"when it names another one": {
			given: func(n *node) {
				n.env["KAFKA_FIRST_POD"] = "pod-2"
				n.write("first-voter", "pod-1")
			},
			reason: "does not name this Pod",
		},
		"when Kafka is too old for a dynamic quorum": {
			given: func(n *node) {
				require.NoError(n.t, os.Remove(n.path("libs/kafka-server-common-4.3.1.jar")))
				n.write("libs/kafka-server-common-3.8.1.jar", "")
			},
			reason: "Kafka 3.8.1 cannot run a new KRaft cluster",
		},
		"when Kafka is too new for ZooKeeper": {
			given:  func(n *node) { n.config("broker.id=0", "log.dirs="+n.path("d0/kafka")) },
			reason: "Kafka 4.3.1 has no ZooKeeper mode",
		},
		"when a disk is full": {
			given:  func(n *node) { n.env["KAFKA_MIN_FREE_KIB"] = "999999999999" },
			reason: "disk full",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			test.given(n)
			n.holds(test.reason)
		})
	}
}

// holds starts the script, which waits for a reason until it is stopped.
func (n *node) holds(reason string) {
	n.t.Helper()
	n.calls()
	p := n.start()
	p.prints("start: waiting: ")
	require.Contains(n.t, p.out.String(), reason)
	require.Zero(n.t, p.stop(), "SIGTERM ends the waiting")
	require.Equal(n.t, 1, strings.Count(p.out.String(), "waiting: "), "one line a minute")
	require.Empty(n.t, n.calls(), "neither formatted nor started")
}

func TestStartScriptGoesOnWhenTheReasonToHoldIsGone(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.env["KAFKA_FORMAT_DIRS"] = n.path("d0/kafka")
	p := n.start()
	p.prints("/d1/kafka has no meta.properties")
	require.Empty(t, n.calls())
	n.write("d1/kafka/meta.properties", "version=1")
	p.prints("up\n")
	require.Zero(t, p.stop())
	require.Equal(t, []string{formatCall(" --no-initial-controllers"), "kafka /config", "stopped"}, n.calls())
}

func TestStartScriptExitCode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kafka string
		want  int
	}{
		"is Kafka's":                            {kafka: "7", want: 7},
		"is 0 after SIGTERM":                    {kafka: "143", want: 0},
		"is that of SIGKILL when out of memory": {kafka: "137", want: 137},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.write("exit-code", test.kafka)
			require.Equal(t, test.want, n.start().ends())
		})
	}
	t.Run("is that of kafka-storage.sh when formatting fails, and Kafka is not started", func(t *testing.T) {
		n := newNode(t)
		n.write("fail-format", "")
		require.Equal(t, 3, n.start().ends())
		require.Equal(t, []string{formatCall(" --no-initial-controllers")}, n.calls())
		require.False(t, n.exists("wait/do-not-exit-yet"))
	})
}

func TestStartScriptRemovesQuorumState(t *testing.T) {
	const stored = `{"clusterId":"","leaderId":1,"leaderEpoch":4,"votedId":-1,"appliedOffset":0,` +
		`"currentVoters":[{"voterId":1},{"voterId":12}],"data_version":0}`
	tests := map[string]struct {
		quorum, voters, stored string
		kept                   bool
	}{
		"not while the voters are the same, in any order": {
			quorum: "Static", voters: "12@demo-12:29093,1@demo-1:29093", stored: stored, kept: true,
		},
		"not when only an address changed": {
			quorum: "Static", voters: "1@other:1,12@other:2", stored: stored, kept: true,
		},
		"when a voter was added to a static quorum": {
			quorum: "Static", voters: "1@demo-1:29093,2@demo-2:29093,12@demo-12:29093", stored: stored,
		},
		"when a voter was removed from a static quorum": {
			quorum: "Static", voters: "1@demo-1:29093", stored: stored,
		},
		"never in a dynamic quorum": {
			quorum: "Dynamic", voters: "1@demo-1:29093", stored: stored, kept: true,
		},
		"not when it holds no voters, as after the change to a dynamic quorum": {
			quorum: "Static", voters: "1@demo-1:29093", kept: true,
			stored: `{"leaderId":1,"leaderEpoch":4,"votedId":-1,"data_version":1}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.env["KAFKA_QUORUM"] = test.quorum
			n.config("process.roles=controller", "controller.quorum.voters="+test.voters, "log.dirs="+n.path("d0/kafka"))
			n.write("d0/kafka/meta.properties", "version=1")
			n.write("d0/kafka/__cluster_metadata-0/quorum-state", test.stored)
			n.runs()
			require.Equal(t, test.kept, n.exists("d0/kafka/__cluster_metadata-0/quorum-state"))
		})
	}
}

func TestStartScriptWaitsForTheSidecar(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.write("path/curl", "#!/bin/bash\n[ -e '"+n.path("ready")+"' ] && printf 200 || printf 503\n")
	n.env["PATH"] = n.path("path") + ":" + n.env["PATH"]
	n.env["ENVOY_SIDECAR_STATUS"] = `{"version":"x"}`
	p := n.start()
	require.Never(t, func() bool { return n.exists("wait/do-not-exit-yet") }, 300*time.Millisecond, 20*time.Millisecond)
	n.write("ready", "")
	p.prints("up\n")
	require.NoError(t, os.Remove(n.path("ready")))
	require.Equal(t, 137, p.stop(), "without its sidecar Kafka cannot shut down in order, so it is killed")
}
