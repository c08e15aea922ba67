package cluster

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// The kubelet forgets the log of a Pod that is deleted, and an Event is gone after an hour.
func TestTheLastWordsOfAPodThatEndedAreKept(t *testing.T) {
	words := "Pod ended: exit code 137, OOMKilled; its log ends with: " + strings.Repeat("at kafka.Kafka\n", 120) + "OutOfMemoryError: heap"
	ended := func(id int, count int32, words string) func(*view) {
		return func(v *view) {
			phase(id, messages.PhaseStarting, "boots")(v)
			o := &v.nodes[id].observed
			o.Ended, o.LastEnded, o.LastWords = count, now, words
		}
	}
	status := statusOf(healthy(ended(1, 3, words)), now)
	record := status.BrokersState["1"].Replacements
	require.EqualValues(t, 3, record.Count)
	require.LessOrEqual(t, len(record.Message), 200, "as the schema has it")
	require.True(t, strings.HasPrefix(record.Message, "Pod ended: exit code 137, OOMKilled; its log"), record.Message)
	require.True(t, strings.HasSuffix(record.Message, "OutOfMemoryError: heap"), record.Message)
	condition := kube.Condition(status.Conditions, kube.ConditionPodsEnded)
	require.True(t, strings.HasPrefix(condition.Message, "broker 1 (3 times in a row): Pod ended: exit code 137, OOMKilled"), condition.Message)
	require.True(t, strings.HasSuffix(condition.Message, "OutOfMemoryError: heap"), condition.Message)
	require.Greater(t, len(condition.Message), 800, "there is room for more of the log")
	require.LessOrEqual(t, len(condition.Message), 1000)

	t.Run("a new leader knows the count alone, status the words", func(t *testing.T) {
		v := healthy(ended(1, 3, ""))
		v.known = status
		again := statusOf(v, now)
		require.Equal(t, record, again.BrokersState["1"].Replacements)
		require.Contains(t, kube.Condition(again.Conditions, kube.ConditionPodsEnded).Message, "OutOfMemoryError: heap")
	})
	t.Run("the line that says why is kept, whatever follows it", func(t *testing.T) {
		log := "ERROR Fatal error during startup\nCaused by: java.net.BindException: Address already in use\n" + strings.Repeat("INFO stopping this and that\n", 60)
		status := statusOf(healthy(ended(1, 3, "Pod ended: exit code 1, Error; its log ends with: "+log)), now)
		for _, message := range []string{
			kube.Condition(status.Conditions, kube.ConditionPodsEnded).Message, status.BrokersState["1"].Replacements.Message,
		} {
			require.Contains(t, message, "Caused by: java.net.BindException: Address already in use")
			require.Contains(t, message, "exit code 1, Error; its log ends with: ")
		}
	})
	t.Run("others are named", func(t *testing.T) {
		status := statusOf(healthy(ended(0, 1, words), ended(2, 1, words)), now)
		message := kube.Condition(status.Conditions, kube.ConditionPodsEnded).Message
		require.True(t, strings.HasPrefix(message, "broker 0: Pod ended"), message)
		require.True(t, strings.HasSuffix(message, "OutOfMemoryError: heap; also Pods of broker 2"), message)
		require.LessOrEqual(t, len(message), 1000)
	})
	t.Run("the condition goes when the broker is back, the record stays", func(t *testing.T) {
		v := healthy(ended(1, 3, words), phase(1, messages.PhaseRunning, ""))
		v.known = status
		back := statusOf(v, now)
		require.Nil(t, kube.Condition(back.Conditions, kube.ConditionPodsEnded))
		require.Equal(t, record, back.BrokersState["1"].Replacements)
	})
	t.Run("the record goes with a changed spec", func(t *testing.T) {
		v := healthy()
		v.known = status
		require.Nil(t, statusOf(v, now).BrokersState["1"].Replacements)
	})
	t.Run("of a whole cluster that is down the first hundred are kept", func(t *testing.T) {
		v := healthy()
		one := v.nodes[0]
		v.nodes = nil
		for id := range messages.BrokerID(150) {
			one.id, one.observed.Ended, one.observed.LastEnded, one.observed.LastWords = id, 1, now, words
			v.nodes = append(v.nodes, one)
		}
		states := statusOf(v, now).BrokersState
		require.NotEmpty(t, states["99"].Replacements.Message)
		require.Empty(t, states["100"].Replacements.Message)
		require.EqualValues(t, 1, states["149"].Replacements.Count)
	})
	t.Run("a log that could not be read", func(t *testing.T) {
		v := healthy(ended(1, 1, ""))
		v.known.BrokersState = map[string]v1beta1.BrokerState{}
		message := kube.Condition(statusOf(v, now).Conditions, kube.ConditionPodsEnded).Message
		require.Equal(t, "broker 1: its Pod ended", message)
	})
}
