package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// A need is something the sandbox runs, and the Debian package that brings it.
type need struct {
	pkg   string
	paths []string // any of them will do; a bare name is looked up in PATH
}

// Programs without which no instance runs.
func clusterNeeds() []need {
	return []need{
		{"etcd-server", []string{"etcd"}},
		{"containerd", []string{"containerd"}},
		{"runc", []string{"runc"}},
		{"containernetworking-plugins", cniPlugins("ptp")},
		{"iptables", []string{"iptables"}},
		{"conntrack", []string{"conntrack"}},
		{"iproute2", []string{"ip"}},
		{"ethtool", []string{"ethtool"}},
		{"socat", []string{"socat"}},
		{"util-linux", []string{"nsenter"}},
		{"ca-certificates", []string{"/etc/ssl/certs/ca-certificates.crt"}},
	}
}

// Programs that build images.
func imageNeeds() []need {
	return []need{
		{"mmdebstrap", []string{"mmdebstrap"}},
		{"openjdk-17-jdk-headless", []string{filepath.Join(JavaHome(), "jmods")}},
		{"maven", []string{"mvn"}},
	}
}

// JavaHome is where Debian keeps the JDK whose parts become the image's Java.
func JavaHome() string {
	found, err := filepath.Glob("/usr/lib/jvm/java-17-openjdk-*")
	if err != nil || len(found) == 0 {
		return "/usr/lib/jvm/java-17-openjdk"
	}
	slices.Sort(found)
	return found[0]
}

var cniDirs = []string{"/usr/lib/cni", "/opt/cni/bin"}

func cniPlugins(name string) []string {
	paths := make([]string, 0, len(cniDirs))
	for _, dir := range cniDirs {
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths
}

// CNIDir is the directory of CNI plugins on this machine.
func CNIDir() string {
	for _, dir := range cniDirs {
		if exists(filepath.Join(dir, "ptp")) {
			return dir
		}
	}
	return cniDirs[0]
}

// EnsureClusterPackages installs what an instance runs.
func EnsureClusterPackages(ctx context.Context, say func(string, ...any)) error {
	return ensurePackages(ctx, clusterNeeds(), say)
}

// EnsureImagePackages installs what builds images.
func EnsureImagePackages(ctx context.Context, say func(string, ...any)) error {
	return ensurePackages(ctx, imageNeeds(), say)
}

func ensurePackages(ctx context.Context, needs []need, say func(string, ...any)) error {
	missing := missingPackages(needs, present)
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("programs are missing and there is no apt-get; install the equivalents of these Debian packages: %v", missing)
	}
	say("installing Debian packages: %v", missing)
	if err := aptGet(ctx, installArgs(missing)...); err == nil {
		return nil
	}
	// The package lists may be old or absent.
	if err := aptGet(ctx, "update", "-qq"); err != nil {
		return fmt.Errorf("apt-get update failed; look at /etc/apt/sources.list and the network: %w", err)
	}
	if err := aptGet(ctx, installArgs(missing)...); err != nil {
		return fmt.Errorf("install the packages %v by hand, then try again: %w", missing, err)
	}
	return nil
}

func installArgs(packages []string) []string {
	return append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packages...)
}

// aptGet keeps maintainer scripts from starting services: a system-wide etcd or containerd would only be in the way.
// Debian asks the policy program before it starts one, and it is ours only as long as apt runs.
func aptGet(ctx context.Context, args ...string) error {
	restore, err := forbidServiceStarts()
	if err != nil {
		return err
	}
	defer restore()
	lock := []string{"DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=600"}
	return Run(ctx, "env", append(lock, args...)...)
}

const policyProgram = "/usr/sbin/policy-rc.d"

func forbidServiceStarts() (restore func(), err error) {
	if exists(policyProgram) {
		return func() {}, nil // the owner of the machine has a policy already
	}
	if err := os.WriteFile(policyProgram, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
		return nil, fmt.Errorf("keep apt from starting services: %w", err)
	}
	return func() { _ = os.Remove(policyProgram) }, nil
}

func missingPackages(needs []need, present func(string) bool) []string {
	var missing []string
	for _, n := range needs {
		if !slices.ContainsFunc(n.paths, present) {
			missing = append(missing, n.pkg)
		}
	}
	return missing
}

func present(path string) bool {
	if filepath.IsAbs(path) {
		return exists(path)
	}
	_, err := exec.LookPath(path)
	return err == nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
