package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
	"github.com/koperator-go/koperator/cmd/sandbox/provisioner"
)

// applyObjects creates what every cluster has: a default StorageClass and the Service of DNS. It looks first: a Service
// whose address is taken, even by itself, is called invalid and not existing.
func applyObjects(ctx context.Context, client kubernetes.Interface, i plan.Instance) error {
	classes := client.StorageV1().StorageClasses()
	_, err := classes.Get(ctx, storageClass().Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = classes.Create(ctx, storageClass(), metav1.CreateOptions{})
	}
	if err != nil {
		return fmt.Errorf("create the StorageClass: %w", err)
	}
	services := client.CoreV1().Services("kube-system")
	_, err = services.Get(ctx, "kube-dns", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = services.Create(ctx, dnsService(i), metav1.CreateOptions{})
	}
	if err != nil {
		return fmt.Errorf("create the Service kube-dns: %w", err)
	}
	endpoints := client.DiscoveryV1().EndpointSlices("kube-system")
	_, err = endpoints.Get(ctx, dnsEndpoints(i).Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = endpoints.Create(ctx, dnsEndpoints(i), metav1.CreateOptions{})
	}
	if err != nil {
		return fmt.Errorf("create the EndpointSlice of kube-dns: %w", err)
	}
	return nil
}

func storageClass() *storagev1.StorageClass {
	mode, grow := storagev1.VolumeBindingWaitForFirstConsumer, true
	reclaim := corev1.PersistentVolumeReclaimDelete
	return &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "standard",
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner:          provisioner.Name,
		VolumeBindingMode:    &mode,
		AllowVolumeExpansion: &grow,
		ReclaimPolicy:        &reclaim,
	}
}

func dnsService(i plan.Instance) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-dns", Labels: map[string]string{"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}},
		Spec: corev1.ServiceSpec{
			ClusterIP: i.DNSServiceIP(),
			Ports: []corev1.ServicePort{
				{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53},
				{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53},
			},
		},
	}
}

// dnsEndpoints is written by hand: the Service selects no Pods, since DNS runs outside of the cluster.
func dnsEndpoints(i plan.Instance) *discoveryv1.EndpointSlice {
	ready := true
	port := func(name string, protocol corev1.Protocol) discoveryv1.EndpointPort {
		number := int32(53)
		return discoveryv1.EndpointPort{Name: &name, Protocol: &protocol, Port: &number}
	}
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "kube-dns-sandbox", Labels: map[string]string{discoveryv1.LabelServiceName: "kube-dns"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{i.ControlIP()}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
		Ports:       []discoveryv1.EndpointPort{port("dns", corev1.ProtocolUDP), port("dns-tcp", corev1.ProtocolTCP)},
	}
}

func nodesReady(ctx context.Context, client kubernetes.Interface, i plan.Instance) error {
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var waiting []error
	for _, n := range i.NodeList() {
		at := slices.IndexFunc(list.Items, func(node corev1.Node) bool { return node.Name == n.NodeName() })
		if at < 0 {
			waiting = append(waiting, fmt.Errorf("%s has not registered", n.NodeName()))
			continue
		}
		if reason := notReady(list.Items[at]); reason != "" {
			waiting = append(waiting, fmt.Errorf("%s: %s", n.NodeName(), reason))
		}
	}
	return errors.Join(waiting...)
}

func notReady(node corev1.Node) string {
	for _, condition := range node.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			continue
		}
		if condition.Status != corev1.ConditionTrue {
			return condition.Message
		}
		for _, taint := range node.Spec.Taints {
			if taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable {
				return "the taint " + taint.Key + " is still there"
			}
		}
		return ""
	}
	return "no condition Ready yet"
}

// accountReady: Pods are refused before their service account exists.
func accountReady(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
	return err
}

// dnsReady asks the way Pods do: through the Service.
func dnsReady(ctx context.Context, i plan.Instance) error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", net.JoinHostPort(i.DNSServiceIP(), "53"))
	}}
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond) // the Service may appear any moment
	defer cancel()
	_, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
	return err
}
