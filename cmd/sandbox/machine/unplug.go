package machine

import (
	"context"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// Unplug cuts a node off: what is sent to its Pods, or by them, is lost without a word. A machine that is gone does not even
// close its connections.
func Unplug(ctx context.Context, n plan.Node) error {
	for _, rule := range unpluggedRules(n) {
		if hasRule(ctx, n, rule) {
			continue
		}
		if err := rawTable(ctx, n, "-I", rule); err != nil {
			return err
		}
	}
	return nil
}

// Plug undoes Unplug.
func Plug(ctx context.Context, n plan.Node) error {
	for _, rule := range unpluggedRules(n) {
		if !hasRule(ctx, n, rule) {
			continue
		}
		if err := rawTable(ctx, n, "-D", rule); err != nil {
			return err
		}
	}
	return nil
}

func hasRule(ctx context.Context, n plan.Node, rule []string) bool {
	return rawTable(ctx, n, "-C", rule) == nil
}

// rawTable changes the table that kube-proxy leaves alone.
func rawTable(ctx context.Context, n plan.Node, do string, rule []string) error {
	args := append([]string{"--net=" + n.Netns(), "--", "iptables", "-w", "-t", "raw", do, "PREROUTING"}, rule...)
	return Run(ctx, "nsenter", args...)
}

func unpluggedRules(n plan.Node) [][]string {
	return [][]string{{"-s", n.PodCIDR(), "-j", "DROP"}, {"-d", n.PodCIDR(), "-j", "DROP"}}
}
