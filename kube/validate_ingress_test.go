package kube

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// zones is a listener with an entry for each of two zones; the brokers' group maps to names.
func zones(change func(*v1beta1.ExternalListenerConfig), names ...string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		listener := v1beta1.ExternalListenerConfig{
			CommonListenerSpec: v1beta1.CommonListenerSpec{Name: "test", Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: 9094},
			Config: &v1beta1.Config{DefaultIngressConfig: "az1", IngressConfig: map[string]v1beta1.IngressConfig{
				"az1": {EnvoyConfig: &v1beta1.EnvoyConfig{}}, "az2": {EnvoyConfig: &v1beta1.EnvoyConfig{}},
			}},
		}
		if change != nil {
			change(&listener)
		}
		c.Spec.ListenersConfig.ExternalListeners = []v1beta1.ExternalListenerConfig{listener}
		group(func(b *v1beta1.BrokerConfig) { b.BrokerIngressMapping = names })(c)
	}
}

func config(change func(*v1beta1.Config)) func(*v1beta1.ExternalListenerConfig) {
	return func(l *v1beta1.ExternalListenerConfig) { change(l.Config) }
}

// checkIngress leaves out that nobody carries clients yet.
func checkIngress(t *testing.T, cases map[string]problemCase) {
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			var problems []messages.FieldProblem
			for _, problem := range Validate(quiet(test.change)) {
				if problem.Reason != messages.ReasonNotSupported {
					problems = append(problems, problem)
				}
			}
			requireProblems(t, problems, test.want)
		})
	}
}

func TestValidateEntriesOfListeners(t *testing.T) {
	const field = "spec.listenersConfig.externalListeners[name=test].config"
	none := func(c *v1beta1.Config) { c.DefaultIngressConfig = "" }
	gone := func(c *v1beta1.Config) { c.DefaultIngressConfig = "az9" }
	bare := func(c *v1beta1.Config) { c.IngressConfig["az2"] = v1beta1.IngressConfig{} }
	checkIngress(t, map[string]problemCase{
		"entries that are there": {change: zones(nil)},
		"a default that is not there": {zones(config(gone)), []string{
			"error " + field + `.defaultIngressConfig: there is no entry "az9" in ingressConfig, by which broker 0, which has no brokerIngressMapping, is reached; ` +
				`add it, or name one that is there: "az1", "az2"`}},
		"a default that is not there, of no entries": {zones(config(func(c *v1beta1.Config) { c.IngressConfig = nil })), []string{
			"error " + field + `.defaultIngressConfig: there is no entry "az1" in ingressConfig, by which broker 0, which has no brokerIngressMapping, is reached; there are none at all: add it`}},
		"a default that is not there, and that nobody needs": {zones(config(gone), "az1"), []string{
			"warning " + field + `.defaultIngressConfig: there is no entry "az9" in ingressConfig; add it, or name one`}},
		"no default": {zones(config(none)), []string{
			"error " + field + ".defaultIngressConfig: is empty, so nobody knows where broker 0, which has no brokerIngressMapping, is reached; "}},
		"no default, which nobody needs": {change: zones(config(none), "az2")},
		"an entry that does not count": {zones(config(bare)), []string{
			"warning " + field + ".ingressConfig[az2]: has no envoyConfig, without which it does not count for ingressController envoy; add it"}},
		"an entry that does not count and that a broker advertises": {zones(config(bare), "az2", "az1"), []string{
			"error " + field + ".ingressConfig[az2]: has no envoyConfig"}},
		"an entry that does not count, beside the one that a broker advertises": {zones(config(bare), "az1", "az2"), []string{
			"warning " + field + ".ingressConfig[az2]: has no envoyConfig"}},
		"entries of another ingress controller": {func(c *v1beta1.KafkaCluster) {
			zones(config(func(c *v1beta1.Config) {
				c.IngressConfig["az2"] = v1beta1.IngressConfig{IstioIngressConfig: &v1beta1.IstioIngressConfig{}}
			}))(c)
			c.Spec.IngressController = v1beta1.IngressControllerIstio
		}, []string{"error " + field + ".ingressConfig[az1]: has no istioIngressConfig, without which it does not count for ingressController istioingress"}},
		"entries of Contour": {func(c *v1beta1.KafkaCluster) {
			zones(config(func(c *v1beta1.Config) {
				c.IngressConfig["az1"] = v1beta1.IngressConfig{ContourIngressConfig: &v1beta1.ContourIngressConfig{}}
			}))(c)
			c.Spec.IngressController = v1beta1.IngressControllerContour
		}, []string{"warning " + field + ".ingressConfig[az2]: has no contourIngressConfig"}},
		"entries of a NodePort": {zones(func(l *v1beta1.ExternalListenerConfig) {
			l.AccessMethod = corev1.ServiceTypeNodePort
			gone(l.Config)
		}), []string{"warning " + field + ": has no effect with accessMethod NodePort; remove it"}},
		"entries of a listener with routes": {zones(func(l *v1beta1.ExternalListenerConfig) {
			l.GatewayAPI = &v1beta1.GatewayAPIConfig{}
			gone(l.Config)
		}), []string{"warning " + field + ": has no effect beside gatewayAPI; remove it"}},
	})
}

