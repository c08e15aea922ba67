package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/koperator-go/koperator/cmd/sandbox/images"
	"github.com/koperator-go/koperator/cmd/sandbox/machine"
	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// Variables are lines for a shell or a Makefile: all that tests need to know about an instance.
func Variables(i plan.Instance) []string {
	lines := []string{
		"KUBECONFIG=" + i.Kubeconfig(),
		"SANDBOX_INSTANCE=" + i.Name,
		"SANDBOX_KUBECTL=" + i.Self + " kubectl",
		"SANDBOX_LOGS=" + i.LogDir(),
	}
	if !i.APIOnly {
		lines = append(lines, "SANDBOX_REGISTRY="+i.Registry(), "KOPERATOR_IMAGE="+i.Image("koperator", "dev"))
		for _, reference := range images.References() {
			lines = append(lines, reference.Variable+"="+i.Image(reference.Name, reference.Tag))
		}
	}
	if i.Audit {
		lines = append(lines, "SANDBOX_AUDIT_LOG="+i.AuditLog())
	}
	for n, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		if strings.ContainsAny(value, " $\"'\\") {
			lines[n] = name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'"
		}
	}
	return lines
}

// Status prints the daemons of one instance, or of all.
func Status(ctx context.Context, name string, out io.Writer) error {
	claims, err := machine.Claims()
	if err != nil {
		return err
	}
	found := false
	for _, claim := range claims {
		if name != "" && claim.Name != name {
			continue
		}
		found = true
		i, err := instanceOf(claim)
		if err != nil {
			return err
		}
		if err := printStatus(ctx, i, out); err != nil {
			return err
		}
	}
	if !found {
		_, err = fmt.Fprintln(out, "no sandbox runs; start one with: sandbox up")
	}
	return err
}

func printStatus(ctx context.Context, i plan.Instance, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	registry := "registry " + i.Registry()
	if i.APIOnly {
		registry = "API server alone"
	}
	_, _ = fmt.Fprintf(table, "sandbox %s\t%s\texport KUBECONFIG=%s\n", i.Name, registry, i.Kubeconfig())
	for _, d := range daemons(i) {
		state := "not running; \"sandbox up\" starts it again"
		if started, running := machine.Running(i, d.Name); running {
			state = fmt.Sprintf("process %d, %d MiB", started.PID, residentMiB(started.PID))
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", d.Name, state, machine.LogFile(i, d.Name))
	}
	client, err := Client(i)
	if err == nil {
		err = apiReady(ctx, client)
	}
	if err == nil && !i.APIOnly {
		err = nodesReady(ctx, client, i)
	}
	if err != nil {
		_, _ = fmt.Fprintf(table, "  not ready: %v\n", err)
	}
	return table.Flush()
}

// daemons are all of an instance.
func daemons(i plan.Instance) []plan.Daemon {
	list := []plan.Daemon{i.Etcd(), i.APIServerDaemon()}
	if i.APIOnly {
		return list
	}
	list = append(list, i.RegistryDaemon(), i.DNS())
	list = append(list, i.ControlPlane()...)
	for _, n := range i.NodeList() {
		list = append(list, n.Containerd(), n.Kubelet())
	}
	return list
}

func residentMiB(pid int) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "statm"))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize()) >> 20
}
