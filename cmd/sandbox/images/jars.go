package images

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/koperator-go/koperator/cmd/sandbox/machine"
)

// Init containers copy one jar each out of images that hold little else.

// JMXVersion is the version of the Prometheus JMX exporter.
const JMXVersion = "1.0.1"

const jmxPom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sandbox</groupId><artifactId>jmx</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>io.prometheus.jmx</groupId><artifactId>jmx_prometheus_javaagent</artifactId><version>@VERSION@</version></dependency>
  </dependencies>
</project>
`

// JMXAgent holds the exporter where the operator's default for pathToJar looks for it.
func JMXAgent() Recipe {
	pom := strings.ReplaceAll(jmxPom, "@VERSION@", JMXVersion)
	return Recipe{
		Name: "jmx-javaagent", Tag: JMXVersion,
		Inputs: []string{pom, runtime.GOARCH, busyboxLinks()},
		Build: func(ctx context.Context, s Store, scratch string) (v1.Image, error) {
			if err := mavenLibraries(ctx, s, pom, filepath.Join(scratch, "libs")); err != nil {
				return nil, err
			}
			return jarImage(ctx, scratch, filepath.Join(scratch, "libs", "jmx_prometheus_javaagent-"+JMXVersion+".jar"), "jmx_prometheus_javaagent.jar")
		},
	}
}

//go:embed sources/reporter/CruiseControlMetricsReporter.java
var reporterSource string

const reporterClass = "com/linkedin/kafka/cruisecontrol/metricsreporter/CruiseControlMetricsReporter"

// MetricsReporter holds a test double of Cruise Control's metrics reporter: brokers start with it, and it does nothing.
func MetricsReporter() Recipe {
	return Recipe{
		Name: "metrics-reporter", Tag: "dev",
		Inputs: []string{reporterSource, runtime.GOARCH, busyboxLinks(), KafkaVersion},
		Build: func(ctx context.Context, s Store, scratch string) (v1.Image, error) {
			jar, err := compileReporter(ctx, s, scratch)
			if err != nil {
				return nil, err
			}
			return jarImage(ctx, scratch, jar, "opt/cruise-control/cruise-control/build/dependant-libs/cruise-control-metrics-reporter.jar")
		},
	}
}

const clientsPom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sandbox</groupId><artifactId>reporter</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-clients</artifactId><version>@VERSION@</version></dependency>
  </dependencies>
</project>
`

func compileReporter(ctx context.Context, s Store, scratch string) (string, error) {
	libs := filepath.Join(scratch, "libs")
	if err := mavenLibraries(ctx, s, strings.ReplaceAll(clientsPom, "@VERSION@", KafkaVersion), libs); err != nil {
		return "", err
	}
	source := filepath.Join(scratch, filepath.Base(reporterClass)+".java")
	if err := os.WriteFile(source, []byte(reporterSource), 0o644); err != nil {
		return "", fmt.Errorf("write the source: %w", err)
	}
	classes, jar := filepath.Join(scratch, "classes"), filepath.Join(scratch, "reporter.jar")
	bin := filepath.Join(machine.JavaHome(), "bin")
	// Java 11, like Kafka's own clients: brokers of Kafka 3 may run on it.
	if err := machine.Run(ctx, filepath.Join(bin, "javac"), "--release", "11", "-cp", libs+"/*", "-d", classes, source); err != nil {
		return "", err
	}
	return jar, machine.Run(ctx, filepath.Join(bin, "jar"), "--create", "--file", jar, "-C", classes, ".")
}

// busyboxTools: the operator's init containers run "cp"; the rest is for people who look around.
func busyboxTools() []string { return []string{"cat", "cp", "ls", "mkdir", "sh"} }

func busyboxLinks() string { return strings.Join(busyboxTools(), " ") }

func jarImage(ctx context.Context, scratch, jar, target string) (v1.Image, error) {
	busybox, err := busybox(ctx, scratch)
	if err != nil {
		return nil, err
	}
	entries := []entry{{path: "bin", mode: 0o755}, {path: "bin/busybox", mode: 0o755, content: busybox}}
	for _, tool := range busyboxTools() {
		entries = append(entries, entry{path: "bin/" + tool, link: "busybox"})
	}
	entries = append(entries, parents(target)...)
	file, err := fileEntry(target, jar, 0o644)
	if err != nil {
		return nil, err
	}
	layer, err := layerOfEntries(append(entries, file))
	if err != nil {
		return nil, err
	}
	return imageOf(v1.Config{Env: []string{"PATH=/bin"}, User: "65532:65532", Cmd: []string{"/bin/sh"}}, layer)
}

// parents are the directories above a file.
func parents(target string) []entry {
	var dirs []entry
	for n, c := range []byte(target) {
		if c == '/' {
			dirs = append(dirs, entry{path: target[:n], mode: 0o755})
		}
	}
	return dirs
}

// busybox is one static program, taken out of Debian's package without installing it.
func busybox(ctx context.Context, scratch string) ([]byte, error) {
	dir := filepath.Join(scratch, "busybox")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("create a directory: %w", err)
	}
	script := `cd "$0" && apt-get download -qq -o APT::Sandbox::User=root busybox-static && dpkg-deb -x busybox-static_*.deb out`
	if err := machine.Run(ctx, "/bin/sh", "-c", script, dir); err != nil {
		if err := machine.Run(ctx, "apt-get", "update", "-qq"); err != nil {
			return nil, err
		}
		if err := machine.Run(ctx, "/bin/sh", "-c", script, dir); err != nil {
			return nil, err
		}
	}
	for _, path := range []string{"out/bin/busybox", "out/usr/bin/busybox"} {
		if content, err := os.ReadFile(filepath.Join(dir, path)); err == nil && bytes.HasPrefix(content, []byte("\x7fELF")) {
			return content, nil
		}
	}
	return nil, fmt.Errorf("the package busybox-static holds no program busybox")
}
