package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/cmd/sandbox/machine"
	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// StopNode is a machine that dies: from one moment to the next nothing of it answers, and nobody was told. Its Node object
// stays, as do its disks.
func StopNode(ctx context.Context, instance, name string, p *Progress) error {
	return onNode(instance, name, func(n plan.Node) error {
		groups, err := machine.FindCgroups()
		if err != nil {
			return err
		}
		if err := machine.Unplug(ctx, n); err != nil {
			return err
		}
		for _, d := range []plan.Daemon{n.Kubelet(), n.Containerd()} {
			if err := machine.KillDaemon(n.Instance, d.Name); err != nil {
				return err
			}
		}
		if err := groups.Kill(n.Cgroup(), 10*time.Second); err != nil {
			return err
		}
		p.Say("%s is dead", name)
		return nil
	})
}

// StartNode is the same machine switched on again: its kubelet finds out what became of its Pods meanwhile.
func StartNode(ctx context.Context, instance, name string, p *Progress) error {
	return onNode(instance, name, func(n plan.Node) error {
		r, err := newRunner(n.Instance, p)
		if err != nil {
			return err
		}
		if err := r.startContainerd(ctx, n); err != nil {
			return err
		}
		client, err := r.client()
		if err != nil {
			return err
		}
		since := time.Now()
		err = p.Wait(ctx, name+" ready", 90*time.Second, func(ctx context.Context) error {
			if err := r.ensure(n.Kubelet()); err != nil { // which ends when containerd listens but is not set up yet
				return err
			}
			node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if reason := notReadySince(*node, since); reason != "" {
				return fmt.Errorf("%s: %s", name, reason)
			}
			return nil
		})
		return r.explain(n.Kubelet().Name, err)
	})
}

// notReadySince is notReady by what the kubelet has said since a moment: of a node that died a while ago nobody may know yet.
func notReadySince(node corev1.Node, since time.Time) string {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.LastHeartbeatTime.Time.Before(since.Truncate(time.Second)) {
			return "its kubelet has not reported yet"
		}
	}
	return notReady(node)
}

// onNode does something to a node of a running instance, while nobody else changes that.
func onNode(instance, name string, do func(plan.Node) error) error {
	if err := requireRoot(); err != nil {
		return err
	}
	unlock, err := machine.Lock("instance-" + instance)
	if err != nil {
		return err
	}
	defer unlock()
	i, err := Find(instance)
	if err != nil {
		return err
	}
	n, err := nodeOf(i, name)
	if err != nil {
		return err
	}
	return do(n)
}

// nodeOf finds a node by its name.
func nodeOf(i plan.Instance, name string) (plan.Node, error) {
	nodes := i.NodeList()
	at := slices.IndexFunc(nodes, func(n plan.Node) bool { return n.NodeName() == name })
	if at >= 0 {
		return nodes[at], nil
	}
	if len(nodes) == 0 {
		return plan.Node{}, fmt.Errorf("sandbox %q has no nodes: it is an API server alone", i.Name)
	}
	names := make([]string, 0, len(nodes))
	for _, n := range nodes {
		names = append(names, n.NodeName())
	}
	return plan.Node{}, fmt.Errorf("sandbox %q has no node %q: it has %s", i.Name, name, strings.Join(names, ", "))
}
