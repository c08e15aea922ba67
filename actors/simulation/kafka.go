package simulation

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// kafka is a model of Apache Kafka as its admin clients see it: who formatted what, when controllers have a majority, who
// is registered, which replicas are in sync and who leads, which configuration is in force. Its timings are those of
// Kafka 4.3 on a small machine.
type kafka struct {
	store  *store
	faults *faults

	mu sync.Mutex
	// harms are what was done to Kafka that nobody may do.
	harms    []string
	clusters map[messages.ClusterKey]*kafkaState
	// changed tells a node's kubelet that a look is due; it must not come back.
	changed func(pod types.UID)
	// asked, where a test has set it, hears of each request that moved replicas, or changed what bounds moves; it must not come back.
	asked func()
	// election, where a test has set it, says what becomes of the next request for one; it must not come back.
	election func() error
	// stray lets each active controller that loses its vote lose the others, too; else about half of them do.
	stray bool
	// copyTime is how much longer replicas take until they are in sync.
	copyTime time.Duration
}

// kafkaState outlives its processes: what is here stands on the controllers' disks, or in those of ZooKeeper.
type kafkaState struct {
	name  string
	id    string
	kraft bool
	// began is when the metadata log began.
	began time.Time
	// voters are the directory ids of the first voters, by node; of a static quorum they are empty.
	voters  map[messages.BrokerID]string
	quorum  quorumState
	brokers map[messages.BrokerID]*brokerState
	// partitions are all of them, by topic and number.
	partitions []*partition
	// minISR is min.insync.replicas of the topics that have their own.
	minISR map[string]int32
	// defaults and dynamic are dynamic configuration: of all brokers, and of each.
	defaults map[string]string
	dynamic  map[messages.BrokerID]map[string]string
	// throttled are the replicas that rates count for, of all topics: true where the daemon has listed them.
	throttled map[kafkaclient.ThrottledReplica]bool
	// usable is what is free on each volume of brokers that a test has filled.
	usable map[messages.BrokerID]int64
	// version is the release that formatted the metadata; its feature levels stay when the processes are newer.
	version   string
	processes map[messages.BrokerID]*process
	// stopped are the nodes that the daemon stopped, until they are in sync again.
	stopped map[messages.BrokerID]stop
	// balancing is set while Kafka's own return of leaders to their preferred brokers is due.
	balancing bool
	// older is what a broker behind the newest metadata would still answer.
	older answer
}

// process is a Kafka that runs.
type process struct {
	id                 messages.BrokerID
	pod                types.UID
	kraft              bool
	broker, controller bool
	clusterID          string
	// directory is the id of its metadata log dir, dirs those of all: path to id.
	directory string
	dirs      map[string]string
	// voters is what it formatted with, or what its file names; empty for who learns it from others.
	voters []voter
	// level is the release whose features it formatted with, empty for its own.
	level string
	// config is its file as it stood at its start, version the release that it is.
	config  map[string]string
	version string
	// levels are those of its loggers.
	levels map[string]string
	// serves is set once it accepts connections, since then.
	serves bool
	since  time.Time
	// adrift is set when it was the active controller, lost its vote, and asks itself who is the next one.
	adrift bool
	// refused says why Kafka ends instead.
	refused string
}

func newKafka(s *store, f *faults) *kafka {
	k := &kafka{store: s, faults: f, clusters: map[messages.ClusterKey]*kafkaState{}}
	s.observe(func(c change) {
		if c.key.kind == kube.KindService && (c.before == nil || c.after == nil) { // a name begins or ceases to resolve
			time.AfterFunc(100*time.Millisecond, k.evaluateAll)
		}
	})
	return k
}

func newKafkaState(key messages.ClusterKey, p *process) *kafkaState {
	return &kafkaState{
		name: key.String(), kraft: p.kraft, version: p.version, quorum: quorumState{leader: -1, seen: map[quorumKey]time.Time{}},
		brokers: map[messages.BrokerID]*brokerState{}, minISR: map[string]int32{}, defaults: map[string]string{},
		dynamic: map[messages.BrokerID]map[string]string{}, processes: map[messages.BrokerID]*process{},
		stopped: map[messages.BrokerID]stop{}, throttled: map[kafkaclient.ThrottledReplica]bool{}, usable: map[messages.BrokerID]int64{},
	}
}

