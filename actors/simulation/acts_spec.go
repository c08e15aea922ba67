package simulation

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func (h *history) addBroker() {
	if len(h.cluster(h.name).Spec.Brokers) >= 8 {
		return
	}
	h.edit(h.name, func(c *v1beta1.KafkaCluster) {
		brokers(1)(c)
		if !c.Spec.KRaft {
			zooKeeper(c)
		}
	})
}

func (h *history) addController() {
	if cluster := h.cluster(h.name); cluster.Spec.KRaft && !h.static() && len(cluster.Spec.Brokers) < 8 {
		h.edit(h.name, controllersOnly(1))
	}
}

// controllersOf counts the nodes with that role.
func controllersOf(entries []v1beta1.Broker) (n int) {
	for _, b := range entries {
		if b.BrokerConfig != nil && b.BrokerConfig.IsController() {
			n++
		}
	}
	return n
}

// changeRole makes a broker a controller, too, or takes that role from it. A controller has one disk.
func (h *history) changeRole() {
	cluster := h.cluster(h.name)
	node := cluster.Spec.Brokers[h.rng.IntN(len(cluster.Spec.Brokers))]
	if !cluster.Spec.KRaft || h.static() || !node.BrokerConfig.HasRole(v1beta1.BrokerRole) || len(node.BrokerConfig.StorageConfigs) > 0 {
		return
	}
	switch {
	case !h.serves(h.name, messages.BrokerID(node.ID)): // it may be the only broker, and have lost its disk
	case !node.BrokerConfig.IsController():
		h.edit(h.name, roles(node.ID, v1beta1.BrokerRole, v1beta1.ControllerRole))
	case controllersOf(cluster.Spec.Brokers) > 2:
		h.edit(h.name, roles(node.ID, v1beta1.BrokerRole))
	}
}

// removeBroker takes the newest node out of the spec, if enough controllers are left. It may be put back at any step of its way
// out, or never.
func (h *history) removeBroker() {
	entries := h.cluster(h.name).Spec.Brokers
	last := entries[len(entries)-1]
	stays := slices.ContainsFunc(entries[:len(entries)-1], servesClients)
	least := 3 // controllers without which one is left
	if h.onPods() {
		least = 5
	}
	controller := last.BrokerConfig != nil && last.BrokerConfig.IsController()
	if len(entries) < 4 || !stays || controller && h.static() || (controller || h.onPods()) && controllersOf(entries) < least {
		return
	}
	h.edit(h.name, withoutBroker(last.ID))
	h.advance(h.minutes(4))
	first := last.BrokerConfig != nil && last.BrokerConfig.IsController() && !h.quorumRuns()
	if h.rng.IntN(3) == 0 && !first { // a quorum that has yet to begin begins with those that it was to begin with: people are told so
		return
	}
	h.edit(h.name, func(c *v1beta1.KafkaCluster) { c.Spec.Brokers = append(c.Spec.Brokers, last) })
}

// servesClients reports whether a node is a broker.
func servesClients(b v1beta1.Broker) bool {
	return b.BrokerConfig == nil || len(b.BrokerConfig.ProcessRoles) == 0 || b.BrokerConfig.HasRole(v1beta1.BrokerRole)
}

func (h *history) breakSpec() {
	h.edit(h.name, func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].BrokerConfigGroup = "nobody" })
	h.advance(h.minutes(2))
	h.edit(h.name, func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].BrokerConfigGroup = "default" })
}

func (h *history) pause() {
	h.edit(h.name, paused)
	h.advance(h.minutes(3))
	h.edit(h.name, resumed)
}

func (h *history) changeSetting() {
	n, text := h.rng.IntN(9), ""
	if h.rng.IntN(2) == 0 { // only a restart brings it in
		text = fmt.Sprintf("queued.max.requests=%d\n", 500+n)
	}
	if h.rng.IntN(2) == 0 {
		text += fmt.Sprintf("num.network.threads=%d\n", 3+n)
	}
	h.edit(h.name, func(c *v1beta1.KafkaCluster) { c.Spec.ReadOnlyConfig = text })
}

// changeLevels changes what a broker takes while it runs, and now and then more of the file.
func (h *history) changeLevels() {
	levels := []string{"DEBUG", "INFO", "WARN"}
	text := "log4j.rootLogger=" + levels[h.rng.IntN(3)] + ", out\nlog4j.appender.out=console\n"
	if h.rng.IntN(2) == 0 {
		text += "log4j.logger.kafka.server.KafkaApis=" + levels[h.rng.IntN(3)] + "\n"
	}
	if h.rng.IntN(6) == 0 {
		text += "log4j.appender.out.layout=pattern\n"
	}
	h.edit(h.name, logging(text))
}

// resizeBroker changes CPU, which a Pod takes while it runs, and now and then memory.
func (h *history) resizeBroker() {
	brokers := h.cluster(h.name).Spec.Brokers
	id := messages.BrokerID(brokers[h.rng.IntN(len(brokers))].ID)
	h.edit(h.name, sizedAs(id, fmt.Sprint(1+h.rng.IntN(3)), []string{"2Gi", "2Gi", "2Gi", "3Gi"}[h.rng.IntN(4)]))
}

// refuseValue writes what no broker starts with. Pods that go meanwhile may start with it only where nobody could ask Kafka.
func (h *history) refuseValue() {
	was := h.cluster(h.name).Spec.ReadOnlyConfig
	h.edit(h.name, readOnly(was+"log.cleanup.policy=shred\n"))
	h.advance(h.minutes(2))
	if h.rng.IntN(2) == 0 {
		h.withSparePod(func(p *corev1.Pod) { h.deleteObject(keyOf(p)) })
		h.advance(h.minutes(2))
	}
	h.edit(h.name, readOnly(was))
}

// changeDynamic changes what lives in Kafka only, or moves it.
func (h *history) changeDynamic() {
	text := fmt.Sprintf("log.retention.ms=%d\n", 1000*(1+h.rng.IntN(3)))
	switch h.rng.IntN(4) {
	case 0:
		h.edit(h.name, clusterWide(text))
	case 1:
		h.edit(h.name, clusterWide(""))
	case 2:
		brokers := h.cluster(h.name).Spec.Brokers
		h.edit(h.name, perBroker(brokers[h.rng.IntN(len(brokers))].ID, text))
	default:
		h.edit(h.name, func(c *v1beta1.KafkaCluster) {
			for _, b := range c.Spec.Brokers {
				perBroker(b.ID, "")(c)
			}
		})
	}
}
