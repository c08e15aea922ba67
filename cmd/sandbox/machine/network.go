package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// EnsureNetwork makes the instance's network namespace with its link to the host.
func EnsureNetwork(ctx context.Context, i plan.Instance) error {
	ready, err := NetworkReady(ctx, i)
	if err != nil || ready {
		return err
	}
	if err := RemoveNetwork(ctx, i); err != nil {
		return err
	}
	if err := os.WriteFile(i.Netns(), nil, 0o600); err != nil {
		return fmt.Errorf("create the network namespace's file: %w", err)
	}
	for _, command := range networkCommands(i) {
		if err := Run(ctx, command[0], command[1:]...); err != nil {
			return fmt.Errorf("build the network of instance %s (run \"sandbox down\", then try again): %w", i.Name, err)
		}
	}
	return nil
}

// NetworkReady tells whether the network is there: it asks for the last thing that networkCommands makes.
func NetworkReady(ctx context.Context, i plan.Instance) (bool, error) {
	if !isNetns(i.Netns()) {
		return false, nil
	}
	out, err := Output(ctx, "ip", "route", "show", i.ServiceRoute())
	if err != nil {
		return false, err
	}
	return strings.Contains(out, i.HostLink()), nil
}

func isNetns(path string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(path, &stat) == nil && stat.Type == unix.NSFS_MAGIC
}

func networkCommands(i plan.Instance) [][]string {
	inside := func(args ...string) []string {
		return append([]string{"nsenter", "--net=" + i.Netns(), "--"}, args...)
	}
	commands := [][]string{
		{"unshare", "--net=" + i.Netns(), "true"},
		{"ip", "link", "add", i.HostLink(), "type", "veth", "peer", "name", plan.Uplink, "netns", i.Netns()},
		{"ip", "address", "add", i.HostIP() + "/30", "dev", i.HostLink()},
		{"ip", "link", "set", i.HostLink(), "up"},
		inside("ip", "link", "set", "lo", "up"),
		inside("ip", "address", "add", i.ControlIP()+"/30", "dev", plan.Uplink),
		inside("ip", "link", "set", plan.Uplink, "up"),
		// Also where the host has no way out: Service addresses need some route before kube-proxy's rules see them.
		inside("ip", "route", "add", "default", "via", i.HostIP()),
		inside("sysctl", "-q", "-w", "net.ipv4.ip_forward=1"),
	}
	for _, n := range i.NodeList() {
		commands = append(commands, inside("ip", "address", "add", n.IP()+"/32", "dev", plan.Uplink))
	}
	return append(commands,
		[]string{"ip", "route", "add", i.PodCIDR(), "via", i.ControlIP(), "dev", i.HostLink()},
		[]string{"ip", "route", "add", i.ServiceRoute(), "via", i.ControlIP(), "dev", i.HostLink()},
	)
}

// RemoveNetwork removes namespace and link; rules, routes and ports inside vanish with them.
func RemoveNetwork(ctx context.Context, i plan.Instance) error {
	if link := i.HostLink(); link != "" && exists(filepath.Join("/sys/class/net", link)) {
		if err := Run(ctx, "ip", "link", "delete", link); err != nil {
			return err
		}
	}
	if isNetns(i.Netns()) {
		if err := syscall.Unmount(i.Netns(), syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", i.Netns(), err)
		}
	}
	if err := os.Remove(i.Netns()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
