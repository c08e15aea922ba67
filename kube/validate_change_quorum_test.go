package kube

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestTheControllersOfAStaticQuorumDoNotChange(t *testing.T) {
	node := func(id int32, group string, roles ...string) v1beta1.Broker {
		return v1beta1.Broker{ID: id, BrokerConfigGroup: group, BrokerConfig: &v1beta1.BrokerConfig{ProcessRoles: roles}}
	}
	spec := func(brokers ...v1beta1.Broker) v1beta1.KafkaClusterSpec {
		return v1beta1.KafkaClusterSpec{KRaft: true, Brokers: brokers, BrokerConfigGroups: map[string]v1beta1.BrokerConfig{
			"controllers": {ProcessRoles: []string{"controller"}},
		}}
	}
	before := spec(node(0, "", "controller", "broker"), node(1, "controllers"), node(2, "", "broker"))
	static := v1beta1.KafkaClusterStatus{ClusterID: "Kop3rat0rMadeThisOne_A", Quorum: v1beta1.QuorumStatic}
	for name, test := range map[string]struct {
		after  v1beta1.KafkaClusterSpec
		status v1beta1.KafkaClusterStatus
		says   string
	}{
		"nothing changes":                     {before, static, ""},
		"a broker comes":                      {spec(append(before.Brokers, node(3, "", "broker"))...), static, ""},
		"a controller comes":                  {spec(append(before.Brokers, node(3, "controllers"))...), static, "from [0 1] to [0 1 3]"},
		"one goes":                            {spec(before.Brokers[1:]...), static, "from [0 1] to [1]"},
		"one becomes a broker":                {spec(before.Brokers[0], node(1, "", "broker")), static, "from [0 1] to [0]"},
		"Koperator recorded the id alone":     {spec(before.Brokers[1:]...), v1beta1.KafkaClusterStatus{ClusterID: static.ClusterID}, "from [0 1] to [1]"},
		"the quorum is dynamic":               {spec(before.Brokers[1:]...), v1beta1.KafkaClusterStatus{ClusterID: static.ClusterID, Quorum: v1beta1.QuorumDynamic}, ""},
		"the cluster has yet to get its id":   {spec(before.Brokers[1:]...), v1beta1.KafkaClusterStatus{}, ""},
		"entries are written in other orders": {spec(before.Brokers[1], before.Brokers[0], before.Brokers[2]), static, ""},
	} {
		t.Run(name, func(t *testing.T) {
			problems := staticQuorumProblems(&before, &v1beta1.KafkaCluster{Spec: test.after, Status: test.status})
			if test.says == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.Equal(t, "spec.brokers", problems[0].Field)
			require.Contains(t, problems[0].Message, test.says)
		})
	}
}

func TestConsentIsAListOfWords(t *testing.T) {
	for value, test := range map[string]struct {
		consents, quorum bool
		words            string
	}{
		"true": {true, false, "true"}, "": {true, false, "true"}, "false": {false, false, "false"}, "dynamic-quorum": {true, true, "dynamic-quorum"},
		"true, dynamic-quorum": {true, true, "true,dynamic-quorum"}, "dynamic": {}, "bananas": {},
		"bananas, true": {true, false, "true"}, "true,false": {false, false, "true,false"},
	} {
		annotations := map[string]string{AnnotationConsent: value}
		words, agrees := Consent(annotations)
		require.Equal(t, test.consents, agrees, value)
		require.Equal(t, test.words, words, value)
		require.Equal(t, test.quorum, ConsentsTo(annotations, ConsentDynamicQuorum), value)
	}
	_, agrees := Consent(nil)
	require.False(t, agrees)
	require.False(t, ConsentsTo(nil, ConsentDynamicQuorum))
}
