package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/koperator-go/koperator/cmd/sandbox/cluster"
	"github.com/koperator-go/koperator/cmd/sandbox/images"
	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

func instanceFlag(command *cobra.Command, name *string) {
	command.Flags().StringVar(name, "instance", defaultInstance, "name of the sandbox; several may run side by side")
}

// progress goes to standard error, so that standard output holds only results.
func progress(command *cobra.Command) *cluster.Progress {
	return cluster.NewProgress(command.ErrOrStderr())
}

func upCommand() *cobra.Command {
	var o cluster.Options
	var printEnv bool
	command := &cobra.Command{
		Use:   "up",
		Short: "Start a cluster, or repair it where something is missing",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			i, err := cluster.Up(command.Context(), o, plan.DefaultCache(os.Getenv), progress(command))
			if err != nil {
				return err
			}
			if printEnv {
				printVariables(command.OutOrStdout(), i)
				return nil
			}
			_, err = fmt.Fprintf(command.OutOrStdout(), "export KUBECONFIG=%s\n", i.Kubeconfig())
			return err
		},
	}
	instanceFlag(command, &o.Name)
	command.Flags().IntVar(&o.Nodes, "nodes", 3, "number of nodes, spread over the zones a, b and c")
	command.Flags().BoolVar(&o.Audit, "audit", false, "write the API server's audit log")
	command.Flags().StringSliceVar(&o.Images, "images", images.DefaultNames(), "images to build and push meanwhile; empty for none")
	command.Flags().BoolVar(&printEnv, "print-env", false, "print all variables of \"sandbox env\" at the end")
	return command
}

func apiserverOnlyCommand() *cobra.Command {
	o := cluster.Options{APIOnly: true, Audit: true}
	command := &cobra.Command{
		Use:   "apiserver-only",
		Short: "Start etcd and kube-apiserver with an audit log, without nodes, and print the path of the kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			i, err := cluster.Up(command.Context(), o, plan.DefaultCache(os.Getenv), progress(command))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), i.Kubeconfig())
			return err
		},
	}
	command.Flags().StringVar(&o.Name, "instance", "bench", "name of the sandbox")
	return command
}

func downCommand() *cobra.Command {
	var o cluster.DownOptions
	command := &cobra.Command{
		Use:   "down",
		Short: "Remove a cluster with every process, mount, cgroup and network interface",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return cluster.Down(command.Context(), o, plan.DefaultCache(os.Getenv), progress(command))
		},
	}
	instanceFlag(command, &o.Name)
	command.Flags().BoolVar(&o.Purge, "purge", false, "also remove pulled images and logs")
	return command
}

func stopNodeCommand() *cobra.Command {
	return nodeCommand("stop-node NAME", "Let a node die: its kubelet and containers are killed, its network is cut off", cluster.StopNode)
}

func startNodeCommand() *cobra.Command {
	return nodeCommand("start-node NAME", "Start a node again that was stopped, and wait until it is ready", cluster.StartNode)
}

func nodeCommand(use, short string, do func(ctx context.Context, instance, node string, p *cluster.Progress) error) *cobra.Command {
	var name string
	command := &cobra.Command{
		Use:     use,
		Short:   short,
		Args:    cobra.ExactArgs(1),
		Example: "  sandbox " + strings.Replace(use, "NAME", "node-3", 1),
		RunE: func(command *cobra.Command, names []string) error {
			return do(command.Context(), name, names[0], progress(command))
		},
	}
	instanceFlag(command, &name)
	return command
}

func statusCommand() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use:   "status",
		Short: "Show what runs",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return cluster.Status(command.Context(), name, command.OutOrStdout())
		},
	}
	command.Flags().StringVar(&name, "instance", "", "name of the sandbox; without it, all")
	return command
}

func kubeconfigCommand() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the administrator's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			i, err := cluster.Find(name)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), i.Kubeconfig())
			return err
		},
	}
	instanceFlag(command, &name)
	return command
}

func envCommand() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use:     "env",
		Aliases: []string{"e2e-env"},
		Short:   "Print shell variables: KUBECONFIG, the registry, image references",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			i, err := cluster.Find(name)
			if err != nil {
				return err
			}
			printVariables(command.OutOrStdout(), i)
			return nil
		},
	}
	instanceFlag(command, &name)
	return command
}

func printVariables(out io.Writer, i plan.Instance) {
	for _, line := range cluster.Variables(i) {
		_, _ = fmt.Fprintln(out, line)
	}
}

func imageCommand() *cobra.Command {
	var name, version, prefix string
	command := &cobra.Command{
		Use:       "image NAME…",
		Short:     "Build images and push them to the sandbox's registry, if it runs, or to another one",
		Args:      cobra.MinimumNArgs(1),
		ValidArgs: images.Names(),
		Example:   "  sandbox image kafka --version 3.9.2\n  sandbox image kafka jmx-javaagent metrics-reporter --push registry.example.com:5000",
		RunE: func(command *cobra.Command, names []string) error {
			recipes, err := images.Recipes(names, version)
			if err != nil {
				return err
			}
			var references []string
			if cache := plan.DefaultCache(os.Getenv); prefix != "" {
				references, err = cluster.PushImagesTo(command.Context(), prefix, recipes, cache, progress(command))
			} else {
				references, err = cluster.PushImages(command.Context(), name, recipes, cache, progress(command))
			}
			for _, reference := range references {
				_, _ = fmt.Fprintln(command.OutOrStdout(), reference)
			}
			return err
		},
	}
	instanceFlag(command, &name)
	command.Flags().StringVar(&version, "version", "", "version of Kafka, if not the default")
	command.Flags().StringVar(&prefix, "push", "", "push to PREFIX/koperator/NAME:TAG instead, over HTTPS or else plain HTTP, to a registry that asks for no login")
	command.MarkFlagsMutuallyExclusive("push", "instance")
	return command
}