func TestValidateNamesOfEntries(t *testing.T) {
	const groups = "spec.brokerConfigGroups[default].brokerIngressMapping"
	const unknown = `: no external listener has an entry "az9" in config.ingressConfig, so it has no effect; `
	plain := func(l *v1beta1.ExternalListenerConfig) { l.Config = nil }
	checkIngress(t, map[string]problemCase{
		"names that are there": {change: zones(nil, "az2", "az1")},
		"a name that is not there beside one that is": {zones(nil, "az2", "az9"), []string{
			"warning " + groups + unknown + `add the entry, or name one that is there: "az1", "az2"`}},
		"a name that is not there, alone": {zones(nil, "az9"), []string{"error " + groups + unknown + "add the entry"}},
		"a name that is not there, of a node that is only a controller": {func(c *v1beta1.KafkaCluster) {
			zones(nil)(c)
			c.Spec.Brokers[1].BrokerConfig.BrokerIngressMapping = []string{"az9"}
		}, []string{"warning spec.brokers[id=1].brokerConfig.brokerIngressMapping" + unknown}},
		"a name that is not there, of a broker whose group has one": {func(c *v1beta1.KafkaCluster) {
			zones(nil, "az1")(c)
			c.Spec.Brokers[2].BrokerConfig.BrokerIngressMapping = []string{"az9"}
		}, []string{"warning spec.brokers[id=2].brokerConfig.brokerIngressMapping" + unknown}},
		"a name that is not there, of a broker": {func(c *v1beta1.KafkaCluster) {
			zones(nil)(c)
			c.Spec.Brokers[2].BrokerConfig.BrokerIngressMapping = []string{"az9"}
		}, []string{"error spec.brokers[id=2].brokerConfig.brokerIngressMapping" + unknown}},
		"Koperator's name for a listener without entries": {change: zones(plain, "globalConfig")},
		"that name where each listener has entries":       {zones(nil, "az1", "globalConfig"), []string{"warning " + groups + `: no external listener has an entry "globalConfig"`}},
		"that name alone where each listener has entries": {zones(nil, "globalConfig"), []string{"error " + groups + `: no external listener has an entry "globalConfig"`}},
		"a name where no listener has entries":            {zones(plain, "az9"), []string{"warning " + groups + unknown}},
		"a name without external listeners": {group(func(b *v1beta1.BrokerConfig) { b.BrokerIngressMapping = []string{"az9"} }), []string{
			"warning " + groups + unknown + "there are none at all: remove the name"}},
	})
}

func TestValidateAddressesOfNodePorts(t *testing.T) {
	const field = "spec.brokers[id=1].brokerConfig.nodePortExternalIP"
	with := func(method corev1.ServiceType, names ...string) func(*v1beta1.KafkaCluster) {
		return func(c *v1beta1.KafkaCluster) {
			zones(func(l *v1beta1.ExternalListenerConfig) { l.Config, l.AccessMethod = nil, method })(c)
			c.Spec.Brokers[1].BrokerConfig.NodePortExternalIP = map[string]string{}
			for _, name := range names {
				c.Spec.Brokers[1].BrokerConfig.NodePortExternalIP[name] = "192.0.2.1"
			}
		}
	}
	checkIngress(t, map[string]problemCase{
		"of a NodePort": {change: with(corev1.ServiceTypeNodePort, "test")},
		"of a load balancer": {with(corev1.ServiceTypeLoadBalancer, "test"), []string{
			"warning " + field + `: external listener "test" has another accessMethod than NodePort, the address has no effect`}},
		"of no listener": {with(corev1.ServiceTypeNodePort, "tset"), []string{
			"warning " + field + `: there is no external listener "tset", the address has no effect; name one with accessMethod NodePort: "test"`}},
		"of no listener, where there is no NodePort": {with("", "tset"), []string{
			"warning " + field + `: there is no external listener "tset", the address has no effect; remove it`}},
	})
}
