package simulation

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// act is one thing that can happen.
type act struct {
	name string
	do   func(*history)
}

// acts lists what can happen.
func acts() []act {
	return []act{
		{"nothing", func(*history) {}},
		{"a Pod is deleted", func(h *history) { h.withSparePod(func(p *corev1.Pod) { h.deleteObject(keyOf(p)) }) }},
		{"Kafka crashes", func(h *history) { h.withPod(func(p *corev1.Pod) { h.kubelets.crash(keyOf(p), 1) }) }},
		{"a Pod is evicted by its kubelet", func(h *history) { h.withSparePod(func(p *corev1.Pod) { h.kubelets.evict(keyOf(p)) }) }},
		{"a node reboots", func(h *history) { h.withPod(func(p *corev1.Pod) { h.kubelets.reboot(p.Spec.NodeName) }) }},
		{"a node is lost for a while", (*history).loseNode},
		{"a node is about to go for a while", (*history).drainNode},
		{"a disk comes back empty", (*history).emptyDisk},
		{"the disks of a broker are lost", (*history).loseDisks},
		{"disks leave the spec", func(h *history) { h.edit(h.name, withoutDisk) }},
		{"disks come back to the spec", func(h *history) { h.edit(h.name, withDisk) }},
		{"a topic is made", (*history).makeTopic},
		{"the daemon is killed", func(h *history) { h.kill() }},
		{"the daemon is killed in the middle of something", func(h *history) { h.killAfterWrites(1 + h.rng.IntN(12)) }},
		{"the daemon sleeps while another one begins to lead", func(h *history) { h.outlives(h.minutes(2)) }},
		{"the API server goes away", func(h *history) { h.serverAway(h.minutes(10)) }},
		{"a broker is added", (*history).addBroker},
		{"a controller is added", (*history).addController},
		{"a node changes its roles", (*history).changeRole},
		{"a broker leaves the spec and comes back", (*history).removeBroker},
		{"somebody moves a partition", (*history).movePartition},
		{"the rate of moves changes", func(h *history) { h.edit(h.name, bound(int64(1+h.rng.IntN(9))<<20)) }},
		{"somebody bounds replication himself", (*history).boundReplica},
		{"the spec is broken for a while", (*history).breakSpec},
		{"reconciliation is paused for a while", (*history).pause},
		{"somebody deletes an object", (*history).deleteSomething},
		{"somebody edits the status", (*history).editStatus},
		{"somebody edits a file", (*history).editFile},
		{"somebody edits a Service", (*history).editService},
		{"a setting changes", (*history).changeSetting},
		{"a broker gets another size", (*history).resizeBroker},
		{"the levels of loggers change", (*history).changeLevels},
		{"Kafka refuses a value for a while", (*history).refuseValue},
		{"dynamic configuration changes", (*history).changeDynamic},
		{"a secret changes", (*history).changeSecret},
		{"a broker goes into maintenance", func(h *history) {
			brokers := h.cluster(h.name).Spec.Brokers
			h.edit(h.name, maintained(brokers[h.rng.IntN(len(brokers))].ID))
		}},
		{"maintenance ends", func(h *history) { h.edit(h.name, maintained()) }},
		{"somebody asks for the restart of a broker", (*history).askForRestart},
		{"somebody evicts a Pod", (*history).evictPod},
		{"a node is drained for a while", (*history).drainForAWhile},
		{"more brokers may be away at a time, or fewer", (*history).limitTogether},
		{"a newer daemon builds Pods in another way, and people agree", (*history).newerDaemon},
		{"Kafka gets newer", (*history).upgrade},
		{"an image that cannot start is rolled out and taken back", (*history).breakImage},
		{"people agree to a dynamic quorum", (*history).agreeToDynamic},
		{"a log dir fails", (*history).failDisk},
		{"a node is gone for good", (*history).loseNodeForGood},
		{"alerts speak against restarts", func(h *history) { h.countAlerts(true) }},
		{"alerts are over", func(h *history) { h.countAlerts(false) }},
		{"more brokers may be impaired", func(h *history) { h.edit(h.name, alerted(2)); h.countAlerts(false) }},
		{"somebody protects all Pods for a while", (*history).protectPods},
		{"volumes grow", func(h *history) { h.edit(h.name, sized(fmt.Sprintf("%dGi", 11+h.rng.IntN(20)))) }},
	}
}

// withPod does something to one Pod of the cluster, if there is any.
func (h *history) withPod(do func(*corev1.Pod)) {
	pods := h.pods(h.name)
	if n := h.rng.IntN(1000); len(pods) > 0 {
		do(pods[n%len(pods)])
	}
}

// withSparePod does something to a Pod that ends it. Metadata on emptyDirs end with it, so of those only one at a time is ended, and what
// no other has a copy of stays.
func (h *history) withSparePod(do func(*corev1.Pod)) {
	h.withPod(func(p *corev1.Pod) {
		if !kube.MetadataOnPod(p) || h.allVote() && h.inSync(h.name) {
			do(p)
		}
	})
}

// allVote reports whether every controller of the spec has a vote and runs.
func (h *history) allVote() bool {
	votes := h.votes(h.name)
	for _, b := range h.cluster(h.name).Spec.Brokers {
		id := messages.BrokerID(b.ID)
		if b.BrokerConfig != nil && b.BrokerConfig.IsController() && !(slices.Contains(votes, id) && h.serves(h.name, id)) {
			return false
		}
	}
	return true
}

// onPods reports whether a cluster has controllers with their metadata on emptyDirs.
func (h *history) onPods() bool {
	return slices.ContainsFunc(h.cluster(h.name).Spec.Brokers, func(b v1beta1.Broker) bool {
		return b.BrokerConfig != nil && b.BrokerConfig.IsController() && len(b.BrokerConfig.StorageConfigs) > 0
	})
}