// start adds a process that has begun to listen. It is false when another process holds the lock on its log dirs.
func (k *kafka) start(key messages.ClusterKey, p *process) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[key]
	if c == nil {
		c = newKafkaState(key, p)
		k.clusters[key] = c
	}
	if other := c.processes[p.id]; other != nil && other.pod != p.pod {
		return false
	}
	if c.processes[p.id] = p; p.level != "" && c.began.IsZero() {
		c.version = p.level
	}
	k.evaluate(c)
	return true
}

// ending is how a process ends.
type ending int

const (
	// shutdown is SIGTERM: the broker hands over its leaders and leaves its cluster before it exits.
	shutdown ending = iota
	// killing is SIGKILL, a crash or a machine that is gone: nobody knows until the broker's session ends.
	killing
)

// stop ends the process of a Pod.
func (k *kafka) stop(key messages.ClusterKey, id messages.BrokerID, pod types.UID, how ending) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[key]
	if c == nil || c.processes[id] == nil || c.processes[id].pod != pod {
		return
	}
	p := c.processes[id]
	if p.kraft && p.serves {
		c.quorum.seen[c.keyOf(p)] = time.Now()
	}
	if p.broker && p.serves {
		c.departs(k, id, how)
	}
	delete(c.processes, id)
	k.evaluate(c)
}

// end forgets a cluster whose disks are gone.
func (k *kafka) end(key messages.ClusterKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.clusters, key)
}

// state tells whether the process of a Pod serves, or why it has ended by itself.
func (k *kafka) state(key messages.ClusterKey, id messages.BrokerID, pod types.UID) (serves bool, refused string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[key]
	if c == nil || c.processes[id] == nil || c.processes[id].pod != pod {
		return false, ""
	}
	return c.processes[id].serves, c.processes[id].refused
}

func (k *kafka) evaluateAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.clusters {
		k.evaluate(c)
	}
}

// later evaluates a cluster again after a while.
func (k *kafka) later(c *kafkaState, d time.Duration, change func()) {
	time.AfterFunc(d, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if change != nil {
			change()
		}
		k.evaluate(c)
	})
}

// evaluate brings a cluster to where it gets without anything happening: who controls, who serves, who is fenced, who
// leads.
func (k *kafka) evaluate(c *kafkaState) {
	if c.voters == nil {
		c.elect(k)
	}
	c.control(k)
	for _, id := range slices.Sorted(maps.Keys(c.processes)) {
		c.serve(k, c.processes[id])
	}
	if !c.active() { // without a controller nothing of the metadata changes
		c.account()
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.brokers)) {
		c.expire(k, c.brokers[id])
	}
	for _, p := range c.partitions {
		c.lead(p)
		c.copyOver(k, p)
	}
	for _, id := range slices.Sorted(maps.Keys(c.brokers)) {
		c.catchUp(k, c.brokers[id])
	}
	c.balance(k)
	c.account()
}

// serve lets a process accept connections when what it waits for is there, or ends it.
func (c *kafkaState) serve(k *kafka, p *process) {
	switch {
	case p.refused != "" || p.serves:
		return
	case p.kraft && c.id != "" && p.clusterID != c.id:
		p.refused = "InconsistentClusterIdException: " + p.clusterID + " is not " + c.id
		k.changed(p.pod)
		return
	case p.broker && (!c.active() || !c.register(k, p)):
		return
	}
	p.serves, p.since = true, time.Now()
	c.takeMinISR(p)
	k.changed(p.pod)
}

// resolves reports whether there is a Service for a name within Kubernetes: [pod.]service.namespace.svc.domain.
func (k *kafka) resolves(host string) bool {
	name, _, inside := strings.Cut(host, ".svc.")
	labels := strings.Split(name, ".")
	if !inside || len(labels) < 2 {
		return false
	}
	service, namespace := labels[len(labels)-2], labels[len(labels)-1]
	return k.store.get(key{kube.KindService, namespace, service}) != nil
}
