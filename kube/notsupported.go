package kube

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// NotSupported lists what a cluster asks for beside its brokers that this version does not serve. The brokers run
// without it, so these are warnings; what would weaken a broker itself is refused by package kafka.
func NotSupported(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	spec := &cluster.Spec
	var problems []messages.FieldProblem
	add := func(asked bool, field, message string, args ...any) {
		if asked {
			problem := messages.Warning(field, message, args...)
			problem.Reason = messages.ReasonNotSupported
			problems = append(problems, problem)
		}
	}
	cruise := &spec.CruiseControlConfig
	add(!cruise.Disabled && cruise.CruiseControlEndpoint == "", "spec.cruiseControlConfig",
		"this version runs no Cruise Control, brokers only send it their metrics; set disabled: true to do without")
	add(!cruise.Disabled && cruise.CruiseControlEndpoint != "", "spec.cruiseControlConfig.cruiseControlEndpoint",
		"this version does not talk to Cruise Control; move data by its own interface")
	for i := range spec.ListenersConfig.ExternalListeners {
		problems = append(problems, notSupportedAccess(spec, &spec.ListenersConfig.ExternalListeners[i])...)
	}
	add(spec.IstioControlPlane != nil || spec.IstioIngressConfig != nil, "spec.istioIngressConfig",
		"this version makes no Istio objects; make them yourself")
	add(spec.ContourIngressConfig != nil, "spec.contourIngressConfig", "this version makes no Contour objects; make them yourself")
	add(spec.EnvoyConfig != nil, "spec.envoyConfig", "this version runs no Envoy; lead clients to the brokers yourself")
	add(spec.RemoveUnusedIngressResources, "spec.removeUnusedIngressResources",
		"this version makes no Envoy, Istio or Contour objects and removes none; delete those that nobody needs yourself")
	add(spec.ExternalAddressTimeoutSeconds != nil, "spec.externalAddressTimeoutSeconds",
		"this version waits for no address: it advertises hostnameOverride; set that, and remove this")
	add(spec.ListenersConfig.SSLSecrets != nil, "spec.listenersConfig.sslSecrets",
		"this version makes no certificates; remove it together with ssl listeners")
	add(spec.AlertManagerConfig != nil, "spec.alertManagerConfig",
		"this version takes no alerts; change the KafkaCluster yourself")
	return problems
}

// notSupportedAccess: the listener is opened and advertised, but nobody carries clients to it.
func notSupportedAccess(spec *v1beta1.KafkaClusterSpec, listener *v1beta1.ExternalListenerConfig) []messages.FieldProblem {
	what := string(spec.GetIngressController())
	switch {
	case listener.GatewayAPI != nil:
		what = "Gateway API routes"
	case listener.GetAccessMethod() == corev1.ServiceTypeNodePort:
		what = "NodePort Services"
	}
	problem := messages.Warning(fmt.Sprintf("spec.listenersConfig.externalListeners[name=%s]", listener.Name),
		"this version makes no %s for it; lead clients from the advertised addresses to port %d of each broker yourself",
		what, listener.ContainerPort)
	problem.Reason = messages.ReasonNotSupported
	return []messages.FieldProblem{problem}
}
