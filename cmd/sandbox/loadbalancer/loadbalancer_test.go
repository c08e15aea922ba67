package loadbalancer

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func service(name string, age time.Duration, addresses ...string) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(1_000_000, 0).Add(-age))},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer},
	}
	for _, address := range addresses {
		s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: address})
	}
	return s
}

func TestAssign(t *testing.T) {
	class := "somebody.else/class"
	foreign := service("foreign", 0)
	foreign.Spec.LoadBalancerClass = &class
	former := service("former", 0, "10.0.0.1")
	former.Spec.Type = corev1.ServiceTypeClusterIP
	for name, test := range map[string]struct {
		services []*corev1.Service
		want     map[string]string
	}{
		"the oldest one gets the lowest address": {
			[]*corev1.Service{service("young", 0), service("old", time.Hour)}, map[string]string{"old": "10.0.0.1", "young": "10.0.0.2"},
		},
		"an address that is shown stays": {
			[]*corev1.Service{service("old", time.Hour), service("young", 0, "10.0.0.1")}, map[string]string{"old": "10.0.0.2"},
		},
		"of two that show the same, the younger one moves": {
			[]*corev1.Service{service("young", 0, "10.0.0.1"), service("old", time.Hour, "10.0.0.1")}, map[string]string{"young": "10.0.0.2"},
		},
		"an address of another pool is replaced":         {[]*corev1.Service{service("a", 0, "192.0.2.1")}, map[string]string{"a": "10.0.0.1"}},
		"another controller's class is left alone":       {[]*corev1.Service{foreign}, map[string]string{}},
		"who is no load balancer any more loses its own": {[]*corev1.Service{former, service("a", 0)}, map[string]string{"former": "", "a": "10.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			changes, err := assign(test.services, netip.MustParsePrefix("10.0.0.0/29"))
			require.NoError(t, err)
			got := map[string]string{}
			for _, change := range changes {
				got[change.service.Name] = ""
				if change.address.IsValid() {
					got[change.service.Name] = change.address.String()
				}
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestAnEmptyPoolIsReportedAfterTheLastAddress(t *testing.T) {
	services := []*corev1.Service{service("a", 4), service("b", 3), service("c", 2), service("d", 1)}
	changes, err := assign(services, netip.MustParsePrefix("10.0.0.0/30"))
	require.ErrorContains(t, err, "all addresses of 10.0.0.0/30 are taken")
	require.Len(t, changes, 3)
}
