package simulation

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/messages"
)

// stop is the daemon stopping a node's Pod.
type stop struct {
	node   messages.BrokerID
	pod    types.UID
	daemon int
	// blindness is for how long it may not know what has happened, together how many nodes it may stop at a time.
	blindness time.Duration
	together  int
	// wanted are the nodes that the spec wants to run.
	wanted []messages.BrokerID
}

// probed is how late a kubelet finds that Kafka listens.
const probed = time.Second

// stopping is told when the daemon has a node's Pod stopped, before it stops. It says what that harms that the daemon
// could have known.
func (k *kafka) stopping(key messages.ClusterKey, s stop) (harms []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[key]
	if c == nil || c.processes[s.node] == nil || c.processes[s.node].pod != s.pod || !c.processes[s.node].serves {
		return nil // whoever does not serve is missed by nobody
	}
	if time.Since(c.processes[s.node].since) <= s.blindness+probed {
		return nil // nobody can know yet that it does
	}
	ours := slices.DeleteFunc(c.stoppedNow(), func(id messages.BrokerID) bool {
		return c.stopped[id].daemon != s.daemon || !slices.Contains(s.wanted, id)
	})
	if len(ours) >= s.together && slices.Contains(s.wanted, s.node) { // one that leaves is missed by nobody when it holds nothing
		harms = append(harms, fmt.Sprintf("%v are down by its doing already", ours))
	}
	harms = append(harms, c.partitionHarms(s.node, s.blindness)...)
	if harm := c.quorumHarm(k, s.node, s.blindness); harm != "" {
		harms = append(harms, harm)
	}
	c.stopped[s.node] = s
	return harms
}

// servedFor is how long the process of a Pod has accepted connections.
func (k *kafka) servedFor(key messages.ClusterKey, id messages.BrokerID, pod types.UID) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[key]
	if c == nil || c.processes[id] == nil || c.processes[id].pod != pod || !c.processes[id].serves {
		return 0
	}
	return time.Since(c.processes[id].since)
}

// countedFor is how long a node has served in one Pod, zero while it does not, or Kafka does not count on it.
func (k *kafka) countedFor(key messages.ClusterKey, id messages.BrokerID, pod types.UID) time.Duration {
	if k.hasLost(key, id, pod) {
		return 0
	}
	return k.servedFor(key, id, pod)
}

// servesSince is since when a node accepts connections, zero while it does not.
func (k *kafka) servesSince(key messages.ClusterKey, id messages.BrokerID) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.clusters[key]; c != nil && c.processes[id] != nil && c.processes[id].serves {
		return c.processes[id].since
	}
	return time.Time{}
}

// harm remembers what nobody may do. It is told under the lock.
func (k *kafka) harm(format string, args ...any) {
	k.harms = append(k.harms, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// harmed are all of them so far.
func (k *kafka) harmed() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.harms)
}

// counted says why Kafka still counts on log dirs of a broker; empty when it does not. On those of a machine that is gone a vote
// is of no use to anybody, as long as the others are a majority without it.
func (k *kafka) counted(key messages.ClusterKey, id messages.BrokerID, directories []string, gone bool) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[key]
	if c == nil {
		return ""
	}
	for _, p := range c.partitions {
		elsewhere := p.leader >= 0 && p.leader != id && !c.serving(id)
		if slices.Contains(p.replicas, id) && slices.Contains(directories, p.dirs[id]) && !c.brokers[id].failed[p.dirs[id]] && !elsewhere {
			return fmt.Sprintf("it has a replica of %s", p)
		}
	}
	spare := gone && len(c.votes(k)) > len(c.voters)/2
	if directory, votes := c.voters[id]; votes && slices.Contains(directories, directory) && !spare {
		return "it has a vote"
	}
	return ""
}

// stoppedNow are the nodes that the daemon stopped and whose next process does not serve yet.
func (c *kafkaState) stoppedNow() []messages.BrokerID {
	var ids []messages.BrokerID
	for _, id := range slices.Sorted(maps.Keys(c.stopped)) {
		if p := c.processes[id]; p == nil || !p.serves || p.pod == c.stopped[id].pod {
			ids = append(ids, id)
		}
	}
	return ids
}

// partitionHarms names the partitions that acks=all producers could write to before, and not after.
func (c *kafkaState) partitionHarms(id messages.BrokerID, blindness time.Duration) (harms []string) {
	down := append(c.stoppedNow(), id)
	for _, p := range c.partitions {
		alive, required := c.alive(p), int(c.required(p.topic))
		if !slices.Contains(alive, id) || len(p.replicas) <= required {
			continue // it writes nothing here, or no order of restarts keeps the partition available
		}
		left := slices.DeleteFunc(alive, func(other messages.BrokerID) bool { return slices.Contains(down, other) })
		for other, at := range p.produce.gone {
			if time.Since(at) <= blindness && !slices.Contains(left, other) && !slices.Contains(down, other) {
				left = append(left, other)
			}
		}
		if len(left) < required {
			harms = append(harms, fmt.Sprintf("%s has %v in sync without it, and min.insync.replicas is %d", p, left, required))
		}
	}
	return harms
}

// quorumHarm says whether the other controllers are no majority.
func (c *kafkaState) quorumHarm(k *kafka, id messages.BrokerID, blindness time.Duration) string {
	running := c.votes(k)
	if !slices.Contains(running, id) || len(c.voters) == 1 {
		return ""
	}
	down := append(c.stoppedNow(), id)
	left := slices.DeleteFunc(running, func(other messages.BrokerID) bool { return slices.Contains(down, other) })
	for other, directory := range c.voters {
		seen, known := c.quorum.seen[quorumKey{other, directory}]
		if known && time.Since(seen) <= blindness && !slices.Contains(left, other) && !slices.Contains(down, other) {
			left = append(left, other)
		}
	}
	needed := len(c.voters)/2 + 1
	if len(c.voters) == 2 { // no order keeps a majority of two
		needed = 1
	}
	if len(left) < needed {
		return fmt.Sprintf("of %d controllers only %v are left", len(c.voters), left)
	}
	return ""
}

// backInSync forgets that the daemon stopped a node once it is as it was before.
func (c *kafkaState) backInSync() {
	for id, s := range c.stopped {
		process := c.processes[id]
		if process == nil || !process.serves || process.pod == s.pod {
			continue
		}
		misses := func(p *partition) bool {
			return slices.Contains(p.replicas, id) && !slices.Contains(p.isr, id) && p.leader >= 0
		}
		if !slices.ContainsFunc(c.partitions, misses) {
			delete(c.stopped, id)
		}
	}
}

// idle describes the processes that do not serve.
func (k *kafka) idle() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var lines []string
	for _, c := range k.clusters {
		for _, id := range slices.Sorted(maps.Keys(c.processes)) {
			if p := c.processes[id]; !p.serves {
				lines = append(lines, fmt.Sprintf("Kafka %s/%d does not serve: cluster id %s of %s, directory %s, voters %v, refused: %q",
					c.name, id, p.clusterID, c.id, p.directory, c.voters, p.refused))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// emptyLog is told when a node gets an empty metadata log. In a static quorum its vote belongs to the id: unless a majority without it has
// the log, others with empty ones may outvote who has it.
func (k *kafka) emptyLog(key messages.ClusterKey, id messages.BrokerID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[key]
	if c == nil {
		return
	}
	if directory, votes := c.voters[id]; !votes || directory != "" {
		return
	}
	if others := without(c.votes(k), id); 2*len(others) <= len(c.voters) {
		k.harm("controller %d starts with an empty log in a static quorum of %d, of which %v run", id, len(c.voters), others)
	}
}