func (h *history) loseNode() {
	d := h.minutes(10)
	h.withPod(func(p *corev1.Pod) {
		if p.Spec.NodeName != "" {
			h.kubelets.lose(p.Spec.NodeName, d)
		}
	})
}

// drainNode has an autoscaler choose a node and, before it takes it away, think again.
func (h *history) drainNode() {
	h.withPod(func(p *corev1.Pod) {
		if p.Spec.NodeName != "" {
			h.onNode(p.Spec.NodeName, draining("karpenter.sh/disrupted"))
			h.advance(h.minutes(3))
			h.onNode(p.Spec.NodeName, undrained)
		}
	})
}

// emptyDisk: until Kafka was seen on a disk the right to format it is open, and goes with the next Pod.
func (h *history) emptyDisk() {
	h.withPod(func(p *corev1.Pod) {
		if len(h.cluster(h.name).Status.BrokersState[idOf(p).String()].FormattedLogDirs) > 0 {
			h.lost = append(h.lost, h.kubelets.empty(keyOf(p)))
		}
	})
}

// editStatus is somebody with kubectl edit --subresource=status, or a backup.
func (h *history) editStatus() {
	h.store.update(keyOf(h.cluster(h.name)), func(o kube.Object) {
		status := &o.(*v1beta1.KafkaCluster).Status
		status.Conditions, status.State, status.BrokersReady = nil, v1beta1.ClusterReconciling, "0/0"
	})
}

// loseDisks takes all disks of a broker away, if it is no controller: of those a majority could be lost for ever.
func (h *history) loseDisks() {
	h.withPod(func(p *corev1.Pod) {
		roles := h.kubelets.fileOf(p)["process.roles"]
		if !strings.Contains(roles, v1beta1.ControllerRole) && len(h.cluster(h.name).Status.BrokersState[idOf(p).String()].FormattedLogDirs) > 0 {
			h.loseClaims(h.name, idOf(p))
		}
	})
}

// makeTopic makes one if Kafka can.
func (h *history) makeTopic() {
	factor := 1 + h.rng.IntN(3)
	h.topics++
	_ = h.tryTopic(h.name, fmt.Sprintf("topic-%d", h.topics), 1+h.rng.IntN(6), factor, h.rng.IntN(factor+1))
}

// quorumRuns reports whether Kafka has an active controller.
func (h *history) quorumRuns() bool {
	h.kafka.mu.Lock()
	defer h.kafka.mu.Unlock()
	c := h.kafka.clusters[keyed(h.name)]
	return c != nil && c.active()
}

// movePartition is kafka-reassign-partitions in somebody's hands: one replica goes to another broker that runs.
func (h *history) movePartition() {
	n, m := h.rng.IntN(1000), h.rng.IntN(1000)
	h.kafka.mu.Lock()
	defer h.kafka.mu.Unlock()
	c := h.kafka.clusters[keyed(h.name)]
	if c == nil || len(c.partitions) == 0 || !c.active() {
		return
	}
	p := c.partitions[n%len(c.partitions)]
	to := slices.DeleteFunc(c.listedBrokers(), func(id messages.BrokerID) bool { return slices.Contains(p.replicas, id) || !c.serving(id) })
	if p.reassigned() || p.leader < 0 || len(to) == 0 {
		return
	}
	replicas := slices.Clone(p.replicas)
	replicas[m%len(replicas)] = to[m%len(to)]
	if err := c.reassign(p, replicas); err != nil {
		h.t.Fatal(err)
	}
	h.kafka.evaluate(c)
}

// boundReplica is kafka-configs in somebody's hands, for a replica that is there already.
func (h *history) boundReplica() {
	n := h.rng.IntN(1000)
	h.kafka.mu.Lock()
	defer h.kafka.mu.Unlock()
	c := h.kafka.clusters[keyed(h.name)]
	if c == nil || len(c.partitions) == 0 {
		return
	}
	if p := c.partitions[n%len(c.partitions)]; !p.reassigned() && c.serving(p.replicas[0]) {
		c.throttleByHand(p, p.replicas[0])
	}
}

func (h *history) deleteSomething() {
	kinds := []kube.Kind{kube.KindConfigMap, kube.KindService, kube.KindBudget}
	objects := h.owned(kinds[h.rng.IntN(len(kinds))], h.name)
	if n := h.rng.IntN(1000); len(objects) > 0 {
		h.deleteObject(keyOf(objects[n%len(objects)]))
	}
}

// editService leads a Service elsewhere. Server-side apply would leave the one where it is, and fail for ever on the other.
func (h *history) editService() {
	n, ports := h.rng.IntN(1000), h.rng.IntN(2) == 0
	services := h.owned(kube.KindService, h.name)
	if len(services) == 0 {
		return
	}
	h.store.update(keyOf(services[n%len(services)]), func(o kube.Object) {
		if service, ok := o.(*corev1.Service); ok && ports {
			service.Spec.Ports[0].Port = 12345
		} else if ok {
			service.Spec.Selector = map[string]string{"app": "theirs"}
		}
	})
}

func (h *history) editFile() {
	id := messages.BrokerID(h.rng.IntN(3))
	h.store.update(key{kube.KindConfigMap, namespace, kube.BrokerConfigName(h.name, id)}, func(o kube.Object) {
		if config, ok := o.(*corev1.ConfigMap); ok {
			config.Labels["edited"] = "yes"
			config.Data[kube.KeyBrokerConfig] += "# by hand\n"
		}
	})
}
