// Command sandbox runs a real Kubernetes on one Linux machine: no container engine, no image registry, no virtual
// machine. It is both the tool that starts and stops instances and, called by the name of one in its first argument,
// each of the Kubernetes programs.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/koperator-go/koperator/cmd/sandbox/loadbalancer"
	"github.com/koperator-go/koperator/cmd/sandbox/provisioner"
	"github.com/koperator-go/koperator/cmd/sandbox/registry"
)

const defaultInstance = "default"

func main() {
	if len(os.Args) > 1 {
		if command := component(os.Args[1]); command != nil {
			os.Exit(runComponent(command))
		}
		if os.Args[1] == "kubectl" {
			runKubectl()
			return
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := rootCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:          "sandbox",
		Short:        "A real Kubernetes on one machine",
		SilenceUsage: true,
		Long: `A real Kubernetes on one machine: API server, kubelets, containers, volumes, DNS, an image registry.

Besides the commands below, the first argument may be the name of a Kubernetes program:
kubectl, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy.`,
	}
	root.AddCommand(
		upCommand(), apiserverOnlyCommand(), downCommand(), stopNodeCommand(), startNodeCommand(), statusCommand(), kubeconfigCommand(),
		envCommand(), imageCommand(),
		registry.Command(), provisioner.Command(), loadbalancer.Command(),
	)
	return root
}
