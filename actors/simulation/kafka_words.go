package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// topic makes a topic on the brokers that are there, replicas round robin. minISR 0 leaves it to the brokers.
func (w *World) topic(name, topic string, partitions, factor, minISR int) {
	w.t.Helper()
	if err := w.tryTopic(name, topic, partitions, factor, minISR); err != nil {
		w.fail("topic %s of cluster %s: %v", topic, name, err)
	}
}

func (w *World) tryTopic(name, topic string, partitions, factor, minISR int) error {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	if c == nil {
		return fmt.Errorf("there is no Kafka")
	}
	if err := c.create(topic, partitions, factor, minISR); err != nil {
		return err
	}
	w.kafka.evaluate(c)
	return nil
}

// partition is one partition as a broker's metadata shows it.
func (w *World) partition(name, topic string, number int32) messages.Partition {
	for _, p := range w.partitions(name) {
		if p.Topic == topic && p.Number == number {
			return p
		}
	}
	w.fail("cluster %s has no partition %s-%d", name, topic, number)
	return messages.Partition{}
}

// partitions are all partitions of a cluster.
func (w *World) partitions(name string) []messages.Partition {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	var shown []messages.Partition
	if c := w.kafka.clusters[keyed(name)]; c != nil {
		for _, p := range c.partitions {
			shown = append(shown, c.shown(p))
		}
	}
	return shown
}

