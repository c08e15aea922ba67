package simulation

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/health"
	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// kafka is a model of Apache Kafka as far as its nodes find each other: who formatted what, when controllers have a
// majority, who is registered.
type kafka struct {
	store *store

	mu       sync.Mutex
	clusters map[messages.ClusterKey]*kafkaState
	// changed tells a node's kubelet that a look is due; it must not come back.
	changed func(pod types.UID)
}

// kafkaState outlives its processes: what is here stands on the controllers' disks.
type kafkaState struct {
	id string
	// voters are the directory ids of the first voters, by node; of a static quorum they are empty.
	voters     map[messages.BrokerID]string
	registered map[messages.BrokerID]bool
	processes  map[messages.BrokerID]*process
}

// process is a Kafka that runs.
type process struct {
	id                 messages.BrokerID
	pod                types.UID
	kraft              bool
	broker, controller bool
	clusterID          string
	// directory is the id of its metadata log dir.
	directory string
	// voters is what it formatted with, or what its file names; empty for who learns it from others.
	voters []voter
	// serves is set once it accepts connections.
	serves bool
	// refused says why Kafka ends instead.
	refused string
}

type voter struct {
	id              messages.BrokerID
	host, directory string
}

func newKafka(s *store) *kafka {
	k := &kafka{store: s, clusters: map[messages.ClusterKey]*kafkaState{}}
	s.observe(func(c change) {
		if c.key.kind == kube.KindService && (c.before == nil || c.after == nil) { // a name begins or ceases to resolve
			time.AfterFunc(100*time.Millisecond, k.evaluateAll)
		}
	})
	return k
}

// start adds a process that has begun to listen. It is false when another process holds the lock on its log dirs.
func (k *kafka) start(key messages.ClusterKey, p *process) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[key]
	if c == nil {
		c = &kafkaState{registered: map[messages.BrokerID]bool{}, processes: map[messages.BrokerID]*process{}}
		k.clusters[key] = c
	}
	if other := c.processes[p.id]; other != nil && other.pod != p.pod {
		return false
	}
	c.processes[p.id] = p
	k.evaluate(c)
	return true
}

// stop ends the process of a Pod.
func (k *kafka) stop(key messages.ClusterKey, id messages.BrokerID, pod types.UID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[key]
	if c == nil || c.processes[id] == nil || c.processes[id].pod != pod {
		return
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

// evaluate finds out who serves now.
func (k *kafka) evaluate(c *kafkaState) {
	if c.voters == nil {
		c.elect(k)
	}
	alive := c.hasQuorum(k)
	for _, id := range slices.Sorted(maps.Keys(c.processes)) {
		p := c.processes[id]
		switch {
		case p.refused != "":
		case p.kraft && c.id != "" && p.clusterID != c.id:
			p.refused = "InconsistentClusterIdException: " + p.clusterID + " is not " + c.id
			k.changed(p.pod)
		case p.serves:
		case !p.kraft, !p.broker, alive:
			p.serves = true
			k.changed(p.pod)
		}
		if p.broker && p.serves {
			c.registered[p.id] = true
		}
	}
}

// elect makes the first voters of a process the cluster's, once a majority of them runs.
func (c *kafkaState) elect(k *kafka) {
	for _, id := range slices.Sorted(maps.Keys(c.processes)) {
		p := c.processes[id]
		if len(p.voters) == 0 {
			continue
		}
		if running := c.running(k, p.voters, p.clusterID); 2*running > len(p.voters) {
			c.id, c.voters = p.clusterID, map[messages.BrokerID]string{}
			for _, v := range p.voters {
				c.voters[v.id] = v.directory
			}
			return
		}
	}
}

// running counts voters whose process runs on the disk that the list names and whose name resolves.
func (c *kafkaState) running(k *kafka, voters []voter, clusterID string) int {
	count := 0
	for _, v := range voters {
		p := c.processes[v.id]
		if p != nil && p.controller && p.refused == "" && p.clusterID == clusterID &&
			(v.directory == "" || v.directory == p.directory) && (v.host == "" || k.resolves(v.host)) {
			count++
		}
	}
	return count
}

func (c *kafkaState) hasQuorum(k *kafka) bool {
	voters := make([]voter, 0, len(c.voters))
	for id, directory := range c.voters {
		voters = append(voters, voter{id: id, directory: directory})
	}
	return len(voters) > 0 && 2*c.running(k, voters, c.id) > len(voters)
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

// Dial implements health.Dialer.
func (k *kafka) Dial(cluster messages.ClusterKey, bootstrap []string) (health.Session, error) {
	return session{k, cluster, bootstrap}, nil
}

type session struct {
	kafka     *kafka
	cluster   messages.ClusterKey
	bootstrap []string
}

// Close implements health.Session.
func (session) Close() {}

// Observe implements health.Session.
func (s session) Observe(ctx context.Context, ask kafkaclient.Ask) (messages.KafkaObserved, error) {
	unknown := messages.KafkaObserved{QuorumLeader: -1}
	if err := sleep(ctx, 5*time.Millisecond); err != nil {
		return unknown, err
	}
	observed, ok := s.ask(ask.KRaft)
	if ok {
		return observed, nil
	}
	if err := sleep(ctx, 3*time.Second); err != nil {
		return unknown, err
	}
	return unknown, errors.New("no broker answers")
}

func (s session) ask(kraft bool) (messages.KafkaObserved, bool) {
	observed := messages.KafkaObserved{Answered: true, QuorumLeader: -1}
	reached := slices.ContainsFunc(s.bootstrap, func(address string) bool {
		host, _, err := net.SplitHostPort(address)
		return err == nil && s.kafka.resolves(host)
	})
	s.kafka.mu.Lock()
	defer s.kafka.mu.Unlock()
	c := s.kafka.clusters[s.cluster]
	if c == nil || !reached || kraft && !c.hasQuorum(s.kafka) {
		return observed, false
	}
	for _, id := range slices.Sorted(maps.Keys(c.processes)) {
		p := c.processes[id]
		if p.broker && p.serves && c.registered[id] {
			observed.Brokers = append(observed.Brokers, id)
		}
		_, votes := c.voters[id]
		if kraft && !votes && p.refused == "" {
			observed.Observers = append(observed.Observers, id)
		}
		if votes && observed.QuorumLeader < 0 {
			observed.QuorumLeader = id
		}
	}
	if kraft {
		observed.Voters = slices.Sorted(maps.Keys(c.voters))
	}
	return observed, len(observed.Brokers) > 0
}
