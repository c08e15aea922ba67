package messages

import "time"

// Replication is how the partitions of a Kafka and the voters of its quorum stood at one moment: what has to be known
// before a broker may be stopped. It is made whole, shared and never changed; with 50,000 partitions it is dear.
type Replication struct {
	// At is when the oldest of the answers was asked for, by the daemon's clock.
	At time.Time
	// Partitions are all of them, internal topics too, ordered by topic and number.
	Partitions []Partition
	// MinISR is the effective min.insync.replicas by topic; a topic whose value could not be read is missing.
	MinISR map[string]int32
	// Reassigning are the partitions that are being moved, with the replicas they gain.
	Reassigning []Reassignment
	// Quorum is what the leader of the metadata quorum says of every voter and observer; empty in ZooKeeper mode.
	Quorum []QuorumReplica
	// QuorumLeader is the active controller, -1 when none is known.
	QuorumLeader BrokerID
}

// Partition is one partition as a broker's metadata shows it.
type Partition struct {
	Topic  string
	Number int32
	// Leader is -1 while there is none.
	Leader BrokerID
	// Replicas are the assigned brokers, the preferred leader first; while it is moved both the old and the new ones. ISR
	// are those in sync, Offline those whose broker or log dir is down.
	Replicas, ISR, Offline []BrokerID
}

// Reassignment is one partition on its way to other brokers.
type Reassignment struct {
	Topic            string
	Number           int32
	Adding, Removing []BrokerID
}

// QuorumReplica is one voter or observer of the metadata quorum as its leader sees it.
type QuorumReplica struct {
	ID BrokerID
	// DirectoryID is the id of its metadata log dir as URL base64 without padding, empty with a static quorum. The same
	// node can be listed twice: with a lost disk as voter, with the new one as observer.
	DirectoryID string
	Voter       bool
	// LogEndOffset is how far it has the metadata log, -1 when that is not known.
	LogEndOffset int64
	// LastCaughtUp is when it last had all of it, by the leader's clock: compare it with the leader's own and with nothing
	// else. Zero when that is not known.
	LastCaughtUp time.Time
}
