package images

import (
	"context"
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/stretchr/testify/require"
)

func content(t *testing.T, version kafkaVersion, path string) string {
	t.Helper()
	for _, file := range kafkaFiles(version) {
		if file.path == path {
			return string(file.content)
		}
	}
	t.Fatalf("no file %s", path)
	return ""
}

func TestScriptsRunTheClassesOfTheirVersion(t *testing.T) {
	for name, test := range map[string]struct {
		version      kafkaVersion
		script, want string
	}{
		"a tool that moved, new":    {"4.3.1", "kafka-acls", " org.apache.kafka.tools.AclCommand "},
		"a tool that moved, old":    {"3.9.2", "kafka-acls", " kafka.admin.AclCommand "},
		"a tool that never moved":   {"3.9.2", "kafka-topics", " org.apache.kafka.tools.TopicCommand "},
		"storage is a tool":         {"4.3.1", "kafka-storage", "unset KAFKA_OPTS"},
		"the server, log4j 2":       {"4.3.1", "kafka-server-start", "-Dlog4j2.configurationFile=$H/config/log4j2.yaml"},
		"the server, log4j 1":       {"3.9.2", "kafka-server-start", "-Dlog4j.configuration=file:$H/config/log4j.properties"},
		"ZooKeeper's own server":    {"3.9.2", "zookeeper-server-start", "QuorumPeerMain"},
		"the class of Kafka itself": {"4.3.1", "kafka-server-start", "kafka-run-class.sh\" kafka.Kafka"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, content(t, test.version, "opt/kafka/bin/"+test.script+".sh"), test.want)
		})
	}
}

func TestNoPlaceholderIsLeft(t *testing.T) {
	for _, version := range []kafkaVersion{"4.3.1", "3.9.2"} {
		for _, file := range kafkaFiles(version) {
			for _, placeholder := range []string{"@CLASS@", "@SERVER_LOG@", "@TOOLS_LOG@"} {
				require.NotContains(t, string(file.content), placeholder, "%s of %s", file.path, version)
			}
		}
		pom := kafkaPom(version)
		require.NotContains(t, pom, "@")
		require.Equal(t, 3, strings.Count(pom, "<version>"+string(version)+"</version>"))
	}
}

func TestEachVersionHasItsLoggingLibrary(t *testing.T) {
	require.Contains(t, kafkaPom("4.3.1"), "log4j-slf4j-impl")
	require.NotContains(t, kafkaPom("3.9.2"), "log4j-slf4j-impl", "log4j 1 comes with its tools")
}

func TestRecipes(t *testing.T) {
	for name, test := range map[string]struct {
		names   []string
		version string
		want    string
	}{
		"unknown images are named":           {[]string{"zookeeper"}, "", `unknown image "zookeeper"`},
		"a version is a release":             {[]string{"kafka"}, "latest", "--version"},
		"a version is no path":               {[]string{"kafka"}, "../4.3.1", "--version"},
		"the defaults are known":             {DefaultNames(), "", ""},
		"an older Kafka is built on demand":  {[]string{"kafka"}, "3.9.2", ""},
		"no names, no recipes, and no error": {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			recipes, err := Recipes(test.names, test.version)
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			require.Len(t, recipes, len(test.names))
		})
	}
}

func TestTheKeyIsThatOfTheContent(t *testing.T) {
	require.Equal(t, Kafka("4.3.1").Key(), Kafka("4.3.1").Key())
	require.NotEqual(t, Kafka("4.3.1").Key(), Kafka("4.3.0").Key())
	require.NotEqual(t, key([]string{"ab", "c"}), key([]string{"a", "bc"}), "inputs do not run into each other")
}

func TestAnImageIsBuiltOnce(t *testing.T) {
	built := 0
	store := Store{Dir: t.TempDir(), Say: func(string, ...any) {}}
	recipe := Recipe{Name: "x", Tag: "1", Build: func(context.Context, Store, string) (v1.Image, error) {
		built++
		if built == 1 {
			return nil, errors.New("no network")
		}
		return random.Image(32, 2)
	}}
	_, err := store.Ensure(context.Background(), recipe)
	require.ErrorContains(t, err, "image x:1: no network")
	first, err := store.Ensure(context.Background(), recipe)
	require.NoError(t, err, "a build that failed leaves nothing that looks like an image")
	second, err := store.Ensure(context.Background(), recipe)
	require.NoError(t, err)
	require.Equal(t, 2, built)
	want, err := first.Digest()
	require.NoError(t, err)
	got, err := second.Digest()
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestEntriesMakeTheSameLayerEachTime(t *testing.T) {
	entries := append(parents("a/b/c.jar"), entry{path: "a/b/c.jar", mode: 0o644, content: []byte("jar")}, entry{path: "bin/sh", link: "busybox"})
	require.Equal(t, []string{"a", "a/b", "a/b/c.jar", "bin/sh"}, []string{entries[0].path, entries[1].path, entries[2].path, entries[3].path})
	first, err := layerOfEntries(entries)
	require.NoError(t, err)
	second, err := layerOfEntries(entries)
	require.NoError(t, err)
	want, err := first.Digest()
	require.NoError(t, err)
	got, err := second.Digest()
	require.NoError(t, err)
	require.Equal(t, want, got)
}
