package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// standingService is a Service of the wish as the API server keeps it, with ports of the nodes.
func standingService(t *testing.T, client *Client, wanted *corev1.Service, edit func(*corev1.Service)) *corev1.Service {
	t.Helper()
	standing := wanted.DeepCopy()
	for i := range standing.Spec.Ports {
		standing.Spec.Ports[i].NodePort = 30000 + int32(i)
	}
	standing.UID = "of the Service"
	edit(standing)
	made, err := client.core.CoreV1().Services(standing.Namespace).Create(t.Context(), standing, metav1.CreateOptions{FieldManager: "people"})
	require.NoError(t, err)
	made.TypeMeta = wanted.TypeMeta
	return made
}

func TestPortsAndSelectorOfAServiceAreWhollyOurs(t *testing.T) {
	for name, edit := range map[string]func(*corev1.Service){
		"one port more":                     func(s *corev1.Service) { s.Spec.Ports = append(s.Spec.Ports, theirs()) },
		"a port of ours has another number": func(s *corev1.Service) { s.Spec.Ports[0].Port = 12345 },
		"one label more in the selector":    func(s *corev1.Service) { s.Spec.Selector["foo"] = "bar" },
	} {
		t.Run(name, func(t *testing.T) {
			_, _, client := clients()
			wanted := AllBrokerService(demo())
			standing := standingService(t, client, wanted, func(s *corev1.Service) {
				edit(s)
				s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
				s.Annotations["of somebody"] = "else"
			})
			covered, _ := Covers(standing, wanted)
			require.False(t, covered)
			written, err := Write(t.Context(), client, filled(map[Kind][]Object{KindService: {standing}}), wanted)
			require.NoError(t, err)
			covered, different := Covers(written, wanted)
			require.True(t, covered, different)
			is := written.(*corev1.Service)
			require.Equal(t, wanted.Spec.Selector, is.Spec.Selector)
			require.Equal(t, corev1.ServiceAffinityClientIP, is.Spec.SessionAffinity)
			require.Equal(t, "else", is.Annotations["of somebody"])
			last := len(wanted.Spec.Ports) - 1
			require.Positive(t, last)
			require.Equal(t, 30000+int32(last), is.Spec.Ports[last].NodePort, "clients outside may know it")
		})
	}
}

func TestAServiceThatWasMadeAnewMeanwhileIsNotMended(t *testing.T) {
	_, _, client := clients()
	wanted := AllBrokerService(demo())
	standing := standingService(t, client, wanted, func(s *corev1.Service) { s.Spec.Selector["foo"] = "bar" })
	standing.UID = "of the one before"
	require.Error(t, client.Mend(t.Context(), standing, wanted))
}

func TestWhatSomebodySetJustBeforeOurWriteIsSeen(t *testing.T) {
	wanted := AllBrokerService(demo())
	result := wanted.DeepCopy()
	result.UID, result.ResourceVersion, result.Spec.Selector = "1", "7", with(wanted.Spec.Selector, "foo", "bar")
	var written Written
	written.Applied(wanted, result, result.CreationTimestamp.Time)
	require.False(t, written.Stands(result, wanted))
}

func theirs() corev1.ServicePort {
	return corev1.ServicePort{Name: "theirs", Port: 12345, Protocol: corev1.ProtocolTCP}
}
