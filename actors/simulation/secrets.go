package simulation

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// secretText is in each secret that a world has, in those that Kafka's logs and refusals name, too. The custom resource and the file
// that Kafka starts with have it; no log, Event or status may.
const secretText = "hunter2"

// overheard is told of what daemons say, and where.
func (i *invariants) overheard(where, text string) {
	if !strings.Contains(text, secretText) {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.violated("%s has a secret: %s", where, text)
}

// statusKept looks at a status that has changed; the caller holds the lock.
func (i *invariants) statusKept(cluster *v1beta1.KafkaCluster) {
	for _, condition := range cluster.Status.Conditions {
		if strings.Contains(condition.Message, secretText) {
			i.violated("condition %s has a secret: %s", condition.Type, condition.Message)
		}
	}
	for id, state := range cluster.Status.BrokersState {
		if strings.Contains(state.Reason, secretText) || state.Replacements != nil && strings.Contains(state.Replacements.Message, secretText) {
			i.violated("the status of broker %s has a secret: %s", id, state.Reason)
		}
	}
}

// secretProblems looks at all of a status, which costs more.
func (w *World) secretProblems(name string) []string {
	text, err := json.Marshal(w.cluster(name).Status)
	if err != nil {
		return []string{err.Error()}
	}
	if strings.Contains(string(text), secretText) {
		return []string{"the status has a secret: " + string(text)}
	}
	return nil
}

// secretKeys are keys of which Kafka shows no value: its own, and those of a plugin.
func secretKeys() []string {
	return []string{"ssl.truststore.password", "listener.name.internal.ssl.keystore.password", "plugin.token", "plugin.setting"}
}

// secretLine is a line of configuration.
func secretLine(key string, n int) string { return fmt.Sprintf("%s=%s-%d\n", key, secretText, n) }

// changeSecret puts another secret where secrets may stand, or takes it away.
func (h *history) changeSecret() {
	key, n, place := secretKeys()[h.rng.IntN(4)], h.rng.IntN(5), h.rng.IntN(4)
	text := secretLine(key, n)
	if n == 0 {
		text = ""
	}
	brokers := h.cluster(h.name).Spec.Brokers
	id := brokers[h.rng.IntN(len(brokers))].ID
	switch place {
	case 0:
		h.edit(h.name, readOnly(text))
	case 1:
		h.edit(h.name, clusterWide(secretLine("plugin.setting", n)))
	case 2:
		if key == secretKeys()[0] { // Kafka changes it for one listener alone, as people are told
			text = ""
		}
		h.edit(h.name, perBroker(id, text))
	default:
		h.edit(h.name, readOnlyOf(id, text))
	}
}

// readOnlyOf sets the read-only configuration of one broker.
func readOnlyOf(id int32, text string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		for i := range c.Spec.Brokers {
			if c.Spec.Brokers[i].ID == id {
				c.Spec.Brokers[i].ReadOnlyConfig = text
			}
		}
	}
}
