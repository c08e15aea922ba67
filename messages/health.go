package messages

import (
	"maps"
	"slices"
)

// Watch tells the health actor which Kafka to look at (cluster → health); it replaces what was told before.
type Watch struct {
	// Bootstrap are the addresses to dial, host:port; empty while no broker can be reached.
	Bootstrap []string
	// Brokers and Controllers are the nodes that Kubernetes shows ready and Kafka is expected to know, sorted; nodes with
	// both roles are among the brokers.
	Brokers, Controllers []BrokerID
	// Voters are the controllers that should have a vote, sorted; nil where nobody can change that.
	Voters []BrokerID
	// KRaft says that the cluster has a quorum that can be described.
	KRaft bool
	// Detail asks for the Replication, often: somebody wants to stop a broker, or one is awaited back.
	Detail bool
	// Unhurried says that nobody waits for the Replication but a broker that leaves, or a disk: it is asked for, but not often.
	Unhurried bool
}

// ElectLeaders asks the health actor to give partitions back to their preferred leaders (cluster → health). It changes
// nothing where the preferred leader is not in sync.
type ElectLeaders struct{ Partitions []Partition }

// Equal reports whether two watches ask for the same.
func (w Watch) Equal(o Watch) bool {
	return w.Detail == o.Detail && w.Unhurried == o.Unhurried && slices.Equal(w.Voters, o.Voters) && w.AboutSame(o)
}

// AboutSame reports whether two watches are about the same nodes, however closely they look.
func (w Watch) AboutSame(o Watch) bool {
	return w.KRaft == o.KRaft && slices.Equal(w.Bootstrap, o.Bootstrap) && slices.Equal(w.Brokers, o.Brokers) &&
		slices.Equal(w.Controllers, o.Controllers)
}

// Missing reports whether a node is expected that Kafka did not show, or another vote.
func (w Watch) Missing(k KafkaObserved) bool {
	unknown := func(broker bool) func(BrokerID) bool {
		return func(id BrokerID) bool { return !k.Knows(id, broker) }
	}
	return slices.ContainsFunc(w.Brokers, unknown(true)) || slices.ContainsFunc(w.Controllers, unknown(false)) ||
		w.Voters != nil && !slices.Equal(w.Voters, k.Voters)
}

// KafkaObserved is what Kafka said about its nodes (health → cluster); it replaces what was said before.
type KafkaObserved struct {
	// Watch is what was asked for: an answer to an older question says nothing about who came back since.
	Watch Watch
	// Answered is set when the last look got an answer; a single failure does not unset it.
	Answered bool
	// Error says why there is no answer.
	Error string
	// Brokers are the registered nodes with the broker role that are not fenced, sorted.
	Brokers []BrokerID
	// UnderReplicated is set while some partition has fewer in-sync replicas than replicas.
	UnderReplicated bool
	// Leaderless is how many partitions have no leader, LeaderlessNames the first of them, "a-0, a-1, and 3 more"; empty for none.
	Leaderless      int
	LeaderlessNames string
	// Voters and Observers are the nodes that DescribeQuorum lists, sorted; empty in ZooKeeper mode.
	Voters, Observers []BrokerID
	// Directories are the ids of the log dirs with the voters' metadata, by node; a node that is listed with two is missing.
	Directories map[BrokerID]string
	// Elsewhere are the voters that run on another disk than the one with their vote, sorted: that vote counts against the majority.
	Elsewhere []BrokerID
	// DynamicQuorum is set where the voters are kept in the metadata log and can be changed.
	DynamicQuorum bool
	// QuorumLeader is the active controller, -1 when none is known.
	QuorumLeader BrokerID
	// Version is Kafka's, such as "4.3", of the broker that was asked; empty when it is not known.
	Version string
	// MetadataVersion is the finalised metadata.version, such as "4.3-IV0", or its number; empty in ZooKeeper mode.
	MetadataVersion string
	// ELR says that Kafka keeps eligible leader replicas (KIP-966): min.insync.replicas is then cluster-wide and dynamic.
	ELR bool
	// Replication is nil unless it was asked for.
	Replication *Replication
}

// Equal reports whether two observations say the same. Two looks at the same Replication differ: comparing 50,000
// partitions would cost more than telling them.
func (k KafkaObserved) Equal(o KafkaObserved) bool {
	return k.EqualInShort(o) && k.Replication == o.Replication
}

// EqualInShort reports whether two observations say the same but for single partitions and how far voters have caught up.
func (k KafkaObserved) EqualInShort(o KafkaObserved) bool {
	return k.Watch.Equal(o.Watch) && k.Answered == o.Answered && k.Error == o.Error &&
		slices.Equal(k.Brokers, o.Brokers) && k.UnderReplicated == o.UnderReplicated &&
		k.Leaderless == o.Leaderless && k.LeaderlessNames == o.LeaderlessNames &&
		slices.Equal(k.Voters, o.Voters) && slices.Equal(k.Observers, o.Observers) && slices.Equal(k.Elsewhere, o.Elsewhere) &&
		maps.Equal(k.Directories, o.Directories) &&
		k.QuorumLeader == o.QuorumLeader && k.DynamicQuorum == o.DynamicQuorum &&
		k.Version == o.Version && k.MetadataVersion == o.MetadataVersion && k.ELR == o.ELR
}

// Knows reports whether Kafka lists the node: brokers as registered, controllers in the quorum.
func (k KafkaObserved) Knows(id BrokerID, broker bool) bool {
	if broker {
		return slices.Contains(k.Brokers, id)
	}
	return slices.Contains(k.Voters, id) || slices.Contains(k.Observers, id)
}

// NeedWatch asks the parent for Watch: a started or restarted health actor remembers nothing.
type NeedWatch struct{}
