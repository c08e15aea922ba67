package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// What somebody takes back is a difference, also for a daemon that did not write what stands.
func TestAFieldThatIsNotWantedAnyMoreIsADifference(t *testing.T) {
	labelled := func(c *v1beta1.KafkaCluster) {
		c.Labels = map[string]string{"team": "a"}
		c.Spec.PropagateLabels = true
	}
	annotated := func(c *v1beta1.KafkaCluster) {
		c.Spec.ListenersConfig.ServiceAnnotations = map[string]string{"a": "b"}
	}
	debugged := func(c *v1beta1.KafkaCluster) { c.Spec.PublishNotReadyAddresses = true }
	for name, c := range map[string]struct {
		change func(*v1beta1.KafkaCluster)
		object func(*v1beta1.KafkaCluster) Object
	}{
		"publishNotReadyAddresses": {debugged, func(c *v1beta1.KafkaCluster) Object { return AllBrokerService(c) }},
		"annotations of a Service": {annotated, func(c *v1beta1.KafkaCluster) Object { return HeadlessService(c) }},
		"annotations of a budget":  {annotated, func(c *v1beta1.KafkaCluster) Object { return BrokerBudget(BudgetInput{Cluster: c, Nodes: 3}) }},
		"labels of a Service":      {labelled, func(c *v1beta1.KafkaCluster) Object { return BrokerService(c, 1) }},
		"labels of controllers":    {labelled, func(c *v1beta1.KafkaCluster) Object { return ControllerService(c) }},
		"labels of a budget":       {labelled, func(c *v1beta1.KafkaCluster) Object { return ControllerBudget(BudgetInput{Cluster: c, Nodes: 3}) }},
		"labels of the JMX rules":  {labelled, func(c *v1beta1.KafkaCluster) Object { return JMXConfigMap(c) }},
		"labels of a broker's files": {labelled, func(c *v1beta1.KafkaCluster) Object {
			in := podInput(t, c, 0)
			config, err := BrokerConfigMap(ConfigInput{Cluster: c, Broker: in.Broker, Config: in.Config, Properties: in.Properties})
			require.NoError(t, err)
			SignConfig(config)
			return config
		}},
		"the record of what is ours": {labelled, func(c *v1beta1.KafkaCluster) Object { return ClusterAppliedConfigMap(c, nil) }},
		"the accepted spec": {labelled, func(c *v1beta1.KafkaCluster) Object {
			plain := demo()
			plain.Labels, plain.Spec.PropagateLabels = c.Labels, c.Spec.PropagateLabels
			config, err := AcceptedSpecConfigMap(plain)
			require.NoError(t, err)
			return config
		}},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := c.object(demo(c.change)), c.object(demo())
			require.False(t, (&Written{}).Stands(before, after))
			require.True(t, (&Written{}).Stands(before, c.object(demo(c.change))))
			require.True(t, (&Written{}).Stands(after, c.object(demo())), "nothing is written without a change")
		})
	}
}

func TestASignatureLeavesTheUsersAnnotationsAlone(t *testing.T) {
	cluster := demo(func(c *v1beta1.KafkaCluster) {
		c.Spec.ListenersConfig.ServiceAnnotations = map[string]string{AnnotationWantedHash: "theirs"}
	})
	service := AllBrokerService(cluster)
	require.NotEqual(t, "theirs", service.Annotations[AnnotationWantedHash])
	require.Equal(t, map[string]string{AnnotationWantedHash: "theirs"}, cluster.Spec.ListenersConfig.ServiceAnnotations)
	require.Equal(t, service, signed(service.DeepCopy()))
	require.NotEqual(t, service, signed(&corev1.Service{TypeMeta: service.TypeMeta, ObjectMeta: service.ObjectMeta}))
}
