package kafka

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestAHostThatKafkaDoesNotTakeIsRefused(t *testing.T) {
	hosted := func(host string) func(*v1beta1.ExternalListenerConfig) {
		return func(l *v1beta1.ExternalListenerConfig) { l.HostnameOverride = host }
	}
	nodePort := func(l *v1beta1.ExternalListenerConfig) {
		l.AccessMethod, l.ExternalStartingPort = corev1.ServiceTypeNodePort, 30000
	}
	entry := func(host string) v1beta1.IngressConfig {
		return v1beta1.IngressConfig{
			IngressServiceSettings: v1beta1.IngressServiceSettings{HostnameOverride: host}, EnvoyConfig: &v1beta1.EnvoyConfig{},
		}
	}
	entries := func(l *v1beta1.ExternalListenerConfig) {
		l.Config = &v1beta1.Config{DefaultIngressConfig: "a", IngressConfig: map[string]v1beta1.IngressConfig{"a": entry("a b"), "b": entry("{{b}}"), "c": entry("")}}
	}
	mapped := broker(2, func(b *v1beta1.Broker) { b.BrokerConfig.BrokerIngressMapping = []string{"b"} })
	const ofTest = invalidSpec + listeners + "externalListeners[name=test]."
	checkValidate(t, map[string]validateCase{
		"a template":       {sound(external(externalTest(hosted("{{ .foo")))), []string{ofTest + `hostnameOverride: "{{ .foo" cannot be in the address`}},
		"an address":       {sound(external(externalTest(hosted("192.168.0.1")))), nil},
		"a port behind it": {sound(external(externalTest(hosted("kafka.example.com:9094")))), []string{warned + listeners + `externalListeners[name=test].hostnameOverride: "kafka.example.com:9094" has a port`}},
		"of IPv6":          {sound(external(externalTest(hosted("fd00::1%eth0")))), nil},
		"in brackets of its own, which Kafka's file gets anyhow": {
			sound(external(externalTest(hosted("[fd00::1]")))), []string{ofTest + `hostnameOverride: "[fd00::1]" cannot be`},
		},
		"a domain behind the name of a NodePort": {
			sound(external(externalTest(nodePort, hosted(".a domain")))), []string{ofTest + `hostnameOverride: ".a domain" cannot be`},
		},
		"an address of nodes": {
			sound(external(externalTest(nodePort, hosted(""))), groupStorages(disk("/kafka-logs")), func(c *v1beta1.KafkaCluster) {
				group := c.Spec.BrokerConfigGroups["default"]
				group.NodePortExternalIP = map[string]string{"test": "1.2.3.4/8"}
				c.Spec.BrokerConfigGroups["default"] = group
				c.Spec.Brokers[0].BrokerConfig.NodePortExternalIP = map[string]string{"test": "x y"}
				for i := range c.Spec.Brokers {
					c.Spec.Brokers[i].BrokerConfig.StorageConfigs = nil
				}
			}),
			[]string{
				invalidSpec + `spec.brokers[id=0].brokerConfig.nodePortExternalIP: "x y" cannot be`,
				invalidSpec + `spec.brokerConfigGroups[default].nodePortExternalIP: "1.2.3.4/8" cannot be`,
			},
		},
		"the ways in of two brokers": {
			sound(external(externalTest(entries)), mapped), []string{
				ofTest + `config.ingressConfig[a].hostnameOverride: "a b" cannot be`, ofTest + `config.ingressConfig[b].hostnameOverride: "{{b}}" cannot be`,
			},
		},
		"a way in that has the listener's host": {
			sound(external(externalTest(hosted("ä"), entries, func(l *v1beta1.ExternalListenerConfig) { l.Config.DefaultIngressConfig = "c" }))),
			[]string{ofTest + `hostnameOverride: "ä" cannot be`},
		},
		"the domain": {
			sound(func(c *v1beta1.KafkaCluster) { c.Spec.KubernetesClusterDomain = "not a domain" }),
			[]string{invalidSpec + `spec.kubernetesClusterDomain: "not a domain" cannot be in the address`},
		},
	})
}
