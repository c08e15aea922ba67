package simulation

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// Ports are merged by number: what somebody else sets there is nobody's to take back by an apply.
func TestAServiceThatWasEditedByHandLeadsToItsPodsAgain(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*corev1.Service){
		"a port has another number":       func(s *corev1.Service) { s.Spec.Ports[0].Port = 12345 },
		"a port more":                     func(s *corev1.Service) { s.Spec.Ports = append(s.Spec.Ports, theirPort()) },
		"one label more in the selector":  func(s *corev1.Service) { s.Spec.Selector["foo"] = "bar" },
		"another selector":                func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "evil"} },
		"no selector":                     func(s *corev1.Service) { s.Spec.Selector = nil },
		"another name of a port":          func(s *corev1.Service) { s.Spec.Ports[0].Name = "theirs" },
		"names of ports change places":    func(s *corev1.Service) { swapNames(s.Spec.Ports) },
		"the protocol of a port is other": func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolUDP },
	} {
		for mode, options := range map[string][]func(*v1beta1.KafkaCluster){"headless": nil, "not headless": {notHeadless}} {
			t.Run(name+", "+mode, func(t *testing.T) {
				onBoth(t, func(w *World) {
					w.apply(kafkaCluster("demo", append(slices.Clone(options), nodes(3))...))
					w.eventuallyReady("demo")
					was := map[string]corev1.ServiceSpec{}
					for _, service := range w.owned(kube.KindService, "demo") {
						was[service.GetName()] = service.(*corev1.Service).Spec
						edited := service.DeepCopyObject().(*corev1.Service)
						edit(edited)
						edited.Annotations["of somebody"] = "else"
						w.store.put(edited)
					}
					w.advance(time.Minute)
					for _, service := range w.owned(kube.KindService, "demo") {
						require.Equal(w.t, was[service.GetName()], service.(*corev1.Service).Spec)
						require.Equal(w.t, "else", service.GetAnnotations()["of somebody"])
					}
					w.eventuallyReady("demo")
					w.settled()
				})
			})
		}
	}
}

func theirPort() corev1.ServicePort {
	return corev1.ServicePort{Name: "theirs", Port: 12345, Protocol: corev1.ProtocolTCP}
}

func swapNames(ports []corev1.ServicePort) {
	ports[0].Name, ports[1].Name = ports[1].Name, ports[0].Name
}

func TestAnObjectThatCannotBeWrittenStopsNothingElse(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		w.apply(kafkaCluster("demo", nodes(3)))
		w.eventuallyReady("demo")
		service := key{kube.KindService, namespace, "demo-headless"}
		w.faults.refuse(service, true)
		w.edit("demo", func(c *v1beta1.KafkaCluster) {
			c.Spec.ListenersConfig.ServiceAnnotations = map[string]string{"mesh": "no"}
			maintained(2)(c)
		})
		w.eventually(5*time.Minute, "its Pod is gone", func() bool { return w.podUIDs("demo")[2] == "" })
		ready := w.condition("demo", kube.ConditionReady)
		require.Equal(w.t, kube.ReasonFailing, ready.Reason)
		require.Contains(w.t, ready.Message, "demo-headless")
		w.faults.refuse(service, false)
		w.eventuallyReady("demo")
		w.settled()
	})
}
