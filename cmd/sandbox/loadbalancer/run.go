package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// Command is "sandbox loadbalancer".
func Command() *cobra.Command {
	var kubeconfig, pool string
	command := &cobra.Command{
		Use:   "loadbalancer",
		Short: "Give Services of type LoadBalancer an address",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			prefix, err := netip.ParsePrefix(pool)
			if err != nil {
				return fmt.Errorf("--pool: %w", err)
			}
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return fmt.Errorf("read --kubeconfig: %w", err)
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return fmt.Errorf("connect to the API server: %w", err)
			}
			return Run(command.Context(), client, prefix)
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&pool, "pool", "", "subnet of addresses, like 10.96.128.0/24")
	return command
}

// Run assigns addresses until the context ends.
func Run(ctx context.Context, client kubernetes.Interface, pool netip.Prefix) error {
	factory := informers.NewSharedInformerFactory(client, time.Minute)
	services := factory.Core().V1().Services()
	changed := make(chan struct{}, 1)
	wake := func(any) {
		select {
		case changed <- struct{}{}:
		default: // one is waiting already, and it will see this change too
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: wake, UpdateFunc: func(_, o any) { wake(o) }, DeleteFunc: wake}
	if _, err := services.Informer().AddEventHandler(handler); err != nil {
		return fmt.Errorf("watch Services: %w", err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			all, err := services.Lister().List(labels.Everything())
			if err == nil {
				err = pass(ctx, client, all, pool)
			}
			if err != nil {
				slog.Warn("will try again", "error", err)
				time.AfterFunc(time.Second, func() { wake(nil) })
			}
		}
	}
}

func pass(ctx context.Context, client kubernetes.Interface, services []*corev1.Service, pool netip.Prefix) error {
	changes, err := assign(services, pool)
	failed := []error{err}
	for _, change := range changes {
		service := change.service.DeepCopy()
		service.Status.LoadBalancer.Ingress = nil
		if change.address.IsValid() {
			service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: change.address.String()}}
		}
		if _, err := client.CoreV1().Services(service.Namespace).UpdateStatus(ctx, service, metav1.UpdateOptions{}); err != nil {
			failed = append(failed, fmt.Errorf("give Service %s/%s an address: %w", service.Namespace, service.Name, err))
		}
	}
	return errors.Join(failed...)
}
