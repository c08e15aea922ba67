package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/koperator-go/koperator/cmd/sandbox/machine"
)

// Kafka is an image with what the operator's Pods expect of one: bash, curl, pidof, Kafka's scripts and jars in
// /opt/kafka and an empty /opt/kafka/libs/extensions.
func Kafka(version string) Recipe {
	v := kafkaVersion(version)
	inputs := append(debianArgs(), javaModules, kafkaPom(v), kafkaSource("archive.sh"), runtime.GOARCH, "1")
	for _, file := range kafkaFiles(v) {
		inputs = append(inputs, file.path, string(file.content))
	}
	return Recipe{
		Name: "kafka", Tag: version, Inputs: inputs,
		Build: func(ctx context.Context, s Store, scratch string) (v1.Image, error) {
			return buildKafka(ctx, s, scratch, v)
		},
	}
}

func buildKafka(ctx context.Context, s Store, scratch string, version kafkaVersion) (v1.Image, error) {
	base, err := s.debianTar(ctx)
	if err != nil {
		return nil, err
	}
	java, err := s.javaTar(ctx)
	if err != nil {
		return nil, err
	}
	root := filepath.Join(scratch, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, fmt.Errorf("create a root: %w", err)
	}
	if err := unpack(ctx, root, base, java); err != nil {
		return nil, err
	}
	if err := addKafka(ctx, s, root, version); err != nil {
		return nil, err
	}
	layer := filepath.Join(scratch, "kafka.tar")
	if err := pack(ctx, layer, root, "opt/kafka"); err != nil {
		return nil, err
	}
	return kafkaImage(base, java, layer)
}

func addKafka(ctx context.Context, s Store, root string, version kafkaVersion) error {
	libs := filepath.Join(root, "opt", "kafka", "libs")
	if err := mavenLibraries(ctx, s, kafkaPom(version), libs); err != nil {
		return err
	}
	for _, dir := range []string{filepath.Join(libs, "extensions"), filepath.Join(root, "opt", "kafka", "logs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("create a directory: %w", err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "opt", "kafka", "logs"), 0o777); err != nil {
		return fmt.Errorf("open the directory of logs: %w", err)
	}
	script := entry{path: "tmp/archive.sh", mode: 0o755, content: []byte(kafkaSource("archive.sh"))}
	for _, file := range append(kafkaFiles(version), script) {
		target := filepath.Join(root, file.path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("create a directory: %w", err)
		}
		if err := os.WriteFile(target, file.content, os.FileMode(file.mode)); err != nil {
			return fmt.Errorf("write %s: %w", target, err)
		}
	}
	s.Say("starting Kafka %s once for its class archive", version)
	return inRoot(ctx, root, "/bin/bash", "/tmp/archive.sh")
}

// mavenLibraries puts all jars of a project into a directory.
func mavenLibraries(ctx context.Context, s Store, pom, into string) error {
	project, err := os.MkdirTemp(s.Dir, "build-*")
	if err != nil {
		return fmt.Errorf("create a directory to build in: %w", err)
	}
	defer os.RemoveAll(project)
	file := filepath.Join(project, "pom.xml")
	if err := os.WriteFile(file, []byte(pom), 0o644); err != nil {
		return fmt.Errorf("write the Maven project: %w", err)
	}
	err = machine.Run(ctx, "mvn", "-B", "-ntp", "-q", "-f", file, "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+into)
	if err != nil {
		return errors.Join(errors.New("mvn could not fetch the jars; does ~/.m2/settings.xml fit this network?"), err)
	}
	return nil
}

func kafkaImage(tars ...string) (v1.Image, error) {
	layers := make([]v1.Layer, 0, len(tars))
	for _, path := range tars {
		layer, err := layerOf(path)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return imageOf(v1.Config{
		Env: []string{
			"KAFKA_HOME=/opt/kafka",
			"JAVA_HOME=/opt/java",
			"PATH=/opt/java/bin:/opt/kafka/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		},
		WorkingDir: "/opt/kafka",
		User:       "1000:1000",
		Cmd:        []string{"/bin/bash"},
	}, layers...)
}