// votes are the nodes with a vote in the metadata quorum.
func (w *World) votes(name string) []messages.BrokerID {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	var ids []messages.BrokerID
	if c := w.kafka.clusters[keyed(name)]; c != nil {
		for id := range c.voters {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// inSync reports whether every replica of a cluster is in sync.
func (w *World) inSync(name string) bool {
	return !slices.ContainsFunc(w.partitions(name), func(p messages.Partition) bool { return len(p.ISR) < len(p.Replicas) })
}

// activeController is the leader of the quorum, -1 when there is none.
func (w *World) activeController(name string) messages.BrokerID {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	return w.kafka.clusters[keyed(name)].quorum.leader
}

// shortage is for how long some partition had too few in-sync replicas for acks=all, by the worst of them; ours is the
// part that would not have been without the daemon.
func (w *World) shortage(name string) (all, ours time.Duration) {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	c.account()
	for _, p := range c.partitions {
		all, ours = max(all, p.produce.short), max(ours, p.produce.shortOurs)
	}
	return all, ours
}

// lostPartitions are the partitions whose records went with a disk.
func (w *World) lostPartitions(name string) []string {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	var lost []string
	for _, p := range w.kafka.clusters[keyed(name)].partitions {
		if p.lost {
			lost = append(lost, p.String())
		}
	}
	return lost
}

// copiesTake is how much longer replicas take from now on until they are in sync.
func (w *World) copiesTake(time time.Duration) {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	w.kafka.copyTime = time
}

// failDir takes a log dir away from a broker that runs, as a disk that fails does.
func (w *World) failDir(name string, id messages.BrokerID, path string) {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	process := c.processes[id]
	directory := process.dirs[path]
	c.brokers[id].failed[directory] = true
	for _, p := range c.partitions {
		if p.dirs[id] == directory {
			c.leaves(p, id)
		}
	}
	w.kafka.evaluate(c)
}

// configInForce is the value of a key that a broker works by now.
func (w *World) configInForce(name string, id messages.BrokerID, key string) string {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	if c == nil || c.processes[id] == nil {
		return ""
	}
	return c.inForce(c.processes[id], key)
}

// dynamicConfig is what is set dynamically: for one broker, or for all of them where id is negative.
func (w *World) dynamicConfig(name string, id messages.BrokerID) map[string]string {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	values := w.kafka.clusters[keyed(name)].defaults
	if id >= 0 {
		values = w.kafka.clusters[keyed(name)].dynamic[id]
	}
	copied := map[string]string{}
	for key, value := range values {
		copied[key] = value
	}
	return copied
}

// alterByHand is kafka-configs.sh: value nil deletes, a negative id means all brokers.
func (w *World) alterByHand(name string, id messages.BrokerID, key string, value *string) error {
	resource := kafkaclient.ConfigResource{ClusterWide: id < 0, Broker: max(id, 0)}
	ids := []messages.BrokerID{id}
	if id < 0 {
		ids = ids[:0]
		for _, b := range w.cluster(name).Spec.Brokers {
			ids = append(ids, messages.BrokerID(b.ID))
		}
	}
	var err error
	for _, id := range ids { // any broker that answers
		address := kube.AddressesOf(w.cluster(name)).Broker(id) + ":29092"
		err = w.kafka.adminOf(address).Alter(context.Background(), resource, []kafkaclient.ConfigChange{{Key: key, Value: value}}, false)
		if err == nil {
			return nil
		}
	}
	return err
}

// leadersStray makes each active controller that loses its vote lose the others, too.
func (w *World) leadersStray() {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	w.kafka.stray = true
}

// knowsBroker reports whether a broker is registered, fenced or not.
func (w *World) knowsBroker(name string, id messages.BrokerID) bool {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	return c.brokers[id] != nil && (c.kraft || !c.brokers[id].fenced) // ZooKeeper knows only who is there
}

// registrationProblems are brokers that Kafka knows and that are none, and those of which status does not say what Kafka knows.
func (w *World) registrationProblems(name string) (problems []string) {
	cluster, wanted := w.cluster(name), map[messages.BrokerID]bool{}
	if !cluster.Spec.KRaft {
		return nil
	}
	for i := range cluster.Spec.Brokers {
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[i])
		id := messages.BrokerID(cluster.Spec.Brokers[i].ID)
		if wanted[id] = err == nil && config.HasRole(v1beta1.BrokerRole); wanted[id] != cluster.Status.BrokersState[id.String()].Registered {
			problems = append(problems, fmt.Sprintf("status says of broker %d that Kafka has it registered: %t", id, !wanted[id]))
		}
	}
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(w.kafka.clusters[keyed(name)].brokers)) {
		if !wanted[id] {
			problems = append(problems, fmt.Sprintf("Kafka still has broker %d registered", id))
		}
	}
	return problems
}

// moveAway is kafka-reassign-partitions: each replica on a broker goes to one that stays and has none of the partition, if there is one.
func (w *World) moveAway(name string, id messages.BrokerID) {
	w.t.Helper()
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	if c == nil { // it never came up
		return
	}
	for _, p := range c.partitions {
		at := slices.Index(p.replicas, id)
		if at < 0 || p.reassigned() {
			continue
		}
		next := slices.IndexFunc(c.listedBrokers(), func(other messages.BrokerID) bool {
			return other != id && !slices.Contains(p.replicas, other) && c.serving(other)
		})
		if next < 0 { // there are no more brokers than that
			if len(p.replicas) > 1 {
				p.replicas, p.isr, p.eligible = without(p.replicas, id), without(p.isr, id), without(p.eligible, id)
			}
			continue
		}
		other := c.listedBrokers()[next]
		replicas := slices.Clone(p.replicas)
		replicas[at] = other
		p.replicas, p.isr, p.eligible = replicas, append(without(p.isr, id), other), without(p.eligible, id)
		p.dirs[other] = c.emptiest(other)
		delete(p.dirs, id)
	}
	w.kafka.evaluate(c)
}

// loseClaims deletes the claims of a broker and then its Pod: they go with all that is on them.
func (w *World) loseClaims(name string, id messages.BrokerID) {
	w.t.Helper()
	for _, claim := range w.owned(kube.KindClaim, name) {
		if idOf(claim) == id {
			w.deleteObject(keyOf(claim))
		}
	}
	for _, pod := range w.podsOf(name, id) {
		w.deleteObject(keyOf(pod))
	}
}

// moveOff moves the replicas on one log dir of a broker to another one, as AlterReplicaLogDirs does.
func (w *World) moveOff(name string, id messages.BrokerID, path string) {
	w.kafka.mu.Lock()
	defer w.kafka.mu.Unlock()
	c := w.kafka.clusters[keyed(name)]
	process := c.processes[id]
	for _, p := range c.partitions {
		if p.dirs[id] != process.dirs[path] {
			continue
		}
		for _, other := range slices.Sorted(maps.Keys(process.dirs)) {
			if other != path {
				p.dirs[id] = process.dirs[other]
			}
		}
	}
	w.kafka.evaluate(c)
}

// fillDisks takes the room on a node's disks, or gives it back: start scripts on it wait meanwhile, looking all the time.
func (w *World) fillDisks(node string, full bool) {
	w.kubelets.mu.Lock()
	w.kubelets.full[node] = full
	w.kubelets.mu.Unlock()
	if full {
		return
	}
	for _, object := range w.store.list(kube.KindPod) {
		if pod := object.(*corev1.Pod); pod.Spec.NodeName == node {
			w.kubelets.lookAgain(pod)
		}
	}
}

// lossToken is the word by which people give up the disks of a broker as they are now.
func (w *World) lossToken(name string, id messages.BrokerID) string {
	dirs := w.cluster(name).Status.BrokersState[id.String()].FormattedLogDirs
	if len(dirs) == 0 {
		return ""
	}
	return id.String() + "/" + dirs[0].ClaimUID[:8]
}

// setDefault sets a dynamic value of all brokers as an earlier one may have been, whatever brokers would say to it.
func (k *kafka) setDefault(name, key, value string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clusters[keyed(name)].defaults[key] = value
}
