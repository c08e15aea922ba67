package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestAKeyThatLooksLikeAnotherIsTakenForATypo(t *testing.T) {
	for key, meant := range map[string]string{
		"log.retention.mz": "log.retention.ms", "num.io.thread": "num.io.threads", "log.retention.ms": "", "my.plugin.key": "",
		"auto.create.topic.enable": "auto.create.topics.enable", "listener.name.inner.max.connections": "", "": "", "a": "",
	} {
		require.Equal(t, meant, meantKey(key), key)
	}
}

func TestTyposAreWarnedOfInEveryText(t *testing.T) {
	cluster := &v1beta1.KafkaCluster{}
	cluster.Spec.ReadOnlyConfig = "log.retention.mz=1\n"
	cluster.Spec.ClusterWideConfig = "log.retention.mz=1\n"
	cluster.Spec.BrokerConfigGroups = map[string]v1beta1.BrokerConfig{"default": {Config: "this is not a property\n"}}
	problems := map[string]string{}
	for _, p := range propertyProblems(cluster) {
		require.Equal(t, messages.SeverityWarning, p.Severity)
		problems[p.Field] = p.Message
	}
	require.Contains(t, problems["spec.readOnlyConfig"], "did you mean log.retention.ms")
	require.Contains(t, problems["spec.clusterWideConfig"], "did you mean log.retention.ms")
	require.Contains(t, problems["spec.brokerConfigGroups[default].config"], "write key=value")
}

// Plugins have keys of their own: who writes one is warned of it in one text as little as in the other.
func TestUnknownKeysAreWarnedOfInTheSameWordsInEveryText(t *testing.T) {
	for _, key := range []string{"no.such.key", "nosuchkey", "log.retention.mz", "my.plugin.url", "num.io.threads"} {
		readOnly := readOnlyProblems("field", key+"=1\n", nil)
		require.Equal(t, readOnly, dynamicProblems(dynamicText{field: "field", text: key + "=1\n", cluster: &v1beta1.KafkaCluster{}}), key)
	}
}
