//go:build root

// Run it as root with the built program: SANDBOX=~/.cache/koperator/bin/sandbox go test -tags root -v -count=1 .

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/cmd/sandbox/machine"
	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

const testInstance = "traces"

func TestDownLeavesTheMachineAsItWas(t *testing.T) {
	for name, crash := range map[string]func(*testing.T){
		"after an orderly run":                  func(*testing.T) {},
		"after every daemon was killed":         func(t *testing.T) { kill(t, "system") },
		"after every container was killed, too": func(t *testing.T) { kill(t, "system"); kill(t, ".") },
		"after the network namespace got lost": func(t *testing.T) {
			require.NoError(t, syscall.Unmount("/run/koperator-sandbox/"+testInstance+"/netns", syscall.MNT_DETACH))
		},
		"after the claim on its numbers got lost": func(t *testing.T) { require.NoError(t, os.Remove("/run/koperator-sandbox/claims.json")) },
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(name, "claim") && otherInstances() {
				t.Skip("another sandbox runs on this machine, and it would lose its claim, too")
			}
			sandbox(t, "down", "--instance", testInstance)
			alone := !otherInstances()
			before := traces(t)
			kubeconfig := strings.TrimPrefix(strings.TrimSpace(sandbox(t, "up", "--instance", testInstance, "--nodes", "2", "--images", "")), "export KUBECONFIG=")
			runPod(t, kubeconfig)
			ours := marks(t)
			require.NotEmpty(t, mentioning(traces(t), ours), "while it runs it can be seen")
			crash(t)
			for _, time := range []string{"first", "second"} {
				sandbox(t, "down", "--instance", testInstance, "--purge")
				after := traces(t)
				require.Empty(t, mentioning(after, ours), time)
				if alone && !otherInstances() { // else others come and go meanwhile
					require.Equal(t, before, after, time)
				}
			}
		})
	}
}

func sandbox(t *testing.T, args ...string) string {
	t.Helper()
	program := os.Getenv("SANDBOX")
	require.NotEmpty(t, program, "set SANDBOX to the built program")
	command := exec.Command(program, args...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(t, err, "sandbox %s", strings.Join(args, " "))
	return string(out)
}

const pod = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: pause}
spec:
  containers:
  - {name: pause, image: "REGISTRY/koperator/pause:1", volumeMounts: [{name: data, mountPath: /data}]}
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`

func runPod(t *testing.T, kubeconfig string) {
	t.Helper()
	registry := regexp.MustCompile(`SANDBOX_REGISTRY=(\S+)`).FindStringSubmatch(sandbox(t, "env", "--instance", testInstance))[1]
	apply := exec.Command(os.Getenv("SANDBOX"), "kubectl", "--kubeconfig", kubeconfig, "apply", "-f", "-")
	apply.Stdin = strings.NewReader(strings.ReplaceAll(pod, "REGISTRY", registry))
	out, err := apply.CombinedOutput()
	require.NoError(t, err, string(out))
	sandbox(t, "kubectl", "--kubeconfig", kubeconfig, "wait", "--for=condition=Ready", "pod/pause", "--timeout=60s")
}

// kill ends all processes of a cgroup below the instance's.
func kill(t *testing.T, group string) {
	t.Helper()
	root := filepath.Join("/sys/fs/cgroup/pids/koperator-sandbox", testInstance, group)
	if _, err := os.Stat(root); err != nil {
		root = filepath.Join("/sys/fs/cgroup/koperator-sandbox", testInstance, group)
	}
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() != "cgroup.procs" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		for _, pid := range strings.Fields(string(text)) {
			_ = exec.Command("kill", "-9", pid).Run()
		}
		return nil
	}))
}

func otherInstances() bool {
	text, err := os.ReadFile("/run/koperator-sandbox/claims.json")
	return err == nil && strings.Contains(strings.ReplaceAll(string(text), `"name": "`+testInstance+`"`, ""), `"name"`)
}

// marks are what only this instance's traces hold: its name in paths, its network interface, its subnets.
func marks(t *testing.T) []string {
	t.Helper()
	claim, found, err := machine.FindClaim(testInstance)
	require.NoError(t, err)
	require.True(t, found)
	i := plan.Instance{Name: claim.Name, Index: claim.Index, Cache: claim.Cache}
	return []string{i.RunDir(), i.Cgroup() + "/", i.Dir(), i.HostLink(), i.PodCIDR(), i.ServiceRoute(), i.HostIP()}
}

func mentioning(lines, marks []string) []string {
	var found []string
	for _, line := range lines {
		if slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(line+"/", mark) }) {
			found = append(found, line)
		}
	}
	return found
}

// traces is all that instances could leave on the machine.
func traces(t *testing.T) []string {
	t.Helper()
	script := `
ip -o link | awk -F': ' '{print "link " $2}' | cut -d@ -f1
ip route
awk '{print "mount " $2, $3}' /proc/mounts
for m in $(awk '$3 ~ /^cgroup/ {print $2}' /proc/mounts); do find $m -type d -path '*koperator*'; done
iptables-save | grep -v '^#' | sed 's/\[.*//'
cat /etc/hosts
find /run/netns /run/containerd /run/mount /var/lib/cni /var/lib/kubelet /var/log/containers /usr/sbin/policy-rc.d /run/koperator-sandbox -maxdepth 2 2>/dev/null
for s in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes net/ipv4/ip_forward; do echo "$s $(cat /proc/sys/$s)"; done
ps -eo stat,args | grep -v '^Z' | grep 'koperator-sandbox\|/sandbox/` + testInstance + `/' | grep -v grep`
	look, give := time.NewTicker(300*time.Millisecond), time.After(10*time.Second) // the kernel tears a network namespace down in its own time
	defer look.Stop()
	for lines := linesOf(t, script); ; {
		select {
		case <-give:
			return lines
		case <-look.C:
		}
		now := linesOf(t, script)
		if slices.Equal(now, lines) {
			return now
		}
		lines = now
	}
}

// linesOf is what a script prints, sorted, without lock files.
func linesOf(t *testing.T, script string) []string {
	t.Helper()
	out, err := exec.Command("/bin/bash", "-c", script).Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		require.NoError(t, err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "lock") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	slices.Sort(lines)
	return lines
}
