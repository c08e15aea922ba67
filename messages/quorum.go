package messages

import "slices"

// QuorumMode says how the controllers of a KRaft cluster know each other.
type QuorumMode string

const (
	// QuorumNone is a cluster in ZooKeeper mode.
	QuorumNone QuorumMode = ""
	// QuorumDynamic is KIP-853: nodes find the quorum by controller.quorum.bootstrap.servers, voters are kept in
	// the metadata log and name the directory id of their disk.
	QuorumDynamic QuorumMode = "Dynamic"
	// QuorumStatic is controller.quorum.voters in every node's file, as Koperator's clusters have it.
	QuorumStatic QuorumMode = "Static"
)

// Quorum is what a node must know about the controllers before it starts.
type Quorum struct {
	Mode QuorumMode
	// Initial lists the first voters of a dynamic quorum, ordered by id; empty until the directory id of each of
	// them is known. Only nodes among them format with it.
	Initial []Voter
	// Formed is set once Kafka was seen to run on one of them: a disk that comes now was in nobody's list.
	Formed bool
	// Missing are first voters that are no controllers of the spec any more: without them the list never gets complete.
	Missing []BrokerID
}

// Voter is one controller of a dynamic quorum.
type Voter struct {
	ID BrokerID
	// Host and Port are the address of its controller listener.
	Host string
	Port int32
	// DirectoryID is the id of its metadata log dir: 16 bytes as URL base64 without padding.
	DirectoryID string
}

// Initially reports whether a node is among the first voters.
func (q Quorum) Initially(id BrokerID) bool {
	for _, v := range q.Initial {
		if v.ID == id {
			return true
		}
	}
	return false
}

// Equal reports whether two nodes that know these would start alike.
func (q Quorum) Equal(o Quorum) bool {
	return q.Mode == o.Mode && q.Formed == o.Formed && slices.Equal(q.Initial, o.Initial) && slices.Equal(q.Missing, o.Missing)
}
