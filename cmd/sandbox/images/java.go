package images

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/koperator-go/koperator/cmd/sandbox/machine"
)

// debian is the system below Java: bash and curl for the start scripts, pidof for the stop hook.
func debianArgs() []string {
	args := []string{"--variant=essential", "--include=curl,ca-certificates,libstdc++6"}
	for _, dir := range []string{"doc", "man", "locale", "info"} {
		args = append(args, "--dpkgopt=path-exclude=/usr/share/"+dir+"/*")
	}
	return append(args,
		`--customize-hook=echo "kafka:x:1000:" >> "$1/etc/group"`,
		`--customize-hook=echo "kafka:x:1000:1000::/opt/kafka:/bin/bash" >> "$1/etc/passwd"`,
		// A machine's own name servers are not the image's.
		`--customize-hook=: > "$1/etc/resolv.conf"`,
		"bookworm",
	)
}

// debianTar is the path of the base system as a tar file.
func (s Store) debianTar(ctx context.Context) (string, error) {
	return s.part(ctx, "debian-base", key(append(debianArgs(), runtime.GOARCH)), func(ctx context.Context, into string) error {
		return machine.Run(ctx, "mmdebstrap", append(append([]string{"--quiet", "--format=tar"}, debianArgs()...), into)...)
	})
}

// javaModules: what Kafka, its tools, the JMX exporter and people with jcmd use.
const javaModules = "java.base,java.desktop,java.instrument,java.logging,java.management,java.management.rmi,java.naming,java.net.http," +
	"java.rmi,java.security.jgss,java.security.sasl,java.sql,java.xml,jdk.crypto.ec,jdk.httpserver,jdk.management,jdk.management.agent," +
	"jdk.naming.dns,jdk.security.auth,jdk.unsupported,jdk.zipfs,jdk.jcmd,jdk.attach"

func javaInputs() ([]string, error) {
	release, err := os.ReadFile(filepath.Join(machine.JavaHome(), "release"))
	if err != nil {
		return nil, fmt.Errorf("read the version of the machine's Java (is openjdk-17-jdk-headless installed?): %w", err)
	}
	return append(debianArgs(), javaModules, string(release)), nil
}

// javaTar is the path of a Java runtime as a tar file of opt/java. Its own class archive is made inside of the image's
// root, since it holds for one path only.
func (s Store) javaTar(ctx context.Context) (string, error) {
	inputs, err := javaInputs()
	if err != nil {
		return "", err
	}
	base, err := s.debianTar(ctx)
	if err != nil {
		return "", err
	}
	return s.part(ctx, "java-runtime", key(inputs), func(ctx context.Context, into string) error {
		root, err := os.MkdirTemp(s.Dir, "build-*")
		if err != nil {
			return fmt.Errorf("create a directory to build in: %w", err)
		}
		defer os.RemoveAll(root)
		if err := unpack(ctx, root, base); err != nil {
			return err
		}
		err = machine.Run(ctx, filepath.Join(machine.JavaHome(), "bin", "jlink"), "--add-modules", javaModules,
			"--strip-debug", "--no-header-files", "--no-man-pages", "--compress=0", "--output", filepath.Join(root, "opt", "java"))
		if err != nil {
			return err
		}
		if err := inRoot(ctx, root, "/opt/java/bin/java", "-Xshare:dump"); err != nil {
			return err
		}
		return pack(ctx, into, root, "opt/java")
	})
}

// unpack leaves out device files: what runs in such a root here needs none.
func unpack(ctx context.Context, root string, tars ...string) error {
	for _, file := range tars {
		if err := machine.Run(ctx, "tar", "-C", root, "--exclude=./dev/*", "-xf", file); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(root, "proc"), 0o755)
}

// pack keeps times, which class archives compare, and forgets who built it.
func pack(ctx context.Context, into, root string, paths ...string) error {
	args := []string{"-C", root, "--owner=0", "--group=0", "--numeric-owner", "--sort=name", "-cf", into}
	return machine.Run(ctx, "tar", append(args, paths...)...)
}

// inRoot runs a program in another root. Java wants /proc and, for a moment, devices; the network is a loopback of its
// own, so that no port is taken.
func inRoot(ctx context.Context, root string, program ...string) error {
	script := strings.Join([]string{
		"set -e",
		`ip link set lo up`,
		`mount --bind /proc "$0/proc"`,
		`mkdir -p "$0/dev"`,
		`for d in null random urandom zero; do touch "$0/dev/$d"; mount --bind /dev/$d "$0/dev/$d"; done`,
		`exec chroot "$0" "$@"`,
	}, "\n")
	args := append([]string{"--mount", "--net", "/bin/sh", "-c", script, root}, program...)
	return machine.Run(ctx, "unshare", args...)
}
