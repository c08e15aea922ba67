package kube

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func formatCall(options string) string {
	return "format --cluster-id Qk1hb2tqT3ZBUVlYbEE9PQ --ignore-formatted" + options + " --config /state/format.properties"
}

func TestStartScriptFormats(t *testing.T) {
	kafka := []string{"kafka /config", "stopped"}
	tests := map[string]struct {
		given func(*node)
		want  []string
	}{
		"a broker, or a later controller, of a dynamic quorum learns who votes": {
			given: func(*node) {},
			want:  append([]string{formatCall(" --no-initial-controllers")}, kafka...),
		},
		"a first controller writes the first voters": {
			given: func(n *node) { n.env["KAFKA_INITIAL_CONTROLLERS"] = "0@demo-0:29093:AAAAAAAAAAAAAAAAAAAAAA" },
			want: append([]string{
				formatCall(" --initial-controllers 0@demo-0:29093:AAAAAAAAAAAAAAAAAAAAAA"),
			}, kafka...),
		},
		"a first controller begins with the metadata.version that is asked for": {
			given: func(n *node) {
				n.env["KAFKA_INITIAL_CONTROLLERS"] = "0@demo-0:29093:AAAAAAAAAAAAAAAAAAAAAA"
				n.write("metadata-version", "4.0")
			},
			want: append([]string{
				formatCall(" --initial-controllers 0@demo-0:29093:AAAAAAAAAAAAAAAAAAAAAA --release-version 4.0"),
			}, kafka...),
		},
		"that of a static quorum, too": {
			given: func(n *node) {
				n.env["KAFKA_QUORUM"] = "Static"
				n.write("metadata-version", "3.8")
			},
			want: append([]string{formatCall(" --release-version 3.8")}, kafka...),
		},
		"one that this Kafka does not have is asked for in vain": {
			given: func(n *node) { n.write("metadata-version", "4.9-IV1") },
			want:  append([]string{formatCall(" --no-initial-controllers")}, kafka...),
		},
		"one without the dynamic quorum stands for the first one with it": {
			given: func(n *node) { n.write("metadata-version", "3.8-IV0") },
			want:  append([]string{formatCall(" --no-initial-controllers --release-version 3.9-IV0")}, kafka...),
		},
		"what is no version is none": {
			given: func(n *node) { n.write("metadata-version", "$(touch /tmp/x) newest") },
			want:  append([]string{formatCall(" --no-initial-controllers")}, kafka...),
		},
		"where the metadata are formatted already it is asked for in vain": {
			given: func(n *node) {
				n.write("d0/kafka/meta.properties", "version=1")
				n.write("metadata-version", "4.0")
			},
			want: append([]string{formatCall(" --no-initial-controllers")}, kafka...),
		},
		"a first controller on an emptyDir does it in the Pod that may": {
			given: func(n *node) {
				n.env["KAFKA_INITIAL_CONTROLLERS"], n.env["KAFKA_FIRST_POD"] = "0@demo-0:29093:AAAAAAAAAAAAAAAAAAAAAA", "pod-1"
				n.write("first-voter", "pod-1")
			},
			want: append([]string{formatCall(" --initial-controllers 0@demo-0:29093:AAAAAAAAAAAAAAAAAAAAAA")}, kafka...),
		},
		"once it has, nobody has to name it any more": {
			given: func(n *node) {
				n.env["KAFKA_INITIAL_CONTROLLERS"], n.env["KAFKA_FIRST_POD"] = "0@demo-0:29093:AAAAAAAAAAAAAAAAAAAAAA", "pod-1"
				n.write("d0/kafka/meta.properties", "version=1")
				n.write("d1/kafka/meta.properties", "version=1")
			},
			want: kafka,
		},
		"a node of a static quorum needs no option": {
			given: func(n *node) { n.env["KAFKA_QUORUM"] = "Static" },
			want:  append([]string{formatCall("")}, kafka...),
		},
		"a first controller whose metadata log dir is formatted already adds a disk without voters": {
			given: func(n *node) {
				n.env["KAFKA_INITIAL_CONTROLLERS"] = "0@demo-0:29093:AAAAAAAAAAAAAAAAAAAAAA"
				n.write("d0/kafka/meta.properties", "version=1")
			},
			want: append([]string{formatCall(" --no-initial-controllers")}, kafka...),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			test.given(n)
			n.runs()
			require.Equal(t, test.want, n.calls())
		})
	}
}

func TestStartScriptFormatsOnlyWhatItMay(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.config("process.roles=broker", "log.dirs="+n.path("d0/kafka")+","+n.path("d1/kafka"), "node.id=3")
	n.write("d0/kafka/meta.properties", "version=1")
	n.runs()
	config, err := os.ReadFile(n.path("format-config"))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("process.roles=broker\nnode.id=3\nlog.dirs=%s\nmetadata.log.dir=%s\n",
		n.path("d1/kafka"), n.path("d0/kafka")), string(config))
	meta, err := os.ReadFile(n.path("d0/kafka/meta.properties"))
	require.NoError(t, err)
	require.Equal(t, "version=1", string(meta), "the formatted log dir was not touched")
}

func TestStartScriptKeepsTheMetadataLogWhereItIs(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.write("d1/kafka/meta.properties", "version=1")
	n.write("d1/kafka/__cluster_metadata-0/00000000000000000000.log", "data")
	n.runs()
	require.Equal(t, []string{
		formatCall(" --no-initial-controllers"), "kafka /config --override metadata.log.dir=/d1/kafka", "stopped",
	}, n.calls())
}

func TestStartScriptDoesNotFormatAgain(t *testing.T) {
	kafka := []string{"kafka /config", "stopped"}
	t.Run("when the container restarts", func(t *testing.T) {
		t.Parallel()
		n := newNode(t)
		n.runs()
		n.calls()
		n.runs()
		require.Equal(t, kafka, n.calls())
	})
	t.Run("when the Pod is made again before the right is withdrawn", func(t *testing.T) {
		t.Parallel()
		n := newNode(t)
		n.runs()
		n.calls()
		require.NoError(t, os.RemoveAll(n.path("state")))
		n.runs()
		require.Equal(t, kafka, n.calls())
		require.True(t, n.exists(markerOf(n.path("d0/kafka"))),
			"from now on the right is used up in this Pod too")
	})
	t.Run("when it was killed between formatting and marking", func(t *testing.T) {
		t.Parallel()
		n := newNode(t)
		n.write("crash-after-format", "")
		p := n.start()
		require.Equal(t, -1, p.ends())
		n.calls()
		n.runs()
		require.Equal(t, kafka, n.calls())
	})
}
