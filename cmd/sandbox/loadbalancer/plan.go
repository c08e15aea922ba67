package loadbalancer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// An assignment is the address that a Service shall show; the zero address takes it away.
type assignment struct {
	service *corev1.Service
	address netip.Addr
}

// assign returns what must change. Addresses that Services have already stay; the others get the lowest free ones in
// the order of their creation.
func assign(services []*corev1.Service, pool netip.Prefix) ([]assignment, error) {
	services = slices.Clone(services)
	slices.SortFunc(services, func(a, b *corev1.Service) int {
		if by := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); by != 0 {
			return by
		}
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	used := map[netip.Addr]bool{}
	var changes []assignment
	var waiting []*corev1.Service
	for _, service := range services {
		address, shown := shownAddress(service, pool)
		switch {
		case !ours(service):
			if shown {
				changes = append(changes, assignment{service: service})
			}
		case shown && !used[address]:
			used[address] = true
		default:
			waiting = append(waiting, service)
		}
	}
	for _, service := range waiting {
		address, err := lowestFree(pool, used)
		if err != nil {
			return changes, err
		}
		used[address] = true
		changes = append(changes, assignment{service: service, address: address})
	}
	return changes, nil
}

// ours: a class names another controller.
func ours(service *corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer && service.Spec.LoadBalancerClass == nil && service.DeletionTimestamp == nil
}

func shownAddress(service *corev1.Service, pool netip.Prefix) (netip.Addr, bool) {
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if address, err := netip.ParseAddr(ingress.IP); err == nil && pool.Contains(address) {
			return address, true
		}
	}
	return netip.Addr{}, false
}

func lowestFree(pool netip.Prefix, used map[netip.Addr]bool) (netip.Addr, error) {
	for address := pool.Masked().Addr().Next(); pool.Contains(address); address = address.Next() {
		if !used[address] {
			return address, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("all addresses of %s are taken; delete a Service of type LoadBalancer", pool)
}
