// Package kafkatest finds the real Kafka that tests start as processes of this machine.
package kafkatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Jars is the directory of a Kafka version's jars: VERSION/libs of $KAFKA_JARS. Without that, or without Java, a test is skipped; where
// $KAFKA_REQUIRED says that both are there it fails instead.
func Jars(t *testing.T, version string) string {
	t.Helper()
	libs := filepath.Join(os.Getenv("KAFKA_JARS"), version, "libs")
	switch {
	case testing.Short():
		t.Skip("-short: real Kafka is not started")
	case os.Getenv("KAFKA_JARS") == "":
		missing(t, "KAFKA_JARS is not set: real Kafka is started by make test-kafka alone")
	case !exists(filepath.Join(libs, "kafka-server-common-"+version+".jar")):
		missing(t, fmt.Sprintf("the jars of Kafka %s are not in %s: real Kafka is not started", version, libs))
	}
	if _, err := exec.LookPath("java"); err != nil {
		missing(t, "java is missing: real Kafka is not started")
	}
	return libs
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("KAFKA_REQUIRED") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}
