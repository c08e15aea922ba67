// Package kafkatest finds the real Kafka that tests start as processes of this machine.
package kafkatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Jars is the directory of a Kafka version's jars: VERSION/libs of $KAFKA_JARS, by default in the user's cache. A test without them or
// without Java is skipped; it fails where $KAFKA_REQUIRED is set, which says that both are there.
func Jars(t *testing.T, version string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: real Kafka is not started")
	}
	if _, err := exec.LookPath("java"); err != nil {
		missing(t, "java is missing: real Kafka is not started")
	}
	libs := filepath.Join(root(), version, "libs")
	if _, err := os.Stat(filepath.Join(libs, "kafka-server-common-"+version+".jar")); err != nil {
		missing(t, fmt.Sprintf("the jars of Kafka %s are not in %s: real Kafka is not started", version, libs))
	}
	return libs
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("KAFKA_REQUIRED") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func root() string {
	if jars := os.Getenv("KAFKA_JARS"); jars != "" {
		return jars
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
