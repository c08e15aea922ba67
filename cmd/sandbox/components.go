package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // metrics of API requests
	_ "k8s.io/component-base/metrics/prometheus/version"  // metric of the version
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// component returns the Kubernetes program of that name, or nil.
func component(name string) *cobra.Command {
	switch name {
	case "kube-apiserver":
		return apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		return controllermanager.NewControllerManagerCommand()
	case "kube-scheduler":
		return scheduler.NewSchedulerCommand()
	case "kubelet":
		return kubelet.NewKubeletCommand(context.Background())
	case "kube-proxy":
		return proxy.NewProxyCommand()
	}
	return nil
}

// runComponent becomes a Kubernetes program. They read os.Args, so the first argument has to go.
func runComponent(command *cobra.Command) int {
	os.Args = os.Args[1:]
	return cli.Run(command)
}

// runKubectl is kubectl; without a KUBECONFIG it talks to the default instance.
func runKubectl() {
	os.Args = os.Args[1:]
	if os.Getenv("KUBECONFIG") == "" {
		i := plan.Instance{Name: defaultInstance, Cache: plan.DefaultCache(os.Getenv)}
		if _, err := os.Stat(i.Kubeconfig()); err == nil {
			_ = os.Setenv("KUBECONFIG", i.Kubeconfig())
		}
	}
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}
