package simulation

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// history is a random life of one cluster: what people, machines and the network do to it, drawn from the seed. When it
// is over everything is healed, and the cluster must come to rest.
type history struct {
	*World
	rng  *rand.Rand
	name string
	// lost is what disks held that were emptied.
	lost []map[types.UID]map[string]logDir
	// topics counts those that were made.
	topics int
	told   []string
}

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
		{"a broker goes into maintenance", func(h *history) {
			brokers := h.cluster(h.name).Spec.Brokers
			h.edit(h.name, maintained(brokers[h.rng.IntN(len(brokers))].ID))
		}},
		{"maintenance ends", func(h *history) { h.edit(h.name, maintained()) }},
		{"volumes grow", func(h *history) { h.edit(h.name, sized(fmt.Sprintf("%dGi", 11+h.rng.IntN(20)))) }},
	}
}

// play runs a history to its happy end.
func (w *World) play(seed uint64, steps int, changes ...func(*v1beta1.KafkaCluster)) {
	w.t.Helper()
	h := &history{World: w, rng: rand.New(rand.NewPCG(seed, 1)), name: "demo"}
	if len(changes) == 0 {
		changes = h.shape()
	}
	w.faults.set(h.trouble())
	w.apply(kafkaCluster(h.name, changes...))
	all := acts()
	for range steps {
		w.advance(time.Duration(h.rng.Int64N(int64(90 * time.Second))))
		act := all[h.rng.IntN(len(all))]
		h.told = append(h.told, time.Now().Format("15:04:05.000 ")+act.name)
		w.story = h.told
		act.do(h)
	}
	h.heal()
	w.readyWithin(h.name, time.Hour+time.Duration(len(w.cluster(h.name).Spec.Brokers))*30*time.Second) // a roll goes one by one
	w.advance(6 * time.Minute)                                                                         // what waited for a long retry
	w.readyWithin(h.name, time.Minute)
	w.settled()
	if problems := slices.Concat(w.configProblems(h.name), w.levelProblems(h.name), w.sizeProblems(h.name)); len(problems) > 0 {
		w.fail("not as the spec says: %s", strings.Join(problems, "; "))
	}
	if h.rng.IntN(3) == 0 {
		w.delete(h.name)
		w.eventually(10*time.Minute, "the deleted cluster is gone", func() bool {
			return w.cluster(h.name) == nil && len(w.pods(h.name)) == 0 && len(w.owned(kube.KindConfigMap, h.name)) == 0
		})
	}
}

// shape is a cluster of three to six nodes.
func (h *history) shape() []func(*v1beta1.KafkaCluster) {
	var changes []func(*v1beta1.KafkaCluster)
	switch h.rng.IntN(5) {
	case 0:
		changes = append(changes, controllersOnly(3), brokers(1+h.rng.IntN(3)))
	case 1:
		changes = append(changes, brokers(3+h.rng.IntN(4)), zooKeeper)
	case 2:
		changes = append(changes, nodes(3), brokers(h.rng.IntN(4)), disks(h.rng.IntN(3)))
	case 3: // five, so that one may be lost while another is restarted
		if h.rng.IntN(2) == 0 {
			changes = append(changes, nodes(4), onEmptyDirs, nodes(1))
		} else {
			changes = append(changes, controllersOnly(5), onEmptyDirs, brokers(2))
		}
	default:
		changes = append(changes, nodes(3+h.rng.IntN(4)))
	}
	for _, change := range []func(*v1beta1.KafkaCluster){notHeadless, racks, retained} {
		if h.rng.IntN(3) == 0 {
			changes = append(changes, change)
		}
	}
	return changes
}

func (h *history) trouble() Trouble {
	rate := func(most int) uint64 {
		if h.rng.IntN(2) == 0 {
			return 0
		}
		return uint64(h.rng.IntN(most))
	}
	return Trouble{
		Errors: rate(200), Conflicts: rate(100), Timeouts: rate(50), Losses: rate(100),
		Slowest: time.Duration(rate(2000)) * time.Millisecond, Stale: time.Duration(rate(5000)) * time.Millisecond,
		KafkaErrors: rate(200), KafkaBehind: time.Duration(rate(2000)) * time.Millisecond,
	}
}

func (h *history) minutes(most int) time.Duration {
	return time.Duration(1+h.rng.IntN(most*60)) * time.Second
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
	if cluster := h.cluster(h.name); cluster.Spec.KRaft && len(cluster.Spec.Brokers) < 8 {
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
	if !cluster.Spec.KRaft || !node.BrokerConfig.HasRole(v1beta1.BrokerRole) || len(node.BrokerConfig.StorageConfigs) > 0 {
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
	if len(entries) < 4 || !stays || (controller || h.onPods()) && controllersOf(entries) < least {
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

// giveUp is people giving up what was on lost disks alone, and moving away what is on a broker that is to go.
func (h *history) giveUp() {
	var ids, words []string
	for _, b := range h.cluster(h.name).Spec.Brokers {
		if servesClients(b) {
			ids = append(ids, messages.BrokerID(b.ID).String())
		}
		words = append(words, h.lossToken(h.name, messages.BrokerID(b.ID)))
	}
	h.edit(h.name, annotated(kube.AnnotationAllowDataLoss, strings.Join(words, ",")))
	for _, text := range slices.Sorted(maps.Keys(h.cluster(h.name).Status.BrokersState)) {
		if id, err := messages.ParseBrokerID(text); err == nil && !slices.Contains(ids, text) {
			h.moveAway(h.name, id)
		}
	}
}

// heal ends all trouble and undoes what only people can undo.
func (h *history) heal() {
	h.faults.set(Trouble{})
	h.killAfterWrites(0)
	h.edit(h.name, maintained())
	h.advance(11 * time.Minute) // nodes and the API server are back
	h.giveUp()
	for _, lost := range slices.Backward(h.lost) { // one may have been emptied twice
		h.kubelets.restore(lost)
	}
}
